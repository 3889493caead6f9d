"""What rows without a vote mean to the training: nothing, no, or perhaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import FloatArray
from skyvet.models.sources.interface import SourceMember
from skyvet.preprocessing.sources import LabelledSources
from skyvet.training.sources.configs import NotInspected
from skyvet.training.splits import check_no_leakage, grouped_folds

__all__ = ["elkan_noto_votes", "resolve_not_inspected"]

_N_FOLDS = 2
_EVEN = 0.5
_LARGEST = 1.0 - 1e-6
_Fit = Callable[[LabelledSources, int], SourceMember]


def elkan_noto_votes(
    labelled_probability: FloatArray, *, labelled_share: float
) -> NDArray[np.float64]:
    r"""Return how likely rows without a vote are positive.

    .. math:: w = \frac{1 - c}{c} \, \frac{g}{1 - g}

    Parameters
    ----------
    labelled_probability : ndarray, shape (n,)
        g: probability that a source like this one has been labelled positive, in [0, 1].
    labelled_share : float
        c: share of positives that have been labelled, in (0, 1].

    Returns
    -------
    ndarray, shape (n,), float64
        In [0, 1].

    References
    ----------
    Elkan & Noto 2008, KDD, 213 (their equation 3); positives must be labelled at random.

    Examples
    --------
    >>> elkan_noto_votes(np.array([0.0, 0.2, 0.5]), labelled_share=0.5)
    array([0.  , 0.25, 1.  ])
    """
    g = np.minimum(np.asarray(labelled_probability, dtype=np.float64), _LARGEST)
    odds = (1.0 - labelled_share) / labelled_share * g / (1.0 - g)
    return np.clip(odds, 0.0, 1.0)


def resolve_not_inspected(
    train: LabelledSources,
    held_out: LabelledSources,
    *,
    rule: NotInspected,
    fit: _Fit,
    seed: int,
) -> tuple[LabelledSources, LabelledSources]:
    """Fill votes that are not there by a rule; what is estimated comes from `train` alone.

    Parameters
    ----------
    train : LabelledSources
        Rows that will be trained on.
    held_out : LabelledSources
        Rows that will calibrate; their votes are never looked at.
    rule : NotInspected
        ignore: stay NaN. negative: 0. positive_unlabelled: see `elkan_noto_votes`, where a
        classifier tells labelled positives from rows without a vote; its probabilities of
        training rows come from the halves that they are not in.
    fit : callable
        Trains a classifier on rows, with a seed.
    seed : int
        Of the halves and fits.

    Returns
    -------
    train, held_out : LabelledSources
        With fewer NaN.
    """
    if rule is NotInspected.IGNORE or not (
        np.isnan(train.votes).any() or np.isnan(held_out.votes).any()
    ):
        return train, held_out
    if rule is NotInspected.NEGATIVE:
        return _filled(train, 0.0), _filled(held_out, 0.0)
    question = replace(train, votes=_labelled_or_not(train.votes))
    positive = (np.nan_to_num(train.votes) > _EVEN).astype(np.int64)
    halves = grouped_folds(train.groups, positive, n_folds=_N_FOLDS, seed=seed)
    found, other = np.zeros(train.votes.shape), np.zeros(held_out.votes.shape)
    for i_half in range(_N_FOLDS):
        asked, rows = np.flatnonzero(halves == i_half), np.flatnonzero(halves != i_half)
        check_no_leakage(train.groups[asked], train.groups[rows])
        member = fit(question.take(rows), seed + 1 + i_half)
        place = [member.classes.index(tag) for tag in train.tags]
        found[asked] = expit(member.logits(train.table.take(asked)))[:, place]
        other += expit(member.logits(held_out.table))[:, place] / _N_FOLDS
    train_votes, held_votes = np.empty_like(found), np.empty_like(other)
    for i_class in range(len(train.tags)):
        share = _labelled_share(found[:, i_class], train.votes[:, i_class])
        train_votes[:, i_class] = elkan_noto_votes(found[:, i_class], labelled_share=share)
        held_votes[:, i_class] = elkan_noto_votes(other[:, i_class], labelled_share=share)
    return _filled(train, train_votes), _filled(held_out, held_votes)


def _labelled_or_not(votes: FloatArray) -> FloatArray:
    """Return 1 for a positive vote, 0 for none; a vote against takes no part."""
    against = np.where(votes > _EVEN, 1.0, np.nan)
    return np.asarray(np.where(np.isnan(votes), 0.0, against))


def _labelled_share(probability: FloatArray, votes: FloatArray) -> float:
    """Return the mean probability of being labelled among labelled positives: c."""
    known = probability[votes > _EVEN]
    return float(np.clip(known.mean(), 1e-3, 1.0)) if len(known) else 1.0


def _filled(labelled: LabelledSources, votes: FloatArray | float) -> LabelledSources:
    is_missing = np.isnan(labelled.votes)
    return replace(labelled, votes=np.where(is_missing, votes, labelled.votes))
