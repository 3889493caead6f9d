"""A night of alerts to a table of scores; restartable, with flat memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from skyvet.core.errors import DatasetError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.inference.alert_blocks import (
    AlertBlock,
    ScoreCounts,
    ScoreSummary,
    alert_block,
    block_geometry,
    dataset_blocks,
    is_dataset,
    rejected_beside,
    score_block,
    score_facts,
    score_settings,
)
from skyvet.inference.configs import ScoreConfig
from skyvet.io.alerts import read_alerts
from skyvet.io.dataset import Dataset
from skyvet.io.inputs import check_output_apart
from skyvet.io.parts import PartWriter, RunManifest, join_parts
from skyvet.io.schemas import SchemaSource
from skyvet.io.score_tables import score_metadata
from skyvet.io.surveys.mapping_config import SurveyMapping
from skyvet.models.bundle import Bundle
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.blocks import read_blocks
from skyvet.preprocessing.ingest import seen_in

__all__ = ["SCORES_KIND", "score_alerts"]

SCORES_KIND = "skyvet-scores"


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
    settings = score_settings(
        inputs, bundle=bundle, config=config, schemas=schemas, mappings=mappings
    )
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
                table=("scores", score_block(block, predictor, config)),
                arrays={},
                rejections=block.rejections,
                position=block.position,
            )
            progress.advance(block.table.num_rows + len(block.rejections))
    progress.finish()
    return _close(writer.finish(), parts, out, score_metadata(score_facts(predictor, config)))


def _blocks(
    inputs: Sequence[str | Path],
    writer: PartWriter,
    bundle: Bundle,
    config: ScoreConfig,
    schemas: SchemaSource | None,
    mappings: Sequence[SurveyMapping],
) -> Iterator[AlertBlock]:
    if is_dataset(inputs):
        dataset = Dataset.open(inputs[0])
        rows = (writer.position[1], len(dataset))
        yield from dataset_blocks(dataset, rows=rows, n_per_block=config.n_per_part)
        return
    geometry = block_geometry(bundle, n_per_block=config.n_per_part)
    readings = read_alerts(
        inputs,
        survey=config.survey,
        schemas=schemas,
        mappings=mappings,
        start=writer.position,
        with_history=False,
    )
    for block in read_blocks(readings, geometry, seen=seen_in(writer.path, "scores")):
        yield alert_block(block)


def _close(
    manifest: RunManifest, parts: Path, out: Path, metadata: dict[bytes, bytes]
) -> ScoreSummary:
    """Join the parts into the final tables, count, and remove the parts."""
    counts = ScoreCounts()
    for table in join_parts(parts, "scores", out, metadata=metadata):
        counts.update(table)
    for _ in join_parts(parts, "rejections", rejected_beside(out)):
        pass
    shutil.rmtree(parts, ignore_errors=True)
    return counts.compute(out, n_scored=manifest.n_candidates, rejections=manifest.rejections)
