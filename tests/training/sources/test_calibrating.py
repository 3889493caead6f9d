"""Calibration, thresholds and figures of classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from tests.source_makers import TAXONOMY

from skyvet.scoring.thresholds import threshold_for_f1
from skyvet.training.sources.calibrating import (
    calibrate_classes,
    class_metrics,
    class_threshold,
)
from skyvet.training.sources.configs import SourceThresholdConfig, SourceTrainConfig

F1 = SourceThresholdConfig()


def _calibrated(logits, votes, **changes):
    return calibrate_classes(
        logits[:, None],
        votes[:, None],
        SourceTrainConfig(),
        weights=np.ones((len(logits), 1)),
        groups=np.arange(len(logits)),
        learned=("vnv",),
        taxonomy=TAXONOMY,
        seed=0,
        **changes,
    )


def test_overconfident_logits_become_probabilities():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=6000, scale=1.5)
    votes = (rng.uniform(size=6000) < expit(truth)).astype(float)
    found = _calibrated(3.0 * truth + 1.0, votes)
    probability = found.probabilities(3.0 * truth[:, None] + 1.0, TAXONOMY)[:, 0]
    assert np.abs(probability - expit(truth)).mean() < 0.02


def test_a_vote_of_three_quarters_calibrates_to_three_quarters():
    rng = np.random.default_rng(1)
    logits = np.where(np.arange(1000) % 2, 4.0, -4.0) + rng.normal(size=1000, scale=0.1)
    votes = np.where(np.arange(1000) % 2, 0.75, 0.0)
    probability = _calibrated(logits, votes).probabilities(logits[:, None], TAXONOMY)[:, 0]
    assert probability[1::2].mean() == pytest.approx(0.75, abs=0.02)


def test_opposites_follow_and_get_their_own_threshold():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=800, scale=2)
    votes = (rng.uniform(size=800) < expit(logits)).astype(float)
    found = _calibrated(logits, votes)
    assert found.tags == ("vnv", "nonvar")
    probability = found.probabilities(logits[:, None], TAXONOMY)
    np.testing.assert_array_equal(probability[:, 1], 1.0 - probability[:, 0])
    called = probability[:, 1] >= found.threshold(1)
    assert (called == (votes == 0)).mean() > 0.7


def test_few_votes_are_calibrated_by_the_simplest_means():
    found = _calibrated(np.array([-1.0, 1.0]), np.array([0.0, 1.0]))
    assert found.calibrators[0].method == "platt"
    none = _calibrated(np.array([-1.0, 1.0]), np.array([1.0, np.nan]))
    assert none.calibrators[0].method == "identity"
    assert none.threshold(0) == 0.5


def test_the_threshold_of_largest_f1_is_that_of_brute_force():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 300)
    scores = np.round(np.clip(0.4 * labels + rng.uniform(size=300) * 0.6, 0, 1), 2)
    f1 = {
        t: 2 * (labels[scores >= t]).sum() / ((scores >= t).sum() + labels.sum())
        for t in np.unique(scores)
    }
    point = threshold_for_f1(scores, labels)
    assert f1[point.threshold] == pytest.approx(max(f1.values()))


def test_a_class_of_one_kind_has_no_threshold_and_no_figures():
    assert class_threshold(np.array([0.2, 0.3]), np.ones(2), np.ones(2), config=F1) is None
    found = class_metrics(
        np.array([0.2, 0.3]), np.array([1.0, np.nan]), is_called=np.zeros(2, dtype=bool)
    )
    assert (found["n_positive"], found["n_negative"], found["auc"]) == (1, 0, None)


def test_rows_without_a_vote_count_in_no_figure():
    rng = np.random.default_rng(4)
    votes = np.where(rng.uniform(size=500) < 0.3, np.nan, rng.integers(0, 2, 500))
    probability = np.clip(np.nan_to_num(votes) * 0.5 + rng.uniform(size=500) * 0.5, 0, 1)
    called = probability > 0.5
    rows = ~np.isnan(votes)
    whole = class_metrics(probability, votes, is_called=called)
    few = class_metrics(probability[rows], votes[rows], is_called=called[rows])
    assert whole == few
