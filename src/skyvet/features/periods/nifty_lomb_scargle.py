"""Lomb-Scargle by the package nifty-ls: an independent second opinion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.core.optional import require
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.interface import FrequencyGrid, PeriodFinder
from skyvet.features.periods.lomb_scargle import LombScargle
from skyvet.features.periods.normal_equations import weighted_bands

__all__ = ["NiftyLombScargle"]


class NiftyLombScargle(PeriodFinder):
    """The statistic of `LombScargle`, its grid computed by nifty-ls (Garrison et al. 2024).

    Parameters
    ----------
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag].

    Raises
    ------
    MissingDependencyError
        If nifty-ls is not installed.

    References
    ----------
    Garrison, L. H., et al. 2024, RNAAS 8, 250.
    """

    kind: Literal["nifty_ls"] = "nifty_ls"
    error_floor_mag: float = Field(default=0.0, ge=0)

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return the statistic at each frequency of an even grid (see `PeriodFinder`)."""
        nifty_ls = require("nifty_ls", extra="light-curves")
        bands = weighted_bands(series, n_terms=1, error_floor_mag=self.error_floor_mag)
        if not bands:
            return np.full(grid.n, np.nan)
        explained = np.zeros(grid.n)
        chi2_null = 0.0
        for band in bands:
            if not band.chi2_null > 0:
                continue
            weight, weighted = band.strengths[:2]
            found = nifty_ls.lombscargle(
                band.time_d,
                weighted / weight,
                weight**-0.5,
                fmin=grid.f_min,
                fmax=grid.f_min + max(grid.n, 2) * grid.step - grid.step,
                Nf=max(grid.n, 2),
                nthreads=1,
                backend="finufft",
            )
            explained += band.chi2_null * found.power[: grid.n]
            chi2_null += band.chi2_null
        return explained / chi2_null if chi2_null > 0 else explained

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return the statistic at any frequencies, exactly (see `PeriodFinder`)."""
        return LombScargle(error_floor_mag=self.error_floor_mag).statistic(series, frequencies)
