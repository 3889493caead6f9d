"""Random, stratified, high-confidence, anomaly and mixed strategies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.queries.high_confidence import spaced_positions
from skyvet.strategies.queries.interface import Opinion, QueryState
from skyvet.strategies.queries.isolation_forest import LeafWeighting, WeightedForest, _solve_dual
from skyvet.strategies.queries.registry import build_query
from skyvet.strategies.queries.stratified import halving_order


def state_of(logits, *, embeddings=None, object_ids=None):
    n = len(logits)
    return QueryState(
        opinion=Opinion(logits=np.asarray(logits, dtype=float), embeddings=embeddings),
        labels=np.full(n, -1),
        is_available=np.ones(n, dtype=bool),
        object_ids=object_ids,
    )


def rank(kind, state, n, seed=0, **settings):
    return build_query(kind, **settings).rank(state, n, rng=np.random.default_rng(seed))


def probability(state):
    return 1 / (1 + np.exp(-state.opinion.logits))


def test_random_choice_is_uniform():
    state = state_of(np.zeros(10))
    firsts = np.concatenate([rank("random", state, 3, seed=seed) for seed in range(600)])
    assert stats.chisquare(np.bincount(firsts, minlength=10)).pvalue > 0.001


@pytest.mark.parametrize("n", [2, 7, 50])
def test_each_quantile_of_the_score_gives_one(n):
    logits = np.random.default_rng(1).normal(0, 3, 300)
    rows = rank("stratified", state_of(logits), n)
    ranks = np.empty(300, dtype=int)
    ranks[np.argsort(logits)] = np.arange(300)
    edges = np.arange(n + 1) * 300 // n
    assert sorted(np.searchsorted(edges, ranks[rows], side="right")) == list(range(1, n + 1))


def test_any_beginning_of_a_stratified_batch_covers_the_range():
    rows = rank("stratified", state_of(np.linspace(-5, 5, 400)), 64)
    assert sorted(rows[:4] // 100) == [0, 1, 2, 3]


def test_boundary_share_takes_more_near_the_boundary():
    state = state_of(np.random.default_rng(2).normal(0, 5, 500))
    near = [
        np.median(np.abs(state.opinion.logits[rank("stratified", state, 60, boundary_share=share)]))
        for share in (0.0, 0.5, 1.0)
    ]
    assert near[0] > near[1] > near[2]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 13, 64])
def test_halving_order_is_a_permutation(n):
    assert sorted(halving_order(n)) == list(range(n))


@pytest.mark.parametrize("share", [0.0, 0.1, 1 / 3, 0.5, 1.0])
def test_spaced_positions_keep_their_share_from_the_start(share):
    marks = spaced_positions(100, share)
    error = np.cumsum(marks) - share * np.arange(1, 101)
    assert np.abs(error).max() <= 1


def test_high_confidence_asks_for_sure_verdicts_of_both_classes():
    state = state_of(np.random.default_rng(3).normal(0, 4, 400))
    p = probability(state)[rank("high_confidence", state, 40, threshold=0.95)]
    assert (np.maximum(p, 1 - p) >= 0.95).all()
    assert (p > 0.5).sum() == 20


def test_surest_first_is_the_order_of_confidence_in_each_class():
    state = state_of(np.random.default_rng(4).normal(0, 4, 100))
    rows = rank("high_confidence", state, 100, order="surest")
    for is_class in (state.opinion.logits > 0, state.opinion.logits < 0):
        distance = np.abs(state.opinion.logits[rows[is_class[rows]]])
        assert (np.diff(distance) <= 0).all()


def test_high_confidence_without_one_class_takes_the_other():
    rows = rank("high_confidence", state_of(np.linspace(3, 9, 20)), 10)
    assert len(set(rows.tolist())) == 10


def planted_anomalies(seed=0):
    """Return a cloud with 20 outliers on either side, and where these lie (+1, -1, 0)."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(600, 4)).astype(np.float32)
    side = np.zeros(600, dtype=int)
    side[:20], side[20:40] = 1, -1
    points[:, 0] += 6.0 * side
    return points, side


def test_outliers_are_asked_for_first():
    points, side = planted_anomalies()
    rows = rank("anomaly", state_of(np.zeros(600), embeddings=points), 20)
    assert np.mean(side[rows] != 0) >= 0.6  # 40 of 600 would be 0.07 by chance


def interesting_found(points, side, interesting, *, seed):
    """Ask for ten pairs, one pair after the other, and count the interesting outliers."""
    query = build_query("anomaly", interesting=interesting, n_trees=30)
    rng, labels = np.random.default_rng(seed), np.full(len(points), -1)
    for _ in range(10):
        state = replace(
            state_of(np.zeros(len(points)), embeddings=points),
            labels=labels.copy(),
            is_available=labels < 0,
        )
        rows = query.rank(state, 2, rng=rng)
        labels[rows] = side[rows] > 0
    return int((labels == 1).sum())


def test_labels_steer_towards_the_interesting_outliers():
    points, side = planted_anomalies()
    steered, free, misled = (
        sum(interesting_found(points, side, kind, seed=seed) for seed in range(3))
        for kind in ("real", "none", "bogus")
    )
    assert steered > free > misled


def test_forest_without_labels_ranks_as_scikit_learn():
    ensemble = pytest.importorskip("sklearn.ensemble")
    points, _ = planted_anomalies()
    own = WeightedForest(points, n_trees=100, n_per_tree=256, rng=np.random.default_rng(1))
    theirs = (
        -ensemble.IsolationForest(n_estimators=100, random_state=5)
        .fit(points)
        .score_samples(points)
    )
    # other trees, and the mean of a reciprocal in place of the power of a mean
    assert stats.spearmanr(own.scores(), theirs).statistic > 0.93


def test_learning_minimises_the_published_loss():
    points, side = planted_anomalies()
    how = LeafWeighting(anomalous_share=0.05, interesting_weight=2.0, prior_influence=0.7)
    forest = WeightedForest(points, n_trees=10, n_per_tree=64, rng=np.random.default_rng(2))
    rows, is_interesting = np.arange(10, 30), side[10:30] > 0
    start, level = forest._weights.copy(), np.quantile(forest.scores(), 0.95)
    paths = forest._paths(rows).toarray()

    def loss(weights):
        shortfall = np.where(is_interesting, 1, -1) * (level - paths @ weights)
        hinge = np.maximum(shortfall, 0)
        pull = 0.7 / 2 * np.sum((weights - start) ** 2)
        return pull + 2 * hinge[is_interesting].mean() + hinge[~is_interesting].mean()

    forest.learn(rows, is_interesting, how)
    found = loss(forest._weights)
    # The subgradient of the loss is sparse: search among the nodes that the labels reach.
    reached = np.flatnonzero(np.abs(paths).sum(axis=0))
    rng = np.random.default_rng(3)
    for scale in (1e-4, 1e-3, 1e-2):
        for _ in range(50):
            moved = forest._weights.copy()
            moved[reached] += scale * rng.normal(size=len(reached))
            assert loss(moved) >= found - 1e-7
    assert found < loss(start)


def test_dual_is_solved_as_by_another_solver():
    rng = np.random.default_rng(4)
    half = rng.normal(size=(6, 4))
    gram, gain, bound = half @ half.T + 0.1 * np.eye(6), rng.normal(size=6), np.full(6, 0.5)
    other = optimize.minimize(
        lambda a: a @ gram @ a / 2 - gain @ a,
        np.full(6, 0.2),
        method="SLSQP",
        bounds=[(0, 0.5)] * 6,
        options={"ftol": 1e-12},
    )
    np.testing.assert_allclose(_solve_dual(gram, gain, bound), other.x, atol=1e-4)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("main", ["least_confidence", "random", "high_confidence"])
def test_expected_share_of_real_is_kept_within_one_from_the_start(main, share):
    state = state_of(np.random.default_rng(5).normal(-1, 3, 800))
    rows = rank("mixture", state, 60, main={"kind": main}, random_share=0.0, real_share=share)
    expected = np.cumsum(probability(state)[rows])
    assert np.abs(expected - share * np.arange(1, 61)).max() <= 1.0


def test_random_labels_are_made_up_for_in_the_share_of_real():
    state = state_of(np.random.default_rng(5).normal(-1, 3, 800))
    shares = [
        probability(state)[
            rank(
                "mixture",
                state,
                60,
                seed=seed,
                main={"kind": "least_confidence"},
                random_share=0.5,
                real_share=0.6,
            )
        ].mean()
        for seed in range(20)
    ]
    assert np.mean(shares) == pytest.approx(0.6, abs=0.03)


def test_wanted_share_that_the_pool_cannot_give_takes_what_there_is():
    state = state_of(np.full(30, -8.0))
    rows = rank("mixture", state, 10, main={"kind": "entropy"}, real_share=0.5)
    assert len(rows) == 10


def test_no_object_gives_more_than_its_limit():
    rng = np.random.default_rng(6)
    objects = rng.integers(0, 25, 200)
    state = state_of(rng.normal(0, 2, 200), object_ids=objects)
    labels = np.where(np.arange(200) < 20, 1, -1)
    state = replace(state, labels=labels, is_available=labels < 0)
    rows = rank("mixture", state, 30, main={"kind": "entropy"}, max_per_object=2)
    counts = np.bincount(objects[rows], minlength=25) + np.bincount(objects[:20], minlength=25)
    assert counts[np.unique(objects[rows])].max() <= 2


def test_limit_an_object_ends_a_batch_early():
    state = state_of(np.linspace(-1, 1, 12), object_ids=np.repeat(["a", "b", "c"], 4))
    rows = rank("mixture", state, 10, main={"kind": "entropy"}, max_per_object=1)
    assert len(rows) == 3


def test_limit_without_objects_is_refused():
    with pytest.raises(InvalidInputError, match="object_ids"):
        rank("mixture", state_of(np.zeros(5)), 2, main={"kind": "entropy"}, max_per_object=1)


def test_random_share_is_a_share_of_the_batch():
    state = state_of(np.linspace(0.0, 50.0, 1000))
    rows = rank("mixture", state, 100, main={"kind": "entropy"}, random_share=0.25)
    assert np.sum(rows >= 100) == pytest.approx(25 * 0.9, abs=5)
    assert np.sum(rows < 80) >= 75


def test_without_rules_a_mixture_is_its_main_strategy():
    state = state_of(np.random.default_rng(7).normal(0, 3, 100))
    plain = rank("mixture", state, 20, main={"kind": "entropy"}, random_share=0.0)
    np.testing.assert_array_equal(plain, rank("entropy", state, 20))
