"""What all finders that fit harmonics have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.harmonic_grids import grid_reductions
from skyvet.features.periods.interface import FrequencyGrid, PeriodFinder
from skyvet.features.periods.normal_equations import (
    WeightedBand,
    direct_reductions,
    weighted_bands,
)

__all__ = ["HarmonicFinder"]


class HarmonicFinder(PeriodFinder):
    """A finder whose statistic follows from what harmonics take off chi-square.

    Over a whole grid sums are approximate (a relative error near 1e-6, see `harmonic_grids`); at
    single frequencies they are float64 and exact.

    Parameters
    ----------
    bands : {"separate", "shared"}, default "separate"
        Each band has its own amplitudes and phases (the models of VanderPlas & Ivezić 2015 with
        N_base = 0, N_band = K), or all bands share them and only the means differ (N_base = K,
        N_band = 0): fewer parameters, for sparse bands.
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag], so that a few points do not decide alone.

    References
    ----------
    VanderPlas, J. T. & Ivezić, Ž. 2015, ApJ 812, 18.
    """

    bands: Literal["separate", "shared"] = "separate"
    error_floor_mag: float = Field(default=0.0, ge=0)

    needs_fewer_terms: ClassVar[bool] = False

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return the statistic at each frequency of an even grid (see `PeriodFinder`)."""
        bands = self.weighted(series)
        if not bands:
            return np.full(grid.n, np.nan, dtype=np.float32)
        reductions = grid_reductions(
            bands,
            grid,
            n_terms=self.n_harmonics,
            is_shared=self.bands == "shared",
            with_fewer_terms=self.needs_fewer_terms,
        )
        return self.of_reductions(reductions, bands)

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return the statistic at any frequencies, exactly (see `PeriodFinder`)."""
        bands = self.weighted(series)
        if not bands:
            return np.full(len(frequencies), np.nan)
        reductions = direct_reductions(
            bands, frequencies, n_terms=self.n_harmonics, is_shared=self.bands == "shared"
        )
        return self.of_reductions(reductions, bands)

    @property
    def n_harmonics(self) -> int:
        """Harmonics K that are fitted."""
        raise NotImplementedError

    def weighted(self, series: Sequence[BandSeries]) -> tuple[WeightedBand, ...]:
        """Return the bands that have more distinct times than the model has parameters."""
        return weighted_bands(
            series, n_terms=self.n_harmonics, error_floor_mag=self.error_floor_mag
        )

    def n_fitted(self, bands: Sequence[WeightedBand]) -> int:
        """Return the number of amplitudes, all bands together."""
        return 2 * self.n_harmonics * (1 if self.bands == "shared" else len(bands))

    def of_reductions(self, reductions: FloatArray, bands: Sequence[WeightedBand]) -> FloatArray:
        """Return the statistic, shape (k,).

        Parameters
        ----------
        reductions : ndarray, shape (1 or K, k)
            What harmonics take off chi-square; the last row is that of all K.
        bands : sequence of WeightedBand
            The bands that were fitted.
        """
        raise NotImplementedError
