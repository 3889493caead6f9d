"""Decision trees as plain arrays and as an ONNX graph that ONNX Runtime scores.

Any library's trees become a `Forest`; `forest_graph` writes it as one ``TreeEnsembleRegressor``
and `TreeScorer` runs that. Only the writing needs the package ``onnx``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime as ort
from numpy.typing import ArrayLike, NDArray

from skyvet.core.arrays import BoolArray, FloatArray, IntArray, as_readonly
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.core.optional import require

__all__ = ["Forest", "TreeScorer", "forest_graph", "join_forests", "threshold_below"]

_ML_OPSET = 3  # read by every ONNX Runtime that the plain install allows
_OPSET = 18
_IR_VERSION = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forest:
    """Trees whose leaves are added up, stored node by node.

    Parameters
    ----------
    tree : ndarray, shape (n_nodes,), int64
        Tree of each node, ascending from 0.
    node : ndarray, shape (n_nodes,), int64
        Number of each node in its tree; 0 is the root.
    feature : ndarray, shape (n_nodes,), int64
        Column that a branch looks at.
    threshold : ndarray, shape (n_nodes,), float32
        A branch goes left where the column is at most this (or below it, see `is_strict`).
    left, right : ndarray, shape (n_nodes,), int64
        Nodes below a branch, numbered in their tree.
    missing_left : ndarray, shape (n_nodes,), bool
        Whether NaN goes left.
    is_leaf : ndarray, shape (n_nodes,), bool
        Leaves have no feature, threshold or nodes below.
    value : ndarray, shape (n_nodes, n_targets), float64
        What a leaf adds to each target.
    base : ndarray, shape (n_targets,), float64
        What every row starts from.
    n_features : int
        Columns of a row.
    is_strict : bool, default False
        True where a branch goes left only below the threshold, not at it (XGBoost's trees).

    Raises
    ------
    InvalidInputError
        If lengths differ or a branch looks at a column that is not there.
    """

    tree: IntArray
    node: IntArray
    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    missing_left: BoolArray
    is_leaf: BoolArray
    value: FloatArray
    base: FloatArray
    n_features: int
    is_strict: bool = False

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        for name in ("tree", "node", "feature", "left", "right"):
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.int64))
        for name in ("missing_left", "is_leaf"):
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.bool_))
        object.__setattr__(self, "threshold", as_readonly(self.threshold, np.float32))
        object.__setattr__(self, "value", as_readonly(self.value, np.float64))
        object.__setattr__(self, "base", as_readonly(self.base, np.float64))
        per_node = (
            self.tree, self.node, self.feature, self.threshold, self.left, self.right,
            self.missing_left, self.is_leaf, self.value,
        )  # fmt: skip
        if len({len(array) for array in per_node}) > 1 or len(self.tree) == 0:
            raise InvalidInputError("a forest needs nodes, and one entry a node in every array")
        if self.value.shape[1:] != self.base.shape:
            raise InvalidInputError(
                f"value has {self.value.shape[1:]} targets a node, base {self.base.shape}"
            )
        looked_at = self.feature[~self.is_leaf]
        if len(looked_at) and not 0 <= looked_at.min() <= looked_at.max() < self.n_features:
            raise InvalidInputError(f"a branch looks beyond the {self.n_features} features")

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return int(self.tree[-1]) + 1

    @property
    def n_targets(self) -> int:
        """Numbers that the forest gives for a row."""
        return len(self.base)

    def scaled(self, factor: float) -> Forest:
        """Return the forest with every value multiplied."""
        return replace(self, value=self.value * factor, base=self.base * factor)


def threshold_below(threshold: ArrayLike) -> NDArray[np.float32]:
    """Return the largest float32 numbers that do not exceed some float64 thresholds.

    For every float32 value, comparing with the result decides as comparing with the threshold.

    Examples
    --------
    >>> float(threshold_below(0.1)) <= 0.1, float(np.float32(0.1)) <= 0.1
    (True, False)
    """
    exact = np.asarray(threshold, dtype=np.float64)
    rounded = exact.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.asarray(np.where(rounded.astype(np.float64) > exact, below, rounded))


def join_forests(forests: Sequence[Forest]) -> Forest:
    """Return one forest that gives the sum of several.

    Parameters
    ----------
    forests : sequence of Forest
        At least one; all with the same features, targets and kind of branch.

    Returns
    -------
    Forest

    Raises
    ------
    InvalidInputError
        If there is none, or they differ in features, targets or kind of branch.
    """
    if len({(forest.n_features, forest.n_targets, forest.is_strict) for forest in forests}) != 1:
        raise InvalidInputError("forests to join need the same features, targets and branches")
    first_tree = np.cumsum([0, *(forest.n_trees for forest in forests)])
    parts = {
        name: np.concatenate([getattr(forest, name) for forest in forests])
        for name in (
            "node", "feature", "threshold", "left", "right", "missing_left", "is_leaf", "value",
        )
    }  # fmt: skip
    tree = [forest.tree + shift for forest, shift in zip(forests, first_tree, strict=False)]
    return Forest(
        **parts,
        tree=np.concatenate(tree),
        base=np.sum([forest.base for forest in forests], axis=0),
        n_features=forests[0].n_features,
        is_strict=forests[0].is_strict,
    )


def forest_graph(forest: Forest) -> bytes:
    """Write a forest as an ONNX graph.

    Parameters
    ----------
    forest : Forest

    Returns
    -------
    bytes
        Input ``features`` (n, n_features) float32, NaN = missing; output ``values``
        (n, n_targets) float32.

    Raises
    ------
    MissingDependencyError
        If the package ``onnx`` is not installed.
    """
    onnx = require("onnx", extra="train")
    helper, float_type = onnx.helper, onnx.TensorProto.FLOAT
    rows = helper.make_tensor_value_info("features", float_type, ["n", forest.n_features])
    values = helper.make_tensor_value_info("values", float_type, ["n", forest.n_targets])
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["values"],
        domain="ai.onnx.ml",
        aggregate_function="SUM",
        **_branches(forest),
        **_leaves(forest),
    )
    graph = helper.make_graph([trees], "forest", [rows], [values])
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    return bytes(model.SerializeToString())


def _branches(forest: Forest) -> dict[str, list[int] | list[float] | list[str]]:
    """Return the attributes of all nodes."""
    modes = np.where(forest.is_leaf, "LEAF", "BRANCH_LT" if forest.is_strict else "BRANCH_LEQ")
    inner = ~forest.is_leaf
    return {
        "nodes_treeids": forest.tree.tolist(),
        "nodes_nodeids": forest.node.tolist(),
        "nodes_featureids": np.where(inner, forest.feature, 0).tolist(),
        "nodes_values": np.where(inner, forest.threshold, 0).astype(float).tolist(),
        "nodes_modes": modes.tolist(),
        "nodes_truenodeids": np.where(inner, forest.left, 0).tolist(),
        "nodes_falsenodeids": np.where(inner, forest.right, 0).tolist(),
        "nodes_missing_value_tracks_true": (inner & forest.missing_left).astype(int).tolist(),
    }


def _leaves(forest: Forest) -> dict[str, int | list[int] | list[float]]:
    """Return the attributes of the leaves; one entry a leaf and target."""
    leaves = np.flatnonzero(forest.is_leaf)
    n_targets = forest.n_targets
    return {
        "n_targets": n_targets,
        "base_values": forest.base.tolist(),
        "target_treeids": np.repeat(forest.tree[leaves], n_targets).tolist(),
        "target_nodeids": np.repeat(forest.node[leaves], n_targets).tolist(),
        "target_ids": np.tile(np.arange(n_targets), len(leaves)).tolist(),
        "target_weights": forest.value[leaves].ravel().tolist(),
    }


class TreeScorer:
    """Runs the graph of a forest.

    Parameters
    ----------
    graph : bytes
        From `forest_graph`.
    n_threads : int, default 1
        Threads of ONNX Runtime; 0 = all cores. Values do not depend on it.

    Raises
    ------
    BundleError
        If the graph cannot be opened or is no forest.
    """

    def __init__(self, graph: bytes, *, n_threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise BundleError(f"a graph of decision trees cannot be opened: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [i.name for i in inputs] != ["features"] or [o.name for o in outputs] != ["values"]:
            raise BundleError("this graph is not one of decision trees; it lacks features, values")
        self.n_features = int(inputs[0].shape[1])
        self.n_targets = int(outputs[0].shape[1])

    def __call__(self, features: FloatArray) -> FloatArray:
        """Return the sum of leaves.

        Parameters
        ----------
        features : ndarray, shape (n, n_features), float32
            NaN = missing.

        Returns
        -------
        ndarray, shape (n, n_targets), float32

        Raises
        ------
        InvalidInputError
            If the number of columns differs.
        """
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise InvalidInputError(
                f"features must have {self.n_features} columns, got shape {features.shape}"
            )
        rows = np.ascontiguousarray(features, dtype=np.float32)
        values: FloatArray = self._session.run(["values"], {"features": rows})[0]
        return values
