"""Trees that XGBoost trained, as plain nodes that score alike without it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.models.trees import Forest

__all__ = ["constant_forest", "forest_of_xgboost", "gain_of_features"]


def forest_of_xgboost(booster: Any, *, base: float) -> Forest:  # noqa: ANN401 - not typed
    """Return the trees of an XGBoost model with one output.

    XGBoost sends a row left where its value, in single precision, lies below the threshold, and
    a missing one in the node's default direction.

    Parameters
    ----------
    booster : xgboost.Booster
        Trained with ``tree_method="hist"``, no categorical features.
    base : float
        Margin that every row starts from: the logit of ``base_score``.

    Returns
    -------
    Forest
        One target: the margin, that is the logit of class 1 under ``binary:logistic``.
    """
    document = json.loads(bytes(booster.save_raw("json")))
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    counts = [len(tree["left_children"]) for tree in trees]

    def joined(name: str, kind: type[np.generic]) -> Any:  # noqa: ANN401 - any array
        return np.concatenate([np.asarray(tree[name], dtype=kind) for tree in trees])

    left = joined("left_children", np.int64)
    condition = joined("split_conditions", np.float32)
    is_leaf = left < 0
    return Forest(
        tree=np.repeat(np.arange(len(trees)), counts),
        node=np.concatenate([np.arange(count) for count in counts]),
        feature=np.where(is_leaf, 0, joined("split_indices", np.int64)),
        threshold=np.where(is_leaf, np.float32(0), condition),
        left=left,
        right=joined("right_children", np.int64),
        missing_left=joined("default_left", np.int64) > 0,
        is_leaf=is_leaf,
        value=np.where(is_leaf, condition, np.float32(0)).astype(np.float64)[:, None],
        base=np.array([base]),
        n_features=booster.num_features(),
        is_strict=True,
    )


def constant_forest(value: float, *, n_features: int) -> Forest:
    """Return a forest that gives one number for every row.

    Examples
    --------
    >>> constant_forest(0.5, n_features=3).n_trees
    1
    """
    nothing = np.zeros(1, dtype=np.int64)
    return Forest(
        tree=nothing,
        node=nothing,
        feature=nothing,
        threshold=np.zeros(1),
        left=nothing,
        right=nothing,
        missing_left=nothing > 0,
        is_leaf=nothing == 0,
        value=np.zeros((1, 1)),
        base=np.array([value]),
        n_features=n_features,
        is_strict=True,
    )


def gain_of_features(booster: Any, *, n_features: int) -> FloatArray:  # noqa: ANN401 - not typed
    """Return the summed gain of splits on each feature, as fractions of all; 0 where none."""
    gains = np.zeros(n_features)
    for name, gain in booster.get_score(importance_type="total_gain").items():
        gains[int(name[1:])] = gain
    return gains / max(float(gains.sum()), np.finfo(np.float64).tiny)
