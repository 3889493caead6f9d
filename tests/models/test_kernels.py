"""Kernel machines score as scikit-learn's support-vector machines."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.svm import SVC

from skyvet.core.errors import InvalidInputError
from skyvet.models.kernels import KernelMachine, gaussian_kernel


def test_a_machine_scores_as_in_scikit_learn():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(200, 4)).astype(np.float32)
    labels = (np.abs(rows[:, 0]) > 0.7).astype(int)
    other = SVC(C=2.0, gamma=1.0).fit(rows, labels)
    machine = KernelMachine(
        support=other.support_vectors_,
        weights=other.dual_coef_[0],
        bias=float(other.intercept_[0]),
    )
    new = rng.normal(size=(1100, 4))
    np.testing.assert_allclose(machine(new), other.decision_function(new), atol=1e-5)


def test_similarity_is_one_to_oneself_and_falls_with_distance():
    rows = np.random.default_rng(4).normal(size=(5, 3))
    similarity = gaussian_kernel(rows, rows)
    np.testing.assert_allclose(similarity.diagonal(), 1.0, atol=1e-12)
    direct = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(similarity, direct, atol=1e-12)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidInputError, match="one weight"):
        KernelMachine(support=np.zeros((3, 2)), weights=np.zeros(2), bias=0.0)
    machine = KernelMachine(support=np.zeros((3, 2)), weights=np.zeros(3), bias=1.0)
    with pytest.raises(InvalidInputError, match="2 columns"):
        machine(np.zeros((1, 3)))
    assert machine(np.zeros((0, 2))).shape == (0,)
