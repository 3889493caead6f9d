"""Calibration for the pool: what a chosen label stands for."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.packing import (
    calibrate_for_pool,
    selection_weights,
    single_network_logits,
)
from skyvet.strategies.queries.interface import Opinion
from skyvet.training.calibrating import CalibrationConfig

CONFIG = CalibrationConfig(target_purity=0.9)


def rows_of(labels: np.ndarray) -> TripletArrays:
    n = len(labels)
    return TripletArrays(
        stamps=np.zeros((n, 3, 9, 9), np.float16),
        labels=labels.astype(np.int8),
        candidate_ids=np.arange(n),
        object_ids=np.arange(n),
        weights=np.ones(n, np.float32),
        targets=labels.astype(np.float32),
    )


def draw_pool(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose probability is that of a logit half as large, most of them far below 0."""
    logits = rng.normal(-4.0, 4.0, n)
    return logits, (rng.random(n) < 1 / (1 + np.exp(-logits / 2))).astype(np.int8)


def test_weights_of_a_random_draw_are_nearly_one():
    rng = np.random.default_rng(0)
    pool = rng.normal(size=20_000)
    weights = selection_weights(rng.choice(pool, 400, replace=False), pool)
    assert weights.mean() == pytest.approx(1.0)
    assert np.abs(weights - 1).max() < 0.35  # a tenth of 400 labels scatters by 16 %


def test_weighted_labels_have_the_scores_of_the_pool():
    rng = np.random.default_rng(1)
    logits, _ = draw_pool(20_000, rng)
    chosen = rng.permutation(np.argsort(np.abs(logits))[:6000])[:300]
    chosen = np.concatenate([chosen, rng.choice(len(logits), 100)])
    weights = selection_weights(logits[chosen], logits)
    plain = logits[chosen].mean()
    weighted = np.average(logits[chosen], weights=weights)
    assert abs(weighted - logits.mean()) < 0.25 * abs(plain - logits.mean())


def test_prior_of_chosen_labels_is_that_of_the_pool_after_the_correction():
    rng = np.random.default_rng(2)
    logits, truth = draw_pool(20_000, rng)
    uncertain = rng.permutation(np.argsort(np.abs(logits))[:5000])[:250]
    chosen = np.concatenate([uncertain, rng.choice(len(logits), 150, replace=False)])

    def prior(*, is_random: bool) -> float:
        found = calibrate_for_pool(
            logits[chosen].astype(np.float32),
            rows_of(truth[chosen]),
            logits,
            n_pool=len(logits),
            config=CONFIG,
            is_random=is_random,
            seed=0,
        )
        return found.fit.prior

    assert abs(prior(is_random=True) - truth.mean()) > 0.1
    assert abs(prior(is_random=False) - truth.mean()) < 0.05


def test_calibration_recovers_the_chances_of_the_pool():
    rng = np.random.default_rng(3)
    logits, truth = draw_pool(20_000, rng)
    uncertain = np.argsort(np.abs(logits))[rng.permutation(8000)[:500]]
    chosen = np.concatenate([uncertain, rng.choice(len(logits), 300, replace=False)])
    found = calibrate_for_pool(
        logits[chosen].astype(np.float32),
        rows_of(truth[chosen]),
        logits,
        n_pool=len(logits),
        config=CONFIG,
        is_random=False,
        seed=0,
    )
    at = np.array([-4.0, 0.0, 4.0])
    np.testing.assert_allclose(
        found.fit.calibrator.probability(at), 1 / (1 + np.exp(-at / 2)), atol=0.08
    )
    assert 100 < found.n_effective < 800


def test_labels_that_were_never_held_out_do_not_calibrate():
    rng = np.random.default_rng(4)
    logits, truth = draw_pool(200, rng)
    held_out = logits.astype(np.float32)
    held_out[::2] = np.nan
    found = calibrate_for_pool(
        held_out, rows_of(truth), logits, n_pool=200, config=CONFIG, is_random=True, seed=0
    )
    np.testing.assert_array_equal(found.i_held_out, np.arange(1, 200, 2))
    assert found.n_effective == pytest.approx(100)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 0, 0, 0], []])
def test_too_few_labels_of_a_class_calibrate_nothing(labels):
    logits = np.linspace(-1, 1, len(labels), dtype=np.float32)
    found = calibrate_for_pool(
        logits,
        rows_of(np.array(labels, dtype=int)),
        np.zeros(9),
        n_pool=9,
        config=CONFIG,
        is_random=False,
        seed=0,
    )
    assert found is None


def test_weights_without_labels_or_pool_are_refused():
    with pytest.raises(InvalidInputError, match="labelled rows and a pool"):
        selection_weights(np.zeros(0), np.zeros(3))


def test_labels_of_one_score_all_weigh_the_same():
    np.testing.assert_array_equal(selection_weights(np.zeros(40), np.arange(9.0)), np.ones(40))


def test_each_network_speaks_for_its_share_of_the_rows():
    members = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]])
    opinion = Opinion(logits=members.mean(axis=0), member_logits=members)
    np.testing.assert_array_equal(single_network_logits(opinion), [1, 2, 1, 2])
