"""PNG images of cutouts."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.stamp_images import encode_png, stamp_data_uri, stretch_limits

image = pytest.importorskip("PIL.Image", reason="Pillow checks the PNG independently")


def _decode(png: bytes) -> np.ndarray:
    return np.asarray(image.open(io.BytesIO(png)).convert("LA"))


def test_another_reader_sees_the_same_grey_levels() -> None:
    levels = np.random.default_rng(1).integers(1, 256, (7, 5)).astype(np.uint8)
    decoded = _decode(encode_png(levels))
    np.testing.assert_array_equal(decoded[..., 0], levels)
    assert (decoded[..., 1] == 255).all()


def test_missing_pixels_are_transparent_and_row_zero_is_at_the_bottom() -> None:
    plane = np.random.default_rng(2).normal(size=(9, 9))
    plane[0] = np.nan
    plane[8, 8] = -3.4e38
    uri = stamp_data_uri(plane)
    decoded = _decode(base64.b64decode(uri.split(",")[1]))
    assert (decoded[-1, :, 1] == 0).all()
    assert decoded[0, 8, 1] == 0
    assert (decoded[..., 1] == 0).sum() == 10


def test_only_the_centre_of_a_large_stamp_is_drawn() -> None:
    plane = np.zeros((121, 121))
    plane[60, 60] = 1.0
    decoded = _decode(base64.b64decode(stamp_data_uri(plane).split(",")[1]))
    assert decoded.shape[:2] == (71, 71)
    assert decoded[35, 35, 0] == decoded[..., 0].max()


@pytest.mark.parametrize("fill", [np.nan, 0.0, 5.0, -3.4e38])
def test_a_flat_or_missing_stamp_is_drawn_without_warning(fill: float) -> None:
    assert stamp_data_uri(np.full((5, 5), fill)).startswith("data:image/png")


def test_a_bright_star_does_not_black_out_the_sky() -> None:
    plane = np.random.default_rng(3).normal(100.0, 1.0, size=(63, 63))
    plane[30:33, 30:33] = 60_000.0
    low, high = stretch_limits(plane)
    assert 90 < low < 100 < high < 130


@pytest.mark.parametrize("shape", [(0, 0), (3, 5, 5), (5,)])
def test_what_is_not_an_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="shape"):
        stamp_data_uri(np.zeros(shape))
