"""Simulated experts and planted errors."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.experts import SimulatedExpert, plant_wrong_labels

IDS = np.arange(20_000) + 1_095_578_115_815_010_000
TRUTH = (np.arange(20_000) % 3 == 0).astype(np.int8)


def test_errors_and_unknowns_come_at_the_stated_rates():
    expert = SimulatedExpert(real_error_rate=0.1, bogus_error_rate=0.03, unknown_rate=0.2, seed=4)
    answers = expert.answer(IDS, TRUTH)
    known = answers >= 0
    tolerance = 0.01  # three standard errors of the rarest count
    assert np.mean(~known) == pytest.approx(0.2, abs=tolerance)
    assert np.mean(answers[known & (TRUTH == 1)] == 0) == pytest.approx(0.1, abs=tolerance)
    assert np.mean(answers[known & (TRUTH == 0)] == 1) == pytest.approx(0.03, abs=tolerance)


def test_an_expert_without_faults_tells_the_truth():
    np.testing.assert_array_equal(SimulatedExpert().answer(IDS[:100], TRUTH[:100]), TRUTH[:100])


def test_answers_do_not_depend_on_order_or_company():
    expert = SimulatedExpert(real_error_rate=0.3, bogus_error_rate=0.3, unknown_rate=0.3)
    together = expert.answer(IDS[:300], TRUTH[:300])
    order = np.random.default_rng(0).permutation(300)
    np.testing.assert_array_equal(expert.answer(IDS[order], TRUTH[order]), together[order])
    alone = [expert.answer(IDS[i : i + 1], TRUTH[i : i + 1])[0] for i in range(20)]
    assert alone == together[:20].tolist()


def test_numbers_and_text_name_the_same_candidate():
    expert = SimulatedExpert(real_error_rate=0.5, bogus_error_rate=0.5)
    np.testing.assert_array_equal(
        expert.answer(IDS[:50], TRUTH[:50]), expert.answer(IDS[:50].astype(str), TRUTH[:50])
    )


def test_two_experts_err_independently():
    wrong = [
        SimulatedExpert(real_error_rate=0.2, bogus_error_rate=0.2, seed=seed).answer(IDS, TRUTH)
        != TRUTH
        for seed in (1, 2)
    ]
    assert np.mean(wrong[0] & wrong[1]) == pytest.approx(0.04, abs=0.006)


def test_nobody_asked_nobody_answers():
    assert SimulatedExpert().answer(IDS[:0], TRUTH[:0]).shape == (0,)


def test_truth_outside_the_two_classes_is_refused():
    with pytest.raises(InvalidInputError, match="UNKNOWN"):
        SimulatedExpert().answer(IDS[:2], np.array([1, -1]))


@pytest.mark.parametrize("name", ["real_error_rate", "bogus_error_rate", "unknown_rate"])
def test_impossible_rate_is_refused(name):
    with pytest.raises(InvalidInputError, match=name):
        SimulatedExpert(**{name: 1.5})


@pytest.mark.parametrize(("rate", "n_wrong"), [(0.0, 0), (0.05, 100), (1.0, 2000)])
def test_planted_errors_are_exactly_the_rate(rate, n_wrong):
    labels = TRUTH[:2000].copy()
    labels.flags.writeable = False
    planted = plant_wrong_labels(labels, rate, np.random.default_rng(0))
    assert planted.is_wrong.sum() == n_wrong
    np.testing.assert_array_equal(planted.labels != labels, planted.is_wrong)


def test_planted_errors_hit_both_classes_in_proportion():
    labels = TRUTH[:9000]
    planted = plant_wrong_labels(labels, 0.3, np.random.default_rng(1))
    assert planted.is_wrong[labels == 1].mean() == pytest.approx(0.3, abs=0.03)
