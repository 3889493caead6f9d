"""Multi-harmonic analysis of variance of one or several bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.interface import FrequencyGrid, PeriodFinder
from skyvet.features.periods.normal_equations import (
    WeightedBand,
    direct_reductions,
    weighted_bands,
)
from skyvet.features.periods.harmonic_grids import grid_reductions

__all__ = ["MultiHarmonicAOV"]


class MultiHarmonicAOV(PeriodFinder):
    kind: Literal["mhaov"] = "mhaov"
    n_terms: int = Field(default=3, ge=1, le=5)
    bands: Literal["separate", "shared"] = "separate"
    is_weighted: bool = True
    error_floor_mag: float = Field(default=0.0, ge=0)

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        bands = self._bands(series)
        if not bands:
            return np.full(grid.n, np.nan)
        is_shared = self.bands == "shared"
        reductions = grid_reductions(bands, grid, n_terms=self.n_terms, is_shared=is_shared)
        return self._f_statistic(reductions[-1], bands)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        bands = self._bands(series)
        if not bands:
            return np.full(len(frequencies), np.nan)
        reductions = direct_reductions(
            bands, frequencies, n_terms=self.n_terms, is_shared=self.bands == "shared"
        )
        return self._f_statistic(reductions[-1], bands)

    def _bands(self, series: Sequence[BandSeries]) -> tuple[WeightedBand, ...]:
        return weighted_bands(
            series,
            n_terms=self.n_terms,
            is_weighted=self.is_weighted,
            error_floor_mag=self.error_floor_mag,
        )

    def _f_statistic(self, reduction: FloatArray, bands: Sequence[WeightedBand]) -> FloatArray:
        chi2_null = sum(band.chi2_null for band in bands)
        if not chi2_null > 0:
            return np.zeros_like(reduction)
        n_fitted = 2 * self.n_terms * (1 if self.bands == "shared" else len(bands))
        n_free = sum(map(len, bands)) - len(bands) - n_fitted
        left = np.maximum(chi2_null - reduction, 1e-12 * chi2_null)
        return reduction / left * (n_free / n_fitted)
