"""The linear ranker starts from the bundle and learns from the labels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skyvet.preprocessing.pools import BoughtLabels
from skyvet.services.labelling.rankers import LinearRanker

N = 300


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(8)
    statistics = rng.normal(size=(N, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, 2.0]
    labels = (statistics[:, 0] + 0.1 * statistics[:, 1] + rng.normal(size=N) > 0.5).astype(np.int8)
    return statistics, labels


def bought(labels, rows):
    return BoughtLabels(i_row=np.asarray(rows), labels=labels[rows])


def test_before_any_label_the_opinion_is_the_bundle_s(problem):
    logits = np.random.default_rng(1).normal(size=N)
    ranker = LinearRanker(problem[0], logits=logits)
    opinion = ranker.fit(BoughtLabels.none(), seed=1)
    np.testing.assert_allclose(opinion.logits, logits, rtol=0, atol=1e-6)
    assert ranker.knows_before


def test_before_any_label_and_without_a_bundle_nothing_is_known(problem):
    ranker = LinearRanker(problem[0])
    opinion = ranker.fit(BoughtLabels.none(), seed=1)
    assert not ranker.knows_before
    assert not opinion.logits.any()
    assert opinion.member_logits.std() > 0.1, "members differ as far as the prior does"


def test_weights_are_those_of_penalised_logistic_regression(problem):
    """Compared with scikit-learn: the same prior on the slopes, a wide one on the rest."""
    statistics, labels = problem
    rows = np.arange(200)
    opinion = LinearRanker(statistics).fit(bought(labels, rows), seed=1)
    scaled = (statistics - statistics.mean(axis=0)) / statistics.std(axis=0)
    other = LogisticRegression(C=0.3**2, tol=1e-8).fit(scaled[rows], labels[rows])
    expected = other.decision_function(scaled)
    # scikit-learn does not penalise the intercept; here it has a wide prior.
    np.testing.assert_allclose(opinion.logits, expected, rtol=0, atol=0.02)


def test_labels_improve_on_the_bundle(problem):
    statistics, labels = problem
    misleading = np.random.default_rng(2).normal(size=N)
    ranker = LinearRanker(statistics, logits=misleading)
    rest = slice(200, None)
    before = ranker.fit(BoughtLabels.none(), seed=1).logits
    after = ranker.fit(bought(labels, np.arange(200)), seed=1).logits
    n_right = [((logits > 0) == labels)[rest].sum() for logits in (before, after)]
    assert n_right[1] > n_right[0] + 10


def test_members_agree_more_the_more_labels_there_are(problem):
    statistics, labels = problem
    ranker = LinearRanker(statistics)
    spreads = [
        ranker.fit(bought(labels, np.arange(n)), seed=1).member_logits.std(axis=0).mean()
        for n in (5, 50, 300)
    ]
    assert spreads == sorted(spreads, reverse=True)


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_alone_is_no_obstacle(problem, value):
    rows = np.arange(5)
    labels = np.full(N, value, dtype=np.int8)
    opinion = LinearRanker(problem[0]).fit(bought(labels, rows), seed=1)
    assert np.isfinite(opinion.logits).all()
    assert ((opinion.logits > 0) == value).mean() > 0.9


def test_missing_and_constant_statistics_say_nothing():
    statistics = np.column_stack([np.arange(6.0), np.full(6, np.nan), np.full(6, 3.0)])
    statistics[0, 0] = np.nan
    labels = BoughtLabels(i_row=np.array([1, 5]), labels=np.array([0, 1]))
    opinion = LinearRanker(statistics).fit(labels, seed=1)
    assert np.isfinite(opinion.logits).all()
    assert np.isfinite(opinion.embeddings).all()


def test_the_same_seed_gives_the_same_members(problem):
    ranker = LinearRanker(problem[0])
    labels = bought(problem[1], np.arange(20))
    first, again, other = (ranker.fit(labels, seed=seed).member_logits for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_separable_labels_do_not_run_away():
    statistics = np.linspace(-1, 1, 50)[:, None]
    rows = np.arange(50)
    labels = BoughtLabels(i_row=rows, labels=(rows >= 25).astype(np.int8))
    assert np.abs(LinearRanker(statistics).fit(labels, seed=1).logits).max() < 20
