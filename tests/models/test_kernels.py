"""Kernel machines score as scikit-learn's support-vector machines."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.svm import SVC

from skyvet.core.errors import InvalidInputError
from skyvet.models.kernels import KernelMachine, view_similarity


def _mean_of_two_views(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    views = (slice(0, 3), slice(3, 4))
    return np.mean([np.exp(-euclidean_distances(a[:, v], b[:, v])) for v in views], axis=0)


def test_a_machine_scores_as_in_scikit_learn():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(200, 4)).astype(np.float32)
    labels = (np.abs(rows[:, 0]) > 0.7).astype(int)
    other = SVC(C=2.0, kernel=_mean_of_two_views).fit(rows.astype(np.float64), labels)
    machine = KernelMachine(
        support=rows[other.support_],
        weights=other.dual_coef_[0],
        bias=float(other.intercept_[0]),
        view_sizes=(3, 1),
    )
    new = rng.normal(size=(1100, 4))
    np.testing.assert_allclose(machine(new), other.decision_function(new), atol=1e-5)
    np.testing.assert_allclose(
        machine(rows[:9]), other.decision_function(rows[:9].astype(np.float64)), atol=1e-3
    )


def test_similarity_is_one_to_oneself_and_falls_with_distance():
    rows = np.random.default_rng(4).normal(size=(5, 3))
    similarity = view_similarity(rows, rows, [3])
    np.testing.assert_array_equal(similarity.diagonal(), 1.0)
    direct = np.exp(-np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(axis=2)))
    np.testing.assert_allclose(similarity, direct, atol=1e-12)


def test_what_does_not_fit_is_refused():
    whole = {"support": np.zeros((3, 2)), "weights": np.zeros(3), "bias": 1.0, "view_sizes": (2,)}
    with pytest.raises(InvalidInputError, match="one weight"):
        KernelMachine(**{**whole, "weights": np.zeros(2)})
    for sizes in ((), (1,), (2, 1)):
        with pytest.raises(InvalidInputError, match="do not make up"):
            KernelMachine(**{**whole, "view_sizes": sizes})
    machine = KernelMachine(**whole)
    with pytest.raises(InvalidInputError, match="2 columns"):
        machine(np.zeros((1, 3)))
    assert machine(np.zeros((0, 2))).shape == (0,)
