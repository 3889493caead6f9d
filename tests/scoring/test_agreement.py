"""Agreement of labellers against closed forms, published examples and another library."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.agreement import confusion_with, count_votes, fleiss_kappa, pair_agreement

# Ten subjects, fourteen raters, five classes: the worked example of Fleiss' kappa, 0.210.
FLEISS_EXAMPLE = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_classes", [2, 3])
def test_cohen_kappa_agrees_with_another_library(seed, n_classes):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n_classes, 60)
    second = np.where(rng.random(60) < 0.6, first, rng.integers(0, n_classes, 60))
    found = pair_agreement(first, second)
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert found.fraction == (first == second).mean()


def test_cohen_kappa_of_a_worked_two_by_two_table():
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, by chance 0.5."""
    first = [1] * 25 + [0] * 25
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert pair_agreement(first, second).kappa == pytest.approx(0.4)


def test_fleiss_kappa_of_the_published_example():
    assert fleiss_kappa(FLEISS_EXAMPLE) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_is_agreement_of_pairs_counted_one_by_one():
    rng = np.random.default_rng(3)
    labels = np.where(rng.random((40, 6)) < 0.3, -1, rng.integers(0, 3, (40, 6)))
    labels = labels[(labels >= 0).sum(axis=1) >= 2]
    rows = [row[row >= 0].tolist() for row in labels]
    agreeing = np.mean([np.mean([a == b for a, b in itertools.permutations(r, 2)]) for r in rows])
    pooled = np.bincount(labels[labels >= 0]) / (labels >= 0).sum()
    expected = (agreeing - (pooled**2).sum()) / (1 - (pooled**2).sum())
    assert fleiss_kappa(count_votes(labels, n_classes=3)) == pytest.approx(expected, abs=1e-12)


def test_agreement_does_not_depend_on_the_order_of_labellers_and_candidates():
    rng = np.random.default_rng(4)
    labels = rng.integers(-1, 2, (50, 4))
    shuffled = labels[rng.permutation(50)][:, rng.permutation(4)]
    votes, others = (count_votes(table, n_classes=2) for table in (labels, shuffled))
    assert fleiss_kappa(votes) == pytest.approx(fleiss_kappa(others), abs=1e-12)
    first, second = labels[:, 0], labels[:, 1]
    assert pair_agreement(first, second) == pair_agreement(second, first)


def test_full_agreement_is_one_and_opposition_is_minus_one():
    assert pair_agreement([0, 1, 1, 0], [0, 1, 1, 0]).kappa == 1
    assert pair_agreement([0, 1, 1, 0], [1, 0, 0, 1]).kappa == -1
    assert fleiss_kappa([[3, 0], [0, 3]]) == 1


def test_independent_labellers_have_kappa_near_zero():
    rng = np.random.default_rng(5)
    labels = (rng.random((20_000, 3)) < 0.7).astype(int)
    assert abs(pair_agreement(labels[:, 0], labels[:, 1]).kappa) < 0.03
    assert abs(fleiss_kappa(count_votes(labels, n_classes=2))) < 0.03


@pytest.mark.parametrize(
    ("first", "second"), [([], []), ([1], [-1]), ([1, 1], [1, 1]), ([0], [0]), ([-1], [-1])]
)
def test_undefined_kappa_is_nan(first, second):
    assert math.isnan(pair_agreement(first, second).kappa)


@pytest.mark.parametrize("votes", [np.zeros((0, 2), int), [[1, 0], [0, 1]], [[3, 0], [2, 0]]])
def test_undefined_fleiss_kappa_is_nan(votes):
    assert math.isnan(fleiss_kappa(votes))


def test_confusion_agrees_with_another_library_and_leaves_gaps_out():
    rng = np.random.default_rng(6)
    consensus, labels = rng.integers(-1, 2, (2, 80))
    known = (consensus >= 0) & (labels >= 0)
    expected = confusion_matrix(consensus[known], labels[known], labels=[0, 1])
    np.testing.assert_array_equal(confusion_with(consensus, labels, n_classes=2), expected)
    assert confusion_with([], [], n_classes=2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "call",
    [
        lambda: pair_agreement([1, 0], [1]),
        lambda: pair_agreement([0.5], [1]),
        lambda: fleiss_kappa([1, 2]),
        lambda: fleiss_kappa([[0.5, 0.5]]),
        lambda: fleiss_kappa([[-1, 3]]),
        lambda: count_votes([[2]], n_classes=2),
        lambda: count_votes([1], n_classes=2),
        lambda: confusion_with([1], [1, 0], n_classes=2),
        lambda: confusion_with([2], [1], n_classes=2),
    ],
)
def test_what_is_no_labels_is_refused(call):
    with pytest.raises(InvalidInputError):
        call()
