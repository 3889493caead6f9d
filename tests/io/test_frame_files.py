"""One cutout file to one frame: no bytes may end in another error than a rejection."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyvet.core.errors import PacketError
from skyvet.io.fits_stamps import encode_fits
from skyvet.io.frame_files import FrameFile, SequenceFaults, join_frames, read_frame_file
from skyvet.io.frame_mapping import frame_mapping

ZTF = frame_mapping("ztf")
CARDS = {
    "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CRPIX1": 14.5, "CRPIX2": 14.5, "CRVAL1": 210.0,
    "CRVAL2": 30.0, "CD1_1": -2.8e-4, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 2.8e-4,
    "PV1_7": 1e-4, "OBSMJD": 58300.0, "EXPTIME": 30.0, "SEEING": 2.0, "MAGZP": 26.0,
    "FILTER": "ZTF_r",
}  # fmt: skip
NUMBERS = [key for key, value in CARDS.items() if not isinstance(value, str)]
NORMAL = encode_fits(np.ones((28, 28)), cards=CARDS)


def frame(mjd_tai=58300.0, value=1.0, size_px=28, **changes):
    values = {
        "pixels": np.full((size_px, size_px), value, np.float32), "centre": None,
        "mjd_tai": mjd_tai, "has_header_time": True, "pixel_scale_arcsec": 1.0,
        "seeing_arcsec": math.nan, "zero_point_mag": math.nan, "band": "r",
    }  # fmt: skip
    return FrameFile(**{**values, **changes})


def frame_or_reason(data):
    """Read a file; the reason where that is refused."""
    try:
        return read_frame_file(data, ZTF, file_time="58300.5", target=(210.0, 30.0))
    except PacketError as error:
        return error.reason


@settings(max_examples=150, deadline=None)
@given(
    key=st.sampled_from(NUMBERS),
    value=st.one_of(st.floats(), st.sampled_from([0.0, 1e300, -1e300, 1e-300, 1e18])),
)
def test_any_number_in_any_card_gives_a_frame_or_a_rejection(key, value):
    text = {**CARDS, key: value if math.isfinite(value) else str(value)}
    data = encode_fits(np.ones((28, 28)), cards=text)
    found = frame_or_reason(data)
    if not isinstance(found, FrameFile):
        assert found == "unreadable_frame"
        return
    stored = join_frames([found], "1", size_px=28)
    assert stored is None or stored.sequence.frames.shape == (1, 28, 28)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 2879), value=st.integers(0, 255), end=st.integers(0, len(NORMAL)))
def test_spoilt_and_cut_files_give_a_frame_or_a_rejection(at, value, end):
    data = bytearray(NORMAL)
    data[at] = value
    for spoilt in (bytes(data), NORMAL[:end]):
        found = frame_or_reason(spoilt)
        assert isinstance(found, FrameFile) or found == "unreadable_frame"


def test_no_frame_is_no_sequence():
    assert join_frames([], "1", size_px=28) is None
    faults = SequenceFaults()
    assert join_frames([frame(size_px=20)], "1", size_px=28, faults=faults) is None
    assert faults.n_unplaced == 1


@pytest.mark.parametrize(("bands", "expected"), [("rr", "r"), ("rg", ""), (["r", ""], "r")])
def test_the_band_is_that_of_all_frames(bands, expected):
    frames = [frame(58300.0 + i, band=band) for i, band in enumerate(bands)]
    assert join_frames(frames, "1", size_px=None).band == expected


def test_times_a_hundredth_of_a_second_apart_are_one_time():
    times = [58300.0, 58300.0 + 0.005 / 86400, 58300.0 + 0.05 / 86400]
    stored = join_frames([frame(t, value=i) for i, t in enumerate(times)], "1", size_px=None)
    np.testing.assert_array_equal(stored.sequence.frames[:, 0, 0], [0, 2])
