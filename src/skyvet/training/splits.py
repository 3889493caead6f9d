"""Splits by object: one object never stands on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray, check_same_length
from skyvet.core.errors import InvalidInputError, LeakageError
from skyvet.preprocessing.triplets import TripletArrays

__all__ = [
    "Split",
    "check_no_leakage",
    "grouped_folds",
    "grouped_split",
    "objects_of_scarcer_class",
]

_N_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Row indices of the parts of a split.

    Parameters
    ----------
    train, validation, test : ndarray of int
        Row indices, ascending; together each row once.
    """

    train: IntArray
    validation: IntArray
    test: IntArray


def check_no_leakage(*parts: NDArray[Any]) -> None:
    """Raise if one object stands in two parts of a split.

    Parameters
    ----------
    *parts : ndarray, shape (n_i,)
        Object identifiers of each part.

    Raises
    ------
    LeakageError
        Naming the first objects found on both sides.

    Examples
    --------
    >>> check_no_leakage(np.array(["a", "b"]), np.array(["b"]))
    Traceback (most recent call last):
    ...
    skyvet.core.errors.LeakageError: 1 object stands on both sides of the split: b; split by ...
    """
    for i_part, part in enumerate(parts):
        for other in parts[i_part + 1 :]:
            shared = np.intersect1d(part, other)
            if len(shared):
                named = ", ".join(map(str, shared[:_N_NAMED]))
                more = ", ..." if len(shared) > _N_NAMED else ""
                what = "1 object stands" if len(shared) == 1 else f"{len(shared)} objects stand"
                raise LeakageError(
                    f"{what} on both sides of the split: {named}{more}; split by object_id "
                    "(skyvet.training.splits.grouped_folds)"
                )


def grouped_folds(
    object_ids: NDArray[Any], labels: IntArray, *, n_folds: int, seed: int
) -> IntArray:
    """Assign each object to one fold, with classes and sizes as even as they can be.

    Objects come in random order, the largest first; each goes where its class is scarcest.

    Parameters
    ----------
    object_ids : ndarray, shape (n,)
        Object of each row.
    labels : ndarray, shape (n,) or (n, n_classes)
        1 = REAL, 0 = BOGUS; or, where classes do not exclude each other, 1 for every class that a
        row is of: each is spread, rare ones before common ones.
    n_folds : int
        At least 2, at most the number of objects.
    seed : int
        Of the random order.

    Returns
    -------
    ndarray, shape (n,), int64
        Fold of each row, in [0, n_folds).

    Raises
    ------
    InvalidInputError
        If there are fewer objects than folds.

    Examples
    --------
    >>> folds = grouped_folds(np.array([7, 7, 8, 9]), np.array([1, 1, 0, 0]), n_folds=2, seed=0)
    >>> bool(folds[0] == folds[1])
    True
    """
    fractions = [1.0] * n_folds
    return _assign(object_ids, labels, fractions=fractions, seed=seed)


def grouped_split(
    object_ids: NDArray[Any],
    labels: IntArray,
    *,
    validation_fraction: float,
    test_fraction: float = 0.0,
    seed: int,
) -> Split:
    """Split rows by object into training, validation and test.

    Parameters
    ----------
    object_ids, labels : ndarray, shape (n,)
        Object and label of each row.
    validation_fraction, test_fraction : float
        Shares wanted, each in [0, 1), together < 1; reached as nearly as whole objects allow.
    seed : int
        Of the random order.

    Returns
    -------
    Split

    Raises
    ------
    InvalidInputError
        If the fractions are impossible or there are too few objects.

    Examples
    --------
    >>> split = grouped_split(np.arange(10), np.arange(10) % 2, validation_fraction=0.2, seed=0)
    >>> len(split.train), len(split.validation), len(split.test)
    (8, 2, 0)
    """
    fractions = [1 - validation_fraction - test_fraction, validation_fraction, test_fraction]
    if min(fractions) < 0 or fractions[0] <= 0:
        raise InvalidInputError(
            "validation_fraction and test_fraction must be >= 0 and leave rows to train on, "
            f"got {validation_fraction} and {test_fraction}"
        )
    part = _assign(object_ids, labels, fractions=fractions, seed=seed)
    train, validation, test = (np.flatnonzero(part == i_part) for i_part in range(3))
    return Split(train=train, validation=validation, test=test)


def objects_of_scarcer_class(labelled: TripletArrays) -> int:
    """Return the number of objects of the class that has fewer of them.

    Parameters
    ----------
    labelled : TripletArrays
        Labelled rows.

    Returns
    -------
    int
        0 where a class is missing.
    """
    return min(len(np.unique(labelled.object_ids[labelled.labels == value])) for value in (0, 1))


def _assign(
    object_ids: NDArray[Any], labels: IntArray, *, fractions: Sequence[float], seed: int
) -> IntArray:
    """Assign objects to parts of given shares; returns the part of each row."""
    check_same_length(object_ids=object_ids, labels=labels)
    objects, i_object = np.unique(object_ids, return_inverse=True)
    shares = np.asarray(fractions) / np.sum(fractions)
    if len(objects) < np.count_nonzero(shares):
        raise InvalidInputError(
            f"a split into {np.count_nonzero(shares)} parts needs as many objects, "
            f"got {len(objects)}"
        )
    marks = _class_marks(np.asarray(labels, dtype=np.intp))
    counts = np.zeros((len(objects), marks.shape[1]))
    np.add.at(counts, i_object, marks)
    order = np.random.default_rng(seed).permutation(len(objects))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    wanted = np.outer(shares, counts.sum(axis=0))
    filled = np.zeros_like(wanted)
    part_of_object = np.zeros(len(objects), dtype=np.int64)
    usable = np.flatnonzero(shares)
    for i in order:
        share_full = (filled[usable] + counts[i]) / np.maximum(wanted[usable], 1e-9)
        lack = (share_full * counts[i]).sum(axis=1)
        rows_full = filled[usable].sum(axis=1) / wanted[usable].sum(axis=1)
        i_part = usable[np.lexsort((rows_full, lack))[0]]
        part_of_object[i] = i_part
        filled[i_part] += counts[i]
    _fill_empty_parts(part_of_object, usable, counts=counts, order=order)
    part_of_row: IntArray = part_of_object[i_object]
    return part_of_row


def _class_marks(labels: IntArray) -> IntArray:
    """Return one column a class, and for classes that overlap one of all rows besides."""
    if labels.ndim == 1:
        return np.stack([1 - labels, labels], axis=1)
    return np.concatenate([labels, np.ones((len(labels), 1), dtype=labels.dtype)], axis=1)


def _fill_empty_parts(
    part_of_object: IntArray, usable: IntArray, *, counts: NDArray[np.float64], order: IntArray
) -> None:
    """Give each part that got nothing an object of the part that has most of them.

    The smallest one, if possible one whose class the other part does not lose.
    """
    for i_part in usable:
        n_objects = np.bincount(part_of_object, minlength=int(usable.max()) + 1)
        if n_objects[i_part]:
            continue
        giving = order[::-1][part_of_object[order[::-1]] == np.argmax(n_objects)]
        left = counts[giving].sum(axis=0) - counts[giving]
        n_lost = ((left == 0) & (counts[giving] > 0)).sum(axis=1)
        part_of_object[giving[np.lexsort((counts[giving].sum(axis=1), n_lost))[0]]] = i_part
