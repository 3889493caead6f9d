"""How often the classifier asked for a person, and how good its own answers were."""

from __future__ import annotations

import numpy as np

from skyvet.evaluation.estimates import rate_of
from skyvet.evaluation.facts import ReviewFacts
from skyvet.evaluation.tables import Sample
from skyvet.records.scores import Verdict

__all__ = ["measure_review"]


def measure_review(sample: Sample, *, level: float) -> ReviewFacts | None:
    """Count verdicts that asked for a person and errors among the others.

    Parameters
    ----------
    sample : Sample
        Labelled candidates; those without a verdict are left out.
    level : float
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    ReviewFacts or None
        None where the table has no verdicts.
    """
    given = sample.take(np.asarray(sample.verdict != ""))
    if len(given) == 0:
        return None
    is_review = np.asarray(given.verdict == Verdict.REVIEW.value)
    decided = given.take(~is_review)
    said_real = np.asarray(decided.verdict == Verdict.REAL.value)
    is_wrong = np.asarray(said_real != decided.is_real)
    return ReviewFacts(
        n_verdicts=len(given),
        n_review=int(is_review.sum()),
        n_decided=len(decided),
        n_wrong=int(is_wrong.sum()),
        review_fraction=rate_of(is_review, given, level=level),
        error_rate=rate_of(is_wrong, decided, level=level),
    )
