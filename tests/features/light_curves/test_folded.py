"""Shapes of folded curves whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.features.light_curves.band_pairs import BAND_PAIRS, band_pair_features
from skyvet.features.light_curves.blocks import source_series_of
from skyvet.features.light_curves.cadence import CADENCE, cadence_features
from skyvet.features.light_curves.folded import FOLDED, folded_features, joint_rows
from skyvet.features.light_curves.periodic import fit_bands
from skyvet.features.light_curves.statistics import STATISTICS, basic_statistics
from skyvet.records.light_curve_batch import LightCurveBatch

PERIOD = 0.61


def saw(phase):
    """Rise in a fifth of the period, fall in the rest, as an RRab does."""
    phase = phase % 1.0
    return np.where(phase < 0.2, 0.5 - phase / 0.2, -0.5 + (phase - 0.2) / 0.8)


def two_minima(phase):
    """An eclipsing binary at its own period: depths 1 and 0.5, constant between."""
    phase = phase % 1.0
    return 1.0 * (np.abs(phase - 0.25) < 0.06) + 0.5 * (np.abs(phase - 0.75) < 0.06)


def make_batch(shape, *, period=PERIOD, n=250, bands=("g", "r"), ratio=0.7, seed=0, lag_d=0.0):
    """Return one source with simultaneous bands."""
    rng = np.random.default_rng(seed)
    t = np.repeat(np.sort(rng.uniform(0.0, 900.0, n)), len(bands))
    code = np.tile(np.arange(len(bands)), n)
    m = 16.0 + 0.4 * code + ratio**code * shape((t - lag_d * code) / period)
    m = m + rng.normal(0.0, 0.01, len(t))
    flux = 10 ** (0.4 * (31.4 - m))
    return LightCurveBatch(
        source_ids=np.array([1]), offsets=np.array([0, len(t)]), mjd_tai=58000.0 + t,
        flux_njy=flux, flux_err_njy=0.01 * flux * np.log(10) / 2.5, band=code, bands=bands,
    )  # fmt: skip


def folded_of(batch, period):
    sources = source_series_of(batch)
    joint = joint_rows(sources, basic_statistics(sources.rows))
    return dict(zip(FOLDED, folded_features(joint, np.array([period]))[0], strict=True))


def test_saw_tooth_rises_fast_and_is_faint_for_most_of_the_time():
    values = folded_of(make_batch(saw), PERIOD)
    # Five harmonics turn a corner no faster than this.
    assert values["fold_rise_fraction"] == pytest.approx(0.2, abs=0.07)
    assert values["fold_bright_fraction"] == pytest.approx(0.5, abs=0.05)
    assert values["fold_power"] > 0.97
    assert values["fold_odd_fraction"] < 0.02
    assert values["fold_residual_ratio"] < 0.2


def test_minima_of_unequal_depth_show_at_twice_the_wrong_half_period():
    batch = make_batch(two_minima)
    half = folded_of(batch, PERIOD / 2)
    assert half["fold_depth_secondary"] / half["fold_depth_primary"] == pytest.approx(0.5, abs=0.1)
    assert half["fold_minima_distance"] == pytest.approx(0.5, abs=0.04)
    assert half["fold_odd_fraction"] > 0.1
    assert half["fold_eta_double"] < 0.5 * half["fold_eta"]
    assert half["fold_dip_width"] < 0.2


def test_sine_has_half_of_everything():
    values = folded_of(make_batch(lambda phase: 0.3 * np.sin(2 * np.pi * phase)), PERIOD)
    assert values["fold_rise_fraction"] == pytest.approx(0.5, abs=0.02)
    assert values["fold_bright_fraction"] == pytest.approx(0.5, abs=0.02)
    assert values["fold_skew"] == pytest.approx(0.0, abs=0.05)
    bins = np.array([values[f"fold_bin_{k:02d}"] for k in range(16)])
    middles = (np.arange(16) + 0.5) / 16
    scale = 2 * np.cos(np.pi * 0.05)  # i90r of a sine of amplitude 1
    np.testing.assert_allclose(bins, -np.cos(2 * np.pi * middles) / scale, atol=0.05)


def test_bins_begin_at_greatest_light_whatever_the_zero_of_time():
    batch = make_batch(saw)
    later = make_batch(lambda phase: saw(phase + 0.37))
    one, other = folded_of(batch, PERIOD), folded_of(later, PERIOD)
    for k in range(16):
        assert one[f"fold_bin_{k:02d}"] == pytest.approx(other[f"fold_bin_{k:02d}"], abs=0.12)


def test_without_a_period_or_points_all_is_missing():
    batch = make_batch(saw)
    assert np.isnan(list(folded_of(batch, np.nan).values())).all()
    few = batch.keep_epochs(np.arange(len(batch.mjd_tai)) < 8)
    assert np.isnan(list(folded_of(few, PERIOD).values())).all()


def pairs_of(batch, period=None):
    sources = source_series_of(batch)
    statistics = basic_statistics(sources.rows)
    fit = None if period is None else fit_bands(sources, np.array([period]))
    block = band_pair_features(sources, statistics, fit)
    return dict(zip(block.names, block.values[0], strict=True))


def test_bands_are_compared_by_colour_amplitude_and_phase():
    batch = make_batch(lambda phase: 0.3 * np.sin(2 * np.pi * phase), lag_d=0.1 * PERIOD)
    values = pairs_of(batch, PERIOD)
    assert values["color_median_g_r"] == pytest.approx(-0.4, abs=0.05)
    assert values["range_ratio_g_r"] == pytest.approx(1 / 0.7, rel=0.03)
    assert values["f1_amp_ratio_g_r"] == pytest.approx(1 / 0.7, rel=0.02)
    assert values["f1_phase_lag_g_r"] == pytest.approx(0.1, abs=0.005)
    assert values["n_pairs_g_r"] == 250


def test_common_variation_shows_in_pairs_and_noise_does_not():
    common = pairs_of(make_batch(saw))
    assert common["pair_correlation_g_r"] > 0.99
    assert common["pair_slope_g_r"] == pytest.approx(1 / 0.7, rel=0.02)
    noise = pairs_of(make_batch(lambda phase: 0.0 * phase))
    assert abs(noise["pair_correlation_g_r"]) < 0.2
    assert abs(noise["pair_stetson_j_g_r"]) < 0.2


def test_pair_statistics_are_those_of_numpy():
    batch = make_batch(saw)
    magnitude = 31.4 - 2.5 * np.log10(batch.flux_njy)
    g, r = magnitude[0::2], magnitude[1::2]
    values = pairs_of(batch)
    assert values["pair_correlation_g_r"] == pytest.approx(np.corrcoef(g, r)[0, 1], rel=1e-9)
    assert values["pair_color_std_g_r"] == pytest.approx(np.std(g - r, ddof=1), rel=1e-9)
    assert values["pair_slope_g_r"] == pytest.approx(np.polyfit(r, g, 1)[0], rel=1e-6)


def test_points_far_apart_make_no_pair_and_none_is_used_twice():
    batch = make_batch(saw, n=40)
    alone = batch.keep_epochs((batch.band == 0) | (np.arange(80) == 1))
    assert pairs_of(alone)["n_pairs_g_r"] == 1
    apart = batch.keep_epochs((batch.band == 0) & (batch.mjd_tai < 58400) | (batch.band == 1) & (batch.mjd_tai > 58500))  # fmt: skip  # noqa: E501
    assert pairs_of(apart)["n_pairs_g_r"] == 0
    only_g = batch.keep_epochs(batch.band == 0)
    values = pairs_of(only_g, PERIOD)
    assert np.isnan([values[f"{name}_g_r"] for name in BAND_PAIRS]).all()


def test_cadence_counts_what_was_left_out():
    batch = make_batch(saw, n=30, bands=("g",))
    flux = batch.flux_njy.copy()
    flux[:6] = [np.nan, -1.0, 0.0, 5.0, 5.0, 5.0]
    broken = LightCurveBatch(
        source_ids=batch.source_ids, offsets=batch.offsets, mjd_tai=batch.mjd_tai, flux_njy=flux,
        flux_err_njy=batch.flux_err_njy, band=batch.band, bands=("g",),
    )  # fmt: skip
    sources = source_series_of(broken)
    values = dict(zip(CADENCE, cadence_features(sources)[0], strict=True))
    time = batch.mjd_tai[3:]
    assert values["n_points"] == 27
    assert values["fraction_left_out"] == pytest.approx(0.1)
    assert values["baseline_d"] == pytest.approx(np.ptp(time))
    assert values["gap_median_d"] == pytest.approx(np.median(np.diff(time)))
    assert values["n_nights"] == 1 + np.sum(np.diff(time) > 1 / 3)


def test_names_of_statistics_that_others_look_up_exist():
    assert {"median", "wmean", "i80r", "i90r"} <= set(STATISTICS)
