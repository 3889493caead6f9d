"""Light curves of a batch to one row of features a source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
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
from skyvet.features.light_curves.flags import feature_flags
from skyvet.features.light_curves.fourier import FourierSeries
from skyvet.features.light_curves.period_columns import found_periods
from skyvet.features.light_curves.periodic import (
    fit_bands,
    fourier_of_algorithms,
    periodic_features,
)
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
        One row a source, in the batch's order; NaN where a feature needs more than there is. Its
        columns are those of the batch and ``feature_flags``, which says in words why features are
        missing; with periods also ``period_flags``, bits of
        `skyvet.features.periods.found.PeriodFlag`.

    Raises
    ------
    InvalidInputError
        If the batch holds difference flux.

    Examples
    --------
    >>> batch = LightCurveBatch(
    ...     source_ids=np.array([7, 8]), offsets=np.array([0, 5, 6]),
    ...     mjd_tai=np.array([1.0, 2.0, 4.0, 5.0, 7.0, 3.0]), flux_njy=np.full(6, 900.0),
    ...     flux_err_njy=np.full(6, 9.0), band=np.zeros(6), bands=("r",))
    >>> table = compute_features(batch, FeatureConfig(has_periods=False))
    >>> table.column("n_points_r").tolist(), table.column("iqr_r").tolist()
    ([5.0, 1.0], [0.0, nan])
    >>> table.columns["feature_flags"].tolist()
    ['', 'few_points_r']
    """
    progress = progress or SilentProgress()
    bands = config.bands or batch.bands
    progress.start("features", len(batch))
    parts = []
    for begin in range(0, max(len(batch), 1), _SOURCES_A_STEP):
        part = batch.take(np.arange(begin, min(begin + _SOURCES_A_STEP, len(batch))))
        parts.append(_features_of(part, bands, config))
        progress.advance(len(part))
    progress.finish()
    flags = {name: np.concatenate([part.flags[name] for part in parts]) for name in parts[0].flags}
    return FeatureTable(
        source_ids=batch.source_ids,
        names=parts[0].block.names,
        values=np.concatenate([part.block.values for part in parts]),
        dmdt=np.concatenate([part.images for part in parts]) if config.has_dmdt else None,
        dmdt_names=tuple(f"dmdt_{band}" for band in bands) if config.has_dmdt else (),
        columns={**batch.columns, **flags},
    )


class _Part(NamedTuple):
    """What is computed of a few sources."""

    block: FeatureBlock
    images: FloatArray
    flags: dict[str, NDArray[Any]]


def _features_of(batch: LightCurveBatch, bands: Sequence[str], config: FeatureConfig) -> _Part:
    sources = source_series_of(batch, bands)
    statistics = basic_statistics(sources.rows)
    blocks = [
        per_band(CADENCE, cadence_features(sources), sources.bands),
        per_band(STATISTICS, statistics, sources.bands),
    ]
    if config.has_snad:
        blocks.append(per_band(SNAD, snad_features(sources.rows), sources.bands))
    fit: FourierSeries | None = None
    period_flags: IntArray = np.zeros(len(batch), dtype=np.int64)
    if config.has_periods:
        found = found_periods(sources, config.periods)
        fit, period_flags = fit_bands(sources, found.period_d), found.flags
        blocks += [found.block, *periodic_features(sources, statistics, fit, alias_d=found.alias_d)]
        if config.has_fourier_of_algorithms:
            blocks += fourier_of_algorithms(sources, found.of_algorithm)
    blocks.append(band_pair_features(sources, statistics, fit))
    if config.has_catalogues:
        blocks.append(catalogue_features(batch.columns, len(batch)))
    images = _images_of(sources) if config.has_dmdt else np.empty(0)
    flags = {"feature_flags": feature_flags(sources, period_flags)}
    if config.has_periods:
        flags["period_flags"] = period_flags
    return _Part(block=join_blocks(blocks), images=images, flags=flags)


def _images_of(sources: SourceSeries) -> FloatArray:
    shape = (len(sources), len(sources.bands), len(DM_EDGES_MAG) - 1, len(DT_EDGES_D) - 1)
    return dmdt_images(sources.rows).reshape(shape)
