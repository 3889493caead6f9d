"""What every period finder must do, whatever its statistic."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from skyvet.core.errors import InvalidInputError
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.registry import FINDERS, finder_class, get_finder

FREQUENCY = 1.7318
GRID = FrequencyGrid(f_min=0.02, step=1 / 2000, n=5000)

pytestmark = pytest.mark.parametrize("kind", FINDERS)


def make_series(band="r", *, n=120, seed=0, baseline_d=200.0, eclipse_mag=0.8, err=0.02):
    """An eclipse of a sixth of the period: every statistic must see it."""
    rng = np.random.default_rng([seed, n])
    time = np.sort(rng.uniform(0, baseline_d, n))
    time -= time[0]
    in_eclipse = np.abs((FREQUENCY * time + 0.3) % 1 - 0.5) < 1 / 12
    magnitude = 15 + eclipse_mag * in_eclipse + rng.normal(0, err, n)
    return BandSeries(band=band, time_d=time, magnitude=magnitude, magnitude_err=np.full(n, err))


def changed(series, **arrays):
    kept = {name: getattr(series, name) for name in ("time_d", "magnitude", "magnitude_err")}
    return BandSeries(band=series.band, **{**kept, **arrays})


TWO_BANDS = (make_series("g", n=90, seed=1), make_series("r", n=110, seed=2))


def test_periodogram_agrees_with_the_exact_statistic(kind):
    finder = get_finder(kind)
    grid = FrequencyGrid(f_min=FREQUENCY - 0.05, step=1 / 4000, n=400)
    fast = finder.periodogram(TWO_BANDS, grid)
    exact = finder.statistic(TWO_BANDS, grid.frequencies)
    assert fast.shape == exact.shape == (400,)
    assert exact.dtype == np.float64
    spread = exact.max() - exact.min()
    # A phase on the edge of a bin may fall to either side; sums are float32.
    assert np.mean(np.abs(fast - exact) < 2e-3 * spread) > 0.99
    assert np.median(np.abs(fast - exact)) < 1e-4 * spread


def test_best_fold_is_the_period_or_a_multiple(kind):
    power = get_finder(kind).periodogram(TWO_BANDS, GRID)
    ratio = FREQUENCY / GRID.frequencies[power.argmax()]
    assert min(abs(ratio / k - 1) for k in (0.5, 1, 2, 3)) < 2e-3


def test_statistic_of_the_true_frequency_stands_out(kind):
    finder = get_finder(kind)
    true = finder.statistic(TWO_BANDS, np.array([FREQUENCY]))[0]
    others = finder.statistic(TWO_BANDS, np.linspace(2.9, 3.3, 200))
    assert true > others.max()


def test_statistic_does_not_depend_on_the_order_of_frequencies(kind):
    finder = get_finder(kind)
    frequencies = np.random.default_rng(3).uniform(0.1, 4, 300)
    forward = finder.statistic(TWO_BANDS, frequencies)
    backward = finder.statistic(TWO_BANDS, frequencies[::-1])[::-1]
    np.testing.assert_allclose(forward, backward, rtol=1e-9, atol=1e-12)


def test_grid_in_parts_gives_the_same_values(kind):
    """No value depends on how long the grid is."""
    finder = get_finder(kind)
    whole = finder.periodogram(TWO_BANDS, FrequencyGrid(f_min=1.0, step=1e-3, n=700))
    part = finder.periodogram(TWO_BANDS, FrequencyGrid(f_min=1.4, step=1e-3, n=300))
    spread = whole.max() - whole.min()
    assert np.mean(np.abs(whole[400:] - part) < 1e-3 * spread) > 0.99


def test_brightness_of_a_band_does_not_matter(kind):
    finder = get_finder(kind)
    brighter = (changed(TWO_BANDS[0], magnitude=TWO_BANDS[0].magnitude - 2.0), TWO_BANDS[1])
    frequencies = np.linspace(1.5, 2.0, 100)
    before, after = (finder.statistic(s, frequencies) for s in (TWO_BANDS, brighter))
    spread = before.max() - before.min()
    assert np.median(np.abs(before - after)) < 1e-6 * spread


def test_order_of_bands_does_not_matter(kind):
    finder = get_finder(kind)
    frequencies = np.linspace(1.5, 2.0, 100)
    np.testing.assert_allclose(
        finder.statistic(TWO_BANDS, frequencies),
        finder.statistic(TWO_BANDS[::-1], frequencies),
        rtol=1e-6,
        atol=1e-9,
    )


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_too_few_points_give_nan(kind, n):
    few = make_series(n=n) if n else changed(make_series(n=1), **_nothing())
    finder = get_finder(kind)
    for series in ((), (few,), (few, few)):
        power = finder.periodogram(series, GRID)
        assert power.shape == (GRID.n,)
        assert np.isnan(power).all()
        assert np.isnan(finder.statistic(series, np.array([0.5, 1.0]))).all()


def _nothing():
    return dict.fromkeys(("time_d", "magnitude", "magnitude_err"), np.empty(0))


def test_band_with_too_few_points_is_passed_over(kind):
    finder = get_finder(kind)
    grid = FrequencyGrid(f_min=1.6, step=1e-3, n=200)
    with_few = finder.periodogram((TWO_BANDS[0], make_series("i", n=2)), grid)
    np.testing.assert_allclose(with_few, finder.periodogram(TWO_BANDS[:1], grid), rtol=1e-6)


@pytest.mark.parametrize("n_times", [1, 2])
def test_equal_times_do_not_make_a_period(kind, n_times):
    """Nothing can be folded: NaN, or a statistic that is finite and the same everywhere."""
    times = np.sort(np.arange(60) % n_times).astype(float)
    stuck = changed(make_series(n=60), time_d=times)
    finder = get_finder(kind)
    for power in (
        finder.periodogram((stuck,), FrequencyGrid(f_min=0.1, step=0.01, n=90)),
        finder.statistic((stuck,), np.linspace(0.1, 0.9, 40)),
    ):
        assert np.isnan(power).all() or np.isfinite(power).all()


def test_constant_magnitudes_have_no_best_frequency(kind):
    flat = changed(make_series(), magnitude=np.full(120, 15.1))
    finder = get_finder(kind)
    power = finder.periodogram((flat,), FrequencyGrid(f_min=0.1, step=0.01, n=300))
    assert np.isnan(power).all() or np.isfinite(power).all()
    exact = finder.statistic((flat,), np.linspace(0.1, 3, 100))
    assert np.isnan(exact).all() or np.ptp(exact) < 1e-9 * max(1.0, np.abs(exact).max())


def test_baseline_of_one_day_is_searched(kind):
    night = make_series(n=150, baseline_d=1.0)
    power = get_finder(kind).periodogram((night,), FrequencyGrid(f_min=2.0, step=0.1, n=400))
    assert np.isfinite(power).all()


def test_one_point_with_a_tiny_error_breaks_nothing(kind):
    errors = np.full(120, 0.02)
    errors[17] = 1e-9
    finder = get_finder(kind)
    sharp = (changed(make_series(), magnitude_err=errors),)
    grid = FrequencyGrid(f_min=1.5, step=1e-3, n=500)
    assert np.isfinite(finder.periodogram(sharp, grid)).all()
    assert np.isfinite(finder.statistic(sharp, grid.frequencies)).all()


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_amplitudes_of_any_size_are_searched(kind, scale):
    magnitude = 15 + scale * (make_series().magnitude - 15)
    series = (changed(make_series(), magnitude=magnitude),)
    assert np.isfinite(get_finder(kind).periodogram(series, GRID)).all()


def test_grid_of_one_frequency(kind):
    grid = FrequencyGrid(f_min=FREQUENCY, step=0.1, n=1)
    finder = get_finder(kind)
    power = finder.periodogram(TWO_BANDS, grid)
    assert power.shape == (1,)
    np.testing.assert_allclose(
        power, finder.statistic(TWO_BANDS, grid.frequencies), rtol=5e-3, atol=1e-4
    )


def test_no_frequencies_give_no_values(kind):
    assert get_finder(kind).statistic(TWO_BANDS, np.empty(0)).shape == (0,)


def test_settings_survive_json(kind):
    finder = get_finder(kind)
    assert finder.kind == kind
    assert get_finder(finder.model_dump(mode="json")) == finder


def test_unknown_settings_are_refused(kind):
    with pytest.raises(ValidationError):
        get_finder({"kind": kind, "no_such_setting": 1})


def test_unknown_kind_is_refused_by_name(kind):
    with pytest.raises(InvalidInputError, match=kind):
        get_finder(f"no {kind}")
    assert finder_class(kind).__doc__
