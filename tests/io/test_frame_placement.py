"""Cutouts of any shape in frames of one size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.io.frame_placement import place_frame

SKY = np.arange(200 * 220, dtype=np.float32).reshape(200, 220)


def cutout(column, row, size_px, *, sky=SKY):
    """Cut around a position, as a service does at a detector's edge; also the new position."""
    x0, y0 = max(column - size_px // 2, 0), max(row - size_px // 2, 0)
    x1, y1 = (min(c - size_px // 2 + size_px, n) for c, n in
              ((column, sky.shape[1]), (row, sky.shape[0])))  # fmt: skip
    return sky[y0:y1, x0:x1], (column - x0, row - y0)


@pytest.mark.parametrize("size_px", [28, 63])
@pytest.mark.parametrize(
    ("column", "row"), [(100, 100), (3, 100), (215, 100), (100, 2), (100, 198), (1, 1), (218, 199)]
)
def test_every_pixel_stands_where_the_sky_has_it(column, row, size_px):
    pixels, centre = cutout(column, row, size_px)
    frame = place_frame(pixels, size_px, centre=centre)
    i, j = np.nonzero(np.isfinite(frame))
    sky_row, sky_column = np.divmod(frame[i, j].astype(int), SKY.shape[1])
    assert len(set(zip(sky_row - i, sky_column - j, strict=True))) == 1  # moved as a whole
    assert len(i) >= pixels.size - 2 * size_px  # at most a row and a column fall off
    at = np.argwhere(frame == SKY[row, column])[0]
    assert np.abs(at - (size_px - 1) / 2).max() <= 1


@given(
    size_px=st.sampled_from([28, 31]),
    extra_px=st.integers(0, 3),
    offset=st.tuples(*2 * [st.floats(-0.5, 0.5)]),
)
def test_a_whole_cutout_never_loses_a_row(size_px, extra_px, offset):
    """A service centres to half a pixel: that must not cost a row of NaN."""
    n = size_px + extra_px
    centre = ((n - 1) / 2 + offset[0], (n - 1) / 2 + offset[1])
    frame = place_frame(np.ones((n, n), np.float32), size_px, centre=centre)
    assert np.isfinite(frame).all()


def test_the_missing_side_is_that_of_the_object_not_of_the_shape():
    left = place_frame(np.ones((28, 20)), 28, centre=(5.5, 13.5))
    right = place_frame(np.ones((28, 20)), 28, centre=(13.5, 13.5))
    assert np.isnan(left[:, :8]).all()
    assert np.isfinite(left[:, 8:]).all()
    assert np.isnan(right[:, 20:]).all()
    assert np.isfinite(right[:, :20]).all()


def test_a_larger_cutout_without_coordinates_is_cut_around_its_middle():
    frame = place_frame(SKY[:30, :30], 28, centre=None)
    np.testing.assert_array_equal(frame, SKY[1:29, 1:29])


def test_a_smaller_cutout_without_coordinates_is_refused():
    with pytest.raises(InvalidInputError, match="missing side is not known"):
        place_frame(np.ones((28, 20)), 28, centre=None)


@pytest.mark.parametrize("centre", [(60.0, 13.5), (-20.0, 13.5), (13.5, 900.0)])
def test_a_cutout_of_another_place_is_refused(centre):
    with pytest.raises(InvalidInputError, match="another place"):
        place_frame(np.ones((28, 28)), 28, centre=centre)
