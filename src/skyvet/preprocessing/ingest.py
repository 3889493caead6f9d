"""A night of packets to a dataset folder; restartable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from skyvet.core.configs import Config
from skyvet.core.errors import DatasetError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.io.alerts import read_alerts
from skyvet.io.candidate_histories import candidate_histories_table
from skyvet.io.dataset import DATASET_KIND, LIGHT_CURVES
from skyvet.io.inputs import fingerprint_inputs
from skyvet.io.parts import PartWriter, RunManifest, read_part_tables
from skyvet.io.schemas import SchemaSource
from skyvet.io.surveys.mapping_config import SurveyMapping
from skyvet.preprocessing.blocks import (
    BlockConfig,
    CandidateBlock,
    SeenIdentifiers,
    read_blocks,
    remember,
)
from skyvet.preprocessing.stamps import Centring

__all__ = ["IngestConfig", "ingest", "seen_in"]


class IngestConfig(Config):
    """What a dataset keeps of each alert."""

    survey: str = Field("auto", description="adapter to use; auto looks at each packet")
    stamp_px: int = Field(63, ge=8, le=512, description="side of the stored stamps [pixels]")
    centring: Centring = Field(
        Centring.CANDIDATE, description="where a cutout of another size is placed"
    )
    with_variance: bool = Field(
        default=False, description="also store the variance planes that LSST sends"
    )
    with_light_curves: bool = Field(
        default=False,
        description="also store the earlier epochs that packets hold, for people who label",
    )
    n_per_part: int = Field(1024, ge=1, le=65_536, description="alerts a part; bounds memory")


def ingest(
    inputs: Sequence[str | Path],
    out: Path,
    *,
    config: IngestConfig,
    schemas: SchemaSource | None = None,
    mappings: Sequence[SurveyMapping] = (),
    progress: Progress | None = None,
) -> RunManifest:
    """Read alerts and write a dataset folder.

    Run again after an interruption, it continues after the last finished part and ends with the
    same content. A finished dataset is left as it is.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders, globs, tar archives or ``-``.
    out : Path
        Dataset folder.
    config : IngestConfig
        Stamp geometry.
    schemas : SchemaSource, optional
        Where schemas of the wire format come from.
    mappings : sequence of SurveyMapping, optional
        Further surveys.
    progress : Progress, optional
        Told about every alert.

    Returns
    -------
    RunManifest
        Counts of candidates and of rejections by reason, and the content hash.

    Raises
    ------
    DatasetError
        If `out` holds something else or cannot be written.
    InvalidInputError
        If there is no input.
    """
    progress = progress or SilentProgress()
    settings: dict[str, Any] = {
        "inputs": [str(entry) for entry in inputs],
        "inputs_sha256": fingerprint_inputs(inputs),
        "schemas": None if schemas is None else schemas.location,
        "config": _settings_of(config),
        "mappings": [mapping.model_dump(mode="json") for mapping in mappings],
    }
    writer = PartWriter(out, kind=DATASET_KIND, settings=settings)
    if "-" in settings["inputs"] and (writer.manifest.is_complete or writer.n_done):
        raise DatasetError(f"{out} is begun, and standard input cannot be continued; remove it")
    if writer.manifest.is_complete:
        return writer.manifest
    readings = read_alerts(
        inputs,
        survey=config.survey,
        schemas=schemas,
        mappings=mappings,
        start=writer.position,
        with_history=config.with_light_curves,
    )
    progress.start("reading alerts", None)
    progress.advance(writer.n_done)
    for block in read_blocks(readings, _blocks_of(config), seen=seen_in(out, "candidates")):
        writer.append(
            table=("candidates", _with_stamp_scales(block)),
            arrays={"stamps": block.stamps.values},
            rejections=block.rejections,
            position=block.position,
            more_tables=_light_curves(block) if config.with_light_curves else None,
        )
        progress.advance(len(block.candidates) + len(block.rejections))
    progress.finish()
    return writer.finish()


def _blocks_of(config: IngestConfig) -> BlockConfig:
    return BlockConfig(
        size_px=config.stamp_px,
        centring=config.centring,
        with_variance=config.with_variance,
        n_per_block=config.n_per_part,
        with_history=config.with_light_curves,
    )


def _settings_of(config: IngestConfig) -> dict[str, Any]:
    """Return what a folder notes; without light curves, the same as before there were any."""
    left_out = None if config.with_light_curves else {"with_light_curves"}
    return config.model_dump(mode="json", exclude=left_out)


def _light_curves(block: CandidateBlock) -> dict[str, pa.Table]:
    return {LIGHT_CURVES: candidate_histories_table(block.candidates)}


def seen_in(folder: Path, name: str) -> SeenIdentifiers:
    """Return the candidates in the finished parts of a folder."""
    seen = SeenIdentifiers()
    table = read_part_tables(folder, name, columns=["survey", "candidate_id"])
    if table.num_rows:
        remember(seen, table["survey"].to_pylist(), table["candidate_id"].to_pylist())
    return seen


def _with_stamp_scales(block: CandidateBlock) -> pa.Table:
    """Add what restores pixel values from the stored stamps."""
    table = block.table()
    for name, values in (
        ("stamp_offset", block.stamps.offset),
        ("stamp_scale", block.stamps.scale),
    ):
        flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
        table = table.append_column(name, pa.FixedSizeListArray.from_arrays(flat, values.shape[1]))
    return table
