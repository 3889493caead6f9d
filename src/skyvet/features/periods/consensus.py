"""One period out of many candidates: each is refined and judged by its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.evidence import EvidenceBand, log_evidence
from skyvet.features.periods.roughness import excess_variation
from skyvet.features.periods.window import window_maximum

__all__ = ["Candidates", "Judge", "judge_candidates", "period_error", "usable_series"]

_N_CLOSE = 24
_N_SMOOTH = 10
_MOST_WIGGLES = 4.0
_PASSES = (0.05, 0.02, 0.008)
_PASS_STEPS = np.arange(-2.0, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judge:
    """What is needed to say how probable a frequency is.

    Parameters
    ----------
    bands : tuple of EvidenceBand
        Bands of one source, at least one.
    series : tuple of BandSeries
        The same bands, for their times.
    baseline_d : float
        Last less first time [d], above 0.
    max_harmonics : int
        Harmonics a light curve may have.
    alias_penalty : float
        Log-odds taken where the window function is 1.
    wiggle_penalty : float
        Log-odds taken for each needless rise and fall of a cycle.
    """

    bands: tuple[EvidenceBand, ...]
    series: tuple[BandSeries, ...]
    baseline_d: float
    max_harmonics: int
    alias_penalty: float
    wiggle_penalty: float

    def evidence(self, frequencies: FloatArray) -> FloatArray:
        """Return the log evidence of frequencies [1/d], shape (n,)."""
        return log_evidence(
            self.bands,
            frequencies,
            max_harmonics=self.max_harmonics,
            baseline_d=self.baseline_d,
        )

    def penalty(self, frequencies: FloatArray) -> FloatArray:
        """Return what the window function takes from the evidence, shape (n,)."""
        power = window_maximum(self.series, frequencies, baseline_d=self.baseline_d)
        return self.alias_penalty * power

    def roughness(self, frequencies: FloatArray) -> FloatArray:
        """Return what wiggles of the folded light curve take from the evidence, shape (n,)."""
        if not self.wiggle_penalty > 0:
            return np.zeros(len(frequencies))
        excess = [excess_variation(self.bands, one, self.max_harmonics) for one in frequencies]
        return self.wiggle_penalty * np.array(excess)

    def refine(self, frequencies: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Climb to the next maximum of the evidence; return frequencies and log evidence."""
        best, rows = np.array(frequencies, dtype=np.float64), np.arange(len(frequencies))
        height = np.empty(len(best))
        for width in _PASSES:
            around = np.abs(best[:, None] + _PASS_STEPS * width / self.baseline_d)
            odds = self.evidence(around.ravel()).reshape(around.shape)
            i_best = odds.argmax(axis=1)
            best, height = around[rows, i_best], odds[rows, i_best]
        return best, height


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Frequencies that were judged, best first.

    Parameters
    ----------
    frequency : ndarray, shape (n,)
        Refined frequencies [1/d].
    log_odds : ndarray, shape (n,)
        Log evidence less the penalty of the window function.
    """

    frequency: FloatArray
    log_odds: FloatArray

    @property
    def probability(self) -> float:
        """Share of the best in the sum of all, 0 to 1."""
        return float(1.0 / np.exp(self.log_odds - self.log_odds[0]).sum())


def judge_candidates(judge: Judge, frequencies: FloatArray) -> Candidates:
    """Return the most probable candidates, refined, none closer to a better one than 1/baseline.

    All are weighed once; the best 24, with half and double the frequency of the best six, are
    refined.

    Parameters
    ----------
    judge : Judge
        The source.
    frequencies : ndarray, shape (n,)
        Peaks of periodograms [1/d], at least one.
    """
    odds = judge.evidence(frequencies) - judge.penalty(frequencies)
    order = np.argsort(-odds, kind="stable")
    close = frequencies[order[:_N_CLOSE]]
    related = np.concatenate([close, 0.5 * close[:6], 2.0 * close[:6]])
    related = related[(related > 1.0 / judge.baseline_d) & (related < 2 * frequencies.max())]
    refined, height = judge.refine(related if len(related) else close)
    height = height - judge.penalty(refined)
    near = np.argsort(-height, kind="stable")[:_N_SMOOTH]
    near = near[height[near] > height[near[0]] - judge.wiggle_penalty * _MOST_WIGGLES]
    height[near] -= judge.roughness(refined[near])
    kept: list[int] = []
    for i in np.argsort(-height, kind="stable"):
        if all(abs(refined[i] - refined[j]) * judge.baseline_d > 1.0 for j in kept):
            kept.append(int(i))
    return Candidates(frequency=refined[kept], log_odds=height[kept])


def period_error(judge: Judge, frequency: float) -> float:
    """Return the one-sigma uncertainty of a period [d], from the evidence's curvature.

    NaN where the frequency is no maximum. The errors of simultaneous bands, of a light curve
    that changes and of a wrong alias are not in it.
    """
    step = 0.02 / judge.baseline_d
    left, top, right = judge.evidence(frequency + step * np.array([-1.0, 0.0, 1.0]))
    curvature = (2 * top - left - right) / step**2
    return float(1.0 / (np.sqrt(curvature) * frequency**2)) if curvature > 0 else np.nan


def usable_series(series: Sequence[BandSeries], *, min_times: int) -> tuple[BandSeries, ...]:
    """Return the bands with so many distinct times, and magnitudes that vary."""
    return tuple(
        one
        for one in series
        if len(np.unique(one.time_d)) >= min_times and np.ptp(one.magnitude) > 0
    )
