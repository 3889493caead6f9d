"""Class-conditional conformal prediction: verdicts that may say "look at me".

Each class is tested by itself: would a true REAL (BOGUS) score this low (high)? If calibration
and new candidates of a class are exchangeable, the true class is left out of the set with
probability at most `alpha`, for REAL and BOGUS alike, at any sample size and class ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.records.scores import Verdict
from skyvet.scoring.arguments import check_both_classes, check_fraction, check_scored_labels

__all__ = ["ConformalClassifier", "ConformalSets", "fit_conformal"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConformalSets:
    """Prediction sets of n candidates.

    Parameters
    ----------
    holds_real, holds_bogus : ndarray, shape (n,), bool
        True where the class is in the set. Both: the score cannot tell. Neither: the candidate
        is like neither class, which happens only at large alpha.
    """

    holds_real: NDArray[np.bool_]
    holds_bogus: NDArray[np.bool_]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """REAL or BOGUS where the set holds one class, REVIEW where it holds both or none."""
        return tuple(
            Verdict.REVIEW if real == bogus else Verdict.REAL if real else Verdict.BOGUS
            for real, bogus in zip(self.holds_real, self.holds_bogus, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformalClassifier:
    """Calibration scores of either class, against which new scores are ranked.

    With n scores of a class the smallest p-value is 1 / (n + 1): under an `alpha` below
    `smallest_alpha` a class can never be excluded and every verdict is REVIEW.

    Parameters
    ----------
    real_scores, bogus_scores : tuple of float
        Finite, rising; at least one each.

    Raises
    ------
    InvalidInputError
        If a class is missing or scores are not finite and sorted.
    """

    real_scores: tuple[float, ...]
    bogus_scores: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the scores."""
        for name in ("real_scores", "bogus_scores"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if not (len(values) and np.isfinite(values).all() and (np.diff(values) >= 0).all()):
                raise InvalidInputError(
                    f"{name} must be finite, rising and at least one, got {len(values)} values"
                )

    @property
    def smallest_alpha(self) -> float:
        """Smallest error level at which both classes can be excluded, in (0, 0.5]."""
        return 1.0 / (1.0 + min(len(self.real_scores), len(self.bogus_scores)))

    def p_values(self, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give p-values of the hypotheses REAL and BOGUS.

        Parameters
        ----------
        scores : array_like, shape (n,)
            Finite, of the kind fitted on (logits or probabilities).

        Returns
        -------
        p_real : ndarray, shape (n,), float64
            Fraction of calibration REAL (and the candidate itself) that score no higher; rises
            with the score. In (0, 1].
        p_bogus : ndarray, shape (n,), float64
            Fraction of calibration BOGUS (and itself) that score no lower; falls with the score.

        Raises
        ------
        InvalidInputError
            If a score is NaN or infinite.
        """
        values = np.asarray(scores, dtype=np.float64)
        if not bool(np.isfinite(values).all()):
            raise InvalidInputError("scores must be finite; leave rejected candidates out")
        real, bogus = np.asarray(self.real_scores), np.asarray(self.bogus_scores)
        n_no_higher = np.searchsorted(real, values, side="right")
        n_no_lower = len(bogus) - np.searchsorted(bogus, values, side="left")
        return (n_no_higher + 1) / (len(real) + 1), (n_no_lower + 1) / (len(bogus) + 1)

    def predict_sets(self, scores: ArrayLike, *, alpha: float = 0.05) -> ConformalSets:
        """Give the classes that cannot be excluded at error level `alpha`.

        Parameters
        ----------
        scores : array_like, shape (n,)
            As for `p_values`.
        alpha : float, default 0.05
            Error level a class, in (0, 1).

        Returns
        -------
        ConformalSets

        Raises
        ------
        InvalidInputError
            If an argument is out of range.

        Examples
        --------
        >>> fitted = fit_conformal(np.arange(20) / 20, [0] * 10 + [1] * 10)
        >>> [str(verdict) for verdict in fitted.predict_sets([0.0, 0.99], alpha=0.1).verdicts]
        ['bogus', 'real']
        """
        check_fraction(alpha, "alpha", is_open=True)
        p_real, p_bogus = self.p_values(scores)
        return ConformalSets(holds_real=p_real > alpha, holds_bogus=p_bogus > alpha)

    def review_band(self, *, alpha: float = 0.05) -> tuple[float, float]:
        """Give the two thresholds that the verdicts amount to.

        Parameters
        ----------
        alpha : float, default 0.05
            Error level a class, in (0, 1).

        Returns
        -------
        real_from : float
            REAL stays possible for scores >= this; -inf where it can never be excluded.
        bogus_to : float
            BOGUS stays possible for scores <= this; +inf where it can never be excluded.
            The verdict is REVIEW where both or neither holds.

        Examples
        --------
        >>> fitted = fit_conformal(np.arange(20) / 20, [0] * 10 + [1] * 10)
        >>> fitted.review_band(alpha=0.1)
        (0.5, 0.45)
        """
        check_fraction(alpha, "alpha", is_open=True)
        n_real, n_bogus = len(self.real_scores), len(self.bogus_scores)
        k_real = _n_excludable(n_real, alpha)
        k_bogus = _n_excludable(n_bogus, alpha)
        real_from = self.real_scores[k_real - 1] if k_real else -math.inf
        bogus_to = self.bogus_scores[n_bogus - k_bogus] if k_bogus else math.inf
        return real_from, bogus_to

    def to_dict(self) -> dict[str, Any]:
        """Give the fitted state as JSON types; floats come back bit for bit."""
        return {"real_scores": list(self.real_scores), "bogus_scores": list(self.bogus_scores)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ConformalClassifier:
        """Rebuild from what `to_dict` gave.

        Raises
        ------
        InvalidInputError
            If a key is missing or foreign, or a value is bad.
        """
        try:
            return cls(**{name: tuple(map(float, values)) for name, values in document.items()})
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"bad state of a conformal classifier: {error}") from error


def fit_conformal(scores: ArrayLike, labels: ArrayLike) -> ConformalClassifier:
    """Keep the calibration scores of each class (split, Mondrian conformal prediction).

    Parameters
    ----------
    scores : array_like, shape (n,)
        Finite; larger means more likely REAL. Of candidates the model was not trained on, one an
        object (alerts of one object are not exchangeable with those of another).
    labels : array_like, shape (n,)
        1 = REAL, 0 = BOGUS; both must be there. Remove UNKNOWN first.

    Returns
    -------
    ConformalClassifier

    Raises
    ------
    InvalidInputError
        If an array is out of range or a class is missing.

    References
    ----------
    Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World (ch. 4.5);
    Angelopoulos & Bates 2021, arXiv:2107.07511.

    Examples
    --------
    >>> fit_conformal([0.1, 0.9, 0.8], [0, 1, 1]).smallest_alpha
    0.5
    """
    checked = check_scored_labels(scores, labels)
    check_both_classes(checked)
    return ConformalClassifier(
        real_scores=tuple(np.sort(checked.scores[checked.is_real]).tolist()),
        bogus_scores=tuple(np.sort(checked.scores[~checked.is_real]).tolist()),
    )


def _n_excludable(n: int, alpha: float) -> int:
    """Smallest rank count k with (k + 1) / (n + 1) > alpha, counted as `p_values` counts."""
    candidates = (np.arange(n + 1) + 1) / (n + 1) > alpha
    return int(np.argmax(candidates))
