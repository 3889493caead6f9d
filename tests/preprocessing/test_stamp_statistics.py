"""Stamps as numbers: finite, symmetric, and each says what its name claims."""

from __future__ import annotations

import numpy as np
import pytest
from tests.conftest import make_triplet_pixels

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.stamp_statistics import STAMP_STATISTIC_NAMES, stamp_statistics

DIFFERENCE = 2


def named(pixels):
    return dict(zip(STAMP_STATISTIC_NAMES, stamp_statistics(pixels[None])[0], strict=True))


def test_a_batch_equals_its_parts():
    stamps = np.stack([make_triplet_pixels(i) for i in range(5)])
    parts = np.concatenate([stamp_statistics(stamps[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(stamp_statistics(stamps), parts)


@pytest.mark.parametrize("turn", [lambda s: s[..., ::-1], lambda s: s.swapaxes(-2, -1)])
def test_mirror_images_have_equal_statistics_but_for_rows_and_columns(turn):
    stamp = make_triplet_pixels(2)
    first, second = named(stamp), named(turn(stamp))
    for name, value in first.items():
        if not name.endswith(("_row", "_column")):
            assert second[name] == pytest.approx(value, rel=1e-4, abs=1e-4), name


def test_brightness_of_the_whole_image_does_not_matter():
    stamp = make_triplet_pixels(4).astype(np.float64)
    np.testing.assert_allclose(
        stamp_statistics(stamp[None]), stamp_statistics(stamp[None] * 7 + 50), atol=2e-3
    )


def test_each_number_sees_what_it_is_named_for():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(3, 63, 63))
    centre = 31
    source = noise.copy()
    row, column = np.mgrid[:63, :63] - centre
    source[DIFFERENCE] += 40 * np.exp(-(row**2 + column**2) / 4)
    spike = noise.copy()
    spike[DIFFERENCE, centre, centre] += 300
    dipole = noise.copy()
    dipole[DIFFERENCE] += 40 * np.exp(-((row - 2) ** 2 + column**2) / 4)
    dipole[DIFFERENCE] -= 40 * np.exp(-((row + 2) ** 2 + column**2) / 4)
    line = noise.copy()
    line[DIFFERENCE, :, centre + 5] += 40
    plain, star, cosmic, pair, bad = map(named, (noise, source, spike, dipole, line))
    assert star["difference_core"] > plain["difference_core"] + 2
    assert cosmic["difference_sharpness"] > star["difference_sharpness"] + 1
    assert pair["dipole"] > 2 * star["dipole"]
    assert pair["difference_lowest"] < plain["difference_lowest"] - 1
    assert bad["difference_column"] > plain["difference_column"] + 2
    assert bad["difference_row"] < plain["difference_row"] + 1


def test_missing_planes_are_counted_and_nothing_is_nan():
    stamps = np.full((2, 3, 63, 63), np.nan, dtype=np.float32)
    stamps[1] = make_triplet_pixels(0)
    stamps[1, 1] = np.nan
    found = stamp_statistics(stamps)
    assert np.isfinite(found).all()
    i_missing = STAMP_STATISTIC_NAMES.index("template_missing_share")
    assert found[:, i_missing].tolist() == [1.0, 1.0]
    assert found[1, STAMP_STATISTIC_NAMES.index("science_missing_share")] == 0


def test_no_stamp_gives_no_row_and_a_wrong_shape_is_refused():
    assert stamp_statistics(np.zeros((0, 3, 63, 63))).shape == (0, len(STAMP_STATISTIC_NAMES))
    with pytest.raises(InvalidInputError, match="shape"):
        stamp_statistics(np.zeros((3, 63, 63)))
