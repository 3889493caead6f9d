"""Strategies that spread a batch, against brute force and planted clusters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from skyvet.strategies.queries.badge import gradient_embeddings
from skyvet.strategies.queries.interface import Opinion, QueryState
from skyvet.strategies.queries.registry import build_query
from skyvet.strategies.queries.spread import NearestCentre, farthest_first, standardized


def state_of(embeddings, *, logits=None, labels=None):
    n = len(embeddings)
    labels = np.full(n, -1) if labels is None else np.asarray(labels)
    return QueryState(
        opinion=Opinion(
            logits=np.zeros(n) if logits is None else logits, embeddings=np.asarray(embeddings)
        ),
        labels=labels,
        is_available=labels < 0,
    )


def rank(kind, state, n, seed=0, **settings):
    return build_query(kind, **settings).rank(state, n, rng=np.random.default_rng(seed))


def clusters(n_each=20, *, seed=0, n_clusters=6):
    """Return points of tight clusters far apart, and the cluster of each."""
    rng = np.random.default_rng(seed)
    centres = 50.0 * np.eye(n_clusters)
    which = np.repeat(np.arange(n_clusters), n_each)
    return centres[which] + rng.normal(0, 0.1, (len(which), n_clusters)), which


def test_farthest_first_is_the_greedy_search_by_brute_force():
    points = np.random.default_rng(1).normal(size=(40, 3))
    centres = np.random.default_rng(2).normal(size=(4, 3))
    chosen = []
    for _ in range(8):
        distance = cdist(points, np.vstack([centres, points[chosen]])).min(axis=1)
        chosen.append(int(np.argmax(distance)))
    assert farthest_first(points, centres, 8).tolist() == chosen


def test_distances_survive_a_common_offset():
    points = np.random.default_rng(3).normal(size=(50, 4))
    near = NearestCentre(points + 3000.0)
    near.add(points[:5] + 3000.0)
    # float32 holds 3000 to 2e-4
    np.testing.assert_allclose(
        near.squared, cdist(points, points[:5]).min(axis=1) ** 2, atol=5e-3, rtol=5e-3
    )


@pytest.mark.parametrize("kind", ["k_center", "badge", "diverse_uncertain"])
def test_one_of_each_cluster_comes_first(kind):
    points, which = clusters()
    chosen = rank(kind, state_of(points), 6)
    assert sorted(which[chosen]) == list(range(6))


@pytest.mark.parametrize("kind", ["k_center", "diverse_uncertain"])
def test_clusters_with_a_label_are_passed_over(kind):
    points, which = clusters()
    labels = np.where(np.arange(len(points)) % 20 == 0, 1, -1)
    labels[which >= 3] = -1
    chosen = rank(kind, state_of(points, labels=labels), 4)
    assert set(which[chosen]) >= {3, 4, 5}


@pytest.mark.parametrize("kind", ["k_center", "badge"])
def test_pending_candidates_count_as_centres(kind):
    points, which = clusters()
    logits = np.full(len(points), 0.3)
    pending = np.isin(np.arange(len(points)), [0, 20, 40, 60])
    state = replace(state_of(points, logits=logits), is_pending=pending)
    state = replace(state, is_available=~pending)
    assert sorted(which[rank(kind, state, 2)]) == [4, 5]


def test_first_of_a_core_set_without_labels_is_the_most_central():
    points = np.array([[-4.0], [0.5], [3.0], [5.0]])
    assert rank("k_center", state_of(points), 1).tolist() == [1]


def test_standardizing_gives_columns_equal_weight():
    values = np.random.default_rng(4).normal(3, [1, 1000, 1e-3], (200, 3))
    fair = standardized(values)
    # float32 holds the mean of 3 to 1e-7, which is 1e-4 of the smallest spread
    np.testing.assert_allclose(fair.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(fair.std(axis=0), 1, atol=1e-3)


def test_gradient_embedding_is_the_gradient_that_torch_finds():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    embeddings, logits = rng.normal(size=(6, 4)), rng.normal(0, 2, 6)
    for embedding, logit in zip(embeddings, logits, strict=True):
        weights = torch.zeros(4, dtype=torch.float64, requires_grad=True)
        z = torch.dot(weights, torch.from_numpy(embedding)) + float(logit)
        verdict = torch.tensor(float(logit >= 0), dtype=torch.float64)
        torch.nn.functional.binary_cross_entropy_with_logits(z, verdict).backward()
        found = gradient_embeddings(np.array([logit]), embedding[None])[0]
        np.testing.assert_allclose(found, weights.grad.numpy(), rtol=1e-5)


def test_badge_takes_one_of_all_sure_ones_as_they_share_one_gradient():
    points, _ = clusters()
    logits = np.full(len(points), 40.0)
    logits[[7, 30, 90]] = [0.0, 0.5, -0.5]
    chosen = rank("badge", state_of(points, logits=logits), 4)
    assert set(chosen.tolist()) > {7, 30, 90}
    assert chosen[0] == 7


def test_diverse_uncertain_stays_among_the_least_sure():
    rng = np.random.default_rng(6)
    logits = rng.normal(0, 5, 300)
    state = state_of(rng.normal(size=(300, 4)), logits=logits)
    chosen = rank("diverse_uncertain", state, 10, factor=3.0)
    least_sure = np.argsort(np.abs(logits))[:30]
    assert np.isin(chosen, least_sure).all()
    assert chosen[0] == least_sure[0]


def test_factor_of_one_is_plain_uncertainty():
    rng = np.random.default_rng(7)
    state = state_of(rng.normal(size=(80, 4)), logits=rng.normal(0, 5, 80))
    chosen = rank("diverse_uncertain", state, 9, factor=1.0)
    assert set(chosen.tolist()) == set(rank("least_confidence", state, 9).tolist())
