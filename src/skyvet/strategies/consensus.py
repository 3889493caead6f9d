r"""Consensus of several labellers: the model of Dawid and Skene, fitted by EM.

Each candidate is REAL or BOGUS; labeller k says b of a candidate of class a with probability
:math:`\pi^k_{ab}`, independently of the others. EM alternates between the probability of each
candidate being REAL and the labellers' tables and the share of REAL. A labeller who is right more
often weighs more; one who is mostly wrong is read the other way round.

UNKNOWN abstains: it says nothing of the candidate, and nothing of the labeller. Sub-classes are
left alone.

References
----------
Dawid, A. P. & Skene, A. M. 1979, Applied Statistics 28, 20.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit, logsumexp

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.records.identifiers import Identifier
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.strategies.consensus_configs import DawidSkeneConfig

__all__ = ["Consensus", "Ratings", "dawid_skene", "ratings_of"]

_CODES: Final = {LabelValue.REAL: 1, LabelValue.BOGUS: 0, LabelValue.UNKNOWN: -1}
_PRIOR_VOTES: Final = np.array([[2.0, 1.0], [1.0, 2.0]])  # a labeller is rather right than wrong


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ratings:
    """Who says what of which candidate.

    Parameters
    ----------
    candidates : tuple of (str, int or str)
        Survey and identifier of each row.
    labellers : tuple of str
        Name of each column, in order of name.
    labels : ndarray, shape (n_candidates, n_labellers), int
        1 = REAL, 0 = BOGUS, -1 = UNKNOWN or none.
    """

    candidates: tuple[tuple[str, Identifier], ...]
    labellers: tuple[str, ...]
    labels: IntArray

    def __post_init__(self) -> None:
        """Check that rows, columns and values fit."""
        shape = (len(self.candidates), len(self.labellers))
        if self.labels.shape != shape or not np.isin(self.labels, (-1, 0, 1)).all():
            raise InvalidInputError(
                f"labels must be 1, 0 or -1 of shape {shape}, got shape {self.labels.shape}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Consensus:
    """What the labellers say together, and how good each of them is.

    Parameters
    ----------
    ratings : Ratings
        What was fitted.
    probability_real : ndarray, shape (n_candidates,)
        Probability of REAL, in [0, 1]; NaN where nobody says REAL or BOGUS.
    confusions : ndarray, shape (n_labellers, 2, 2)
        Probability that a labeller says column (0 = BOGUS, 1 = REAL) of a candidate of class row;
        rows sum to 1. That of the prior for a labeller without labels.
    prevalence : float
        Share of REAL, in (0, 1).
    log_posterior : tuple of float
        What EM climbs, after each round: it never falls.
    is_converged : bool
        Whether it stood still before the last round allowed.
    """

    ratings: Ratings
    probability_real: FloatArray
    confusions: FloatArray
    prevalence: float
    log_posterior: tuple[float, ...]
    is_converged: bool

    @property
    def labels(self) -> IntArray:
        """The more probable label: 1 = REAL, 0 = BOGUS, -1 where nobody says or at exactly 1/2."""
        unclear = np.isnan(self.probability_real) | (self.probability_real == 0.5)
        return np.where(unclear, -1, (self.probability_real > 0.5).astype(np.int64))


def ratings_of(standing: Iterable[LabelEvent]) -> Ratings:
    """Lay standing labels out as a table of candidates and labellers.

    Parameters
    ----------
    standing : iterable of LabelEvent
        Labels that stand, one a labeller and candidate (a label store's ``current``).

    Returns
    -------
    Ratings
        Candidates in the order of their first label.

    Examples
    --------
    >>> held = {"bo": LabelValue.BOGUS, "ada": LabelValue.REAL}
    >>> ratings = ratings_of(
    ...     LabelEvent(survey="ztf", candidate_id=7, labeller=name, value=value)
    ...     for name, value in held.items()
    ... )
    >>> ratings.candidates, ratings.labellers, ratings.labels.tolist()
    ((('ztf', 7),), ('ada', 'bo'), [[1, 0]])
    """
    events = [event for event in standing if event.value is not None]
    labellers = sorted({event.labeller for event in events})
    column_of = {name: i for i, name in enumerate(labellers)}
    row_of: dict[tuple[str, str], int] = {}
    candidates: list[tuple[str, Identifier]] = []
    for event in events:
        key = (event.survey, str(event.candidate_id))
        if row_of.setdefault(key, len(candidates)) == len(candidates):
            candidates.append((event.survey, event.candidate_id))
    labels = np.full((len(candidates), len(labellers)), -1)
    for event in events:
        assert event.value is not None
        row = row_of[event.survey, str(event.candidate_id)]
        labels[row, column_of[event.labeller]] = _CODES[event.value]
    return Ratings(candidates=tuple(candidates), labellers=tuple(labellers), labels=labels)


def dawid_skene(ratings: Ratings, config: DawidSkeneConfig | None = None) -> Consensus:
    """Fit the model of Dawid and Skene to labels of several labellers.

    It starts from the share of labellers who say REAL, so that the majority names the classes.

    Parameters
    ----------
    ratings : Ratings
        May have gaps, one labeller, or none.
    config : DawidSkeneConfig, optional
        Default settings if None.

    Returns
    -------
    Consensus

    Examples
    --------
    >>> labels = np.array([[1, 1, 1], [0, 0, 1], [1, 1, 0], [0, 0, -1], [1, -1, 0]])
    >>> candidates = tuple(("ztf", i) for i in range(5))
    >>> ratings = Ratings(candidates=candidates, labellers=("a", "b", "c"), labels=labels)
    >>> dawid_skene(ratings).labels.tolist()
    [1, 0, 1, 0, 1]
    """
    settings = DawidSkeneConfig() if config is None else config
    said = np.stack([ratings.labels == value for value in (0, 1)], axis=-1).astype(np.float64)
    is_rated: BoolArray = np.asarray(said.any(axis=(1, 2)))
    votes = said.sum(axis=1)
    real = (votes[:, 1] + 1.0) / (votes.sum(axis=1) + 2.0)
    climbed: list[float] = []
    is_converged = False
    for _ in range(settings.n_iterations):
        confusions, prevalence = _maximise(said, real, is_rated, settings.smoothing)
        updated, height = _expect(said, confusions, prevalence, is_rated)
        climbed.append(height + _log_prior(confusions, prevalence, settings.smoothing))
        moved = np.abs(updated - real)[is_rated].max(initial=0.0)
        real = updated
        if moved <= settings.tolerance:
            is_converged = True
            break
    return Consensus(
        ratings=ratings,
        probability_real=np.where(is_rated, real, np.nan),
        confusions=confusions,
        prevalence=prevalence,
        log_posterior=tuple(climbed),
        is_converged=is_converged,
    )


def _maximise(
    said: FloatArray, real: FloatArray, is_rated: BoolArray, smoothing: float
) -> tuple[FloatArray, float]:
    """Return the labellers' tables and the share of REAL that fit these probabilities best."""
    classes = np.stack([1.0 - real, real], axis=-1)
    expected = np.einsum("ia,ikb->kab", classes, said) + smoothing * _PRIOR_VOTES
    confusions = expected / expected.sum(axis=2, keepdims=True)
    share = (real[is_rated].sum() + smoothing) / (is_rated.sum() + 2.0 * smoothing)
    return confusions, float(share)


def _expect(
    said: FloatArray, confusions: FloatArray, prevalence: float, is_rated: BoolArray
) -> tuple[FloatArray, float]:
    """Return the probability of REAL and the log-likelihood of the labels."""
    joint = np.einsum("ikb,kab->ia", said, np.log(confusions))
    joint += np.log([1.0 - prevalence, prevalence])
    return expit(joint[:, 1] - joint[:, 0]), float(logsumexp(joint[is_rated], axis=1).sum())


def _log_prior(confusions: FloatArray, prevalence: float, smoothing: float) -> float:
    tables = (_PRIOR_VOTES * np.log(confusions)).sum()
    return float(smoothing * (tables + np.log(prevalence) + np.log1p(-prevalence)))
