"""Blocks of alerts to rows of scores, and what is counted of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from skyvet.core.arrays import FloatArray
from skyvet.inference.configs import ScoreConfig
from skyvet.io.dataset import Dataset
from skyvet.io.inputs import fingerprint_inputs
from skyvet.io.schemas import SchemaSource
from skyvet.io.surveys.mapping_config import SurveyMapping
from skyvet.io.tables import FEATURE_PREFIX
from skyvet.models.bundle import Bundle
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.blocks import BlockConfig, CandidateBlock
from skyvet.preprocessing.stamps import restore_stamps
from skyvet.records.flags import CandidateFlag
from skyvet.records.rejections import Rejection

__all__ = [
    "AlertBlock",
    "ScoreCounts",
    "ScoreSummary",
    "alert_block",
    "block_geometry",
    "dataset_blocks",
    "is_dataset",
    "rejected_beside",
    "score_block",
    "score_facts",
    "score_settings",
]

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
    failed_partitions : tuple of str
        Partitions of the input whose worker died again and again; none of their alerts is counted.
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
    failed_partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlertBlock:
    """Candidates of one block: their rows, their stamps [survey's unit], what was refused."""

    table: pa.Table
    pixels: FloatArray
    rejections: list[Rejection]
    position: tuple[int, int]


def block_geometry(bundle: Bundle, *, n_per_block: int) -> BlockConfig:
    """Return how alerts are cut for a bundle."""
    stamps = bundle.info.stamps
    return BlockConfig(
        size_px=bundle.placed_px,
        centring=stamps.centring,
        with_variance=stamps.with_variance_planes,
        n_per_block=n_per_block,
    )


def alert_block(block: CandidateBlock) -> AlertBlock:
    """Return a block of decoded alerts ready for scoring."""
    return AlertBlock(
        table=block.table(),
        pixels=restore_stamps(block.stamps),
        rejections=block.rejections,
        position=block.position,
    )


def is_dataset(inputs: Sequence[str | Path]) -> bool:
    """Say whether the input is one dataset folder."""
    return len(inputs) == 1 and (Path(inputs[0]) / "manifest.json").is_file()


def dataset_blocks(
    dataset: Dataset, *, rows: tuple[int, int], n_per_block: int
) -> Iterator[AlertBlock]:
    """Yield rows of a dataset; its rejections were counted when it was made."""
    for start in range(rows[0], rows[1], n_per_block):
        stop = min(start + n_per_block, rows[1])
        yield AlertBlock(
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


def score_block(block: AlertBlock, predictor: Predictor, config: ScoreConfig) -> pa.Table:
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


def score_settings(
    inputs: Sequence[str | Path],
    *,
    bundle: Bundle,
    config: ScoreConfig,
    schemas: SchemaSource | None,
    mappings: Sequence[SurveyMapping],
) -> dict[str, Any]:
    """Return what a continued run must have in common with the one that was begun."""
    return {
        "inputs": [str(entry) for entry in inputs],
        "inputs_sha256": fingerprint_inputs(inputs) if not is_dataset(inputs) else "",
        "schemas": None if schemas is None else schemas.location,
        "bundle": bundle.sha256,
        "config": config.model_dump(mode="json", exclude={"n_threads"}),
        "mappings": [mapping.model_dump(mode="json") for mapping in mappings],
    }


def score_facts(predictor: Predictor, config: ScoreConfig) -> dict[str, Any]:
    """Return what a score table says of how it was made."""
    info = predictor.bundle.info
    return {
        "bundle": predictor.bundle.label,
        "threshold": predictor.threshold(prior=config.prior, override=config.threshold),
        "prior": config.prior or info.calibration_prior,
        "alpha": config.alpha,
        "trained_on_sha256": info.data.candidate_ids_sha256,
    }


@dataclass(slots=True)
class ScoreCounts:
    """What is counted of a score table as it is written."""

    verdicts: Counter[str] = field(default_factory=Counter)
    surveys: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    n_uncalibrated: int = 0

    def update(self, table: pa.Table) -> None:
        """Add the rows of one part."""
        self.verdicts.update(table["verdict"].to_pylist())
        self.surveys.update(table["survey"].to_pylist())
        values = table["flags"].to_numpy()
        for flag in CandidateFlag:
            if flag and (n_flagged := int(np.count_nonzero(values & flag))):
                self.flags[str(flag.name).lower()] += n_flagged
        self.n_uncalibrated += int(
            np.count_nonzero(~table["is_calibrated"].to_numpy(zero_copy_only=False))
        )

    def compute(
        self,
        out: Path,
        *,
        n_scored: int,
        rejections: dict[str, int],
        failed_partitions: tuple[str, ...] = (),
    ) -> ScoreSummary:
        """Return the summary of a finished table; rejections lie beside it."""
        n_rejected = sum(rejections.values())
        return ScoreSummary(
            n_read=n_scored + n_rejected,
            n_scored=n_scored,
            n_rejected=n_rejected,
            rejections=dict(sorted(rejections.items())),
            verdicts=dict(sorted(self.verdicts.items())),
            surveys=dict(sorted(self.surveys.items())),
            flags=dict(sorted(self.flags.items())),
            n_uncalibrated=self.n_uncalibrated,
            scores=out,
            rejected=rejected_beside(out),
            failed_partitions=failed_partitions,
        )


def rejected_beside(out: Path) -> Path:
    """Return where the rejections of a score table stand."""
    return out.with_name(f"{out.stem}.rejections.parquet")
