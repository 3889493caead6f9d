"""The family of a period: what the same measurements could take it for."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.periods.consensus import Judge
from skyvet.features.periods.found import AliasMember

__all__ = ["ALIAS_NAMES", "alias_family", "missing_family"]

SIDEREAL_PER_D = 1.00273791
LUNAR_PER_D = 1.0 / 29.530589
ANNUAL_PER_D = 1.0 / 365.2425
_DAYS = (1.0, SIDEREAL_PER_D)
_RULES: dict[str, tuple[float, tuple[float, ...], float]] = {
    # frequency = |factor * f + sign * shift|
    "half": (2.0, (0.0,), 1.0),
    "double": (0.5, (0.0,), 1.0),
    "third": (3.0, (0.0,), 1.0),
    "triple": (1.0 / 3.0, (0.0,), 1.0),
    "f+1": (1.0, _DAYS, 1.0),
    "f-1": (1.0, _DAYS, -1.0),
    "f+2": (1.0, tuple(2 * day for day in _DAYS), 1.0),
    "f-2": (1.0, tuple(2 * day for day in _DAYS), -1.0),
    "2f+1": (2.0, _DAYS, 1.0),
    "2f-1": (2.0, _DAYS, -1.0),
    "f/2+1": (0.5, _DAYS, 1.0),
    "f/2-1": (0.5, _DAYS, -1.0),
    "f+lunar": (1.0, (LUNAR_PER_D,), 1.0),
    "f-lunar": (1.0, (LUNAR_PER_D,), -1.0),
    "f+annual": (1.0, (ANNUAL_PER_D,), 1.0),
    "f-annual": (1.0, (ANNUAL_PER_D,), -1.0),
}
ALIAS_NAMES = tuple(_RULES)
"""Names of the members, always all and in this order."""
_AROUND = np.array([-0.4, 0.0, 0.4])


def alias_family(judge: Judge, frequency: float) -> tuple[AliasMember, ...]:
    """Return the relatives of a frequency, each with its log-odds.

    Whole days are tried as solar and as sidereal ones; the better of the two stands in the table.
    A member below 1/baseline, or the frequency itself, is missing (NaN).

    Parameters
    ----------
    judge : Judge
        The source.
    frequency : float
        Consensus frequency [1/d].
    """
    trials, owners = _trials(judge, frequency)
    odds = judge.evidence(trials) - judge.penalty(trials)
    at_zero = np.array([frequency])
    reference = float((judge.evidence(at_zero) - judge.penalty(at_zero))[0])
    members = []
    for i_name, name in enumerate(ALIAS_NAMES):
        mine = np.flatnonzero(owners == i_name)
        if not len(mine):
            members.append(_missing(name))
            continue
        best = mine[odds[mine].argmax()]
        members.append(
            AliasMember(
                name=name,
                period_d=float(1.0 / trials[best]),
                log_odds=float(odds[best] - reference),
            )
        )
    return tuple(members)


def missing_family() -> tuple[AliasMember, ...]:
    """Return the family of a source without a period."""
    return tuple(_missing(name) for name in ALIAS_NAMES)


def _missing(name: str) -> AliasMember:
    return AliasMember(name=name, period_d=math.nan, log_odds=math.nan)


def _trials(judge: Judge, frequency: float) -> tuple[FloatArray, FloatArray]:
    """Frequencies around each member, and the member's number."""
    resolution = 1.0 / judge.baseline_d
    trials, owners = [], []
    for i_name, (factor, shifts, sign) in enumerate(_RULES.values()):
        for shift in shifts:
            centre = abs(factor * frequency + sign * shift)
            if centre < resolution or abs(centre - frequency) < resolution:
                continue
            around = centre + factor * resolution * _AROUND
            trials.append(around[around > 0])
            owners.append(np.full(len(trials[-1]), i_name))
    if not trials:
        return np.empty(0), np.empty(0)
    return np.concatenate(trials), np.concatenate(owners)
