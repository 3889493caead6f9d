"""Boosted trees as graphs: they score as XGBoost does, and no row depends on another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.special import expit
from tests.source_makers import make_labelled_sources

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.sequences.interface import MemberParts
from skyvet.models.sources.boosted import load_boosted
from skyvet.models.sources.feature_rows import feature_rows
from skyvet.models.sources.members import load_source_member
from skyvet.models.trees import TreeScorer, forest_graph, join_forests
from skyvet.records.feature_table import FeatureTable
from skyvet.training.sources.boosted import fit_boosted
from skyvet.training.sources.configs import BoostedConfig
from skyvet.training.sources.xgboost_forests import forest_of_xgboost

xgboost = pytest.importorskip("xgboost")
SMALL = BoostedConfig(max_rounds=15, max_depth=3)


@pytest.fixture(scope="module")
def booster():
    """Trees on whole numbers, so that values stand exactly at thresholds, and missing ones."""
    rng = np.random.default_rng(0)
    values = rng.integers(-3, 4, size=(500, 4)).astype(np.float32)
    values[rng.uniform(size=values.shape) < 0.2] = np.nan
    labels = (np.nan_to_num(values[:, 0], nan=2.0) + rng.normal(size=500) > 0).astype(float)
    matrix = xgboost.DMatrix(values, label=labels)
    settings = {"objective": "binary:logistic", "base_score": 0.3, "max_depth": 5, "nthread": 1}
    return xgboost.train(settings, matrix, num_boost_round=20)


def _margin(booster, rows):
    return booster.predict(xgboost.DMatrix(rows), output_margin=True)


def test_a_graph_scores_as_xgboost_where_values_stand_at_thresholds(booster):
    forest = forest_of_xgboost(booster, base=float(np.log(0.3 / 0.7)))
    grid = np.array(np.meshgrid(*[[-3, -1, 0, 2, np.nan]] * 4), dtype=np.float32).reshape(4, -1).T
    at = forest.threshold[~forest.is_leaf]
    near = np.concatenate([at, np.nextafter(at, np.float32(-9)), np.nextafter(at, np.float32(9))])
    rows = np.concatenate([grid, np.repeat(near[:, None], 4, axis=1)])
    found = TreeScorer(forest_graph(forest))(rows)[:, 0]
    np.testing.assert_allclose(found, _margin(booster, rows), atol=2e-6, rtol=0)


def test_forests_of_other_branches_do_not_join(booster):
    forest = forest_of_xgboost(booster, base=0.0)
    with pytest.raises(InvalidInputError, match="branches"):
        join_forests([forest, dataclasses.replace(forest, is_strict=False)])


@pytest.fixture(scope="module")
def member():
    labelled = make_labelled_sources(300)
    validation = make_labelled_sources(100, seed=1)
    return fit_boosted(labelled, SMALL, validation=validation, seed=3)


def test_hierarchical_trees_respect_the_tree_before_any_calibration(member):
    table = make_labelled_sources(200, seed=2).table
    probability = dict(zip(member.classes, expit(member.logits(table)).T, strict=True))
    assert (probability["rr"] <= probability["puls"]).all()
    assert (probability["puls"] <= probability["vnv"]).all()


def test_a_row_does_not_depend_on_the_others(member):
    table = make_labelled_sources(50, seed=2).table
    whole = member.logits(table)
    single = np.concatenate([member.logits(table.take(np.array([i]))) for i in range(len(table))])
    np.testing.assert_allclose(single, whole, atol=1e-5, rtol=0)
    backwards = member.logits(table.take(np.arange(len(table))[::-1]))
    np.testing.assert_allclose(backwards[::-1], whole, atol=1e-5, rtol=0)


def test_features_are_found_by_name_in_any_order(member):
    table = make_labelled_sources(20, seed=2).table
    turned = table.select([*table.names[::-1], "another"])
    np.testing.assert_array_equal(member.logits(turned), member.logits(table))


def test_an_absent_feature_is_named(member):
    table = make_labelled_sources(20, seed=2).table.select(("colour", "noise"))
    with pytest.raises(InvalidInputError, match=r"2 of 4 features .* amplitude, period"):
        member.logits(table)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e300])
def test_any_value_gives_a_finite_logit(member, value):
    names = make_labelled_sources(20).table.names
    table = FeatureTable(
        source_ids=np.arange(1), names=names, values=np.full((1, len(names)), value)
    )
    assert np.isfinite(member.logits(table)).all()


def test_infinite_values_count_as_missing():
    table = FeatureTable(
        source_ids=np.arange(2), names=("a",), values=np.array([[np.inf], [1e300]])
    )
    rows = feature_rows(table, ("a",))
    assert np.isnan(rows[0, 0])
    assert np.isfinite(rows[1, 0])


def test_no_row_is_no_error(member):
    table = make_labelled_sources(20).table.take(np.arange(0))
    assert member.logits(table).shape == (0, len(member.classes))


def test_a_member_survives_being_taken_apart(member):
    table = make_labelled_sources(30, seed=2).table
    again = load_source_member(member.parts())
    np.testing.assert_array_equal(again.logits(table), member.logits(table))
    np.testing.assert_array_equal(again.gain, member.gain)


def test_gains_name_the_features_that_decide(member):
    gain = dict(zip(member.classes, member.gain, strict=True))
    names = member.settings.names
    assert names[gain["vnv"].argmax()] == "amplitude"
    assert names[gain["rr"].argmax()] == "period"
    np.testing.assert_allclose(member.gain.sum(axis=1), 1.0, rtol=1e-6)


def _changed(member, **changes):
    parts = member.parts()
    given = {name: getattr(parts, name) for name in ("settings", "graphs", "arrays")}
    return MemberParts(**{**given, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"graphs": {}},
        {"arrays": {}},
        {"arrays": {"gain": np.zeros((1, 1))}},
        {"settings": {"kind": "boosted"}},
        {"settings": {"kind": "boosted", "classes": ["a"], "names": ["b"], "parents": [0]}},
    ],
)
def test_parts_that_do_not_fit_are_refused(member, changes):
    with pytest.raises(BundleError):
        load_boosted(_changed(member, **changes))


def test_another_kind_of_member_is_told():
    with pytest.raises(BundleError, match="knows no classifier of sources 'oracle'"):
        load_source_member(MemberParts(settings={"kind": "oracle"}, graphs={}, arrays={}))
