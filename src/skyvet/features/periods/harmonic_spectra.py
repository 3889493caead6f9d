"""Harmonics of each band over the whole grid, computed once for all that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.found import PeriodPeaks
from skyvet.features.periods.harmonic_grids import grid_reductions
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.normal_equations import (
    FAST,
    WeightedBand,
    direct_reductions,
    weighted_bands,
)
from skyvet.features.periods.peaks import find_peaks
from skyvet.features.periods.significance import (
    false_alarm_probability,
    robust_significance,
    significance,
)

__all__ = ["HarmonicSpectra", "harmonic_spectra", "padded_peaks"]

_MAX_SHARE = 0.99999
_MAX_BACKGROUND = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HarmonicSpectra:
    """What 1 and K harmonics explain at each frequency of a grid.

    Parameters
    ----------
    bands : tuple of WeightedBand
        The bands that took part.
    n_terms : int
        K.
    power : ndarray, shape (1 or 2, n)
        Explained share of the bands' summed chi-square by 1 harmonic, and by K where K > 1.
    log_likelihood : ndarray, shape (1 or 2, n)
        The same as gain of log likelihood, each band with its own noise:
        ``sum_b -n_b / 2 ln(1 - share_b)``, the logarithm by six terms of its series. With one band
        its ranking is that of `power`, and it is `power` itself.
    bandwidth : float
        Largest frequency times the width of the times, see `significance`.
    """

    bands: tuple[WeightedBand, ...]
    n_terms: int
    power: FloatArray
    log_likelihood: FloatArray
    bandwidth: float

    @property
    def chi2_null(self) -> float:
        """Chi-square around the bands' means, summed."""
        return sum(band.chi2_null for band in self.bands)

    def explained_at(self, frequency: float) -> float:
        """Return the share of chi-square that K harmonics explain, exactly."""
        reductions = direct_reductions(self.bands, np.array([frequency]), n_terms=self.n_terms)
        return float(np.clip(reductions[-1, 0] / self.chi2_null, 0.0, 1.0))

    def false_alarm_of(self, power: float) -> float:
        """Return the false-alarm probability of a power of K harmonics."""
        return float(self._false_alarm(np.array([power]), self.n_terms)[0])

    def peaks(self, kind: str, grid: FrequencyGrid, n_peaks: int) -> PeriodPeaks:
        """Return the best peaks as Lomb-Scargle power (``ls``) or F statistic (``mhaov``)."""
        n_terms = 1 if kind == "ls" else self.n_terms
        values = self.power[0 if kind == "ls" else -1]
        best = find_peaks(values, grid, n_peaks)
        chance = self._false_alarm(best.statistic, n_terms)
        statistic = best.statistic
        background = values[:: -(-len(values) // _MAX_BACKGROUND)].astype(np.float64)
        if kind == "mhaov":
            background, statistic = self._f_statistic(background), self._f_statistic(statistic)
        return padded_peaks(
            kind, (1.0 / best.frequency, statistic), background, n_peaks=n_peaks, chance=chance
        )

    def _f_statistic(self, power: FloatArray) -> FloatArray:
        n_fitted = 2 * self.n_terms * len(self.bands)
        n_free = sum(map(len, self.bands)) - len(self.bands) - n_fitted
        return np.asarray(power / (1.0 - np.minimum(power, _MAX_SHARE)) * (n_free / n_fitted))

    def _false_alarm(self, power: FloatArray, n_terms: int) -> FloatArray:
        return false_alarm_probability(
            power,
            n_points=sum(map(len, self.bands)),
            n_bands=len(self.bands),
            n_terms=n_terms,
            bandwidth=self.bandwidth,
        )


def harmonic_spectra(
    series: Sequence[BandSeries], grid: FrequencyGrid, config: PeriodSearchConfig
) -> HarmonicSpectra:
    """Fit 1..K harmonics to each band at each frequency of a grid.

    Parameters
    ----------
    series : sequence of BandSeries
        Bands with at least ``2 K + 2`` distinct times.
    grid : FrequencyGrid
        Frequencies.
    config : PeriodSearchConfig
        Number of harmonics and floor of the errors.
    """
    bands = weighted_bands(series, n_terms=config.n_terms, error_floor_mag=config.error_floor_mag)
    rows = [0] if config.n_terms == 1 else [0, config.n_terms - 1]
    total = sum(band.chi2_null for band in bands)
    power = np.zeros((len(rows), grid.n), dtype=np.float32)
    likelihood = np.zeros_like(power)
    for band in bands:
        reductions = grid_reductions([band], grid, n_terms=config.n_terms, with_fewer_terms=True)[
            rows
        ]
        factors = np.array(
            [1.0 / band.chi2_null, band.chi2_null / total, 0.5 * len(band)], dtype=np.float32
        )
        for row in range(len(rows)):
            _add_band(reductions[row], factors, power[row], likelihood[row])
    time = np.concatenate([band.time_d for band in bands])
    return HarmonicSpectra(
        bands=bands,
        n_terms=config.n_terms,
        power=power,
        log_likelihood=likelihood if len(bands) > 1 else power,
        bandwidth=float(grid.f_max * np.sqrt(4 * np.pi * time.var())),
    )


@compiled(nogil=True, fastmath=FAST)
def _add_band(reduction, factors, power, likelihood):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add one band's share of chi-square, and the log likelihood where it is another array."""
    to_share, to_power, half_n = factors
    one, top = np.float32(1.0), np.float32(_MAX_SHARE)
    for i in range(len(power)):
        share = min(max(reduction[i] * to_share, np.float32(0.0)), top)
        tail = one / np.float32(5.0) + share / np.float32(6.0)
        tail = one / np.float32(3.0) + share * (np.float32(0.25) + share * tail)
        likelihood[i] += half_n * share * (one + share * (np.float32(0.5) + share * tail))
        power[i] += to_power * share


def padded_peaks(
    kind: str,
    found: tuple[FloatArray, FloatArray],
    background: FloatArray,
    *,
    n_peaks: int,
    chance: FloatArray | None = None,
) -> PeriodPeaks:
    """Return peaks with their significance, filled up with NaN.

    Parameters
    ----------
    kind : str
        Name of the algorithm.
    found : (ndarray, ndarray)
        Periods [d] and statistic, best first.
    background : ndarray
        The periodogram, or a sample of it.
    n_peaks : int
        Length of the result.
    chance : ndarray, optional
        False-alarm probabilities; otherwise NaN.
    """
    period, statistic = found
    columns = {
        "period_d": period,
        "statistic": statistic,
        "significance": significance(statistic, background),
        "robust_significance": robust_significance(statistic, background),
        "false_alarm_probability": np.full(len(period), np.nan) if chance is None else chance,
    }
    filled = {
        name: np.concatenate([column, np.full(n_peaks - len(column), np.nan)])
        for name, column in columns.items()
    }
    return PeriodPeaks(kind=kind, **filled)
