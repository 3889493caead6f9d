"""Feature tables: a batch equals its parts, odd sources, every column has its definition."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.features.light_curves.compute import compute_features
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.features.light_curves.registry import (
    FEATURE_SETS,
    FEATURES,
    columns_of,
    definition_of,
    feature_set,
)
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.records.light_curve_batch import LightCurveBatch

QUICK = FeatureConfig(
    periods=PeriodSearchConfig(f_max_per_d=4.0, n_candidates=8, algorithms=("mhaov", "ls", "aov"))
)
NO_PERIODS = FeatureConfig(has_periods=False)


def make_batch(light_curves, bands=("g", "r"), **more):
    """Return a batch of (times, magnitudes, errors in mag, band codes)."""
    counts = [len(one[0]) for one in light_curves]
    t, m, e, code = (
        np.concatenate([np.asarray(one[k], dtype=float) for one in light_curves]) for k in range(4)
    )
    flux = 10 ** (0.4 * (31.4 - m))
    return LightCurveBatch(
        source_ids=np.arange(len(counts)), offsets=np.concatenate([[0], np.cumsum(counts)]),
        mjd_tai=t, flux_njy=flux, flux_err_njy=e * flux * np.log(10) / 2.5, band=code, bands=bands,
        **more,
    )  # fmt: skip


def pulsator(seed, n=60, period=0.7):
    rng = np.random.default_rng(seed)
    t = 58000.0 + np.sort(rng.uniform(0.0, 90.0, n))
    code = rng.integers(0, 2, n)
    m = 16.0 + 0.3 * code + 0.3 * np.sin(2 * np.pi * t / period) + rng.normal(0.0, 0.02, n)
    return t, m, np.full(n, 0.02), code


def odd_sources():
    t, m, e, code = pulsator(9)
    return {
        "empty": (t[:0], m[:0], e[:0], code[:0]),
        "one_point": (t[:1], m[:1], e[:1], code[:1]),
        "one_band": (t, m, e, np.zeros(len(t))),
        "equal_times": (np.full(20, 58000.0), m[:20], e[:20], code[:20]),
        "constant": (t, np.full(len(t), 15.1), e, code),
        "one_day": (58000.0 + np.linspace(0.0, 1.0, 40), m[:40], e[:40], code[:40]),
        "zero_errors": (t, m, np.zeros(len(t)), code),
        "nan_magnitudes": (t, np.full(len(t), np.nan), e, code),
    }


def test_a_batch_equals_its_parts():
    batch = make_batch([pulsator(1), *odd_sources().values(), pulsator(2)])
    together = compute_features(batch, QUICK)
    for i in (0, 1, 3, len(batch) - 1):
        alone = compute_features(batch.take(np.array([i])), QUICK)
        np.testing.assert_array_equal(together.values[i], alone.values[0])
        np.testing.assert_array_equal(together.dmdt[i], alone.dmdt[0])
        assert together.columns["feature_flags"][i] == alone.columns["feature_flags"][0]


def test_the_period_and_its_amplitude_are_found_in_a_table():
    table = compute_features(make_batch([pulsator(3)]), QUICK)
    assert table.column("period_d")[0] == pytest.approx(0.7, rel=1e-3)
    assert table.column("f1_amp_g")[0] == pytest.approx(0.3, abs=0.03)
    assert table.columns["feature_flags"].tolist() == [""]


@pytest.mark.parametrize("kind", odd_sources())
def test_odd_sources_have_missing_values_and_a_reason(kind):
    table = compute_features(make_batch([odd_sources()[kind]]), QUICK)
    assert not np.isinf(table.values).any()
    reason = table.columns["feature_flags"][0]
    assert reason, "something is wrong with each of them"
    if kind in {"empty", "zero_errors", "nan_magnitudes"}:
        assert "no_points_g" in reason
        assert table.column("n_points_g")[0] == 0.0
        assert np.isnan(table.column("median_g")[0])
    if kind == "one_band":
        assert np.isfinite(table.column("median_g")[0])
        assert np.isnan(table.column("median_r")[0])


def test_an_empty_batch_has_columns_and_no_row():
    batch = make_batch([pulsator(1)]).take(np.array([], dtype=int))
    table = compute_features(batch, QUICK)
    assert len(table) == 0
    assert table.names == compute_features(make_batch([pulsator(1)]), QUICK).names


def test_bands_of_the_settings_make_columns_whatever_the_input_has():
    batch = make_batch([pulsator(1)])
    table = compute_features(batch, FeatureConfig(bands=("r", "i"), has_periods=False))
    assert np.isfinite(table.column("median_r")[0])
    assert np.isnan(table.column("median_i")[0])
    assert "median_g" not in table.names
    assert table.dmdt_names == ("dmdt_r", "dmdt_i")


def test_difference_flux_is_refused():
    batch = make_batch([pulsator(1)], is_difference=True)
    with pytest.raises(InvalidInputError, match="total flux"):
        compute_features(batch, NO_PERIODS)


def test_catalogues_and_alerts_come_through_with_colours():
    columns = {
        "AllWISE__w1mpro": np.array([12.0, -999.0, 13.0]),
        "AllWISE__w2mpro": np.array([11.5, 11.0, np.nan]),
        "n_ztf_alerts": np.array([3.0, 0.0, np.nan]),
        "mean_ztf_alert_braai": np.array([0.8, np.nan, np.nan]),
        "Gaia_EDR3__phot_g_mean_mag": np.array([15.0, 15.0, 15.0]),
        "Gaia_EDR3__parallax": np.array([10.0, -1.0, np.nan]),
    }
    batch = make_batch([pulsator(1)] * 3, columns=columns)
    table = compute_features(batch, NO_PERIODS)
    np.testing.assert_equal(table.column("color_w1_w2"), [0.5, np.nan, np.nan])
    np.testing.assert_equal(table.column("mean_ztf_alert_braai"), [0.8, 0.0, np.nan])
    np.testing.assert_equal(table.column("n_ztf_alerts"), [3.0, 0.0, np.nan])
    np.testing.assert_allclose(table.column("absolute_mag_g"), [10.0, np.nan, np.nan])


def test_every_column_has_a_definition_and_every_definition_a_column():
    algorithms = ("mhaov", "ls")
    config = FeatureConfig(
        periods=PeriodSearchConfig(f_max_per_d=2.0, n_candidates=4, algorithms=algorithms),
        has_fourier_of_algorithms=True,
    )
    known = {f.name: np.ones(1) for f in FEATURES if "__" in f.name or "ztf" in f.name}
    table = compute_features(make_batch([pulsator(1)], columns=known), config)
    defined = {(definition_of(name).name, definition_of(name).scope) for name in table.names}
    assert defined == {(feature.name, feature.scope) for feature in FEATURES}
    assert len(set(table.names)) == len(table.names)


@pytest.mark.parametrize(
    "column", ["nothing", "iqr", "iqr_g_r_z_", "color_median_g", "period_1_no"]
)
def test_unknown_columns_are_refused(column):
    with pytest.raises(InvalidInputError, match="no feature"):
        definition_of(column)


def test_feature_sets_of_the_taxonomies_have_the_columns_that_are_computed():
    table_names = set(compute_features(make_batch([pulsator(1)]), QUICK).names)
    catalogues = {name for name in FEATURE_SETS["ontological"] if "__" in name or "ztf" in name}
    for name, n_features in (("phenomenological", 35), ("ontological", 61)):
        assert len(FEATURE_SETS[name]) == n_features
        assert set(feature_set(name, ("g", "r"))) - catalogues <= table_names
    with pytest.raises(InvalidInputError, match="feature set"):
        feature_set("other", ("g",))
    with pytest.raises(InvalidInputError, match="no feature"):
        columns_of(["other"], ("g",))


def test_real_rr_lyrae_have_the_shapes_of_their_types(shared_data):
    """Real photometry: at one period search less, the literature's periods serve."""
    from skyvet.features.light_curves.blocks import source_series_of
    from skyvet.features.light_curves.folded import FOLDED, folded_features, joint_rows
    from skyvet.features.light_curves.statistics import basic_statistics

    folder = shared_data / "s82_rrlyrae"
    rows = pq.read_table(folder / "lightcurves.parquet").to_pandas()
    rows = rows.query("magerr < 1 and mag < 90").sort_values(["star_id", "time"], kind="stable")
    known = [line.split(",") for line in (folder / "periods.csv").read_text().splitlines()]
    place = {name: i for i, name in enumerate(known[0])}
    known = {int(line[place["Num"]]): line for line in known[1:]}
    bands = ("u", "g", "r", "i", "z")
    stars = [star for _, star in rows.groupby("star_id")][:120]
    batch = make_batch(
        [(s.time, s.mag, s.magerr, s.band.map(bands.index)) for s in stars], bands=bands
    )
    lines = [known[int(star.star_id.iloc[0])] for star in stars]
    sources = source_series_of(batch)
    joint = joint_rows(sources, basic_statistics(sources.rows))
    periods = np.array([float(line[place["Per"]]) for line in lines])
    rise = folded_features(joint, periods)[:, FOLDED.index("fold_rise_fraction")]
    is_ab = np.array([line[place["Type"]] == "ab" for line in lines])
    assert np.median(rise[is_ab]) < 0.25
    assert np.median(rise[~is_ab]) > 0.35
