"""A few labels on a foreign network: harmless where they say nothing, useful where they do."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.few_label_heads import adapt_head, principal_features

from skyvet.scoring.curves import roc_auc


def made(n, seed=0, *, hidden=0.0):
    """Logits of fair quality, and features of which the first holds what the logits miss."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    signs = 2 * labels - 1
    features = rng.normal(size=(n, 6))
    features[:, 0] += hidden * signs
    return rng.normal(size=n) + signs, features, labels


@pytest.mark.parametrize("label", [0, 1])
def test_labels_of_one_class_change_nothing(label):
    logits, features, _ = made(10)
    head = adapt_head(logits, features, np.full(10, label), rng=np.random.default_rng(0))
    np.testing.assert_array_equal(head.logits(logits, features), logits)


def test_features_that_say_nothing_hardly_change_the_ranking():
    logits, features, labels = made(4000, 1)
    before = roc_auc(logits, labels)
    for seed in range(10):
        rows = np.random.default_rng(seed).permutation(4000)[:15]
        head = adapt_head(
            logits[rows], features[rows], labels[rows], rng=np.random.default_rng(seed)
        )
        assert roc_auc(head.logits(logits, features), labels) > before - 0.01


def test_features_that_say_much_are_used_once_labels_show_it():
    logits, features, labels = made(4000, 2, hidden=1.5)
    rows = np.arange(200)
    head = adapt_head(logits[rows], features[rows], labels[rows], rng=np.random.default_rng(0))
    assert np.isfinite(head.penalty)
    moved = head.logits(logits, features)
    assert roc_auc(moved, labels) > roc_auc(logits, labels) + 0.02


def test_components_are_uncorrelated_and_ordered_by_variance():
    features = np.random.default_rng(3).normal(size=(200, 8)) @ np.diag(np.arange(1, 9))
    kept = principal_features(features, 3)
    covariance = np.cov(kept.T, bias=True)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-9)
    assert np.diag(covariance)[0] == pytest.approx(1, abs=1e-9)
    assert (np.diff(np.diag(covariance)) <= 1e-12).all()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_sure_logits_with_some_errors_are_trusted_less(seed):
    """Newton steps without a step size once blew such a logit up twentyfold."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(50) < 0.86).astype(int)
    features = rng.normal(size=(50, 6))
    logits = 2 * (2 * labels - 1 + rng.normal(size=50))
    wrong = np.flatnonzero(labels == 0)[:4]
    logits[wrong] = np.abs(logits[wrong])
    head = adapt_head(logits, features, labels, rng=np.random.default_rng(0))
    assert 0 < head.scale < 1
