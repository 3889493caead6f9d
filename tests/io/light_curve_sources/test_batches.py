"""Times, fluxes and filters at the door, against Astropy and closed forms."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.time import Time
from tests.io.light_curve_sources.made_tables import read_all

from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves

RA_DEG, DEC_DEG = 209.99006, 29.99763


def batch_of_one(tmp_path, times, *, name="time", config=None, **more):
    n = len(times)
    columns = {
        "id": [1] * n,
        name: times,
        "mag": np.full(n, 18.0),
        "magerr": np.full(n, 0.1),
        "band": ["g"] * n,
        **{key: np.full(n, value) for key, value in more.items()},
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (batch,), _ = read_all(open_light_curves([tmp_path / "a.parquet"], config))
    return batch


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("mjd_tai", 58202.5, 58202.5),
        ("midpointMjdTai", 58202.5, 58202.5),
        ("mjd", 58202.5, Time(58202.5, format="mjd", scale="utc").tai.mjd),
        ("jd", 2458203.0, Time(2458203.0, format="jd", scale="utc").tai.mjd),
        ("time", 2458203.0, Time(2458203.0, format="jd", scale="utc").tai.mjd),
        ("time", 58202.5, Time(58202.5, format="mjd", scale="utc").tai.mjd),
        ("time", 290.3, 290.3),  # days of an own zero point
        ("hmjd", 58202.5, Time(58202.5, format="mjd", scale="utc").tai.mjd),  # no position
    ],
)
def test_times_become_mjd_tai(tmp_path, name, value, expected):
    batch = batch_of_one(tmp_path, [value], name=name)
    # A Julian date has a spacing of 5e-10 d.
    assert batch.mjd_tai[0] == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.parametrize("fill", [1e300, -1e20, np.inf, np.nan])
def test_times_beyond_all_dates_are_counted_as_unusable(tmp_path, fill):
    batch = batch_of_one(tmp_path, [58202.5, fill, 58203.5], name="mjd_tai")
    assert batch.mjd_tai.tolist() == [58202.5, 58203.5]
    assert batch.columns["n_epochs_unusable"].tolist() == [1]


@pytest.mark.parametrize(("name", "zero"), [("hmjd", 0.0), ("hjd", 2_400_000.5)])
def test_heliocentric_times_become_those_on_earth_where_the_position_is_known(tmp_path, name, zero):
    times = np.linspace(58000, 58365, 12)
    batch = batch_of_one(tmp_path, times + zero, name=name, ra=RA_DEG, dec=DEC_DEG)
    from astropy.coordinates import EarthLocation, SkyCoord
    from astropy.utils import iers

    with iers.conf.set_temp("auto_download", False):
        palomar = EarthLocation(lon=-116.863 * u.deg, lat=33.356 * u.deg, height=1706 * u.m)
        on_earth = Time(batch.mjd_tai, format="mjd", scale="tai", location=palomar)
        delay = on_earth.light_travel_time(SkyCoord(RA_DEG, DEC_DEG, unit="deg"), "heliocentric")
        expected = Time(times, format="mjd", scale="utc").tai.mjd - delay.to_value("d")
    # 0.2 s of the low-precision Sun, 0.03 s of the place on Earth.
    np.testing.assert_allclose(batch.mjd_tai, expected, rtol=0, atol=0.25 / 86_400)


def test_mjd_of_ztf_is_the_start_of_the_exposure(tmp_path):
    batch = batch_of_one(tmp_path, [58202.5], name="mjd", catflags=0, filtercode="zg", exptime=30.0)
    start = Time(58202.5, format="mjd", scale="utc").tai.mjd
    assert (batch.mjd_tai[0] - start) * 86_400 == pytest.approx(15.0, abs=1e-5)


def test_magnitudes_become_nanojansky(tmp_path):
    batch = batch_of_one(tmp_path, [58000.0, 58001.0])
    expected = (18.0 * u.ABmag).to_value(u.nJy)
    # The zero point 31.4 is rounded (31.40006).
    np.testing.assert_allclose(batch.flux_njy, expected, rtol=1e-4)
    np.testing.assert_allclose(
        batch.flux_err_njy / batch.flux_njy, 0.1 * np.log(10) / 2.5, rtol=1e-12
    )


@pytest.mark.parametrize(("zero_point", "factor"), [(31.4, 1.0), (23.9, 1e3), (8.9, 1e9)])
def test_fluxes_keep_their_sign_and_get_our_unit(tmp_path, zero_point, factor):
    table = {"id": [1, 1], "mjd": [58000.0, 58001], "flux": [-2.0, 3.0], "fluxerr": [0.5, 0.5],
             "band": ["g", "g"]}  # fmt: skip
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    config = LightCurveInputConfig(zero_point_mag=zero_point)
    (batch,), _ = read_all(open_light_curves([tmp_path / "a.parquet"], config))
    np.testing.assert_allclose(batch.flux_njy, [-2 * factor, 3 * factor], rtol=1e-12)
    np.testing.assert_allclose(batch.flux_err_njy, 0.5 * factor, rtol=1e-12)


def test_days_of_an_own_zero_point_keep_short_periods(tmp_path):
    """Defect a of the predecessor: float32 of a Julian date ends all periods below 2 d."""
    rng = np.random.default_rng(3)
    times = 2_458_000 + np.sort(rng.uniform(0, 1000, 300))
    batch = batch_of_one(tmp_path, times, name="jd")
    np.testing.assert_allclose(np.diff(batch.mjd_tai), np.diff(times), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("bad_flags", "n_kept"), [(None, 3), (32_768, 3), (0, 4), (-1, 1), (2, 3), (3, 2)]
)
def test_flags_are_applied_at_reading(tmp_path, bad_flags, n_kept):
    table = {
        "oid": [1] * 4,
        "hmjd": 58000.0 + np.arange(4),
        "mag": [18.0] * 4,
        "magerr": [0.1] * 4,
        "catflags": [0, 1, 2, 32_768],
        "filterid": [1] * 4,
    }
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    config = LightCurveInputConfig(bad_flags=bad_flags)
    (batch,), _ = read_all(open_light_curves([tmp_path / "a.parquet"], config))
    assert batch.n_epochs.tolist() == [n_kept]
    assert batch.columns["n_epochs_flagged"].tolist() == [4 - n_kept]
    assert (batch.survey, batch.bands) == ("ztf", ("g",))


def test_forced_photometry_of_rubin_is_read_from_inside_its_object(tmp_path):
    forced = [
        {
            "midpointMjdTai": 60600.0 + i,
            "psfFlux": 100.0 + i,
            "psfFluxErr": 2.0,
            "band": "gr"[i % 2],
            "psfFlux_flag": i == 3,
        }
        for i in range(4)
    ]
    other = [{"midpointMjdTai": 1.0, "psfFlux": 1.0, "psfFluxErr": 1.0, "band": "y"}]
    table = pa.table({
        "objectId": [7_000_000_000_000_000_001], "coord_ra": [10.0], "coord_dec": [-30.0],
        "diaSource": [other], "objectForcedSource": [forced],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    source = open_light_curves([tmp_path / "a.parquet"])
    (batch,), _ = read_all(source)
    assert batch.source_ids.tolist() == [7_000_000_000_000_000_001]
    assert batch.flux_njy.tolist() == [100.0, 101.0, 102.0]
    assert (batch.survey, batch.ra_deg.tolist()) == ("lsst", [10.0])
    assert not source.notes


@pytest.mark.parametrize("name", ["mjd_tai", "hmjd", "jd"])
def test_a_time_of_zero_among_dates_is_counted_as_unusable(tmp_path, name):
    first = 2_458_202.5 if name == "jd" else 58_202.5
    batch = batch_of_one(tmp_path, [first, 0.0, first + 1], name=name)
    assert batch.n_epochs.tolist() == [2]
    assert batch.columns["n_epochs_unusable"].tolist() == [1]


def test_a_time_of_zero_among_days_of_any_zero_point_is_a_time(tmp_path):
    batch = batch_of_one(tmp_path, [3.0, 0.0, 9_000.0], name="t")
    assert batch.n_epochs.tolist() == [3]
