"""Trees of scikit-learn become graphs that score alike."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

from skyvet.core.errors import BundleError
from skyvet.models.trees import TreeScorer, forest_graph
from skyvet.training.sequences.binning import fit_column_bins
from skyvet.training.sequences.forests import checked_graph, forest_of_boosting, forest_of_trees


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(400, 6)).astype(np.float32)
    rows[:, 4] = np.round(rows[:, 4])
    rows[rng.random(400) < 0.2, 5] = np.nan
    return rows


@pytest.fixture(scope="module")
def labels(rows) -> np.ndarray:
    return (rows[:, 0] + rows[:, 4] + np.nan_to_num(rows[:, 5], nan=2.0) > 0.3).astype(int)


def test_boosted_trees_score_as_in_scikit_learn(rows, labels):
    model = HistGradientBoostingClassifier(max_iter=40).fit(rows, labels)
    forest = forest_of_boosting(model, n_features=6)
    new = rows + np.float32(0.01)
    found = TreeScorer(forest_graph(forest))(new)[:, 0]
    np.testing.assert_allclose(found, model.decision_function(new), atol=1e-5)


def test_voting_trees_score_as_in_scikit_learn(rows, labels):
    model = ExtraTreesClassifier(30, random_state=0).fit(rows, labels)
    found = TreeScorer(forest_graph(forest_of_trees(model)))(rows[::-1])[:, 0]
    np.testing.assert_allclose(found, model.predict_proba(rows[::-1])[:, 1], atol=1e-5)


def test_several_votes_score_as_in_scikit_learn(rows, labels):
    targets = np.stack([labels, rows[:, 1] > 1, np.zeros(400)], axis=1).astype(int)
    model = ExtraTreesClassifier(20, random_state=0).fit(rows, targets)
    found = TreeScorer(forest_graph(forest_of_trees(model)))(rows)
    expected = model.predict_proba(rows)
    np.testing.assert_allclose(found[:, 0], expected[0][:, 1], atol=1e-5)
    np.testing.assert_allclose(found[:, 1], expected[1][:, 1], atol=1e-5)
    np.testing.assert_array_equal(found[:, 2], 0.0)  # a kind that no object had


def test_an_export_that_differs_is_refused(rows, labels):
    model = ExtraTreesClassifier(5, random_state=0).fit(rows, labels)
    forest = forest_of_trees(model)
    assert checked_graph(forest, lambda x: model.predict_proba(x)[:, 1], rows)
    with pytest.raises(BundleError, match="fault of the export"):
        checked_graph(forest, lambda x: model.predict_proba(x)[:, 1] + 0.001, rows)


def test_trees_of_bins_become_trees_of_columns(rows, labels):
    bins = fit_column_bins(rows, n_bins=16)
    codes = bins.codes(rows)
    model = HistGradientBoostingClassifier(max_iter=40).fit(codes, labels)
    forest = bins.unbinned(forest_of_boosting(model, n_features=6))
    rng = np.random.default_rng(9)
    new = np.concatenate([rng.normal(size=(500, 6)) * 3, rows]).astype(np.float32)
    found = TreeScorer(forest_graph(forest))(new)[:, 0]
    np.testing.assert_allclose(found, model.decision_function(bins.codes(new)), atol=1e-5)


def test_bins_hold_about_as_many_rows_and_never_part_equal_values(rows):
    bins = fit_column_bins(rows, n_bins=8)
    codes = bins.codes(rows)
    counts = np.bincount(codes[:, 0].astype(int))
    assert len(counts) == 8
    assert counts.min() > 40
    assert np.isnan(codes[:, 5]).sum() == np.isnan(rows[:, 5]).sum()
    for value in np.unique(rows[:, 4]):
        assert len(np.unique(codes[rows[:, 4] == value, 4])) == 1


def test_constant_and_missing_columns_have_one_bin():
    rows = np.array([[1.0, np.nan]] * 5, np.float32)
    bins = fit_column_bins(rows)
    np.testing.assert_array_equal(bins.codes(rows), [[0.0, np.nan]] * 5)
