"""Peaks of any period finder: on the whole grid, or coarse to fine around candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.analysis_of_variance import (
    AnalysisOfVariance,
    binned_false_alarm_probability,
)
from skyvet.features.periods.found import PeriodPeaks
from skyvet.features.periods.harmonic_spectra import padded_peaks
from skyvet.features.periods.interface import FrequencyGrid, PeriodFinder
from skyvet.features.periods.peaks import find_peaks

__all__ = ["peaks_around", "peaks_on_grid"]

_N_BACKGROUND = 512
_AROUND = np.array([-0.6, -0.3, 0.0, 0.3, 0.6])


def peaks_on_grid(
    finder: PeriodFinder, series: Sequence[BandSeries], grid: FrequencyGrid, *, n_peaks: int
) -> PeriodPeaks:
    """Return the best peaks of a finder over a whole grid.

    Parameters
    ----------
    finder : PeriodFinder
        The algorithm.
    series : sequence of BandSeries
        The source's bands.
    grid : FrequencyGrid
        Frequencies.
    n_peaks : int
        Length of the result.
    """
    values = finder.periodogram(series, grid)
    best = find_peaks(values, grid, n_peaks)
    return padded_peaks(
        finder.kind,
        (1.0 / best.frequency, best.statistic),
        values,
        n_peaks=n_peaks,
        chance=_false_alarm(finder, series, best.statistic, n_frequencies=grid.n),
    )


def peaks_around(
    finder: PeriodFinder,
    series: Sequence[BandSeries],
    where: tuple[FrequencyGrid, FloatArray],
    *,
    n_peaks: int,
) -> PeriodPeaks:
    """Return a finder's best frequencies among candidates, and their doubles in period.

    Each candidate is tried at five frequencies within 0.6 grid steps; significance compares with
    512 frequencies spread evenly over the grid.

    Parameters
    ----------
    finder : PeriodFinder
        The algorithm.
    series : sequence of BandSeries
        The source's bands.
    where : (FrequencyGrid, ndarray)
        The grid, and candidate frequencies [1/d], at least one.
    n_peaks : int
        Length of the result.
    """
    grid, candidates = where
    centres = np.concatenate([candidates, 0.5 * candidates])
    centres = centres[centres >= grid.f_min]
    trials = np.maximum(centres[:, None] + grid.step * _AROUND, 0.5 * grid.f_min)
    spread = grid.f_min + grid.step * np.linspace(0, grid.n - 1, _N_BACKGROUND).round()
    values = finder.statistic(series, np.concatenate([trials.ravel(), spread]))
    at_trials = np.nan_to_num(values[: trials.size].reshape(trials.shape), nan=-np.inf)
    i_best = at_trials.argmax(axis=1)
    rows = np.arange(len(trials))
    order = np.argsort(-at_trials[rows, i_best], kind="stable")[:n_peaks]
    order = order[np.isfinite(at_trials[rows, i_best][order])]
    height = at_trials[rows, i_best][order]
    return padded_peaks(
        finder.kind,
        (1.0 / trials[rows, i_best][order], height),
        values[trials.size :],
        n_peaks=n_peaks,
        chance=_false_alarm(finder, series, height, n_frequencies=grid.n),
    )


def _false_alarm(
    finder: PeriodFinder,
    series: Sequence[BandSeries],
    statistic: FloatArray,
    *,
    n_frequencies: int,
) -> FloatArray | None:
    """Return false-alarm probabilities of the algorithms that have a closed form."""
    if not isinstance(finder, AnalysisOfVariance):
        return None
    return binned_false_alarm_probability(
        np.maximum(statistic, 0.0),
        n_points=sum(map(len, series)),
        n_occupied=finder.n_phase_bins * len(series),
        n_bands=len(series),
        n_frequencies=n_frequencies,
    )
