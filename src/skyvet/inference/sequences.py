"""Frame sequences to a table of scores, with the frames that speak against each object.

Restartable and with flat memory, as `skyvet.inference.batch` is for alerts.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.inference.configs import ScoreConfig, SequenceScoreConfig
from skyvet.inference.sequence_blocks import (
    BlockLimits,
    SequenceBlock,
    blocks_of_embeddings,
    blocks_of_frames,
    embedder_of,
)
from skyvet.io.embedding_store import SequenceTable
from skyvet.io.frame_folders import read_frame_sources
from skyvet.io.frame_mapping import FrameMapping, frame_mapping
from skyvet.io.inputs import check_output_apart
from skyvet.io.parts import PartWriter, RunManifest, join_parts
from skyvet.io.score_tables import score_metadata
from skyvet.io.sequence_inputs import SequenceForm, fingerprint_sequences, sequence_form
from skyvet.io.tables import identifier_array
from skyvet.models.sequence_bundle import SequenceBundle
from skyvet.models.sequences.predictor import SequencePredictor
from skyvet.preprocessing.ingest import seen_in
from skyvet.records.scores import Verdict

__all__ = ["SEQUENCE_SCORES_KIND", "SequenceScoreSummary", "score_sequences"]

SEQUENCE_SCORES_KIND = "skyvet-sequence-scores"
_FRAMES_PER_PART = 65_536
_TABLE = "scores"

_TYPES = {
    "survey": pa.string(),
    "band": pa.string(),
    "score": pa.float32(),
    "logit": pa.float32(),
    "verdict": pa.string(),
    "is_calibrated": pa.bool_(),
    "bundle": pa.string(),
    "source": pa.string(),
    "n_frames": pa.int32(),
    "n_unusable_frames": pa.int32(),
    "subtype": pa.string(),
    "subtype_probability": pa.float32(),
    "top_frames": pa.list_(pa.int32()),
    "top_mjd_tai": pa.list_(pa.float64()),
    "top_evidence": pa.list_(pa.float32()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceScoreSummary:
    """Counts of a scoring run; scored and rejected add up to what was read.

    Parameters
    ----------
    n_read, n_scored, n_rejected : int
        Objects.
    n_frames, n_unusable_frames : int
        Frames of the scored objects that were used, and those left out.
    rejections, verdicts, surveys : dict of str to int
        Objects by reason, by verdict, by survey.
    subtypes : dict of str to int
        Objects of verdict bogus by their likeliest kind of artefact, commonest first; empty where
        the bundle knows no kinds.
    n_uncalibrated : int
        Scores of surveys on which the bundle was not calibrated.
    n_with_evidence : int
        Objects of which suspicious frames are named; 0 where the bundle cannot tell.
    scores, rejected : Path
        The tables written.
    """

    n_read: int
    n_scored: int
    n_rejected: int
    n_frames: int
    n_unusable_frames: int
    rejections: dict[str, int]
    verdicts: dict[str, int]
    surveys: dict[str, int]
    subtypes: dict[str, int]
    n_uncalibrated: int
    n_with_evidence: int
    scores: Path
    rejected: Path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Run:
    """What one run scores with."""

    path: Path
    predictor: SequencePredictor
    config: ScoreConfig
    sequences: SequenceScoreConfig
    mapping: FrameMapping | None


def score_sequences(
    path: Path,
    out: Path,
    *,
    bundle: SequenceBundle,
    config: ScoreConfig,
    sequences: SequenceScoreConfig | None = None,
    mapping: Path | None = None,
    progress: Progress | None = None,
) -> SequenceScoreSummary:
    """Score the frame sequences that a path holds and write one Parquet table.

    Finished parts are kept in ``<out>.parts`` until the table is whole; an interrupted run
    continues there and ends with the same table.

    Parameters
    ----------
    path : Path
        Frame store, folder of FITS frames, store of embeddings, or folder with
        ``embeddings.parquet`` (see `skyvet.io.sequence_inputs`).
    out : Path
        Score table; rejections go beside it (``scores.rejections.parquet``). Columns:
        ``candidate_id`` and ``object_id`` (both the object's identifier), ``survey``, ``band``,
        ``score``, ``logit``, ``verdict``, ``is_calibrated``, ``bundle``, ``source``, ``n_frames``
        (used), ``n_unusable_frames``, ``subtype`` (likeliest kind of artefact),
        ``subtype_probability`` and, most suspicious frame first, the lists ``top_frames`` (number
        in the object's sequence, from 0), ``top_mjd_tai`` [d] and ``top_evidence``.
    bundle : SequenceBundle
        Classifier; frames need one with an encoder.
    config : ScoreConfig
        Prior, threshold, error level, objects a part.
    sequences : SequenceScoreConfig, optional
        Frames that an object needs; frames that are named.
    mapping : Path, optional
        Mapping file of a folder of FITS frames (see `skyvet.io.frame_mapping`); None reads
        ``<object>/<mjd>.fits`` with ZTF's header cards.
    progress : Progress, optional
        Told about every object.

    Returns
    -------
    SequenceScoreSummary

    Raises
    ------
    InvalidInputError
        If the path holds no frame sequences, embeddings that the bundle cannot take, or `out` lies
        inside it or the bundle.
    DatasetError
        If the input is damaged, the output cannot be written, or `out` is a folder.
    BundleError
        If the bundle does not run or does not fit the input.
    """
    form = _checked_form(path, out, mapping)
    check_output_apart([path], out, models=[bundle.path])
    progress = progress or SilentProgress()
    run = _Run(
        path=path,
        predictor=SequencePredictor(bundle),
        config=config,
        sequences=sequences or SequenceScoreConfig(),
        mapping=None if mapping is None else frame_mapping(mapping),
    )
    parts = out.with_name(out.name + ".parts")
    writer = PartWriter(parts, kind=SEQUENCE_SCORES_KIND, settings=_settings(run))
    progress.start("scoring objects", None)
    progress.advance(writer.n_done)
    if not writer.manifest.is_complete:
        for block in _blocks(run, form, writer):
            n_before = writer.n_done
            writer.append(
                table=(_TABLE, _score_block(block, run)),
                arrays={},
                rejections=block.rejections,
                position=(0, block.n_read),
            )
            progress.advance(writer.n_done - n_before)
    progress.finish()
    return _close(writer.finish(), parts, out, score_metadata(_facts(run)))


def _checked_form(path: Path, out: Path, mapping: Path | None) -> SequenceForm:
    form = sequence_form(path)
    if form is None and mapping is not None and path.is_dir():
        form = SequenceForm.FRAMES
    if form is None:
        raise InvalidInputError(
            f"{path} holds no frame sequences: neither a frame store, FITS frames in one folder "
            "an object, a store of embeddings nor a folder with embeddings.parquet"
        )
    if out.is_dir():
        raise DatasetError(f"{out} is a folder; give a file, such as {out / 'scores.parquet'}")
    return form


def _settings(run: _Run) -> dict[str, Any]:
    return {
        "input": str(run.path),
        "input_sha256": fingerprint_sequences(run.path),
        "bundle": run.predictor.bundle.sha256,
        "config": run.config.model_dump(mode="json", exclude={"n_threads"}),
        "sequences": run.sequences.model_dump(mode="json"),
        "mapping": None if run.mapping is None else run.mapping.model_dump(mode="json"),
    }


def _facts(run: _Run) -> dict[str, Any]:
    config, bundle = run.config, run.predictor.bundle
    return {
        "bundle": bundle.label,
        "threshold": run.predictor.threshold(prior=config.prior, override=config.threshold),
        "prior": config.prior or bundle.info.calibration_prior,
        "alpha": config.alpha,
        "min_frames": run.sequences.min_frames,
        "trained_on_sha256": bundle.info.data.candidate_ids_sha256,
    }


def _blocks(run: _Run, form: SequenceForm, writer: PartWriter) -> Iterator[SequenceBlock]:
    limits = BlockLimits(
        n_objects=run.config.n_per_part,
        n_frames=_FRAMES_PER_PART,
        min_frames=run.sequences.min_frames,
    )
    bundle, start = run.predictor.bundle, writer.position[1]
    seen = seen_in(writer.path, _TABLE)
    if form is SequenceForm.FRAMES:
        embedder = embedder_of(bundle, n_threads=run.config.n_threads)
        frames = read_frame_sources(run.path, mapping=run.mapping, start=start)
        return blocks_of_frames(frames, embedder, limits, start=start, seen=seen)
    return blocks_of_embeddings(run.path, bundle, limits, start=start, seen=seen)


def _score_block(block: SequenceBlock, run: _Run) -> pa.Table:
    """Return one row an object of a block."""
    table = block.table
    if table is None:
        empty = {name: pa.array([], kind) for name, kind in _TYPES.items()}
        return _with_identifiers(empty, [])
    sequences, config, predictor = table.sequences, run.config, run.predictor
    logits, found = predictor.assess_sequences(
        sequences,
        table.surveys,
        prior=config.prior,
        threshold=config.threshold,
        alpha=config.alpha,
    )
    subtypes = predictor.subtypes(sequences).most_likely()
    columns: dict[str, Any] = {
        "survey": table.surveys,
        "band": table.bands,
        "score": found.score,
        "logit": logits,
        "verdict": [verdict.value for verdict in found.verdict],
        "is_calibrated": found.is_calibrated,
        "bundle": [predictor.bundle.label] * len(table),
        "source": [str(run.path)] * len(table),
        "n_frames": sequences.n_frames,
        "n_unusable_frames": table.n_unusable_frames,
        "subtype": [name for name, _ in subtypes],
        "subtype_probability": [probability for _, probability in subtypes],
        **_evidence_columns(table, run),
    }
    arrays = {name: pa.array(columns[name], kind) for name, kind in _TYPES.items()}
    return _with_identifiers(arrays, sequences.object_ids.tolist())


def _evidence_columns(table: SequenceTable, run: _Run) -> dict[str, list[Any]]:
    found = run.predictor.evidence(table.sequences, n_top=run.sequences.n_top)
    starts = table.sequences.offsets[:-1].tolist()
    return {
        "top_frames": [
            table.i_frame[start + own.i_row] for start, own in zip(starts, found, strict=True)
        ],
        "top_mjd_tai": [own.mjd_tai for own in found],
        "top_evidence": [own.weight.astype(np.float32) for own in found],
    }


def _with_identifiers(columns: dict[str, Any], identifiers: list[int | str]) -> pa.Table:
    names = identifier_array(identifiers)
    return pa.table({"candidate_id": names, "object_id": names, **columns})


def _close(
    manifest: RunManifest, parts: Path, out: Path, metadata: dict[bytes, bytes]
) -> SequenceScoreSummary:
    """Join the parts into the final tables, count, and remove the parts."""
    rejected = out.with_name(f"{out.stem}.rejections.parquet")
    counts = {name: Counter[str]() for name in ("verdict", "survey", "subtype")}
    sums = Counter[str]()
    for table in join_parts(parts, _TABLE, out, metadata=metadata):
        verdicts = table["verdict"].to_pylist()
        kinds = zip(verdicts, table["subtype"].to_pylist(), strict=True)
        counts["verdict"].update(verdicts)
        counts["survey"].update(table["survey"].to_pylist())
        counts["subtype"].update(k for v, k in kinds if k and v == Verdict.BOGUS.value)
        sums["uncalibrated"] += table["is_calibrated"].to_pylist().count(False)
        sums["with_evidence"] += sum(len(top) > 0 for top in table["top_frames"].to_pylist())
        for name in ("n_frames", "n_unusable_frames"):
            sums[name] += int(np.sum(table[name].to_numpy()))
    for _ in join_parts(parts, "rejections", rejected):
        pass
    shutil.rmtree(parts, ignore_errors=True)
    return SequenceScoreSummary(
        n_read=manifest.n_candidates + manifest.n_rejected,
        n_scored=manifest.n_candidates,
        n_rejected=manifest.n_rejected,
        n_frames=sums["n_frames"],
        n_unusable_frames=sums["n_unusable_frames"],
        rejections=manifest.rejections,
        verdicts=dict(sorted(counts["verdict"].items())),
        surveys=dict(sorted(counts["survey"].items())),
        subtypes=dict(counts["subtype"].most_common()),
        n_uncalibrated=sums["uncalibrated"],
        n_with_evidence=sums["with_evidence"],
        scores=out,
        rejected=rejected,
    )
