"""Lomb-Scargle periodogram of one or several bands."""

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

__all__ = ["LombScargle"]


class LombScargle(PeriodFinder):
    kind: Literal["ls"] = "ls"
    bands: Literal["separate", "shared"] = "separate"
    is_weighted: bool = True
    fits_mean: bool = True
    error_floor_mag: float = Field(default=0.0, ge=0)

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        bands = self._bands(series)
        if not bands:
            return np.full(grid.n, np.nan)
        reductions = grid_reductions(bands, grid, n_terms=1, is_shared=self.bands == "shared")
        return _power(reductions[0], bands)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        bands = self._bands(series)
        if not bands:
            return np.full(len(frequencies), np.nan)
        is_shared = self.bands == "shared"
        reductions = direct_reductions(bands, frequencies, n_terms=1, is_shared=is_shared)
        return _power(reductions[0], bands)

    def _bands(self, series: Sequence[BandSeries]) -> tuple[WeightedBand, ...]:
        return weighted_bands(
            series,
            n_terms=1,
            n_nuisance=int(self.fits_mean),
            is_weighted=self.is_weighted,
            error_floor_mag=self.error_floor_mag,
        )


def _power(reduction: FloatArray, bands: Sequence[WeightedBand]) -> FloatArray:
    chi2_null = sum(band.chi2_null for band in bands)
    return reduction / chi2_null if chi2_null > 0 else np.zeros_like(reduction)
