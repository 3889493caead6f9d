"""Uncertainty strategies against the textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy

from skyvet.scoring.priors import reprior_probability
from skyvet.strategies.queries.interface import Opinion, QueryState
from skyvet.strategies.queries.probability import ProbabilityConfig, verdict_entropy
from skyvet.strategies.queries.registry import build_query


def state_of(logits, *, members=None):
    n = len(logits)
    return QueryState(
        opinion=Opinion(logits=np.asarray(logits), member_logits=members),
        labels=np.full(n, -1),
        is_available=np.ones(n, dtype=bool),
    )


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def utility(kind, state, **settings):
    rows = np.arange(len(state.labels))
    return build_query(kind, **settings).utility(state, rows, rng=np.random.default_rng(0))


def test_three_uncertainties_rank_two_classes_alike():
    state = state_of(np.random.default_rng(2).normal(0, 4, 200))
    first, *others = (
        build_query(kind).rank(state, 200, rng=np.random.default_rng(0)).tolist()
        for kind in ("least_confidence", "margin", "entropy")
    )
    assert others == [first, first]


def test_uncertainties_are_the_textbook_numbers():
    logits = np.random.default_rng(3).normal(0, 3, 50)
    p = sigmoid(logits)
    state = state_of(logits)
    np.testing.assert_allclose(utility("least_confidence", state), 1 - np.maximum(p, 1 - p))
    np.testing.assert_allclose(utility("margin", state), 1 - np.abs(2 * p - 1))
    np.testing.assert_allclose(
        utility("entropy", state), scipy_entropy(np.stack([p, 1 - p]), axis=0), atol=1e-12
    )


def test_very_sure_verdicts_are_still_ranked():
    state = state_of([500.0, 60.0, -61.0, 400.0])
    for kind in ("least_confidence", "margin", "entropy"):
        ranked = build_query(kind).rank(state, 4, rng=np.random.default_rng(0))
        assert ranked.tolist() == [1, 2, 3, 0]


def test_prior_moves_the_boundary_as_bayes_says():
    logits = np.linspace(-4, 4, 41)
    moved = ProbabilityConfig(training_prior=0.5, pool_prior=0.1).logits(logits)
    expected = reprior_probability(sigmoid(logits), from_prior=0.5, to_prior=0.1)
    np.testing.assert_allclose(sigmoid(moved), expected)
    rare = build_query("entropy", probability={"pool_prior": 0.1})
    first = rare.rank(state_of(logits), 1, rng=np.random.default_rng(0))[0]
    assert logits[first] == pytest.approx(np.log(9), abs=0.1)


def test_disagreement_is_the_mutual_information_by_brute_force():
    members = np.random.default_rng(4).normal(0, 3, (5, 80))
    p = sigmoid(members)
    mean = p.mean(axis=0)
    total = scipy_entropy(np.stack([mean, 1 - mean]), axis=0)
    own = scipy_entropy(np.stack([p, 1 - p]), axis=0).mean(axis=0)
    found = utility("disagreement", state_of(members.mean(axis=0), members=members))
    np.testing.assert_allclose(found, total - own, atol=1e-12)


def test_disagreement_passes_over_what_all_find_undecidable():
    members = np.array([[0.0, 4.0], [0.0, -4.0]])
    state = state_of([0.0, 0.0], members=members)
    assert build_query("disagreement").rank(state, 1, rng=np.random.default_rng(0))[0] == 1


def test_members_that_agree_have_nothing_to_tell():
    members = np.tile(np.random.default_rng(5).normal(size=30), (4, 1))
    found = utility("disagreement", state_of(members[0], members=members))
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_cold_draws_follow_the_utility():
    state = state_of(np.concatenate([np.zeros(100), np.full(100, 6.0)]))
    draws = [
        build_query("entropy", coldness=1.0).rank(state, 20, rng=np.random.default_rng(seed))
        for seed in range(30)
    ]
    share = np.mean(np.concatenate(draws) < 100)
    sure = verdict_entropy(np.array([6.0]))[0]
    expected = np.log(2) / (np.log(2) + sure)  # before the likelier half begins to run out
    assert share == pytest.approx(expected, abs=0.03)


def test_coldness_of_zero_is_a_random_choice():
    state = state_of(np.linspace(0, 30, 100))
    firsts = {
        int(build_query("margin", coldness=0.0).rank(state, 1, rng=np.random.default_rng(seed))[0])
        for seed in range(40)
    }
    assert max(firsts) > 50
    assert len(firsts) > 20
