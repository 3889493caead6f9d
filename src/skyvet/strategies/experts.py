"""People who label, simulated: stated error rates, and answers that depend on nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, IntArray, check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.scoring.arguments import check_fraction

__all__ = ["PlantedErrors", "SimulatedExpert", "plant_wrong_labels"]

_UNKNOWN = -1
_TWO_64 = 2.0**64


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedExpert:
    """An expert who errs at stated rates and gives each candidate one answer for ever.

    What an answer is depends on the seed and on the candidate alone: not on the order of the
    questions, on what else was asked, or on a restart.

    Parameters
    ----------
    real_error_rate : float
        Probability that a REAL candidate is called BOGUS, in [0, 1].
    bogus_error_rate : float
        Probability that a BOGUS candidate is called REAL, in [0, 1].
    unknown_rate : float
        Probability of UNKNOWN, in [0, 1]; the error rates hold for the other answers.
    seed : int
        Another seed is another expert.

    Raises
    ------
    InvalidInputError
        If a rate lies outside [0, 1].

    Examples
    --------
    >>> SimulatedExpert(bogus_error_rate=1.0).answer(np.array([11, 12]), np.array([1, 0]))
    array([1, 1], dtype=int8)
    """

    real_error_rate: float = 0.0
    bogus_error_rate: float = 0.0
    unknown_rate: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the rates."""
        for name in ("real_error_rate", "bogus_error_rate", "unknown_rate"):
            check_fraction(getattr(self, name), name)

    def answer(self, candidate_ids: NDArray[Any], truth: IntArray) -> NDArray[np.int8]:
        """Label candidates.

        Parameters
        ----------
        candidate_ids : ndarray, shape (n,), int or str
            Whom the expert is asked about.
        truth : ndarray, shape (n,)
            1 = REAL, 0 = BOGUS.

        Returns
        -------
        ndarray, shape (n,), int8
            1 = REAL, 0 = BOGUS, -1 = UNKNOWN.

        Raises
        ------
        InvalidInputError
            If lengths differ or a truth is not 0 or 1.
        """
        check_same_length(candidate_ids=candidate_ids, truth=truth)
        _check_binary(truth)
        draws = np.array([self._draws(identifier) for identifier in candidate_ids.tolist()])
        draws = draws.reshape(len(truth), 2)
        error_rate = np.where(truth == 1, self.real_error_rate, self.bogus_error_rate)
        answers = np.where(draws[:, 0] < error_rate, 1 - truth, truth)
        answers[draws[:, 1] < self.unknown_rate] = _UNKNOWN
        return answers.astype(np.int8)

    def _draws(self, identifier: int | str) -> tuple[float, float]:
        """Return two numbers in [0, 1) that are this candidate's own."""
        text = f"{self.seed}:{identifier}".encode()
        digest = hashlib.blake2b(text, digest_size=16).digest()
        first, second = digest[:8], digest[8:]
        return int.from_bytes(first) / _TWO_64, int.from_bytes(second) / _TWO_64


class PlantedErrors(NamedTuple):
    """Labels of which some were turned round.

    Attributes
    ----------
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS, as given after planting.
    is_wrong : ndarray, shape (n,), bool
        Which ones were turned round.
    """

    labels: NDArray[np.int8]
    is_wrong: BoolArray


def plant_wrong_labels(labels: IntArray, rate: float, rng: np.random.Generator) -> PlantedErrors:
    """Turn round a share of labels, chosen at random, to test an audit.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS; left alone.
    rate : float
        Share to be turned round, in [0, 1]; ``round(rate * n)`` labels exactly.
    rng : numpy.random.Generator
        Which ones.

    Returns
    -------
    PlantedErrors

    Raises
    ------
    InvalidInputError
        If a label is not 0 or 1, or the rate lies outside [0, 1].

    Examples
    --------
    >>> planted = plant_wrong_labels(np.zeros(100, int), 0.05, np.random.default_rng(1))
    >>> int(planted.labels.sum()), int(planted.is_wrong.sum())
    (5, 5)
    """
    check_fraction(rate, "rate")
    _check_binary(labels)
    is_wrong = np.zeros(len(labels), dtype=bool)
    is_wrong[rng.choice(len(labels), round(rate * len(labels)), replace=False)] = True
    return PlantedErrors(np.where(is_wrong, 1 - labels, labels).astype(np.int8), is_wrong)


def _check_binary(labels: IntArray) -> None:
    if not np.isin(labels, (0, 1)).all():
        raise InvalidInputError("labels must be 1 (REAL) or 0 (BOGUS); remove UNKNOWN first")
