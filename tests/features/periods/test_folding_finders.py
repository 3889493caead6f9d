"""Statistics of phase bins against brute force, astropy, closed forms and their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from skyvet.features.band_series import BandSeries
from skyvet.features.periods.analysis_of_variance import (
    AnalysisOfVariance,
    binned_false_alarm_probability,
)
from skyvet.features.periods.box_least_squares import BoxLeastSquares
from skyvet.features.periods.conditional_entropy import ConditionalEntropy
from skyvet.features.periods.fast_periodicity_weighting import FastPeriodicityWeighting
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.template_matching import TemplateMatching, folded_templates

PERIOD = 0.6371
FINDERS = (
    ConditionalEntropy(),
    ConditionalEntropy(magnitude_bins="quantile", n_phase_bins=13, n_magnitude_bins=7),
    AnalysisOfVariance(),
    AnalysisOfVariance(is_weighted=True, n_phase_bins=11),
    FastPeriodicityWeighting(),
    BoxLeastSquares(n_phase_bins=20, q_max=0.3),
    BoxLeastSquares(n_phase_bins=20, q_max=0.3, direction="either"),
    TemplateMatching(),
)
every_finder = pytest.mark.parametrize("finder", FINDERS, ids=lambda f: f.kind)


def sine(phase):
    return 0.3 * np.sin(2 * np.pi * phase)


def box(phase):
    return 0.4 * (phase < 0.1)


def sawtooth(phase):
    return 0.4 * phase


def make_series(shape=sine, *, band="r", n=150, seed=0, baseline_d=150.0, err=0.05):
    rng = np.random.default_rng([seed, n])
    time = np.sort(rng.uniform(0, baseline_d, n))
    errors = rng.uniform(0.5 * err, 1.5 * err, n)
    magnitude = 18 + shape((time / PERIOD) % 1) + errors * rng.normal(size=n)
    return BandSeries(band=band, time_d=time, magnitude=magnitude, magnitude_err=errors)


def changed(series, **arrays):
    kept = {name: getattr(series, name) for name in ("time_d", "magnitude", "magnitude_err")}
    return BandSeries(band=series.band, **{**kept, **arrays})


TWO_BANDS = (make_series(band="g", seed=1, n=90), make_series(band="r", seed=2, n=140))
GRID = FrequencyGrid(f_min=1.2, step=1 / 3000, n=2500)
SOME = np.random.default_rng(5).uniform(0.02, 20, 70)


def phase_bin(series, frequency, n_bins, start):
    turns = (series.time_d - start) * frequency
    return ((turns - np.floor(turns)) * n_bins).astype(int)


def brute_entropy(bands, frequency, finder):
    """The definition, cell by cell."""
    start = min(band.time_d.min() for band in bands)
    total = 0.0
    for band in bands:
        j = phase_bin(band, frequency, finder.n_phase_bins, start)
        n_rows = finder.n_magnitude_bins
        if finder.magnitude_bins == "quantile":
            edges = np.quantile(band.magnitude, np.arange(1, n_rows) / n_rows)
            i = (band.magnitude[:, None] >= edges).sum(1)
        else:
            low, high = band.magnitude.min(), band.magnitude.max()
            i = np.minimum((band.magnitude - low) * (n_rows / (high - low)), n_rows - 1).astype(int)
        p = np.zeros((n_rows, finder.n_phase_bins))
        np.add.at(p, (i, j), 1.0)
        p_j = np.broadcast_to(p.sum(0), p.shape)
        total += (p[p > 0] * np.log(p_j[p > 0] / p[p > 0])).sum()
    return -total / sum(map(len, bands))


def brute_sums(bands, frequency, finder, weight_of):
    """Explained and total sum of squares, occupied bins."""
    start = min(band.time_d.min() for band in bands)
    s1 = s0 = r = 0.0
    for band in bands:
        w = weight_of(band)
        y = band.magnitude - np.average(band.magnitude, weights=w)
        j = phase_bin(band, frequency, finder.n_phase_bins, start)
        for k in np.unique(j):
            s1 += (w * y)[j == k].sum() ** 2 / w[j == k].sum()
        r += len(np.unique(j))
        s0 += (w * y * y).sum()
    return s1, s0, r


def brute_aov(bands, frequency, finder):
    def weight(band):
        return (
            band.magnitude_err**-2
            if finder.is_weighted
            else 1 / band.magnitude.var() + 0 * band.time_d
        )

    s1, s0, r = brute_sums(bands, frequency, finder, weight)
    n = sum(map(len, bands))
    return s1 / (s0 - s1) * (n - r) / (r - len(bands))


def brute_fpw(bands, frequency, finder):
    return brute_sums(bands, frequency, finder, lambda band: band.magnitude_err**-2)[0] / 2


def brute_box(bands, frequency, finder):
    start = min(band.time_d.min() for band in bands)
    n_bins, best = finder.n_phase_bins, 0.0
    for first in range(n_bins):
        for width in range(1, int(finder.q_max * n_bins + 1e-9) + 1):
            gain = 0.0
            for band in bands:
                w = band.magnitude_err**-2
                y = band.magnitude - np.average(band.magnitude, weights=w)
                inside = (phase_bin(band, frequency, n_bins, start) - first) % n_bins < width
                s, r, total = (w * y)[inside].sum(), w[inside].sum(), w.sum()
                if r > 0 and total - r > 1e-9 and (s > 0 or finder.direction == "either"):
                    gain += s**2 * total / (r * (total - r))
            best = max(best, gain)
    return best


def brute_match(bands, frequency, finder):
    start = min(band.time_d.min() for band in bands)
    n_bins, n = finder.n_phase_bins, sum(map(len, bands))
    s1, s0, r = brute_sums(bands, frequency, finder, lambda band: band.magnitude_err**-2)
    best = -1.0
    for template in folded_templates(n_bins):
        for shift in range(n_bins):
            found = 0.0
            for band in bands:
                w = band.magnitude_err**-2
                j = phase_bin(band, frequency, n_bins, start)
                kept = np.unique(j)
                means = [np.average(band.magnitude[j == k], weights=w[j == k]) for k in kept]
                profile = np.zeros(n_bins)
                profile[kept] = means - np.mean(means)
                rho = profile @ np.roll(template, shift) / np.linalg.norm(profile)
                found += rho * len(band) / n
            best = max(best, found)
    return best * s1 / s0 * r / (n_bins * len(bands))


BRUTE = {
    "ce": brute_entropy,
    "aov": brute_aov,
    "fpw": brute_fpw,
    "bls": brute_box,
    "mf": brute_match,
}


@every_finder
@pytest.mark.parametrize("bands", [TWO_BANDS[:1], TWO_BANDS], ids=["one band", "two bands"])
def test_statistic_is_its_definition(finder, bands):
    frequencies = np.append(SOME[: 5 if finder.kind in {"bls", "mf"} else None], 1 / PERIOD)
    expected = [BRUTE[finder.kind](bands, f, finder) for f in frequencies]
    np.testing.assert_allclose(finder.statistic(bands, frequencies), expected, rtol=1e-9)


@every_finder
def test_grid_gives_the_exact_statistic_but_for_points_on_edges(finder):
    fast = finder.periodogram(TWO_BANDS, GRID)
    exact = finder.statistic(TWO_BANDS, GRID.frequencies)
    assert fast.argmax() == exact.argmax()
    # Packed integers leave 1e-7, float32 sums of boxes 1e-4; a point that a phase error of 1e-6
    # turns moves over one of 20 edges changes 230 x 20 x 1e-6 = 0.5 % of the frequencies.
    tolerance = 2e-4 if finder.kind == "bls" else 2e-6
    assert np.mean(np.abs(fast - exact) < tolerance * np.abs(exact).max()) > 0.99


@every_finder
def test_phases_stay_true_over_a_long_grid(finder):
    """Rounded steps would drift by many bins without reseeding."""
    grid = FrequencyGrid(f_min=0.01, step=1e-4, n=30_000)
    last = slice(grid.n - 200, grid.n)
    fast = finder.periodogram(TWO_BANDS, grid)[last]
    exact = finder.statistic(TWO_BANDS, grid.frequencies[last])
    assert np.mean(np.abs(fast - exact) < 2e-4 * np.abs(exact).max()) > 0.98


@pytest.mark.parametrize("shape", [sine, box, sawtooth])
@every_finder
def test_period_of_any_shape_is_found(finder, shape):
    bands = (make_series(shape, n=250, err=0.02),)
    ratio = GRID.frequencies[finder.periodogram(bands, GRID).argmax()] * PERIOD
    assert min(abs(ratio / k - 1) for k in (1, 2)) < 1e-3


@every_finder
def test_later_start_of_the_clock_changes_nothing(finder):
    later = [changed(band, time_d=band.time_d + 512.0) for band in TWO_BANDS]
    before, after = (finder.statistic(bands, SOME) for bands in (TWO_BANDS, later))
    np.testing.assert_allclose(before, after, rtol=1e-8)


@every_finder
def test_magnitude_offset_of_a_band_changes_nothing(finder):
    brighter = (changed(TWO_BANDS[0], magnitude=TWO_BANDS[0].magnitude - 1.5), TWO_BANDS[1])
    before, after = (finder.statistic(bands, SOME) for bands in (TWO_BANDS, brighter))
    np.testing.assert_allclose(before, after, rtol=1e-8)


@every_finder
def test_order_of_equal_times_changes_nothing(finder):
    time = np.repeat(TWO_BANDS[0].time_d[::3], 3)
    together = changed(TWO_BANDS[0], time_d=time)
    order = np.arange(90).reshape(-1, 3)[:, ::-1].ravel()
    swapped = BandSeries(
        band="g",
        time_d=time,
        magnitude=together.magnitude[order],
        magnitude_err=together.magnitude_err[order],
    )
    before, after = (finder.statistic([series], SOME) for series in (together, swapped))
    np.testing.assert_allclose(before, after, rtol=1e-9)


@pytest.mark.parametrize("finder", [f for f in FINDERS if f.kind in {"ce", "aov", "mf"}])
def test_amplitude_and_errors_together_change_no_relative_statistic(finder):
    scaled = [
        changed(b, magnitude=18 + 0.1 * (b.magnitude - 18), magnitude_err=0.1 * b.magnitude_err)
        for b in TWO_BANDS
    ]
    before, after = (finder.statistic(bands, SOME) for bands in (TWO_BANDS, scaled))
    np.testing.assert_allclose(before, after, rtol=1e-7)


@pytest.mark.parametrize("finder", [f for f in FINDERS if f.kind in {"fpw", "bls"}])
def test_magnitudes_and_errors_have_one_scale(finder):
    """Magnitudes divided by their range with errors that are not would fail this by range^2."""
    shrunk = [changed(b, magnitude_err=0.1 * b.magnitude_err) for b in TWO_BANDS]
    grown = [changed(b, magnitude=18 + 10 * (b.magnitude - 18)) for b in TWO_BANDS]
    expected = 100 * finder.statistic(TWO_BANDS, SOME)
    np.testing.assert_allclose(finder.statistic(shrunk, SOME), expected, rtol=1e-7)
    np.testing.assert_allclose(finder.statistic(grown, SOME), expected, rtol=1e-7)


def test_half_the_fall_of_chi2_is_half_a_chi2_variable_of_noise():
    """Without a signal twice the statistic has r - 1 degrees of freedom: r bins, one mean."""
    noise = make_series(lambda phase: 0 * phase, n=4000, err=0.1, baseline_d=2000)
    twice = 2 * FastPeriodicityWeighting().statistic([noise], np.linspace(1, 9, 400))
    assert stats.kstest(twice, stats.chi2(19).cdf).pvalue > 1e-3


def test_analysis_of_variance_of_noise_follows_f():
    noise = make_series(lambda phase: 0 * phase, n=200, err=0.1)
    finder = AnalysisOfVariance(is_weighted=True, n_phase_bins=10)
    found = finder.statistic([noise], np.linspace(1, 9, 400))
    assert stats.kstest(found, stats.f(9, 190).cdf).pvalue > 1e-3


def test_false_alarms_are_as_rare_as_said():
    """Highest peaks of 150 light curves of noise on a grid of ten steps a peak."""
    grid = FrequencyGrid(f_min=0.5, step=1 / 500, n=1500)
    finder = AnalysisOfVariance(n_phase_bins=8)
    noise = [make_series(lambda phase: 0 * phase, n=80, seed=s, baseline_d=50) for s in range(150)]
    highest = np.array([finder.periodogram([one], grid).max() for one in noise])
    chance = binned_false_alarm_probability(
        highest, n_points=80, n_occupied=8, n_bands=1, n_frequencies=grid.n
    )
    # An upper bound that is nearly reached: five standard deviations of 150 draws.
    for level in (0.1, 0.5):
        assert abs((chance < level).mean() - level) < 5 * np.sqrt(level * (1 - level) / 150)


@pytest.mark.parametrize(("n_points", "n_occupied"), [(20, 20), (30, 1)])
def test_false_alarm_without_degrees_of_freedom_is_missing(n_points, n_occupied):
    chance = binned_false_alarm_probability(
        np.array([3.0]), n_points=n_points, n_occupied=n_occupied, n_bands=1, n_frequencies=10
    )
    assert np.isnan(chance).all()


def test_entropy_is_zero_where_phase_tells_the_magnitude():
    time = np.arange(80) * 0.25
    steps = changed(make_series(n=80), time_d=time, magnitude=18 + (np.arange(80) % 4) * 0.1)
    assert ConditionalEntropy().statistic([steps], np.array([1.0])) == pytest.approx(0.0)


def test_entropy_of_one_phase_is_that_of_the_magnitudes():
    """All points at one phase: nothing is known but how magnitudes are spread."""
    together = changed(make_series(n=80), time_d=np.arange(80.0), magnitude=np.arange(80) % 4)
    found = ConditionalEntropy().statistic([together], np.array([1.0]))
    assert found == pytest.approx(-np.log(4))


@pytest.mark.parametrize("n", [1200, 5000])
def test_entropy_counts_more_points_than_a_byte_holds(n):
    """Magnitude bins of more than 255 points, cells of more than 255 where the fold is sharp."""
    many = make_series(sawtooth, n=n, err=1e-4)
    finder = ConditionalEntropy(n_phase_bins=5, n_magnitude_bins=4)
    frequencies = np.array([1 / PERIOD, 3.1, 7.7])
    expected = [brute_entropy([many], f, finder) for f in frequencies]
    np.testing.assert_allclose(finder.statistic([many], frequencies), expected, rtol=1e-9)


def test_outlier_squeezes_the_range_but_not_quantiles():
    magnitude = make_series().magnitude.copy()
    magnitude[3] += 10.0
    spoilt = [changed(make_series(), magnitude=magnitude)]
    at = np.array([1 / PERIOD])
    others = np.linspace(2, 3, 300)

    def contrast(kind):
        finder = ConditionalEntropy(magnitude_bins=kind)
        noise = finder.statistic(spoilt, others)
        return (finder.statistic(spoilt, at)[0] - noise.mean()) / noise.std()

    assert contrast("quantile") > 2 * contrast("range")


def test_band_of_few_points_weighs_little():
    alone = AnalysisOfVariance().statistic(TWO_BANDS[1:], SOME)
    few = changed(make_series(n=10, seed=9), magnitude=18 + np.arange(10) % 2)
    joined = AnalysisOfVariance().statistic([few, TWO_BANDS[1]], SOME)
    assert np.corrcoef(alone, joined)[0, 1] > 0.6


def test_boxes_are_astropys():
    peer = pytest.importorskip("astropy.timeseries")
    one = make_series(box, n=200)
    one = changed(one, time_d=one.time_d - one.time_d[0])
    model = peer.BoxLeastSquares(one.time_d, -one.magnitude, one.magnitude_err)
    finder = BoxLeastSquares(n_phase_bins=50, q_max=0.2)
    periods = 1 / np.append(SOME[SOME > 0.5], 1 / PERIOD)
    expected = [
        model.power([p], np.arange(1, 11) * p / 50, objective="snr", oversample=1).power[0] ** 2
        for p in periods
    ]
    found = finder.statistic([one], 1 / periods)
    # Astropy does not try all boxes over phase 0, and rounding gives it a 51st bin now and then.
    assert np.mean(np.isclose(found, expected, rtol=1e-9)) > 0.9
    assert found[-1] == pytest.approx(expected[-1])


def test_brighter_boxes_are_found_by_choice_alone():
    flare = [make_series(lambda phase: -box(phase), n=250)]
    at, others = np.array([1 / PERIOD]), np.linspace(2, 3, 200)
    for direction, wins in (("fainter", False), ("either", True)):
        finder = BoxLeastSquares(q_max=0.2, direction=direction)
        is_best = finder.statistic(flare, at)[0] > 3 * finder.statistic(flare, others).max()
        assert is_best == wins


@pytest.mark.parametrize("q", [(0.4, 0.3), (0.001, 0.01)])
def test_boxes_of_no_width_are_refused(q):
    with pytest.raises(ValidationError, match="n_phase_bins"):
        BoxLeastSquares(n_phase_bins=50, q_min=q[0], q_max=q[1])


def test_bins_beyond_a_byte_are_refused():
    with pytest.raises(ValidationError):
        ConditionalEntropy(n_phase_bins=300)


def test_templates_brighten_for_their_part_of_the_period():
    """The second sawtooth is at its brightest after a fifth of the period."""
    sawteeth = folded_templates(100)[:5]
    np.testing.assert_allclose(
        (sawteeth.argmin(1) + 0.5) / 100, [0.1, 0.2, 0.35, 0.5, 0.65], atol=0.011
    )
    np.testing.assert_allclose(np.linalg.norm(folded_templates(20), axis=1), 1.0)


def test_match_of_its_own_template_is_perfect():
    time = np.arange(400) * 0.05 + 0.02
    time[0] = 0.0  # where bins begin
    template = folded_templates(20)[9]
    shaped = BandSeries(
        band="r",
        time_d=time,
        magnitude=18 + template[np.arange(400) % 20],
        magnitude_err=np.full(400, 0.01),
    )
    assert TemplateMatching().statistic([shaped], np.array([1.0])) == pytest.approx(1.0)
