"""Trees that scikit-learn trained, as plain nodes and as a graph that scores alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import BundleError
from skyvet.models.trees import Forest, TreeScorer, forest_graph, threshold_below

__all__ = ["checked_graph", "forest_of_boosting", "forest_of_trees"]

_LARGEST_DIFFERENCE = 1e-4


def forest_of_boosting(model: Any, *, n_features: int) -> Forest:  # noqa: ANN401
    """Return the trees of a ``HistGradientBoosting`` model with one output.

    Parameters
    ----------
    model : HistGradientBoostingClassifier or HistGradientBoostingRegressor
        Fitted, two classes or one target, no categorical features.
    n_features : int
        Columns that it was trained on.

    Returns
    -------
    Forest
        One target: the decision function, that is the logit of the second class.
    """
    trees = [predictors[0].nodes for predictors in model._predictors]  # no public access exists
    nodes = np.concatenate(trees)
    is_leaf = nodes["is_leaf"].astype(bool)
    return Forest(
        tree=np.repeat(np.arange(len(trees)), [len(tree) for tree in trees]),
        node=np.concatenate([np.arange(len(tree)) for tree in trees]),
        feature=nodes["feature_idx"],
        threshold=threshold_below(nodes["num_threshold"]),
        left=nodes["left"],
        right=nodes["right"],
        missing_left=nodes["missing_go_to_left"].astype(bool),
        is_leaf=is_leaf,
        value=np.where(is_leaf, nodes["value"], 0.0)[:, None],
        base=np.atleast_1d(np.squeeze(model._baseline_prediction)).astype(np.float64),
        n_features=n_features,
    )


def forest_of_trees(model: Any) -> Forest:  # noqa: ANN401
    """Return the trees of a random forest or extra-trees classifier.

    Parameters
    ----------
    model : ExtraTreesClassifier or RandomForestClassifier
        Fitted on labels 0 and 1, one column of them or several.

    Returns
    -------
    Forest
        One target an output: the probability of class 1.
    """
    trees = [estimator.tree_ for estimator in model.estimators_]
    counts = [tree.node_count for tree in trees]
    outputs = [model.classes_] if model.n_outputs_ == 1 else model.classes_
    value = np.concatenate([tree.value for tree in trees]) / len(trees)
    is_leaf = np.concatenate([tree.children_left for tree in trees]) < 0
    return Forest(
        tree=np.repeat(np.arange(len(trees)), counts),
        node=np.concatenate([np.arange(count) for count in counts]),
        feature=np.concatenate([tree.feature for tree in trees]),
        threshold=threshold_below(np.concatenate([tree.threshold for tree in trees])),
        left=np.concatenate([tree.children_left for tree in trees]),
        right=np.concatenate([tree.children_right for tree in trees]),
        missing_left=np.concatenate([tree.missing_go_to_left for tree in trees]).astype(bool),
        is_leaf=is_leaf,
        value=np.stack([_share_of_one(value, i, c) for i, c in enumerate(outputs)], axis=1),
        base=np.zeros(len(outputs)),
        n_features=model.n_features_in_,
    )


def _share_of_one(value: FloatArray, i_output: int, classes: NDArray[Any]) -> FloatArray:
    """Return each node's share of class 1 for one output; 0 where training saw no such row."""
    (column,) = np.nonzero(classes == 1)
    return value[:, i_output, column[0]] if len(column) else np.zeros(len(value))


def checked_graph(
    forest: Forest, expected: Callable[[FloatArray], FloatArray], features: FloatArray
) -> bytes:
    """Write a forest as an ONNX graph and check it against the model that it came from.

    Parameters
    ----------
    forest : Forest
    expected : callable
        Returns what the graph must give for rows of features, shape (n,) or (n, n_targets).
    features : ndarray, shape (n, n_features), float32
        Rows to compare on, n > 0; rows with NaN should be among them if scoring will meet any.

    Returns
    -------
    bytes

    Raises
    ------
    BundleError
        If a value differs by more than 1e-4 (of the largest value, where that exceeds 1).
    """
    graph = forest_graph(forest)
    wanted = np.asarray(expected(features), dtype=np.float64).reshape(len(features), -1)
    scale = max(1.0, float(np.abs(wanted).max()))
    difference = float(np.abs(TreeScorer(graph)(features) - wanted).max()) / scale
    if not difference <= _LARGEST_DIFFERENCE:
        raise BundleError(
            f"the exported trees differ from the trained ones by {difference:.2g} "
            f"(at most {_LARGEST_DIFFERENCE:g} is allowed); this is a fault of the export"
        )
    return graph
