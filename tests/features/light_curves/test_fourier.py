"""Fourier series against dense least squares and known curves."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.features.light_curves.fourier import (
    FOURIER,
    MAX_HARMONICS,
    fit_fourier,
    fourier_features,
)
from skyvet.features.light_curves.ragged_series import RaggedSeries


def make_row(t, m, e):
    return RaggedSeries(
        time_d=t, magnitude=m, magnitude_err=e, offsets=np.array([0, len(t)], dtype=np.int64)
    )


def features_of(t, m, e, period):
    values = fourier_features(fit_fourier(make_row(t, m, e), np.array([period])))
    return dict(zip(FOURIER, values[0], strict=True))


def draw(seed, period=0.6, n=90):
    """Return a curve of three harmonics with a slope and noise."""
    rng = np.random.default_rng(seed)
    t, e = np.sort(rng.uniform(0.0, 700.0, n)), rng.uniform(0.02, 0.08, n)
    m = 16.0 + 2e-4 * t + e * rng.normal(size=n)
    for k, amplitude in enumerate((0.3, 0.12, 0.05), start=1):
        m += amplitude * np.sin(2 * np.pi * k * t / period + 0.7 * k)
    return t, m, e


def solve_densely(t, m, e, period):
    """Return offset, slope, coefficients, BIC of the best of all numbers of harmonics."""
    best = None
    for k in range(MAX_HARMONICS + 1):
        columns = [np.ones_like(t), t - t.min()]
        for n in range(1, k + 1):
            columns += [np.cos(2 * np.pi * n * t / period), np.sin(2 * np.pi * n * t / period)]
        design = np.column_stack(columns) / e[:, None]
        solution = np.linalg.lstsq(design, m / e, rcond=None)[0]
        chi2 = np.sum((m / e - design @ solution) ** 2)
        bic = chi2 + (2 + 2 * k) * np.log(len(t))
        if best is None or bic < best[1]:
            best = (k, bic, chi2, solution)
        if k == 0:
            flat = chi2
    return (*best, flat)


@pytest.mark.parametrize("seed", range(4))
def test_fit_is_the_least_squares_solution_with_least_bic(seed):
    t, m, e = draw(seed)
    k, bic, chi2, solution, flat = solve_densely(t, m, e, 0.6)
    ours = features_of(t, m, e, 0.6)
    assert ours["f1_harmonics"] == k > 0
    assert ours["f1_bic"] == pytest.approx(bic, rel=1e-8)
    assert ours["f1_power"] == pytest.approx((flat - chi2) / flat, rel=1e-8)
    assert ours["f1_a"] == pytest.approx(solution[0], rel=1e-9)
    assert ours["f1_b"] == pytest.approx(solution[1], rel=1e-6)
    amplitude = np.hypot(solution[2::2], solution[3::2])
    phase = np.arctan2(solution[2::2], solution[3::2])
    assert ours["f1_amp"] == pytest.approx(amplitude[0], rel=1e-8)
    assert ours["f1_phi0"] == pytest.approx(phase[0], rel=1e-7)
    for n in range(2, MAX_HARMONICS + 1):
        ratio = amplitude[n - 1] / amplitude[0] if n <= k else 0.0
        assert ours[f"f1_relamp{n - 1}"] == pytest.approx(ratio, abs=1e-8)
        if n <= k:
            expected = ((phase[n - 1] / n - phase[0]) / (2 * np.pi / n)) % 1
            assert ours[f"f1_relphi{n - 1}"] == pytest.approx(expected, abs=1e-6)
        else:
            assert np.isnan(ours[f"f1_relphi{n - 1}"])


@pytest.mark.parametrize("period", [0.06, 0.3, 0.6, 17.0])
def test_short_periods_survive_real_julian_dates(period):
    """Defect a of SCoPe: power .002, .07, .61 instead of .98 for .06, .3, .6 d."""
    rng = np.random.default_rng(8)
    t = 2_458_200.5 + np.sort(rng.uniform(0.0, 1500.0, 300))
    m = 15.0 + 0.2 * np.sin(2 * np.pi * t / period) + rng.normal(0.0, 0.02, 300)
    ours = features_of(t - t[0], m, np.full(300, 0.02), period)
    assert ours["f1_power"] == pytest.approx(0.977, abs=0.01)
    assert ours["f1_amp"] == pytest.approx(0.2, abs=0.01)


def test_relative_phases_do_not_depend_on_the_zero_of_time():
    t, m, e = draw(1)
    one, other = features_of(t, m, e, 0.6), features_of(t + 0.171, m, e, 0.6)
    for name in ("f1_relphi1", "f1_relphi2", "f1_cos_phi1", "f1_sin_phi2", "f1_relamp1"):
        assert one[name] == pytest.approx(other[name], abs=1e-6), name


def test_no_harmonic_leaves_relative_amplitudes_missing_and_the_rest_there():
    """Defect l of SCoPe: such a source was dropped."""
    rng = np.random.default_rng(2)
    t, e = np.sort(rng.uniform(0.0, 100.0, 60)), np.full(60, 0.1)
    ours = features_of(t, 15.0 + rng.normal(0.0, 0.1, 60), e, 0.7)
    assert ours["f1_harmonics"] == 0.0
    assert np.isnan(ours["f1_relamp1"])
    assert np.isfinite([ours[name] for name in ("f1_power", "f1_bic", "f1_a", "f1_b")]).all()
    assert ours["f1_power"] == 0.0


def test_harmonics_leave_a_degree_of_freedom():
    rng = np.random.default_rng(3)
    for n in (4, 5, 6, 9):
        t = np.sort(rng.uniform(0.0, 50.0, n))
        ours = features_of(t, rng.normal(15.0, 1.0, n), np.full(n, 0.01), 0.9)
        assert 2 + 2 * ours["f1_harmonics"] < n or ours["f1_harmonics"] == 0.0


@pytest.mark.parametrize("period", [np.nan, 0.0, -1.0, np.inf])
def test_without_a_period_all_is_missing(period):
    t, m, e = draw(1)
    values = list(features_of(t, m, e, period).values())
    if np.isinf(period):
        assert values[FOURIER.index("f1_harmonics")] == 0.0
    else:
        assert np.isnan(values).all()


def test_equal_times_or_a_period_of_the_sampling_give_no_harmonics_they_cannot_tell():
    even = np.arange(40.0)
    ours = features_of(even, 15.0 + 0.1 * (even % 2), np.full(40, 0.01), 1.0)
    assert ours["f1_harmonics"] == 0.0
    equal = features_of(np.zeros(10), np.arange(10.0), np.full(10, 0.1), 1.0)
    assert not np.isinf(list(equal.values())).any()
