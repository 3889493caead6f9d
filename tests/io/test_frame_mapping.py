"""What a mapping file says of names and header cards."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.time import Time

from skyvet.core.errors import InvalidInputError
from skyvet.core.times import hmjd_utc_to_mjd_tai
from skyvet.io.frame_mapping import FrameMapping, FrameTime, frame_mapping


def cards(**values):
    return {
        key.replace("_", "-").encode(): f" {value!r} / comment".encode()
        for key, value in values.items()
    }


@pytest.mark.parametrize(
    ("time", "header"),
    [
        (FrameTime(card="MJD-OBS", reference="start"), cards(MJD_OBS=60310.25)),
        (FrameTime(card="JD", kind="jd", reference="start"), cards(JD=2460310.75)),
        (FrameTime(card="DATE-OBS", kind="iso", reference="start"),
         cards(DATE_OBS="2024-01-01T06:00:00")),
        (FrameTime(card="MJD-OBS"), cards(MJD_OBS=60310.25 + 15 / 86400)),
        (FrameTime(card="MJD-OBS", scale="tai"), cards(MJD_OBS=60310.25 + 52 / 86400)),
    ],
    ids=["mjd", "jd", "iso", "middle", "tai"],
)  # fmt: skip
def test_times_of_any_kind_are_the_same_mid_exposure(time, header):
    expected = Time("2024-01-01T06:00:15", scale="utc").tai.mjd
    found = time.mjd_tai(header, exposure_s=30.0)
    assert found == pytest.approx(expected, rel=0, abs=1e-9)


def test_a_heliocentric_time_is_turned_back_where_the_position_is_known():
    time = FrameTime(is_heliocentric=True)
    target = (209.99, 30.0)
    found = time.mjd_tai({}, file_time="58202.3577286", target=target)
    expected = hmjd_utc_to_mjd_tai(58202.3577286, ra_deg=target[0], dec_deg=target[1])
    assert found == pytest.approx(expected, rel=0, abs=1e-9)
    unknown = time.mjd_tai({}, file_time="58202.3577286")
    assert abs(unknown - expected) * 86400 == pytest.approx(380, abs=1)


@pytest.mark.parametrize("text", ["", "12", "nan", "-1", "2460310.75"])
def test_no_date_is_nan(text):
    assert np.isnan(FrameTime().mjd_tai({}, file_time=text))


@pytest.mark.parametrize(
    ("layout", "name", "found"),
    [
        ("{object_id}/{time}.fits", "77/58202.5.fits", ("77", "58202.5", None)),
        ("{object_id}/{time}.fits", "77/58202.5.fits.gz", ("77", "58202.5", None)),
        ("{object_id}/{time}.fits", "77/a.fits", None),
        ("{object_id}/{time}.fits", "77/sub/1.fits", None),
        ("*/{object_id}_{band}_{time}.fit", "night1/ab_g_5.fit", ("ab", "5", "g")),
        ("{object_id}/*", "a.b/whatever.txt", ("a.b", None, None)),
    ],
)
def test_layouts_name_object_time_and_band(layout, name, found):
    match = FrameMapping(name="x", pixel_scale_arcsec=1, layout=layout).pattern().fullmatch(name)
    if found is None:
        assert match is None
    else:
        parts = match.groupdict()
        assert tuple(parts.get(key) for key in ("object_id", "time", "band")) == found


@pytest.mark.parametrize("layout", ["{time}.fits", "{object_id}/{object_id}", "{object_id}/{mjd}"])
def test_layouts_without_object_or_with_unknown_names_are_refused(layout):
    with pytest.raises(ValueError, match="layout needs"):
        FrameMapping(name="x", pixel_scale_arcsec=1, layout=layout)


def test_a_mapping_file_is_read_and_its_faults_are_named(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\npixel_scale_arcsec = 0.2\n[[times]]\ncard = "MJD"\n')
    assert frame_mapping(path).times == (FrameTime(card="MJD"),)
    path.write_text('name = "mine"\npixel_scale_arcsec = 0\ncolour = 3\n')
    with pytest.raises(InvalidInputError, match=r"colour.*|pixel_scale_arcsec"):
        frame_mapping(path)
    path.write_text("name = ")
    with pytest.raises(InvalidInputError, match="no valid TOML"):
        frame_mapping(path)
    with pytest.raises(InvalidInputError, match=r"neither built in \(ztf\)"):
        frame_mapping("nowhere.toml")
