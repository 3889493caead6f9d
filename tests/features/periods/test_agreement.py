"""Agreement of algorithms."""

import numpy as np
import pytest

from skyvet.features.periods.agreement import AGREEMENT_NAMES, agreement_of

NAN = float("nan")


def test_equal_lists_agree_wholly():
    one = np.array([0.7, 2.9, 11.3])
    found = agreement_of([one, one, one])
    assert found["n_agree_pairs"] == found["n_total_pairs"] == 3
    assert found["agree_score"] == found["agree_strict"] == found["agree_weighted"] == 1.0
    assert found["best_agree_period"] == found["best_consensus_period"] == 0.7


@pytest.mark.parametrize(("ratio", "agrees"), [
    (1.0, True), (0.5, True), (2.0, True), (1 / 3, True), (3.0, True), (1.04, True),
    (1.06, False), (4.0, False), (1.5, False),
])  # fmt: skip
def test_which_ratios_match(ratio, agrees):
    found = agreement_of([np.array([0.8]), np.array([0.8 * ratio])])
    assert found["n_agree_pairs"] == agrees
    assert np.isnan(found["best_agree_period"]) == (not agrees)


def test_ranks_weigh():
    found = agreement_of([np.array([5.0, 0.3]), np.array([17.0, 40.0, 0.3])])
    assert found["agree_weighted"] == pytest.approx(1 / 6)
    assert found["agree_strict"] == 0
    assert found["best_consensus_period"] == 0.3


def test_periods_of_minutes_are_passed_over():
    assert agreement_of([np.array([0.005]), np.array([0.005])])["n_agree_pairs"] == 0


@pytest.mark.parametrize("lists", [[], [np.array([1.0])], [np.empty(0), np.empty(0)]])
def test_without_pairs_or_periods_columns_stay(lists):
    found = agreement_of(lists)
    assert tuple(found) == AGREEMENT_NAMES
    assert np.isnan(found["best_agree_period"])
    assert np.isnan(found["best_consensus_period"])
