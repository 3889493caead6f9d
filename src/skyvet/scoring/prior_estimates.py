"""Estimate how common REAL is among unlabelled candidates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import check_fraction

__all__ = ["prior_by_counts", "prior_by_em"]

_EDGE = 1e-6


def prior_by_em(
    probability: ArrayLike, *, from_prior: float, n_iterations: int = 200, tolerance: float = 1e-6
) -> float:
    """Fraction of REAL that maximises the likelihood of unlabelled rows.

    Right if labelled and unlabelled rows differ in the class ratio alone (labels drawn within each
    class), and the probabilities are calibrated for the labelled ones.

    Parameters
    ----------
    probability : array_like, shape (n,)
        Calibrated probability of REAL of the unlabelled rows, in [0, 1].
    from_prior : float
        Fraction of REAL that the calibration holds for, in (0, 1).
    n_iterations : int, default 200
        At most.
    tolerance : float, default 1e-6
        Smallest step.

    Returns
    -------
    float
        In (0, 1).

    Raises
    ------
    InvalidInputError
        If there are no rows or a probability is out of range.

    References
    ----------
    Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21.

    Examples
    --------
    >>> round(prior_by_em([0.99] * 10 + [0.01] * 90, from_prior=0.5), 2)
    0.1
    """
    check_fraction(from_prior, "from_prior", is_open=True)
    values = np.asarray(probability, dtype=np.float64).ravel()
    if values.size == 0 or not bool(((values >= 0) & (values <= 1)).all()):
        raise InvalidInputError("probability must hold at least one value, all in [0, 1]")
    evidence = logit(np.clip(values, _EDGE, 1 - _EDGE)) - logit(from_prior)
    prior = from_prior
    for _ in range(n_iterations):
        step = float(expit(evidence + logit(prior)).mean())
        step = min(max(step, _EDGE), 1 - _EDGE)
        if abs(step - prior) < tolerance:
            return step
        prior = step
    return prior


def prior_by_counts(positive_fraction: float, *, completeness: float, fpr: float) -> float:
    """Fraction of REAL from the fraction that a threshold passes, corrected for its errors.

    Black-box shift estimation (Lipton, Wang & Smola 2018) for two classes; right under the same
    condition as `prior_by_em`, without any calibration.

    Parameters
    ----------
    positive_fraction : float
        Of the unlabelled rows, above the threshold, in [0, 1].
    completeness, fpr : float
        Rates at that threshold on labelled rows that the model had not seen.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InvalidInputError
        If a rate is out of range, or completeness does not exceed the false positive rate.

    Examples
    --------
    >>> round(prior_by_counts(0.26, completeness=0.9, fpr=0.1), 3)
    0.2
    """
    rates = {"positive_fraction": positive_fraction, "completeness": completeness, "fpr": fpr}
    for name, value in rates.items():
        check_fraction(value, name)
    if completeness <= fpr:
        raise InvalidInputError(
            f"completeness must exceed fpr, got {completeness:g} and {fpr:g}; "
            "the model separates nothing at this threshold"
        )
    return min(max((positive_fraction - fpr) / (completeness - fpr), 0.0), 1.0)
