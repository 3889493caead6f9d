"""The search as a whole: known periods, aliases, doubling, bad input."""

import numpy as np
import pytest

from skyvet.features.band_series import BandSeries
from skyvet.features.periods.agreement import AGREEMENT_NAMES
from skyvet.features.periods.aliases import ALIAS_NAMES, alias_family
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.consensus import Judge
from skyvet.features.periods.doubling import double_log_odds
from skyvet.features.periods.evidence import evidence_bands
from skyvet.features.periods.found import PERIOD_FLAG_MEANINGS, PeriodFlag
from skyvet.features.periods.search import find_periods, grid_of
from skyvet.features.periods.window import window_maximum, window_power

CONFIG = PeriodSearchConfig(f_max_per_d=10.0)


def _nights(rng, n=90, length_d=300):
    """Times of a survey: one point a night, within 3 hours of the same hour."""
    night = np.sort(rng.choice(length_d, n, replace=False))
    return night + rng.uniform(0, 0.25, n) + 0.02


def _observed(time, shape, period, *, band="r", amplitude=0.5, noise=0.03, seed=0):
    rng = np.random.default_rng([seed, len(band)])
    magnitude = 16 + amplitude * shape(time / period % 1) + rng.normal(0, noise, len(time))
    return BandSeries(
        band=band, time_d=time - time[0], magnitude=magnitude,
        magnitude_err=np.full(len(time), noise),
    )  # fmt: skip


def _sawtooth(phase):
    return np.where(phase < 0.15, 1 - phase / 0.15, (phase - 0.15) / 0.85)


def _binary(phase, second=0.55):
    first = np.exp(-(((phase + 0.5) % 1 - 0.5) ** 2) / (2 * 0.05**2))
    return first + second * np.exp(-((phase - 0.5) ** 2) / (2 * 0.05**2))


def _wave(phase):
    return np.sin(2 * np.pi * phase)


def _judge(series, **changes):
    settings = {"alias_penalty": 3.0, "wiggle_penalty": 4.0, "max_harmonics": 6} | changes
    return Judge(
        bands=evidence_bands(series, error_floor_mag=0.02),
        series=tuple(series),
        baseline_d=float(max(one.time_d[-1] for one in series)),
        **settings,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("period", [0.2731, 0.5514, 3.127, 17.4])
def test_a_known_period_is_found(period, seed):
    rng = np.random.default_rng(seed)
    series = [
        _observed(_nights(rng), _sawtooth, period, band=band, seed=seed) for band in ("g", "rr")
    ]
    found = find_periods(series, CONFIG)
    assert found.period_d == pytest.approx(period, rel=1e-3)
    assert abs(found.period_d - period) < 6 * found.period_err_d + 1e-5 * period
    assert found.false_alarm_probability < 1e-6


@pytest.mark.parametrize("period", [0.9623, 1.0441, 0.5003, 2.003])
def test_periods_near_a_day_are_found(period):
    """SCoPe's cuts make .952 to 1.053 d, .488 to .513 d and 1.92 to 2.08 d unfindable."""
    rng = np.random.default_rng(7)
    found = find_periods([_observed(_nights(rng, 150, 700), _wave, period)], CONFIG)
    assert found.period_d == pytest.approx(period, rel=1e-3)


def test_a_trend_is_no_period_of_one_day():
    time = _nights(np.random.default_rng(3))
    found = find_periods([_observed(time, lambda phase: phase, 2000.0)], CONFIG)
    assert not abs(found.period_d - 1.0) < 0.02


def test_the_grid_is_the_sources_own():
    grid = grid_of(500.0, PeriodSearchConfig())
    assert grid.f_min == pytest.approx(2 / 500)
    assert grid.step == pytest.approx(1 / 5000)
    assert 48 - grid.step < grid.f_max <= 48


def test_columns_do_not_depend_on_the_source():
    rng = np.random.default_rng(1)
    config = PeriodSearchConfig(f_max_per_d=5.0, n_peaks=4, algorithms=("mhaov", "ls", "ce", "bls"))
    good = find_periods([_observed(_nights(rng), _sawtooth, 0.7)], config)
    for found in (good, find_periods([], config)):
        assert [one.kind for one in found.peaks] == list(config.algorithms)
        assert all(one.period_d.shape == (4,) for one in found.peaks)
        assert tuple(one.name for one in found.family) == ALIAS_NAMES
        assert tuple(found.agreement) == AGREEMENT_NAMES
    assert all((np.diff(one.statistic) <= 0).all() for one in good.peaks)
    assert good.agreement["n_total_pairs"] == 6


def test_full_grid_and_coarse_to_fine_find_the_same_best_fold():
    series = [_observed(_nights(np.random.default_rng(6)), _sawtooth, 0.61)]
    small = {"f_max_per_d": 4.0, "algorithms": ("ce", "aov")}
    fast = find_periods(series, PeriodSearchConfig(**small))
    full = find_periods(series, PeriodSearchConfig(**small, is_full_grid=True))
    assert fast.period_d == full.period_d
    aov = [found.peaks[1].period_d[0] / 0.61 for found in (fast, full)]
    assert all(abs(ratio - round(ratio)) < 0.01 for ratio in aov)


def test_one_band_missing_or_short_is_flagged_and_the_rest_is_searched():
    time = _nights(np.random.default_rng(2))
    whole = _observed(time, _sawtooth, 0.55)
    short = _observed(time[:3], _sawtooth, 0.55, band="gg")
    found = find_periods([whole, short], CONFIG)
    assert found.flags & PeriodFlag.BAND_LEFT_OUT
    assert found.period_d == find_periods([whole], CONFIG).period_d
    assert found.n_points == len(whole)


def _bad(time, magnitude):
    time = np.asarray(time, dtype=float)
    return [
        BandSeries(
            band="r", time_d=time, magnitude=np.asarray(magnitude, dtype=float),
            magnitude_err=np.full(len(time), 0.1),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(("series", "flag"), [
    ([], PeriodFlag.TOO_FEW_POINTS),
    (_bad([], []), PeriodFlag.TOO_FEW_POINTS),
    (_bad([0.0, 3.0, 9.0], [15, 16, 15]), PeriodFlag.TOO_FEW_POINTS),
    (_bad(np.zeros(50), np.arange(50)), PeriodFlag.TOO_FEW_POINTS),
    (_bad(np.arange(50), np.full(50, 15.1)), PeriodFlag.CONSTANT),
    (_bad(np.linspace(0, 0.03, 50), np.arange(50) % 7), PeriodFlag.BASELINE_SHORT),
    (_bad([*np.arange(50), 1e6], np.arange(51) % 7), PeriodFlag.BASELINE_LONG),
    (_bad([0.0, *np.arange(58_000, 58_050)], np.arange(51) % 7), PeriodFlag.BASELINE_LONG),
])  # fmt: skip
def test_bad_input_is_missing_with_a_flag(series, flag):
    found = find_periods(series, PeriodSearchConfig())
    assert found.flags & flag
    assert np.isnan(found.period_d)
    assert np.isnan(found.false_alarm_probability)
    assert all(np.isnan(one.period_d).all() for one in found.peaks)


def test_one_night_of_a_fast_pulsator_is_searched_and_flagged():
    time = np.sort(np.random.default_rng(4).uniform(0, 1.0, 200))
    found = find_periods([_observed(time, _sawtooth, 0.0731)], PeriodSearchConfig())
    assert found.flags & PeriodFlag.BASELINE_SHORT
    assert found.period_d == pytest.approx(0.0731, rel=0.01)


def test_noise_is_flagged_as_not_significant():
    time = _nights(np.random.default_rng(8))
    found = find_periods([_observed(time, _wave, 0.7, amplitude=0.0)], CONFIG)
    assert found.flags & PeriodFlag.NOT_SIGNIFICANT


def test_aliases_of_a_nightly_survey_are_flagged_and_named():
    """Points always at the same sidereal time: aliases cannot be told apart, and are named."""
    time = np.arange(120) / 1.00273791
    found = find_periods([_observed(time, _wave, 0.62)], PeriodSearchConfig(f_max_per_d=4.0))
    family = {one.name: one for one in found.family}
    assert found.flags & PeriodFlag.AMBIGUOUS_ALIAS
    assert family["f+1"].log_odds == pytest.approx(0, abs=3)
    turns = 1 / found.period_d / 1.00273791
    truth = 1 / 0.62 / 1.00273791
    assert min(abs(turns - sign * truth - round(turns - sign * truth)) for sign in (1, -1)) < 0.01


def test_members_of_the_family_follow_their_names():
    series = [_observed(_nights(np.random.default_rng(5)), _sawtooth, 0.55)]
    family = {one.name: 1 / one.period_d for one in alias_family(_judge(series), 1 / 0.55)}
    f = 1 / 0.55
    expected = {
        "half": 2 * f, "double": f / 2, "third": 3 * f, "triple": f / 3, "f+1": f + 1,
        "f-1": f - 1, "f+2": f + 2, "f-2": 2 - f, "2f+1": 2 * f + 1, "f/2-1": 1 - f / 2,
        "f+lunar": f + 1 / 29.53, "f-annual": f - 1 / 365.24,
    }  # fmt: skip
    for name, frequency in expected.items():
        if np.isfinite(family[name]):
            assert family[name] == pytest.approx(frequency, abs=0.01), name


def test_unequal_minima_ask_for_the_double_period():
    time = _nights(np.random.default_rng(9), 200, 600)
    judge = _judge([_observed(time, _binary, 2.417)])
    assert double_log_odds(judge, 2 / 2.417) > 12


@pytest.mark.parametrize("shape", [_wave, _sawtooth])
def test_pulsators_are_not_doubled(shape):
    judge = _judge([_observed(_nights(np.random.default_rng(9), 200, 600), shape, 0.553)])
    assert double_log_odds(judge, 1 / 0.553) < 0


def test_a_binary_is_found_at_both_minima():
    time = _nights(np.random.default_rng(12), 200, 600)
    found = find_periods([_observed(time, _binary, 2.417)], CONFIG)
    assert found.period_d == pytest.approx(2.417, rel=1e-3)


def test_too_few_cycles_are_not_doubled():
    time = np.linspace(0, 20, 100)
    assert np.isnan(double_log_odds(_judge([_observed(time, _wave, 6.0)]), 1 / 6.0))


def test_window_is_the_sum_of_phases():
    time = _nights(np.random.default_rng(1))
    series = [_observed(time, _wave, 1.0), _observed(time + 0.1, _wave, 1.0, band="gg")]
    frequencies = np.array([0.3, 1.0, 7.7])
    every = np.concatenate([one.time_d for one in series])
    direct = np.abs(np.exp(2j * np.pi * np.outer(frequencies, every)).mean(axis=1)) ** 2
    np.testing.assert_allclose(window_power(series, frequencies), direct, atol=1e-12)


def test_window_is_high_at_a_day_and_not_at_slow_periods():
    series = [_observed(_nights(np.random.default_rng(1)), _wave, 1.0)]
    high, low, slow = window_maximum(series, np.array([1.001, 1.4, 0.004]), baseline_d=300.0)
    assert high > 0.3 > low
    assert slow < 0.3


def test_every_flag_has_a_meaning():
    assert set(PERIOD_FLAG_MEANINGS) == {flag for flag in PeriodFlag if flag}
