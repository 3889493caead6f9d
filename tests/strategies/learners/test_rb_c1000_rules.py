"""Each rule of RB-C1000 on arrays small enough to follow by hand."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.learners.rb_c1000_rules import (
    class_ratio_cut,
    confident_rows,
    least_confident,
    split_in_two,
    split_rb_c1000,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_set_is_cut_by_position_after_one_shuffle():
    order = rng(5).permutation(43_000)
    split = split_rb_c1000(43_000, n_first=900, n_pool=10_000, test_fraction=0.1, rng=rng(5))
    np.testing.assert_array_equal(split.first, order[:900])
    np.testing.assert_array_equal(split.pool, order[900:10_900])
    np.testing.assert_array_equal(split.test, order[-4300:])


def test_the_pool_ends_where_the_test_begins():
    split = split_rb_c1000(100, n_first=20, n_pool=1000, test_fraction=0.1, rng=rng())
    every = np.concatenate([split.first, split.pool, split.test])
    assert sorted(every) == list(range(100))
    assert len(split.pool) == 70


def test_a_set_without_a_pool_is_refused():
    with pytest.raises(InvalidInputError, match="leave nothing beyond the first 90"):
        split_rb_c1000(100, n_first=90, n_pool=10, test_fraction=0.1, rng=rng())


def test_labels_are_split_six_to_four_by_position_after_a_shuffle():
    train, validation = split_in_two(900, train_share=0.6, rng=rng(2))
    np.testing.assert_array_equal(np.concatenate([train, validation]), rng(2).permutation(900))
    assert (len(train), len(validation)) == (540, 360)


def test_each_stage_splits_anew():
    source = rng(1)
    first, _ = split_in_two(50, train_share=0.6, rng=source)
    second, _ = split_in_two(50, train_share=0.6, rng=source)
    assert set(first) != set(second)


def test_the_least_confident_come_first_and_ties_keep_their_order():
    logits = np.array([2.0, -0.5, 0.5, -0.1, 9.0], dtype=np.float32)
    assert least_confident(logits, 3).tolist() == [3, 1, 2]
    assert least_confident(logits, 99).tolist() == [3, 1, 2, 0, 4]
    assert least_confident(np.zeros(0, np.float32), 3).tolist() == []


def test_too_many_real_are_cut_from_the_end():
    # r = .3 and 7 BOGUS: at most 7 * .301 / .699 = 3.01 REAL stay
    labels = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0])
    kept = class_ratio_cut(labels, 0.3, tolerance=0.001)
    assert kept.tolist() == [0, 1, 2, 3, 4, 5, 7, 9, 10, 11]


def test_too_many_bogus_are_cut_from_the_end():
    # r = .3 and 3 REAL: at most 3 / .299 - 3 = 7.03 BOGUS stay
    labels = np.array([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0])
    kept = class_ratio_cut(labels, 0.3, tolerance=0.001)
    assert kept.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("labels", [[1, 0, 0], [0, 0, 1], []])
def test_the_right_ratio_is_left_alone(labels):
    kept = class_ratio_cut(np.array(labels, dtype=int), 1 / 3, tolerance=0.001)
    assert kept.tolist() == list(range(len(labels)))


@pytest.mark.parametrize(
    ("labels", "real_fraction", "n_kept"),
    [([1, 1], 0.3, 0), ([0, 0], 0.3, 0), ([0, 0], 0.0, 2), ([1, 1], 1.0, 2)],
)
def test_a_missing_class_leaves_none_unless_the_ratio_says_so(labels, real_fraction, n_kept):
    assert len(class_ratio_cut(np.array(labels), real_fraction, tolerance=0.001)) == n_kept


def test_sure_rows_come_surest_first():
    p = np.array([0.96, 0.5, 0.01, 0.949, 0.999])
    logits = np.log(p / (1 - p))
    assert confident_rows(logits, confidence=0.95).tolist() == [4, 2, 0]


def test_no_row_may_be_sure_enough():
    assert len(confident_rows(np.array([0.1, -1.0]), confidence=0.95)) == 0
    assert len(confident_rows(np.zeros(0), confidence=0.95)) == 0
