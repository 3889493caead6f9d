"""What skyvet says of a candidate."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from skyvet.core.errors import InvalidInputError
from skyvet.records.candidate import Candidate
from skyvet.records.flags import CandidateFlag

__all__ = ["Score", "ScoredCandidate", "Verdict"]


class Verdict(enum.StrEnum):
    """Decision at the bundle's thresholds; REVIEW asks for a person."""

    REAL = "real"
    BOGUS = "bogus"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Probability of REAL with what is needed to trust it.

    Parameters
    ----------
    value : float
        Probability that the candidate is REAL, in [0, 1].
    verdict : Verdict
        Decision at the bundle's operating point.
    is_calibrated : bool
        False where the bundle's calibration does not hold (another survey, no calibrator).
    bundle : str
        Name and version of the bundle.

    Raises
    ------
    InvalidInputError
        If the value lies outside [0, 1] or is NaN.
    """

    value: float
    verdict: Verdict
    is_calibrated: bool
    bundle: str

    def __post_init__(self) -> None:
        """Check the range."""
        if not 0.0 <= self.value <= 1.0:
            raise InvalidInputError(f"a score must be in [0, 1], got {self.value}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredCandidate:
    """A candidate with its score and the flags found on the way.

    Parameters
    ----------
    candidate : Candidate
        Cutouts may have been dropped to save memory.
    score : Score
        The answer.
    flags : CandidateFlag
        The candidate's flags and those of its stamps.
    source : str
        File it came from.
    """

    candidate: Candidate
    score: Score
    flags: CandidateFlag
    source: str
