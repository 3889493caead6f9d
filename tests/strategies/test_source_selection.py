"""Sources for people to look at, class by class."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.feature_table import FeatureTable
from skyvet.strategies.queries.entropy import EntropyQuery
from skyvet.strategies.queries.high_confidence import HighConfidenceQuery
from skyvet.strategies.queries.k_center import KCenterQuery
from skyvet.strategies.source_selection import (
    SourceSelectionConfig,
    choose_sources,
    feature_embeddings,
)


def _scores(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return {"rrab": rng.random(n), "ew": rng.random(n), "lpv": rng.random(n)}


def test_scopes_sample_holds_sources_above_the_threshold_of_each_class():
    scores = _scores()
    config = SourceSelectionConfig(n_per_class=5)
    chosen = choose_sources(scores, config)
    assert dict(chosen.n_of_class) == {"rrab": 5, "ew": 5, "lpv": 5}
    for row, tags in zip(chosen.rows, chosen.asked_for, strict=True):
        assert tags
        assert all(scores[tag][row] >= 0.9 for tag in tags)


def test_a_class_with_few_sure_sources_gets_few():
    scores = {"rrab": np.array([0.95, 0.85, 0.1]), "ew": np.array([0.2, 0.1, 0.3])}
    chosen = choose_sources(scores, SourceSelectionConfig(n_per_class=3))
    assert dict(chosen.n_of_class) == {"rrab": 1, "ew": 0}


def test_top_n_are_the_most_probable_ones():
    scores = {"rrab": _scores()["rrab"]}
    query = HighConfidenceQuery(order="surest")
    chosen = choose_sources(scores, SourceSelectionConfig(strategy=query, n_per_class=10))
    expected = np.argsort(-scores["rrab"])[:10]
    np.testing.assert_array_equal(chosen.rows, expected)


def test_every_beginning_is_balanced_between_classes():
    chosen = choose_sources(_scores(), SourceSelectionConfig(n_per_class=10))
    first = [tags[0] for tags in chosen.asked_for[:9]]
    assert {first.count(tag) for tag in ("rrab", "ew", "lpv")} <= {2, 3, 4}


def test_a_source_wanted_by_two_classes_is_asked_for_once():
    scores = {"puls": np.array([0.99, 0.1]), "rrab": np.array([0.98, 0.1])}
    chosen = choose_sources(scores, SourceSelectionConfig(n_per_class=1))
    assert chosen.rows.tolist() == [0]
    assert chosen.asked_for == (("puls", "rrab"),)


def test_labelled_trained_and_unscored_sources_are_not_asked_for():
    scores = {"rrab": np.array([0.99, 0.98, np.nan, 0.97])}
    chosen = choose_sources(
        scores,
        SourceSelectionConfig(n_per_class=4),
        labels={"rrab": np.array([1, -1, -1, -1])},
        is_available=np.array([True, False, True, True]),
    )
    assert chosen.rows.tolist() == [3]


def test_uncertainty_is_that_of_the_class_asked_for():
    scores = {"rrab": np.array([0.5, 0.9]), "ew": np.array([0.99, 0.52])}
    config = SourceSelectionConfig(strategy=EntropyQuery(), n_per_class=1)
    assert choose_sources(scores, config).asked_for == (("rrab",), ("ew",))


def test_a_strategy_that_spreads_reads_the_features():
    values = np.repeat([[0.0, 1.0], [5.0, 2.0]], [17, 16], axis=0)
    table = FeatureTable(source_ids=np.arange(33), names=("a", "b"), values=values)
    config = SourceSelectionConfig(strategy=KCenterQuery(), n_per_class=2)
    chosen = choose_sources(
        {"rrab": np.full(33, 0.5)}, config, embeddings=feature_embeddings(table)
    )
    assert sorted(row >= 17 for row in chosen.rows) == [False, True]
    with pytest.raises(InvalidInputError, match="embeddings"):
        choose_sources({"rrab": np.full(33, 0.5)}, config)


def test_an_unknown_class_is_refused_by_name():
    with pytest.raises(InvalidInputError, match="no class mira"):
        choose_sources(_scores(), SourceSelectionConfig(classes=("mira",)))


def test_the_same_seed_gives_the_same_sources_whatever_other_classes_are_scored():
    scores = _scores()
    one = SourceSelectionConfig(classes=("rrab",), n_per_class=10)
    alone = choose_sources({"rrab": scores["rrab"]}, one)
    among = choose_sources(scores, one)
    np.testing.assert_array_equal(alone.rows, among.rows)


def test_missing_features_become_the_median_and_a_column_of_their_own():
    values = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, np.nan]])
    table = FeatureTable(source_ids=np.arange(3), names=("a", "b"), values=values)
    embedded = feature_embeddings(table)
    assert embedded.shape == (3, 3)
    assert np.isfinite(embedded).all()
    np.testing.assert_array_equal(embedded[:, 2], [0, 0, 1])
