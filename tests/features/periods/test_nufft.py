"""Sums of phases: the block FFTs against the definition."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.normal_equations import exact_phase_sums
from skyvet.features.periods.nufft import phase_sums, zoom_tables


def direct(time, strengths, grid):
    return np.exp(-2j * np.pi * ((grid.frequencies[:, None] * time) % 1)) @ strengths.T


def points(n, baseline_d=1750.0):
    rng = np.random.default_rng(n)
    return np.sort(rng.uniform(0, baseline_d, n)), rng.normal(size=(2, n))


@pytest.mark.parametrize(("is_double", "tolerance"), [(False, 3e-6), (True, 1e-9)])
@pytest.mark.parametrize(
    ("n", "n_frequencies"),
    [(1, 1), (7, 199), (256, 200), (256, 3201), (100, 26_000), (3100, 25_600)],
)
def test_sums_are_those_of_the_definition(n, n_frequencies, is_double, tolerance):
    time, strengths = points(n)
    grid = FrequencyGrid(f_min=0.0011, step=1 / 17_500, n=n_frequencies)
    sums = phase_sums(time, strengths, grid, is_double=is_double)
    some = np.unique(np.r_[:3, np.linspace(0, grid.n - 1, 2000).astype(int)]) % grid.n
    at = np.exp(-2j * np.pi * ((grid.frequencies[some, None] * time) % 1)) @ strengths.T
    error = np.abs(sums[:, some].T - at).max(axis=0) / np.abs(strengths).sum(axis=1)
    assert sums.shape == (2, grid.n)
    assert error.max() < tolerance


def test_phases_hold_at_the_far_end_of_the_survey_grid():
    """840,000 frequencies and 1e5 turns on: rotations from group to group must not drift."""
    time, strengths = points(64)
    grid = FrequencyGrid(f_min=2 / 1750, step=1 / 17_500, n=840_000)
    last = FrequencyGrid(f_min=grid.f_max - 99 * grid.step, step=grid.step, n=100)
    error = phase_sums(time, strengths, grid)[:, -100:].T - direct(time, strengths, last)
    assert (np.abs(error).max(axis=0) < 3e-6 * np.abs(strengths).sum(axis=1)).all()


def test_window_of_nightly_times_is_one_at_whole_days():
    grid = FrequencyGrid(f_min=0.5, step=0.25, n=7)
    window = np.abs(phase_sums(np.arange(40.0), np.full((1, 40), 1 / 40), grid)[0]) ** 2
    np.testing.assert_allclose(window, [0, 0, 1, 0, 0, 0, 1], atol=1e-5)


def test_no_strengths_no_sums():
    grid = FrequencyGrid(f_min=0.5, step=0.25, n=7)
    assert not phase_sums(np.empty(0), np.empty((2, 0)), grid).any()


def test_tables_are_made_once():
    assert zoom_tables(840_000, 256) is zoom_tables(500_000, 100)


@pytest.mark.parametrize("n_frequencies", [0, 1, 128, 300])
def test_single_frequencies_are_exact(n_frequencies):
    time, strengths = points(90)
    frequencies = np.random.default_rng(0).uniform(0, 48, n_frequencies)
    expected = np.exp(-2j * np.pi * ((frequencies[:, None] * time) % 1)) @ strengths.T
    found = exact_phase_sums(time, strengths, frequencies)
    assert found.shape == (2, n_frequencies)
    # Turns reach 84,000 and are rounded at 1e-11 in the definition too.
    np.testing.assert_allclose(found.T, expected, atol=1e-8)
