"""Splits: whole objects, even classes, no leakage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError, LeakageError
from skyvet.training.splits import check_no_leakage, grouped_folds, grouped_split


@given(
    objects=st.lists(st.integers(0, 30), min_size=12, max_size=80).filter(
        lambda ids: len(set(ids)) >= 5
    ),
    seed=st.integers(0, 100),
)
def test_every_row_gets_one_fold_and_every_object_stays_whole(objects, seed):
    ids = np.array(objects)
    folds = grouped_folds(ids, ids % 2, n_folds=5, seed=seed)
    assert set(folds) <= set(range(5))
    for one in np.unique(ids):
        assert len(np.unique(folds[ids == one])) == 1


def test_folds_are_even_in_both_classes():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 400, 520)
    labels = (ids % 7 > 0).astype(int)  # one in seven objects is BOGUS
    folds = grouped_folds(ids, labels, n_folds=5, seed=0)
    for value in (0, 1):
        counts = np.bincount(folds[labels == value], minlength=5)
        assert counts.max() - counts.min() <= 2


def test_one_huge_object_fills_a_fold_of_its_own():
    ids = np.array([1] * 50 + list(range(2, 52)))
    folds = grouped_folds(ids, np.arange(100) % 2, n_folds=2, seed=0)
    assert len(set(folds[:50])) == 1
    assert abs(np.bincount(folds)[0] - 50) <= 2


def test_folds_depend_on_the_seed_alone_and_not_on_the_type_of_identifier():
    ids = np.arange(60) // 2
    labels = ids % 2
    folds = grouped_folds(ids, labels, n_folds=3, seed=4)
    as_text = np.array([f"{one:04d}" for one in ids])
    assert (folds == grouped_folds(as_text, labels, n_folds=3, seed=4)).all()
    assert (folds != grouped_folds(ids, labels, n_folds=3, seed=5)).any()


def test_split_reaches_the_wanted_shares():
    ids = np.arange(200) // 2
    split = grouped_split(ids, ids % 2, validation_fraction=0.2, test_fraction=0.3, seed=1)
    assert [len(split.train), len(split.validation), len(split.test)] == [100, 40, 60]
    together = np.concatenate([split.train, split.validation, split.test])
    assert (np.sort(together) == np.arange(200)).all()
    check_no_leakage(ids[split.train], ids[split.validation], ids[split.test])


def test_too_few_objects_are_refused():
    with pytest.raises(InvalidInputError, match="3 parts needs as many objects, got 2"):
        grouped_folds(np.array([1, 1, 2]), np.array([0, 0, 1]), n_folds=3, seed=0)


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0), (0.6, 0.4), (0, 1.5)])
def test_impossible_fractions_are_refused(validation, test):
    with pytest.raises(InvalidInputError, match="leave rows to train on"):
        grouped_split(
            np.arange(4),
            np.arange(4) % 2,
            validation_fraction=validation,
            test_fraction=test,
            seed=0,
        )


def test_leakage_names_the_objects():
    with pytest.raises(LeakageError, match=r"4 objects stand on both sides .*: 1, 2, 3, \.\.\."):
        check_no_leakage(np.arange(5), np.array([9]), np.arange(1, 5))


@pytest.mark.parametrize("n_objects", [2, 3, 4, 6, 8, 10, 13])
@pytest.mark.parametrize("fraction", [0.01, 0.15, 0.9])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_wanted_part_of_a_small_split_has_rows(n_objects, fraction, seed):
    ids = np.arange(n_objects)
    split = grouped_split(ids, ids % 2, validation_fraction=fraction, seed=seed)
    assert len(split.train) > 0
    assert len(split.validation) > 0
    assert len(split.train) + len(split.validation) == n_objects


def test_an_object_that_fills_an_empty_part_leaves_both_classes_to_train_on():
    labels = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    for seed in range(20):
        split = grouped_split(np.arange(8), labels, validation_fraction=0.05, seed=seed)
        assert set(labels[split.train].tolist()) == {0, 1}
