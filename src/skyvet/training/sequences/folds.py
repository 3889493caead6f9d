"""Folds of a cross-validation over objects: at random, by field, or as the paper had them."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from skyvet.core.arrays import IntArray
from skyvet.core.configs import MAX_SEED, Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.optional import require
from skyvet.records.ztf_oid import parse_ztf_oid

__all__ = ["FoldConfig", "FoldScheme", "assign_folds", "groups_of"]

_selection = require("sklearn.model_selection", extra="train")
_PUBLISHED_SEED = 7


class FoldScheme(enum.StrEnum):
    """What a test fold is new in."""

    STRATIFIED = "stratified"
    BY_FIELD = "by-field"
    BY_READOUT_CHANNEL = "by-readout-channel"
    PUBLISHED = "published"


_GROUPED = (FoldScheme.BY_FIELD, FoldScheme.BY_READOUT_CHANNEL)


class FoldConfig(Config):
    """Outer folds of a cross-validation."""

    scheme: FoldScheme = Field(
        default=FoldScheme.STRATIFIED,
        description="stratified: random, classes even; by-field, by-readout-channel (field, CCD "
        "and quadrant): whole groups, needs ZTF OIDs; published: random, seed 7, not stratified",
    )
    n_folds: int = Field(default=5, ge=2, description="parts")
    seed: int = Field(default=42, ge=0, le=MAX_SEED, description="of the random order")


def groups_of(object_ids: NDArray[Any], scheme: FoldScheme) -> NDArray[Any]:
    """Return the group that each object may not be parted from, shape (n,).

    Raises
    ------
    InvalidInputError
        If the scheme needs ZTF OIDs and an identifier is none.
    """
    if scheme is FoldScheme.BY_FIELD:
        return np.array([parse_ztf_oid(oid).field for oid in object_ids.tolist()])
    if scheme is FoldScheme.BY_READOUT_CHANNEL:
        return np.array([parse_ztf_oid(oid).readout_channel for oid in object_ids.tolist()])
    return object_ids


def assign_folds(object_ids: NDArray[Any], labels: IntArray, config: FoldConfig) -> IntArray:
    """Assign each object to one fold.

    Parameters
    ----------
    object_ids : ndarray, shape (n,)
        One an object.
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS.
    config : FoldConfig
        Scheme, number, seed (the published folds have their own).

    Returns
    -------
    ndarray, shape (n,), int64
        In [0, n_folds).

    Raises
    ------
    InvalidInputError
        If there are too few objects, objects of a class or groups for the folds.

    Examples
    --------
    >>> labels = np.array([0, 1] * 10)
    >>> folds = assign_folds(np.arange(20), labels, FoldConfig(n_folds=5))
    >>> np.bincount(folds, weights=labels).tolist()
    [2.0, 2.0, 2.0, 2.0, 2.0]
    """
    groups = groups_of(object_ids, config.scheme)
    _check_enough(labels, groups, config)
    folds = np.zeros(len(labels), dtype=np.int64)
    whole = groups if config.scheme in _GROUPED else None
    for i_fold, (_, tested) in enumerate(_splitter(config).split(labels, labels, whole)):
        folds[tested] = i_fold
    return folds


def _splitter(config: FoldConfig) -> Any:  # noqa: ANN401 - scikit-learn is not typed
    if config.scheme is FoldScheme.PUBLISHED:
        return _selection.KFold(config.n_folds, shuffle=True, random_state=_PUBLISHED_SEED)
    if config.scheme is FoldScheme.STRATIFIED:
        return _selection.StratifiedKFold(config.n_folds, shuffle=True, random_state=config.seed)
    return _selection.StratifiedGroupKFold(config.n_folds, shuffle=True, random_state=config.seed)


def _check_enough(labels: IntArray, groups: NDArray[Any], config: FoldConfig) -> None:
    counts = np.bincount(labels, minlength=2)
    n_groups = len(np.unique(groups))
    if counts.min() < config.n_folds or n_groups < config.n_folds:
        raise InvalidInputError(
            f"{config.n_folds} folds need as many REAL, BOGUS and groups at least; got "
            f"{counts[1]} REAL, {counts[0]} BOGUS and {n_groups} groups"
        )
