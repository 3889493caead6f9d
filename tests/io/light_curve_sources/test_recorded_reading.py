"""How light curves were read goes with a bundle, and never against what a table's names say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.io.light_curve_sources.made_tables import read_all

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.light_curve_sources.recorded_reading import reading_settings, recorded_reading

EROS = {"preset": "eros"}


def _table(folder, *, value="flux", time="time", brightness=18.5, error=0.05):
    path = folder / f"{value}_{time}.parquet"
    epochs = {time: np.arange(4.0) + 300, value: brightness + np.arange(4) / 10}
    epochs |= {f"{value}err" if value != "flux_njy" else "flux_err_njy": np.full(4, error)}
    pq.write_table(pa.table({"star_id": [1, 1, 2, 2], **epochs, "band": ["g"] * 4}), path)
    return path


def test_what_was_left_to_be_found_out_is_not_recorded():
    assert reading_settings(LightCurveInputConfig(preset="auto", bands=("g",))) == {}
    config = LightCurveInputConfig(brightness="flux", zero_point_mag=23.9, time_scale="days")
    recorded = {"brightness": "flux", "zero_point_mag": 23.9, "time_scale": "days"}
    assert reading_settings(config) == recorded


def test_a_column_called_flux_is_read_as_recorded_and_says_so(tmp_path):
    given = LightCurveInputConfig(bands=("g",))
    config, note = recorded_reading(EROS, given, [_table(tmp_path)])
    assert config == LightCurveInputConfig(preset="eros", bands=("g",))
    assert "preset=eros" in note
    assert recorded_reading({}, given, [tmp_path / "absent"]) == (given, "")


@pytest.mark.parametrize(
    ("recorded", "value", "time", "named"),
    [
        (EROS, "flux_njy", "mjd_tai", "flux_njy holds flux in nJy"),
        ({"brightness": "flux"}, "mag", "mjd", "mag holds magnitudes"),
        ({"zero_point_mag": 23.9}, "flux_njy", "mjd_tai", "flux_njy holds flux in nJy"),
        ({"time_scale": "days"}, "mag", "mjd_tai", "mjd_tai holds mjd_tai"),
        (EROS, "psfflux", "midpointmjdtai", "preset rubin"),
    ],
)
def test_names_that_say_otherwise_win_over_the_record(tmp_path, recorded, value, time, named):
    given = LightCurveInputConfig()
    path = _table(tmp_path, value=value, time=time)
    config, note = recorded_reading(recorded, given, [path])
    assert config == given
    assert named in note


@pytest.mark.parametrize(
    ("recorded", "given"),
    [
        (EROS, {"preset": "ztf"}),
        (EROS, {"brightness": "flux"}),
        ({"brightness": "flux"}, {"preset": "eros"}),
        ({"zero_point_mag": 23.9}, {"zero_point_mag": 8.9}),
    ],
)
def test_an_option_against_the_record_is_one_clear_error(tmp_path, recorded, given):
    with pytest.raises(InvalidInputError, match="contradicts; leave these options out"):
        recorded_reading(recorded, LightCurveInputConfig(**given), [_table(tmp_path)])


def test_an_option_that_repeats_the_record_is_no_contradiction(tmp_path):
    given = LightCurveInputConfig(brightness="magnitude")
    config, _ = recorded_reading(EROS, given, [_table(tmp_path)])
    assert (config.preset, config.brightness) == ("eros", "magnitude")


def test_a_record_of_another_version_is_a_fault_of_the_bundle(tmp_path):
    with pytest.raises(BundleError, match="this version"):
        recorded_reading({"preset": "roman"}, LightCurveInputConfig(), [_table(tmp_path)])


def test_alert_packets_are_read_by_their_own_rules(tmp_path):
    given = LightCurveInputConfig(form="packets")
    assert recorded_reading(EROS, given, [tmp_path]) == (given, "")


def test_magnitudes_in_a_column_called_flux_are_not_read_as_fluxes(tmp_path):
    path = _table(tmp_path)
    with pytest.raises(InvalidInputError, match="look like magnitudes; say which"):
        open_light_curves([path])
    read, _ = read_all(open_light_curves([path], LightCurveInputConfig(brightness="flux")))
    assert read[0].flux_njy[0] == 18.5
    read, _ = read_all(open_light_curves([path], LightCurveInputConfig(preset="eros")))
    assert read[0].flux_njy[0] == pytest.approx(10 ** (0.4 * (31.4 - 18.5)))


@pytest.mark.parametrize("kinds", [{"brightness": 400.0}, {"error": 3.0}, {"value": "flux_njy"}])
def test_fluxes_that_look_like_fluxes_are_read_without_a_word(tmp_path, kinds):
    read, rejections = read_all(open_light_curves([_table(tmp_path, **kinds)]))
    assert sum(map(len, read)) == 2
    assert not rejections


def test_columns_inside_others_speak_for_their_survey(tmp_path):
    epochs = {"hmjd": [59000.0], "mag": [18.0], "magerr": [0.1], "catflags": [0]}
    table = pa.Table.from_pylist([{"objectid": 1, "filterid": 1, "lightcurve": epochs}])
    pq.write_table(table, tmp_path / "ztf.parquet")
    given = LightCurveInputConfig()
    config, note = recorded_reading(EROS, given, [tmp_path / "ztf.parquet"])
    assert config == given
    assert "preset ztf" in note
