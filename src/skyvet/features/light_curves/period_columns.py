"""Periods of each source as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.light_curves.blocks import FeatureBlock, SourceSeries
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.multi_harmonic_aov import MultiHarmonicAOV

__all__ = ["PeriodColumns", "found_periods"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodColumns:
    """Columns, and the periods at which more is measured.

    Parameters
    ----------
    block : FeatureBlock
        Columns.
    period_d, alias_d : ndarray, shape (n_sources,), float64
        Consensus period and its likeliest alias [d]; NaN = none.
    """

    block: FeatureBlock
    period_d: FloatArray
    alias_d: FloatArray


def found_periods(sources: SourceSeries, config: PeriodSearchConfig) -> PeriodColumns:
    """Search each source for periods."""
    period = np.full(len(sources), np.nan)
    finder = MultiHarmonicAOV(n_terms=config.n_terms)
    for i_source, series in enumerate(sources.series):
        times = np.concatenate([one.time_d for one in series] or [np.empty(0)])
        if len(times) < config.min_points or np.ptp(times) < 2.0:
            continue
        step = 1.0 / (config.samples_per_peak * np.ptp(times))
        grid = FrequencyGrid(
            f_min=config.min_cycles / np.ptp(times), step=step, n=int(config.f_max_per_d / step)
        )
        power = finder.periodogram(series, grid)
        if np.isfinite(power).any():
            period[i_source] = 1.0 / (grid.f_min + step * int(np.nanargmax(power)))
    return PeriodColumns(
        block=FeatureBlock(names=("period_d",), values=period[:, None]),
        period_d=period,
        alias_d=np.full(len(sources), np.nan),
    )
