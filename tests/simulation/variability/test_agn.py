"""The damped random walk against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.simulation.variability.agn import damped_random_walk


def many_walks(times, n=4000, sf=0.3, tau=100.0):
    rng = np.random.default_rng(1)
    return np.stack([damped_random_walk(times, sf, tau, rng=rng) for _ in range(n)])


@pytest.mark.parametrize("lag", [1.0, 30.0, 100.0, 400.0])
def test_structure_function_matches_theory(lag):
    times = np.array([0.0, lag / 3, lag])  # an irregular grid: the update is exact
    walks = many_walks(times)
    measured = np.sqrt(np.mean((walks[:, 2] - walks[:, 0]) ** 2))
    theory = 0.3 * np.sqrt(1 - np.exp(-lag / 100.0))
    # 4000 pairs: relative standard error of an rms is 1 / sqrt(2 n) = 1.1 %
    assert measured == pytest.approx(theory, rel=0.045)


def test_walk_is_stationary_from_the_first_epoch():
    walks = many_walks(np.array([0.0, 10.0, 1000.0]))
    # 1.1 % standard error
    np.testing.assert_allclose(walks.std(axis=0), 0.3 / np.sqrt(2), rtol=0.045)


def test_correlation_falls_exponentially():
    walks = many_walks(np.array([0.0, 100.0]))
    # standard error of a correlation of 0.37 with 4000 pairs is 0.014
    assert np.corrcoef(walks.T)[0, 1] == pytest.approx(np.exp(-1.0), abs=0.05)


def test_empty_and_single_epoch():
    rng = np.random.default_rng(1)
    assert damped_random_walk(np.array([]), 0.3, 100.0, rng=rng).shape == (0,)
    assert damped_random_walk(np.array([5.0]), 0.3, 100.0, rng=rng).shape == (1,)
