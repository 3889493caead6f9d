"""Forests as graphs score as the nodes say."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.trees import Forest, TreeScorer, forest_graph, join_forests, threshold_below


def make_forest(threshold=0.5, *, missing_left=True, base=0.0, **changes) -> Forest:
    """One tree: column 1 <= threshold gives (1, -1), else (2, -2)."""
    values = {
        "tree": [0, 0, 0], "node": [0, 1, 2], "feature": [1, 0, 0],
        "threshold": [threshold, 0, 0], "left": [1, 0, 0], "right": [2, 0, 0],
        "missing_left": [missing_left, False, False], "is_leaf": [False, True, True],
        "value": [[0, 0], [1, -1], [2, -2]], "base": [base, 0.0], "n_features": 2,
    }  # fmt: skip
    return Forest(**{**values, **changes})


def score(forest: Forest, column: list[float]) -> np.ndarray:
    rows = np.stack([np.full(len(column), 9.0), column], axis=1).astype(np.float32)
    return TreeScorer(forest_graph(forest))(rows)


def test_a_branch_goes_left_up_to_its_threshold():
    after = float(np.nextafter(np.float32(0.5), np.float32(1)))
    np.testing.assert_array_equal(score(make_forest(), [0.5, after])[:, 0], [1.0, 2.0])


@pytest.mark.parametrize(("missing_left", "expected"), [(True, 1.0), (False, 2.0)])
def test_missing_goes_where_the_branch_says(missing_left, expected):
    forest = make_forest(missing_left=missing_left)
    assert score(forest, [np.nan]).tolist() == [[expected, -expected]]


def test_an_infinite_threshold_parts_missing_from_the_rest():
    forest = make_forest(np.inf, missing_left=False)
    np.testing.assert_array_equal(score(forest, [1e30, np.nan])[:, 0], [1.0, 2.0])


def test_joined_forests_give_the_sum():
    one, two = make_forest(0.5, base=3.0), make_forest(-0.5, base=0.25).scaled(2.0)
    both = join_forests([one, two, one])
    assert both.n_trees == 3
    column = [-1.0, 0.0, 1.0]
    expected = 2 * score(one, column) + score(two, column)
    np.testing.assert_allclose(score(both, column), expected, rtol=1e-6)


def test_a_tree_of_one_leaf_is_a_constant():
    leaf = Forest(
        tree=[0], node=[0], feature=[0], threshold=[0], left=[0], right=[0], missing_left=[False],
        is_leaf=[True], value=[[4.0]], base=[1.0], n_features=2,
    )  # fmt: skip
    assert score(leaf, [0.0, np.nan])[:, 0].tolist() == [5.0, 5.0]


def test_no_rows_give_no_values():
    assert TreeScorer(forest_graph(make_forest()))(np.zeros((0, 2), np.float32)).shape == (0, 2)


def test_threshold_in_half_the_digits_decides_alike():
    rng = np.random.default_rng(6)
    exact = rng.normal(size=5000)
    near = exact.astype(np.float32)
    values = np.concatenate([near, np.nextafter(near, np.float32(9)), near - np.float32(1e-7)])
    thresholds = np.tile(exact, 3)
    np.testing.assert_array_equal(
        values <= threshold_below(thresholds), values.astype(np.float64) <= thresholds
    )


@pytest.mark.parametrize(
    "changes", [{"feature": [2, 0, 0]}, {"node": [0, 1]}, {"value": [[0.0]] * 3}], ids=str
)
def test_nodes_that_do_not_fit_are_refused(changes):
    with pytest.raises(InvalidInputError):
        make_forest(**changes)


def test_forests_of_other_columns_are_not_joined():
    with pytest.raises(InvalidInputError, match="same features"):
        join_forests([make_forest(), make_forest(n_features=3)])


def test_what_is_no_graph_of_trees_is_refused():
    with pytest.raises(BundleError, match="cannot be opened"):
        TreeScorer(b"no graph")
    with pytest.raises(InvalidInputError, match="2 columns"):
        TreeScorer(forest_graph(make_forest()))(np.zeros((1, 5), np.float32))
