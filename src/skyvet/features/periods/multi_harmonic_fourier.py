"""Fourier series with a slope and as many harmonics as the data ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.harmonic_finder import HarmonicFinder
from skyvet.features.periods.normal_equations import WeightedBand, weighted_bands

__all__ = ["MultiHarmonicFourier"]


class MultiHarmonicFourier(HarmonicFinder):
    r"""Gain of the Bayesian information criterion by 1..K harmonics over a straight line.

    .. math:: \max_{1 \le k \le K} \left[ \chi^2_0 - \chi^2_k(f) - 2 k \ln N \right]

    :math:`\chi^2_0` is that of a mean and a slope a band, and :math:`\chi^2_k` that of k harmonics
    besides. It is below 0 where a straight line does as well. Bands add up: each has its own line,
    amplitudes and penalty, and all have the same k. This is SCoPe's MHF with errors in the units
    of the magnitudes, so that the penalty has its proper weight.

    Parameters
    ----------
    n_terms : int, default 3
        Most harmonics K.
    bands, error_floor_mag
        See `HarmonicFinder`; with shared bands N is that of all bands together.

    References
    ----------
    Schwarz, G. 1978, Ann. Stat. 6, 461.
    Coughlin, M. W., et al. 2021, MNRAS 505, 2954 (SCoPe's period finding).

    Examples
    --------
    >>> from skyvet.features.periods.interface import FrequencyGrid
    >>> time = np.arange(90) * 0.37
    >>> magnitude = 15 + 0.01 * time + np.sin(2 * np.pi * 0.8 * time)
    >>> series = BandSeries(band="r", time_d=time, magnitude=magnitude,
    ...     magnitude_err=np.full(90, 0.1))
    >>> grid = FrequencyGrid(f_min=0.3, step=0.01, n=100)
    >>> gain = MultiHarmonicFourier().periodogram([series], grid)
    >>> round(float(grid.frequencies[gain.argmax()]), 6)
    0.8
    """

    kind: Literal["mhf"] = "mhf"
    n_terms: int = Field(default=3, ge=1, le=5)

    needs_fewer_terms: ClassVar[bool] = True

    @property
    def n_harmonics(self) -> int:
        """Most harmonics K."""
        return self.n_terms

    def weighted(self, series: Sequence[BandSeries]) -> tuple[WeightedBand, ...]:
        """Return the bands that have more distinct times than the model has parameters."""
        return weighted_bands(
            series, n_terms=self.n_terms, n_nuisance=2, error_floor_mag=self.error_floor_mag
        )

    def of_reductions(self, reductions: FloatArray, bands: Sequence[WeightedBand]) -> FloatArray:
        """Return the gain of the criterion."""
        n_points = [sum(map(len, bands))] if self.bands == "shared" else list(map(len, bands))
        penalty = 2.0 * sum(math.log(n) for n in n_points)
        gains: FloatArray = reductions[0] - reductions.dtype.type(penalty)
        for k, reduction in enumerate(reductions[1:], start=2):
            np.maximum(gains, reduction - reductions.dtype.type(k * penalty), out=gains)
        return gains
