"""Periods of one source: what a search gives back."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

import numpy as np

from skyvet.core.arrays import FloatArray, as_readonly

__all__ = ["PERIOD_FLAG_MEANINGS", "AliasMember", "FoundPeriods", "PeriodFlag", "PeriodPeaks"]


class PeriodFlag(enum.IntFlag):
    """Bits of the column ``period_flags``; `PERIOD_FLAG_MEANINGS` explains each."""

    NONE = 0
    TOO_FEW_POINTS = 1
    BASELINE_SHORT = 2
    CONSTANT = 4
    NEAR_ALIAS = 8
    AMBIGUOUS_ALIAS = 16
    FEW_CYCLES = 32
    BAND_LEFT_OUT = 64
    NOT_SIGNIFICANT = 128
    BASELINE_LONG = 256


PERIOD_FLAG_MEANINGS: dict[PeriodFlag, str] = {
    PeriodFlag.TOO_FEW_POINTS: "too few points, or times, for a period; all is missing",
    PeriodFlag.BASELINE_SHORT: "the baseline is shorter than 2 d, or holds no trial frequency",
    PeriodFlag.CONSTANT: "the magnitudes do not vary; all is missing",
    PeriodFlag.NEAR_ALIAS: "the frequency is one at which the times themselves repeat",
    PeriodFlag.AMBIGUOUS_ALIAS: "another member of the alias family is nearly as probable",
    PeriodFlag.FEW_CYCLES: "fewer than 3 cycles were seen",
    PeriodFlag.BAND_LEFT_OUT: "a band had too few points and took no part",
    PeriodFlag.NOT_SIGNIFICANT: "false-alarm probability above 1 %",
    PeriodFlag.BASELINE_LONG: "too many trial frequencies, as by one wrong time; all is missing",
}
"""What each flag says, for reports and pages."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeriodPeaks:
    """The best peaks of one algorithm, best first; missing ones are NaN at the end.

    Parameters
    ----------
    kind : str
        Name of the algorithm.
    period_d : ndarray, shape (n_peaks,)
        Periods [d].
    statistic : ndarray, shape (n_peaks,)
        The algorithm's own statistic; larger is better.
    significance : ndarray, shape (n_peaks,)
        ``(peak - mean) / standard deviation`` of the periodogram.
    robust_significance : ndarray, shape (n_peaks,)
        ``(peak - median) / MAD`` of the periodogram.
    false_alarm_probability : ndarray, shape (n_peaks,)
        Chance that noise alone makes so high a peak anywhere on the grid; NaN where the algorithm
        has no closed form.
    """

    kind: str
    period_d: FloatArray
    statistic: FloatArray
    significance: FloatArray
    robust_significance: FloatArray
    false_alarm_probability: FloatArray

    def __post_init__(self) -> None:
        """Make arrays read-only."""
        for name in (
            "period_d", "statistic", "significance", "robust_significance",
            "false_alarm_probability",
        ):  # fmt: skip
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasMember:
    """One relative of the consensus period.

    Parameters
    ----------
    name : str
        How its frequency follows from the consensus frequency f, one of `aliases.ALIAS_NAMES`:
        ``half``, ``double``, ``f+1``, ``f-1``, ``f+lunar``, ``f-annual``, ...
    period_d : float
        Its period [d]; NaN where there is none (too slow for the baseline).
    log_odds : float
        Log of its probability against the consensus period's; rarely above 0, NaN as the period.
    """

    name: str
    period_d: float
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundPeriods:
    """Periods of one source.

    Parameters
    ----------
    period_d, period_err_d : float
        Consensus period and its one-sigma uncertainty [d]; NaN where none was sought.
    probability : float
        Share of the consensus period's peak in all candidates' probability, 0 to 1.
    false_alarm_probability : float
        Chance that noise alone makes so good a peak (0 to 1).
    explained_variance : float
        Share of the weighted variance that the periodic model explains, 0 to 1.
    n_cycles : float
        Baseline in periods.
    n_points : int
        Points that took part.
    baseline_d : float
        Last less first time [d].
    peaks : tuple of PeriodPeaks
        One a algorithm, in the order of the settings.
    family : tuple of AliasMember
        Relatives of the consensus period, always the same names in the same order.
    candidates_d, candidate_log_odds : ndarray, shape (n,)
        The candidates that were judged closely, best first: periods [d], and log probability
        relative to the best.
    agreement : dict of str to float
        ``n_agree_pairs``, ``n_total_pairs``, ``agree_score``, ``agree_strict``,
        ``agree_weighted``, ``best_agree_period``, ``best_consensus_period``.
    flags : PeriodFlag
        Why the period is missing or doubtful.
    """

    period_d: float = math.nan
    period_err_d: float = math.nan
    probability: float = math.nan
    false_alarm_probability: float = math.nan
    explained_variance: float = math.nan
    n_cycles: float = math.nan
    n_points: int = 0
    baseline_d: float = 0.0
    peaks: tuple[PeriodPeaks, ...] = ()
    family: tuple[AliasMember, ...] = ()
    candidates_d: FloatArray = field(default_factory=lambda: np.empty(0))
    candidate_log_odds: FloatArray = field(default_factory=lambda: np.empty(0))
    agreement: dict[str, float] = field(default_factory=dict)
    flags: PeriodFlag = PeriodFlag.NONE
