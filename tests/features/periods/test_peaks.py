"""Peaks of a periodogram."""

import numpy as np
import pytest

from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.peaks import find_peaks

GRID = FrequencyGrid(f_min=0.5, step=0.01, n=400)


def test_two_samples_of_one_peak_are_never_two_peaks():
    wave = np.sinc((GRID.frequencies - 2.0) / 0.1) ** 2
    best = find_peaks(wave, GRID, 5)
    assert len(best) == 5
    assert np.diff(np.sort(best.frequency)).min() > 0.05


def test_a_parabola_is_found_between_samples():
    vertex = 2.0037
    best = find_peaks(3.0 - (GRID.frequencies - vertex) ** 2, GRID, 3)
    assert best.frequency == pytest.approx([vertex], abs=1e-9)
    assert best.statistic == pytest.approx([3.0], abs=1e-9)


def test_peaks_are_the_best_of_brute_force():
    values = np.random.default_rng(1).normal(size=GRID.n)
    top = [v for a, v, b in zip(values, values[1:], values[2:], strict=False) if a < v >= b]
    best = find_peaks(values, GRID, 7)
    nearest = np.round((best.frequency - GRID.f_min) / GRID.step).astype(int)
    assert set(np.sort(top)[-5:]) <= set(values[nearest])


@pytest.mark.parametrize(
    "values", [np.full(400, np.nan), np.zeros(400), np.arange(400.0), -np.arange(400.0)]
)
def test_no_peak_without_a_maximum_inside(values):
    assert len(find_peaks(values, GRID, 3)) <= 1  # a plateau may count once, an end never


def test_nan_beside_a_maximum_is_no_peak():
    values = np.zeros(GRID.n)
    values[100:103] = [np.nan, 5.0, 1.0]
    values[200] = 2.0
    assert find_peaks(values, GRID, 1).frequency == pytest.approx([GRID.frequencies[200]])


def test_one_sample_has_no_peaks():
    assert not len(find_peaks(np.ones(1), FrequencyGrid(f_min=1.0, step=1.0, n=1), 3))
