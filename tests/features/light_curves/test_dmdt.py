"""Counts of pairs against brute force, NumPy and the package light-curve."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.features.light_curves.dmdt import DM_EDGES_MAG, DT_EDGES_D, count_pairs, dmdt_images
from skyvet.features.light_curves.ragged_series import RaggedSeries

DM, DT = np.array(DM_EDGES_MAG), np.array(DT_EDGES_D)


def make_rows(*light_curves):
    """Return rows of (times, magnitudes)."""
    counts = [len(t) for t, _ in light_curves]
    return RaggedSeries(
        time_d=np.concatenate([t for t, _ in light_curves]),
        magnitude=np.concatenate([m for _, m in light_curves]),
        magnitude_err=np.full(sum(counts), 0.1),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
    )


def count_slowly(t, m):
    """Return the counts of NumPy's histogram over all pairs."""
    i, j = np.triu_indices(len(t), 1)
    return np.histogram2d(m[j] - m[i], t[j] - t[i], bins=[DM, DT])[0]


def draw(kind, rng, n=150):
    """Return times and magnitudes of a kind of cadence."""
    times = {
        "even": np.arange(n) * 1.0,
        "random": np.sort(rng.uniform(0.0, 1500.0, n)),
        "clustered": np.sort(rng.integers(0, 40, n) * 25.0 + rng.uniform(0.0, 0.3, n)),
        "equal": np.sort(rng.integers(0, 10, n) * 1.0),
        "minutes": np.sort(rng.uniform(0.0, 0.5, n)),
        "long": np.sort(rng.uniform(0.0, 9000.0, n)),
    }
    return times[kind], rng.normal(16.0, 0.4, n)


@pytest.mark.parametrize("kind", ["even", "random", "clustered", "equal", "minutes", "long"])
def test_counts_equal_those_of_all_pairs(kind):
    t, m = draw(kind, np.random.default_rng(1))
    np.testing.assert_array_equal(count_pairs(make_rows((t, m)))[0], count_slowly(t, m))


def test_differences_beyond_the_edges_are_passed_over():
    rng = np.random.default_rng(2)
    t, m = np.sort(rng.uniform(0.0, 900.0, 120)), rng.choice([10.0, 14.0, 18.0, 18.04, 30.0], 120)
    counts = count_pairs(make_rows((t, m)))[0]
    np.testing.assert_array_equal(counts, count_slowly(t, m))
    assert counts.sum() < 120 * 119 / 2


@pytest.mark.parametrize("dm", [*DM_EDGES_MAG])
def test_a_difference_on_an_edge_belongs_to_the_cell_above_it(dm):
    # From 0, so that the difference is the edge itself and not its neighbour by rounding.
    for shifted in (np.nextafter(dm, -np.inf), dm, np.nextafter(dm, np.inf)):
        t, m = np.array([0.0, 1.7]), np.array([0.0, shifted])
        np.testing.assert_array_equal(count_pairs(make_rows((t, m)))[0], count_slowly(t, m))


@pytest.mark.parametrize("dt", [*DT_EDGES_D])
def test_a_time_on_an_edge_belongs_to_the_cell_after_it(dt):
    for shifted in (dt, np.nextafter(dt, np.inf)):
        t, m = np.array([0.0, shifted]), np.array([0.0, 0.17])
        np.testing.assert_array_equal(count_pairs(make_rows((t, m)))[0], count_slowly(t, m))


def test_counts_equal_those_of_the_package_light_curve():
    light_curve = pytest.importorskip("light_curve")
    t, m = draw("clustered", np.random.default_rng(3))
    theirs = light_curve.DmDt(dt=DT, dm=DM, dt_type="asis", dm_type="asis", norm=[])
    counts = count_pairs(make_rows((t, m)))[0]
    np.testing.assert_array_equal(counts.T, theirs.points(t, m, sorted=True))


def test_rows_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(4)
    parts = [draw(kind, rng, n) for kind, n in (("long", 80), ("minutes", 7), ("random", 200))]
    together = count_pairs(make_rows(*parts))
    for one, counts in zip(parts, together, strict=True):
        np.testing.assert_array_equal(counts, count_pairs(make_rows(one))[0])


def test_images_have_unit_length_or_are_empty():
    t, m = draw("random", np.random.default_rng(5))
    none = (np.empty(0), np.empty(0))
    images = dmdt_images(make_rows((t, m), none, (t[:1], m[:1])))
    assert np.linalg.norm(images[0]) == pytest.approx(1.0, abs=1e-6)
    assert not images[1:].any()


def test_real_julian_dates_do_not_move_a_pair():
    """Defect a of SCoPe: float32 of a Julian date has steps of a quarter of a day."""
    t = 2_458_000.5 + np.arange(60) * 0.03
    m = 15.0 + 0.2 * np.sin(np.arange(60.0))
    near, far = count_pairs(make_rows((t - t[0], m), (t, m)))
    assert near[:, :6].sum() == far[:, :6].sum() > 0
