"""The requirement gate: is a sample complete and pure enough at a threshold, and do we know it.

OSS-REQ-0353 of Rubin asks for a subsample of transients and variables that is 90 % complete and
95 % pure for all sources with S/N > 6 (as summarised in DMTN-102). A point value above the bar
proves little on 50 positives, so the answer here is three-valued and comes with its interval.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from skyvet.core.arrays import check_same_length
from skyvet.scoring.arguments import ScoredLabels, check_fraction, check_scored_labels
from skyvet.scoring.intervals import Interval, effective_trials, wilson_interval
from skyvet.scoring.metrics import ConfusionCounts, confusion_counts
from skyvet.scoring.priors import purity_at_prior, purity_interval_at_prior

__all__ = [
    "OSS_REQ_0353",
    "GateAnswer",
    "Requirement",
    "RequirementPart",
    "RequirementResult",
    "check_requirement",
]

_MAX_MULTIPLE = 1e6


class GateAnswer(enum.StrEnum):
    """Answer of the gate; UNDECIDED asks for more labels."""

    PASS = "pass"  # noqa: S105 - an answer, not a secret
    FAIL = "fail"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Bars that a subsample must clear.

    Parameters
    ----------
    name : str
        For the report.
    completeness, purity : float
        Bars, in (0, 1).
    min_snr : float
        Candidates with S/N above this count.
    """

    name: str
    completeness: float
    purity: float
    min_snr: float

    def __post_init__(self) -> None:
        """Check the bars."""
        check_fraction(self.completeness, "completeness", is_open=True)
        check_fraction(self.purity, "purity", is_open=True)


OSS_REQ_0353: Final = Requirement(name="OSS-REQ-0353", completeness=0.90, purity=0.95, min_snr=6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementPart:
    """One rate against its bar.

    Parameters
    ----------
    estimate : float
        Observed rate, in [0, 1]; NaN where it cannot be measured.
    interval : Interval
        [0, 1] where it cannot be measured.
    bar : float
        The rate asked for.
    answer : GateAnswer
        PASS where the whole interval reaches the bar, FAIL where it stays under it.
    """

    estimate: float
    interval: Interval
    bar: float
    answer: GateAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementResult:
    """Answer of the gate with all that it rests on.

    Parameters
    ----------
    requirement : Requirement
        What was asked.
    answer : GateAnswer
        FAIL where a part fails, PASS where both pass, UNDECIDED otherwise.
    completeness, purity : RequirementPart
        The two parts; purity at `prior`.
    fpr : float
        False positive rate, in [0, 1]; NaN without BOGUS.
    threshold, prior, level : float
        As given.
    n_positive, n_negative : int
        Labelled REAL and BOGUS above the S/N.
    n_below_snr : int
        Labelled candidates left out: S/N too low or missing.
    n_more_positive, n_more_negative : int or None
        Further labels that would decide it if the observed rates hold; 0 where decided, None
        where no number would do (a rate on its bar, or a class without any label).
    """

    requirement: Requirement
    answer: GateAnswer
    completeness: RequirementPart
    purity: RequirementPart
    fpr: float
    threshold: float
    prior: float
    level: float
    n_positive: int
    n_negative: int
    n_below_snr: int
    n_more_positive: int | None
    n_more_negative: int | None


def check_requirement(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    threshold: float,
    prior: float,
    snr: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    requirement: Requirement = OSS_REQ_0353,
    level: float = 0.95,
) -> RequirementResult:
    """Answer the requirement at a threshold that other labels chose.

    Completeness has a Wilson interval; purity at the prior has the interval of
    `skyvet.scoring.priors.purity_interval_at_prior`. Rows of one object are not independent:
    with `groups` both are taken at the effective number of trials. PASS is wrong with
    probability at most (1 - level) / 2; FAIL, which either part may give, at most 1 - level.

    How many more labels: the smallest multiple of the present numbers at which the interval at
    the observed rates excludes the bar. A part that lies above its bar must be shown to, and
    both must; of parts below their bars the one that is settled first decides. Completeness
    needs further REAL alone, purity further REAL and BOGUS in the present ratio.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite; larger means more likely REAL.
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS. Remove UNKNOWN first. A missing class gives UNDECIDED.
    threshold : float
        ``score >= threshold`` is taken for REAL. Not tuned on these labels.
    prior : float
        Fraction REAL at which the purity shall hold, in (0, 1); 0.1 for Rubin.
    snr : array_like, shape (n,), optional
        Signal-to-noise of each detection; NaN where missing (left out and counted). All rows
        count where not given.
    groups : array_like, shape (n,), optional
        Object of each row.
    requirement : Requirement, default OSS_REQ_0353
        The bars.
    level : float, default 0.95
        Coverage of the two-sided intervals, in (0, 1).

    Returns
    -------
    RequirementResult

    Raises
    ------
    InvalidInputError
        If an argument is out of range.

    Examples
    --------
    The best run of DMTN-272 (51 real, 3730 bogus at S/N > 6):

    >>> scores = np.r_[np.ones(51 + 10), np.zeros(3720)]
    >>> labels = np.r_[np.ones(51), np.zeros(3730)]
    >>> result = check_requirement(scores, labels, threshold=0.5, prior=0.1)
    >>> str(result.answer), round(result.purity.interval.low, 3)
    ('pass', 0.957)
    >>> natural = check_requirement(scores, labels, threshold=0.5, prior=51 / 3781)
    >>> str(natural.answer), round(natural.purity.estimate, 3)
    ('fail', 0.836)
    """
    check_fraction(prior, "prior", is_open=True)
    check_fraction(level, "level", is_open=True)
    checked = check_scored_labels(scores, labels)
    keep = _above_snr(checked, snr, requirement.min_snr)
    counts, effective = _count(checked, keep, groups, threshold)
    completeness = _completeness_part(effective, requirement.completeness, level)
    purity = _purity_part(effective, requirement.purity, level, prior)
    answer = _combine(completeness.answer, purity.answer)
    n_positive, n_negative = int(counts.n_positive), int(counts.n_negative)
    more_positive, more_negative = _more_labels(
        effective, requirement, level, prior, numbers=(n_positive, n_negative)
    )
    return RequirementResult(
        requirement=requirement,
        answer=answer,
        completeness=completeness,
        purity=purity,
        fpr=counts.fpr,
        threshold=float(threshold),
        prior=prior,
        level=level,
        n_positive=n_positive,
        n_negative=n_negative,
        n_below_snr=int(np.count_nonzero(~keep)),
        n_more_positive=more_positive,
        n_more_negative=more_negative,
    )


def _above_snr(checked: ScoredLabels, snr: ArrayLike | None, min_snr: float) -> np.ndarray:
    if snr is None:
        return np.ones(len(checked.scores), dtype=bool)
    values = np.asarray(snr, dtype=np.float64)
    check_same_length(scores=checked.scores, snr=values)
    return np.asarray(values > min_snr)  # False for NaN


def _count(
    checked: ScoredLabels, keep: np.ndarray, groups: ArrayLike | None, threshold: float
) -> tuple[ConfusionCounts, ConfusionCounts]:
    """Plain counts, and the same rates at the effective numbers of REAL and BOGUS."""
    if not keep.any():
        nothing = _counts_at(math.nan, math.nan, 0.0, 0.0, threshold=threshold)
        return nothing, nothing
    scores, is_real = checked.scores[keep], checked.is_real[keep]
    counts = confusion_counts(scores, is_real, threshold=threshold)
    if groups is None:
        return counts, counts
    group_array = np.asarray(groups)
    check_same_length(scores=checked.scores, groups=group_array)
    kept, is_selected = group_array[keep], scores >= threshold
    n_real = effective_trials(is_selected[is_real], kept[is_real])
    n_bogus = effective_trials(is_selected[~is_real], kept[~is_real])
    effective = _counts_at(counts.completeness, counts.fpr, n_real, n_bogus, threshold=threshold)
    return counts, effective


def _counts_at(
    completeness: float, fpr: float, n_real: float, n_bogus: float, *, threshold: float
) -> ConfusionCounts:
    """Build counts that give these rates at these numbers; a number of 0 has no rate."""
    tp = completeness * n_real if n_real > 0 else 0.0
    fp = fpr * n_bogus if n_bogus > 0 else 0.0
    return ConfusionCounts(
        n_true_positive=tp,
        n_false_positive=fp,
        n_true_negative=n_bogus - fp,
        n_false_negative=n_real - tp,
        threshold=threshold,
    )


def _completeness_part(counts: ConfusionCounts, bar: float, level: float) -> RequirementPart:
    interval = wilson_interval(counts.n_true_positive, counts.n_positive, level=level)
    return _part(counts.completeness, interval, bar)


def _purity_part(
    counts: ConfusionCounts, bar: float, level: float, prior: float
) -> RequirementPart:
    estimate = purity_at_prior(counts.completeness, counts.fpr, prior=prior)
    return _part(estimate, purity_interval_at_prior(counts, prior=prior, level=level), bar)


def _part(estimate: float, interval: Interval, bar: float) -> RequirementPart:
    if interval.low >= bar:
        answer = GateAnswer.PASS
    elif interval.high < bar:
        answer = GateAnswer.FAIL
    else:
        answer = GateAnswer.UNDECIDED
    return RequirementPart(estimate=estimate, interval=interval, bar=bar, answer=answer)


def _combine(*answers: GateAnswer) -> GateAnswer:
    if GateAnswer.FAIL in answers:
        return GateAnswer.FAIL
    if all(answer is GateAnswer.PASS for answer in answers):
        return GateAnswer.PASS
    return GateAnswer.UNDECIDED


def _more_labels(
    counts: ConfusionCounts,
    requirement: Requirement,
    level: float,
    prior: float,
    *,
    numbers: tuple[int, int],
) -> tuple[int | None, int | None]:
    """Further REAL and BOGUS until the gate is decided at the observed rates."""

    def completeness_at(multiple: float) -> RequirementPart:
        return _completeness_part(_scaled(counts, multiple), requirement.completeness, level)

    def purity_at(multiple: float) -> RequirementPart:
        return _purity_part(_scaled(counts, multiple), requirement.purity, level, prior)

    now = (completeness_at(1.0), purity_at(1.0))
    if _combine(*(part.answer for part in now)) is not GateAnswer.UNDECIDED:
        return 0, 0
    if min(numbers) == 0:
        return None, None
    # (positives, negatives) that settle each part; infinite where none will do.
    k_completeness, k_purity = _deciding_multiple(completeness_at), _deciding_multiple(purity_at)
    needs = [(k_completeness, 1.0), (k_purity, k_purity)]
    below = [need for need, part in zip(needs, now, strict=True) if part.estimate < part.bar]
    chosen = min(below) if below else (max(k_completeness, k_purity), k_purity)
    if math.inf in chosen:
        return None, None
    more = [math.ceil((k - 1) * n - 1e-6) for k, n in zip(chosen, numbers, strict=True)]
    return more[0], more[1]


def _scaled(counts: ConfusionCounts, multiple: float) -> ConfusionCounts:
    return ConfusionCounts(
        n_true_positive=counts.n_true_positive * multiple,
        n_false_positive=counts.n_false_positive * multiple,
        n_true_negative=counts.n_true_negative * multiple,
        n_false_negative=counts.n_false_negative * multiple,
        threshold=counts.threshold,
    )


def _deciding_multiple(part_at: Callable[[float], RequirementPart]) -> float:
    """Smallest multiple >= 1 at which a part is decided; infinite beyond a million."""

    def is_decided(multiple: float) -> bool:
        return part_at(multiple).answer is not GateAnswer.UNDECIDED

    if is_decided(1.0):
        return 1.0
    if not is_decided(_MAX_MULTIPLE):
        return math.inf
    low, high = 1.0, _MAX_MULTIPLE
    while high > low * (1 + 1e-9):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if is_decided(middle) else (middle, high)
    return high
