"""A night of alerts to a table of scores; restartable, with flat memory."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import DatasetError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.inference.configs import ScoreConfig
from skyvet.io.alerts import read_alerts
from skyvet.io.dataset import Dataset
from skyvet.io.inputs import check_output_apart, fingerprint_inputs
from skyvet.io.parts import PartWriter, RunManifest, join_parts
from skyvet.io.schemas import SchemaSource
from skyvet.io.score_tables import score_metadata
from skyvet.io.surveys.mapping_config import SurveyMapping
from skyvet.io.tables import FEATURE_PREFIX
from skyvet.models.bundle import Bundle
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.blocks import BlockConfig, read_blocks
from skyvet.preprocessing.ingest import seen_in
from skyvet.preprocessing.stamps import restore_stamps
from skyvet.records.flags import CandidateFlag
from skyvet.records.rejections import Rejection

__all__ = ["SCORES_KIND", "ScoreSummary", "score_alerts"]

SCORES_KIND = "skyvet-scores"
_NOT_IN_SCORES = ("flux_err_njy", "stamp_offset", "stamp_scale")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSummary:
    """Counts of a scoring run; scored and rejected add up to what was read.

    Parameters
    ----------
    n_read, n_scored, n_rejected : int
        Alerts.
    rejections, verdicts, surveys, flags : dict of str to int
        Counts by reason, by verdict, by survey, and of each flag that occurred.
    n_uncalibrated : int
        Scores of surveys on which the bundle was not calibrated.
    scores, rejected : Path
        The tables written.
    """

    n_read: int
    n_scored: int
    n_rejected: int
    rejections: dict[str, int]
    verdicts: dict[str, int]
    surveys: dict[str, int]
    flags: dict[str, int]
    n_uncalibrated: int
    scores: Path
    rejected: Path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """Candidates of one part: their rows, their stamps [survey's unit], what was refused."""

    table: pa.Table
    pixels: FloatArray
    rejections: list[Rejection]
    position: tuple[int, int]


def score_alerts(
    inputs: Sequence[str | Path],
    out: Path,
    *,
    bundle: Bundle,
    config: ScoreConfig,
    schemas: SchemaSource | None = None,
    mappings: Sequence[SurveyMapping] = (),
    progress: Progress | None = None,
) -> ScoreSummary:
    """Score alerts, or an ingested dataset, and write one Parquet table.

    Finished parts are kept in ``<out>.parts`` until the table is whole; an interrupted run
    continues there and ends with the same table.

    Parameters
    ----------
    inputs : sequence of str or Path
        Packets (files, folders, globs, tar archives, ``-``), or one dataset folder.
    out : Path
        Score table; rejections go beside it (``scores.rejections.parquet``).
    bundle : Bundle
        Model to score with.
    config : ScoreConfig
        Prior, threshold and error level.
    schemas, mappings
        See `skyvet.preprocessing.ingest.ingest`.
    progress : Progress, optional
        Told about every alert.

    Returns
    -------
    ScoreSummary

    Raises
    ------
    InvalidInputError
        If `out` lies inside an input or the bundle.
    DatasetError
        If the output cannot be written, or `out` is a folder.
    BundleError
        If the bundle does not run.
    """
    progress = progress or SilentProgress()
    if out.is_dir():
        raise DatasetError(f"{out} is a folder; give a file, such as {out / 'scores.parquet'}")
    check_output_apart(inputs, out, models=[bundle.path])
    predictor = Predictor(bundle, n_threads=config.n_threads)
    parts = out.with_name(out.name + ".parts")
    settings: dict[str, Any] = {
        "inputs": [str(entry) for entry in inputs],
        "inputs_sha256": fingerprint_inputs(inputs) if not _is_dataset(inputs) else "",
        "schemas": None if schemas is None else schemas.location,
        "bundle": bundle.sha256,
        "config": config.model_dump(mode="json", exclude={"n_threads"}),
        "mappings": [mapping.model_dump(mode="json") for mapping in mappings],
    }
    writer = PartWriter(parts, kind=SCORES_KIND, settings=settings)
    if "-" in settings["inputs"] and writer.n_done:
        raise DatasetError(
            f"{parts} is begun, and standard input cannot be continued; remove it first"
        )
    progress.start("scoring alerts", None)
    progress.advance(writer.n_done)
    if not writer.manifest.is_complete:
        for block in _blocks(inputs, writer, bundle, config, schemas, mappings):
            writer.append(
                table=("scores", _score_block(block, predictor, config)),
                arrays={},
                rejections=block.rejections,
                position=block.position,
            )
            progress.advance(block.table.num_rows + len(block.rejections))
    progress.finish()
    facts = {
        "bundle": bundle.label,
        "threshold": predictor.threshold(prior=config.prior, override=config.threshold),
        "prior": config.prior or bundle.info.calibration_prior,
        "alpha": config.alpha,
        "trained_on_sha256": bundle.info.data.candidate_ids_sha256,
    }
    return _close(writer.finish(), parts, out, score_metadata(facts))


def _blocks(
    inputs: Sequence[str | Path],
    writer: PartWriter,
    bundle: Bundle,
    config: ScoreConfig,
    schemas: SchemaSource | None,
    mappings: Sequence[SurveyMapping],
) -> Iterator[_Block]:
    if _is_dataset(inputs):
        yield from _dataset_blocks(Dataset.open(inputs[0]), writer, config)
        return
    stamps = bundle.info.stamps
    geometry = BlockConfig(
        size_px=bundle.placed_px,
        centring=stamps.centring,
        with_variance=stamps.with_variance_planes,
        n_per_block=config.n_per_part,
    )
    readings = read_alerts(
        inputs,
        survey=config.survey,
        schemas=schemas,
        mappings=mappings,
        start=writer.position,
        with_history=False,
    )
    for block in read_blocks(readings, geometry, seen=seen_in(writer.path, "scores")):
        yield _Block(
            table=block.table(),
            pixels=restore_stamps(block.stamps),
            rejections=block.rejections,
            position=block.position,
        )


def _is_dataset(inputs: Sequence[str | Path]) -> bool:
    return len(inputs) == 1 and (Path(inputs[0]) / "manifest.json").is_file()


def _dataset_blocks(dataset: Dataset, writer: PartWriter, config: ScoreConfig) -> Iterator[_Block]:
    """Yield the rows of a dataset; its rejections were counted when it was made."""
    first = writer.position[1]
    for start in range(first, len(dataset), config.n_per_part):
        stop = min(start + config.n_per_part, len(dataset))
        yield _Block(
            table=dataset.table.slice(start, stop - start),
            pixels=dataset.stamps(np.arange(start, stop)),
            rejections=[],
            position=(0, stop),
        )


def _metadata(table: pa.Table, names: Sequence[str]) -> FloatArray | None:
    """Return the bundle's metadata columns, NaN where the survey does not have one."""
    if not names:
        return None
    columns = []
    for name in names:
        if FEATURE_PREFIX + name in table.column_names:
            column = table[FEATURE_PREFIX + name].to_numpy(zero_copy_only=False)
            columns.append(np.asarray(column, dtype=np.float32))
        else:
            columns.append(np.full(table.num_rows, np.nan, dtype=np.float32))
    return np.stack(columns, axis=1)


def _score_block(block: _Block, predictor: Predictor, config: ScoreConfig) -> pa.Table:
    """Return the rows of a block with their scores."""
    table, info = block.table, predictor.bundle.info
    logits = predictor.logits(block.pixels, _metadata(table, info.metadata_names))
    surveys = table["survey"].to_pylist()
    result = predictor.assess(
        logits, surveys, prior=config.prior, threshold=config.threshold, alpha=config.alpha
    )
    keep = [
        name
        for name in table.column_names
        if not name.startswith(FEATURE_PREFIX) and name not in _NOT_IN_SCORES
    ]
    foreign = np.where(result.is_calibrated, 0, int(CandidateFlag.FOREIGN_SURVEY))
    flags = table["flags"].to_numpy() | foreign.astype(np.int32)
    scored = table.select(keep).set_column(keep.index("flags"), "flags", pa.array(flags))
    for name, values in (
        ("score", pa.array(result.score, pa.float32())),
        ("logit", pa.array(logits, pa.float32())),
        ("verdict", pa.array([verdict.value for verdict in result.verdict], pa.string())),
        ("is_calibrated", pa.array(result.is_calibrated)),
        ("bundle", pa.array([predictor.bundle.label] * len(logits), pa.string())),
    ):
        scored = scored.append_column(name, values)
    return scored


def _close(
    manifest: RunManifest, parts: Path, out: Path, metadata: dict[bytes, bytes]
) -> ScoreSummary:
    """Join the parts into the final tables, count, and remove the parts."""
    rejected = out.with_name(f"{out.stem}.rejections.parquet")
    verdicts: Counter[str] = Counter()
    surveys: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    n_uncalibrated = 0
    for table in join_parts(parts, "scores", out, metadata=metadata):
        verdicts.update(table["verdict"].to_pylist())
        surveys.update(table["survey"].to_pylist())
        values = table["flags"].to_numpy()
        for flag in CandidateFlag:
            if flag and (n_flagged := int(np.count_nonzero(values & flag))):
                flags[str(flag.name).lower()] += n_flagged
        n_uncalibrated += int(
            np.count_nonzero(~table["is_calibrated"].to_numpy(zero_copy_only=False))
        )
    for _ in join_parts(parts, "rejections", rejected):
        pass
    shutil.rmtree(parts, ignore_errors=True)
    return ScoreSummary(
        n_read=manifest.n_candidates + manifest.n_rejected,
        n_scored=manifest.n_candidates,
        n_rejected=manifest.n_rejected,
        rejections=manifest.rejections,
        verdicts=dict(sorted(verdicts.items())),
        surveys=dict(sorted(surveys.items())),
        flags=dict(sorted(flags.items())),
        n_uncalibrated=n_uncalibrated,
        scores=out,
        rejected=rejected,
    )
