"""Statistics against SciPy, the package light-curve and their definitions written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from skyvet.features.light_curves.ragged_series import RaggedSeries
from skyvet.features.light_curves.snad import SNAD, snad_features
from skyvet.features.light_curves.statistics import STATISTICS, basic_statistics


def make_rows(*light_curves):
    """Return rows of (times, magnitudes, errors)."""
    counts = [len(t) for t, _, _ in light_curves]
    return RaggedSeries(
        time_d=np.concatenate([t for t, _, _ in light_curves]).astype(float),
        magnitude=np.concatenate([m for _, m, _ in light_curves]).astype(float),
        magnitude_err=np.concatenate([e for _, _, e in light_curves]).astype(float),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
    )


def draw(seed, n=120):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0.0, 900.0, n))
    return t, rng.gamma(2.0, 0.3, n) + 15.0, rng.uniform(0.01, 0.2, n)


def statistics_of(t, m, e):
    return dict(zip(STATISTICS, basic_statistics(make_rows((t, m, e)))[0], strict=True))


def by_definition(t, m, e):
    """Return the statistics as the specification writes them."""
    n, w = len(m), 1.0 / e**2
    wmean = np.sum(w * m) / np.sum(w)
    wstd = np.sqrt(np.sum(w * (m - wmean) ** 2) / np.sum(w))
    z = (m - wmean) / e
    d = np.sqrt(n / (n - 1)) * z
    pair = d[:-1] * d[1:]
    dt, dm = np.diff(t), np.diff(m)
    dt, dm = dt[dt > 0], dm[dt > 0]
    eta = np.sum(dt**-2.0 * dm**2) / (np.sum(dt**-2.0) * wstd**2)
    width = {f"i{p}r": np.subtract(*np.percentile(m, [50 + p / 2, 50 - p / 2])) for p in (60, 70, 80, 90)}  # fmt: skip  # noqa: E501
    return {
        "n": n, "median": np.median(m), "wmean": wmean, "chi2red": np.sum(z**2) / (n - 1),
        "roms": np.sum(np.abs(m - np.median(m)) / e) / (n - 1), "wstd": wstd,
        "norm_peak_to_peak_amp": (np.max(m - e) - np.min(m + e)) / (np.max(m - e) + np.min(m + e)),
        "norm_excess_var": np.sum((m - wmean) ** 2 - e**2) / (n * wmean**2),
        "median_abs_dev": stats.median_abs_deviation(m), "iqr": stats.iqr(m), **width,
        "skew": n / ((n - 1) * (n - 2)) * np.sum(z**3),
        "smallkurt": n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * np.sum(z**4)
        - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)),
        "inv_vonneumannratio": 1 / eta, "welch_i": pair.sum(),
        "stetson_j": np.sum(np.sign(pair) * np.sqrt(np.abs(pair))),
        "stetson_k": np.mean(np.abs(d)) / np.sqrt(np.mean(d**2)),
    }  # fmt: skip


@pytest.mark.parametrize("n", [4, 5, 6, 7, 120])
def test_statistics_follow_their_definitions(n):
    t, m, e = draw(n, n)
    ours, expected = statistics_of(t, m, e), by_definition(t, m, e)
    for name, value in expected.items():
        assert ours[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("n", [4, 5, 6, 11, 120, 1500])
def test_tests_of_normality_are_those_of_scipy(n):
    t, m, e = draw(n, n)
    ours = statistics_of(t, m, e)
    # SciPy's quantiles of the normal in AS R94 have 7 digits.
    assert ours["sw"] == pytest.approx(stats.shapiro(m / e).statistic, abs=2e-6)
    x = np.sort(m / e)
    z = (x - x.mean()) / x.std(ddof=1)
    terms = (2 * np.arange(1, n + 1) - 1) * (stats.norm.logcdf(z) + stats.norm.logsf(z[::-1]))
    assert ours["ad"] == pytest.approx(-n - terms.mean(), rel=1e-9)


def test_shapiro_wilk_is_given_beyond_5000_points():
    """Defect l of SCoPe: it was missing there, and missing meant dropped."""
    t, m, e = draw(1, 6000)
    normal = np.random.default_rng(0).normal(100.0, 1.0, 6000)
    assert statistics_of(t, normal, np.ones(6000))["sw"] > 0.999
    assert np.isfinite(statistics_of(t, m, e)["sw"])


def test_statistics_agree_with_the_package_light_curve():
    light_curve = pytest.importorskip("light_curve")
    t, m, e = draw(3)
    ours = statistics_of(t, m, e)
    names = ("Median", "WeightedMean", "ReducedChi2", "Roms", "MedianAbsoluteDeviation")
    theirs = light_curve.Extractor(*(getattr(light_curve, name)() for name in names))(t, m, e)
    mine = [ours[k] for k in ("median", "wmean", "chi2red", "roms", "median_abs_dev")]
    np.testing.assert_allclose(mine, theirs, rtol=1e-7)
    assert ours["stetson_k"] == pytest.approx(light_curve.StetsonK()(t, m, e)[0], rel=1e-6)


def test_times_enter_as_differences_only():
    """Defect a of SCoPe: the von Neumann ratio of Julian dates in float32 was noise."""
    t, m, e = draw(4)
    t = np.round(t * 1024) / 1024  # differences that stay exact beside a Julian date
    near, far = statistics_of(t, m, e), statistics_of(t + 2_458_000.5, m, e)
    assert near == far


def test_few_points_have_no_statistics():
    t, m, e = draw(5, 3)
    assert np.isnan(basic_statistics(make_rows((t, m, e)))).all()
    assert np.isfinite(basic_statistics(make_rows(draw(5, 4)))).all()


def test_constant_magnitudes_and_equal_times_divide_nothing_by_zero():
    t = np.zeros(10)
    values = statistics_of(t, np.full(10, 15.0), np.full(10, 0.1))
    assert np.isnan(values["inv_vonneumannratio"])
    assert np.isnan(values["stetson_k"])
    assert values["iqr"] == 0.0
    values = statistics_of(t, np.arange(10.0), np.full(10, 0.1))
    assert np.isnan(values["inv_vonneumannratio"])


def test_rows_do_not_depend_on_their_neighbours():
    parts = [draw(seed, n) for seed, n in ((1, 40), (2, 2), (3, 300))]
    together = basic_statistics(make_rows(*parts))
    for one, row in zip(parts, together, strict=True):
        np.testing.assert_array_equal(row, basic_statistics(make_rows(one))[0])


def test_names_of_snad_are_those_of_the_package():
    light_curve = pytest.importorskip("light_curve")
    t, m, e = draw(6)
    ours = dict(zip(SNAD, snad_features(make_rows((t, m, e)))[0], strict=True))
    single = (
        light_curve.Amplitude(), light_curve.Cusum(), light_curve.EtaE(), light_curve.Kurtosis(),
        light_curve.LinearTrend(), light_curve.OtsuSplit(), light_curve.QnScale(),
        light_curve.BiweightScale(), light_curve.MagnitudePercentageRatio(0.2, 0.05),
    )  # fmt: skip
    for feature in single:
        extract = light_curve.Extractor(feature)
        for name, value in zip(extract.names, extract(t, m, e), strict=True):
            assert ours[f"lc_{name}"] == pytest.approx(value, rel=1e-12), name
    assert ours["lc_skew"] == pytest.approx(stats.skew(m, bias=False), rel=1e-9)
    assert ours["lc_standard_deviation"] == pytest.approx(m.std(ddof=1), rel=1e-9)


def test_snad_features_of_few_points_or_equal_times_are_missing_not_wrong():
    t, m, e = draw(7, 3)
    assert np.isnan(snad_features(make_rows((t, m, e)))).all()
    values = snad_features(make_rows((np.zeros(6), np.arange(6.0), np.full(6, 0.1))))
    assert np.isnan(values).all()
    t = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 2.0])
    values = snad_features(make_rows((t, np.arange(6.0), np.full(6, 0.1))))
    assert np.isfinite(values[0, SNAD.index("lc_standard_deviation")])
    assert not np.isinf(values).any()
