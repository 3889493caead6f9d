"""Light curves of a batch to one row of features a source."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.progress import Progress, SilentProgress
from skyvet.features.light_curves.band_pairs import band_pair_features
from skyvet.features.light_curves.blocks import (
    FeatureBlock,
    SourceSeries,
    join_blocks,
    per_band,
    source_series_of,
)
from skyvet.features.light_curves.cadence import CADENCE, cadence_features
from skyvet.features.light_curves.catalogues import catalogue_features
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.features.light_curves.dmdt import DM_EDGES_MAG, DT_EDGES_D, dmdt_images
from skyvet.features.light_curves.period_columns import found_periods
from skyvet.features.light_curves.periodic import fit_bands, periodic_features
from skyvet.features.light_curves.snad import SNAD, snad_features
from skyvet.features.light_curves.statistics import STATISTICS, basic_statistics
from skyvet.records.feature_table import FeatureTable
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["compute_features"]

_SOURCES_A_STEP = 64


def compute_features(
    batch: LightCurveBatch, config: FeatureConfig, *, progress: Progress | None = None
) -> FeatureTable:
    """Compute the features of every source of a batch.

    Each source is treated by itself: the row of a source does not depend on its neighbours.

    Parameters
    ----------
    batch : LightCurveBatch
        Total flux.
    config : FeatureConfig
        What to compute.
    progress : Progress, optional
        Advances by one a source.

    Returns
    -------
    FeatureTable
        One row a source, in the batch's order; NaN where a feature needs more than there is.

    Raises
    ------
    InvalidInputError
        If the batch holds difference flux.
    """
    progress = progress or SilentProgress()
    bands = config.bands or batch.bands
    progress.start("features", len(batch))
    blocks, images = [], []
    for begin in range(0, max(len(batch), 1), _SOURCES_A_STEP):
        part = batch.take(np.arange(begin, min(begin + _SOURCES_A_STEP, len(batch))))
        sources = source_series_of(part, bands)
        blocks.append(_block_of(sources, part, config))
        if config.has_dmdt:
            images.append(_images_of(sources))
        progress.advance(len(part))
    progress.finish()
    return FeatureTable(
        source_ids=batch.source_ids,
        names=blocks[0].names,
        values=np.concatenate([block.values for block in blocks]),
        dmdt=np.concatenate(images) if images else None,
        dmdt_names=tuple(f"dmdt_{band}" for band in bands) if images else (),
        columns=dict(batch.columns),
    )


def _block_of(sources: SourceSeries, batch: LightCurveBatch, config: FeatureConfig) -> FeatureBlock:
    statistics = basic_statistics(sources.rows)
    blocks = [
        per_band(CADENCE, cadence_features(sources), sources.bands),
        per_band(STATISTICS, statistics, sources.bands),
    ]
    if config.has_snad:
        blocks.append(per_band(SNAD, snad_features(sources.rows), sources.bands))
    fit = None
    if config.has_periods:
        found = found_periods(sources, config.periods)
        fit = fit_bands(sources, found.period_d)
        blocks += [found.block, *periodic_features(sources, statistics, fit, alias_d=found.alias_d)]
    blocks.append(band_pair_features(sources, statistics, fit))
    if config.has_catalogues:
        blocks.append(catalogue_features(batch.columns, len(batch)))
    return join_blocks(blocks)


def _images_of(sources: SourceSeries) -> FloatArray:
    shape = (len(sources), len(sources.bands), len(DM_EDGES_MAG) - 1, len(DT_EDGES_D) - 1)
    return dmdt_images(sources.rows).reshape(shape)
