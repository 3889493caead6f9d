"""Light curves of many partitions to light curves of sources, some thousands at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import IntArray
from skyvet.core.errors import DatasetError
from skyvet.inference.consolidating import (
    ConsolidationCounts,
    consolidate_batch,
    counts_of,
    group_sources,
)
from skyvet.inference.consolidation_config import ConsolidationConfig
from skyvet.inference.source_groups import SourceGroups, numbered_groups
from skyvet.io.light_curve_sources.partitions import LightCurveSource
from skyvet.records.light_curve_batch import LightCurveBatch, join_light_curve_batches
from skyvet.records.rejections import Rejection

__all__ = ["ConsolidatedLightCurves", "consolidate_light_curves"]

_LIGHT_CURVES_AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConsolidatedLightCurves:
    """Light curves of sources, to be taken batch by batch.

    Parameters
    ----------
    counts : ConsolidationCounts
        How many became how many.
    rejections : tuple of Rejection
        What could not be read.
    batches : iterator of LightCurveBatch
        At least one; made when asked for.
    """

    counts: ConsolidationCounts
    rejections: tuple[Rejection, ...]
    batches: Iterator[LightCurveBatch]


def consolidate_light_curves(
    source: LightCurveSource, config: ConsolidationConfig
) -> ConsolidatedLightCurves:
    """Join the light curves of each source.

    The input is read twice: first for identifiers and positions, which are kept; then, for some
    thousand light curves at a time, the partitions that hold them.

    Parameters
    ----------
    source : LightCurveSource
        Light curves of one band or several.
    config : ConsolidationConfig
        What makes light curves one source.

    Raises
    ------
    InvalidInputError
        If there is nothing to group by.
    DatasetError
        If nothing could be read.
    """
    heads: list[LightCurveBatch] = []
    rejections: list[Rejection] = []
    for partition in source.partitions:
        batch, faults = source.read(partition)
        rejections.extend(faults)
        heads.append(batch.keep_epochs(np.zeros(len(batch.mjd_tai), dtype=bool)))
    if not sum(map(len, heads)):
        raise DatasetError(
            "no light curve could be read"
            + (f": {rejections[0].source}: {rejections[0].detail}" if rejections else "")
        )
    joined = join_light_curve_batches([head for head in heads if len(head)])
    assert joined.ra_deg is not None
    assert joined.dec_deg is not None
    groups = group_sources(joined.columns, joined.ra_deg, joined.dec_deg, config=config)
    i_partition = np.repeat(np.arange(len(heads)), [len(head) for head in heads])
    row = np.concatenate([np.arange(len(head)) for head in heads])
    return ConsolidatedLightCurves(
        counts=counts_of(groups),
        rejections=tuple(rejections),
        batches=_batches(source, groups, i_partition, row, config=config),
    )


def _batches(
    source: LightCurveSource,
    groups: SourceGroups,
    i_partition: IntArray,
    row: IntArray,
    *,
    config: ConsolidationConfig,
) -> Iterator[LightCurveBatch]:
    """Yield sources in order, reading the partitions that hold their light curves."""
    by_group = np.argsort(groups.group, kind="stable")
    ends = np.cumsum(np.bincount(groups.group))
    start = 0
    while start < len(by_group):
        limit = np.searchsorted(ends, start + _LIGHT_CURVES_AT_ONCE, side="right")
        stop = int(ends[max(int(limit) - 1, int(np.searchsorted(ends, start, side="right")))])
        some = by_group[start:stop]
        parts, group = [], []
        for i in np.unique(i_partition[some]):
            ours = some[i_partition[some] == i]
            batch, _ = source.read(source.partitions[i])
            parts.append(batch.take(row[ours]))
            group.append(groups.group[ours])
        of_some = SourceGroups(
            group=numbered_groups(np.concatenate(group)), has_id=np.zeros(stop - start, dtype=bool)
        )
        yield consolidate_batch(join_light_curve_batches(parts), of_some, config=config)
        start = stop
