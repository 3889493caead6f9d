"""Phase bins and counts, 64 frequencies at once."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from skyvet.features.periods.phase_lanes import (
    BINS_AT_ONCE,
    LANES,
    LEVELS_AT_ONCE,
    count_at_least,
    count_equal,
    even_phase_bins,
    exact_phase_bins,
    phase_words,
)


@njit
def counts_of(bins, rows, first_bin):
    counts = np.full((2 + BINS_AT_ONCE, LANES), 77, np.uint8)
    count_equal(bins, (rows[0], rows[1], first_bin, 1), counts)
    return counts


@njit
def levels_of(counts, cells, level):
    levels = np.empty((LEVELS_AT_ONCE, LANES), np.uint8)
    count_at_least(counts, (cells[0], cells[1], level), levels)
    return levels


@pytest.mark.parametrize("rows", [(0, 255), (3, 4), (5, 5)])
def test_counts_are_those_of_a_loop(rows):
    bins = np.random.default_rng(1).integers(0, 20, (255, LANES)).astype(np.uint8)
    found = counts_of(bins, rows, 8)
    part = bins[rows[0] : rows[1]]
    expected = np.stack([(part == 8 + i).sum(0) for i in range(BINS_AT_ONCE)])
    np.testing.assert_array_equal(found[1:-1], expected)
    assert (found[[0, -1]] == 77).all(), "nothing else is written"


def test_counter_holds_255():
    full = counts_of(np.full((255, LANES), 3, np.uint8), (0, 255), 3)
    assert (full[1] == 255).all()
    assert (full[2:-1] == 0).all()


def test_levels_are_those_of_a_loop():
    counts = np.random.default_rng(2).integers(0, 256, (200, LANES)).astype(np.uint8)
    found = levels_of(counts, (10, 190), 250)
    expected = np.stack([(counts[10:190] >= 250 + k).sum(0) for k in range(LEVELS_AT_ONCE)])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_bins", [2, 20, 200])
def test_even_bins_are_the_exact_ones_but_at_edges(n_bins):
    rng = np.random.default_rng(3)
    time = rng.uniform(0, 4000, 50)
    f_min, step, since = 3.7, 1 / 40_000, 8128
    words, steps = np.empty(50, np.uint32), np.empty(50, np.uint32)
    phase_words(time, f_min, words)
    phase_words(time, step, steps)
    even, exact = np.empty((2, 50, LANES), np.uint8)
    even_phase_bins((words, steps, since), (0, 50, n_bins), even)
    frequencies = f_min + step * (since + np.arange(LANES))
    exact_phase_bins((time, frequencies), (0, 50, n_bins), exact)
    turns = time[:, None] * frequencies % 1 * n_bins
    is_far = np.abs(turns - np.rint(turns)) > 2e-6 * n_bins
    np.testing.assert_array_equal(even[is_far], exact[is_far])
    np.testing.assert_array_equal(exact, np.floor(turns))
    assert is_far.mean() > 0.99


def test_phase_of_a_whole_turn_is_zero():
    words = np.empty(3, np.uint32)
    phase_words(np.array([0.0, 1.0, 1 - 1e-12]), 1.0, words)
    assert words.tolist() == [0, 0, 0], "rounding up to a turn wraps"
