"""Network input is finite, named, and blind to what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.normalization import Normalization, StampConfig, prepare_stamps
from skyvet.preprocessing.stamps import Centring, place_cutout
from skyvet.records.cutouts import Cutout


@pytest.fixture
def pixels() -> np.ndarray:
    stamps = np.random.default_rng(0).normal(200, 10, (5, 3, 31, 31)).astype(np.float32)
    stamps[1, 0, :4] = np.nan
    stamps[2, 1] = np.nan
    stamps[3, 2, 5, 5] = -3.4028235e38
    stamps.flags.writeable = False
    return stamps


@pytest.mark.parametrize("method", Normalization)
@pytest.mark.parametrize("size", [21, 31, 41])
def test_output_is_finite_and_zero_where_missing(
    pixels: np.ndarray, method: Normalization, size: int
) -> None:
    config = StampConfig(size_px=size, normalization=method, with_mask_planes=True)
    prepared = prepare_stamps(pixels, config)
    assert prepared.shape == (5, 6, size, size)
    assert prepared.dtype == np.float32
    assert np.isfinite(prepared).all()
    assert (prepared[:, :3][prepared[:, 3:] == 0] == 0).all()
    assert prepared[2, 4].sum() == 0


@pytest.mark.parametrize("method", Normalization)
def test_a_batch_equals_its_parts(pixels: np.ndarray, method: Normalization) -> None:
    config = StampConfig(size_px=31, normalization=method, with_mask_planes=False)
    whole = prepare_stamps(pixels, config)
    parts = [prepare_stamps(pixels[i : i + 1], config) for i in range(len(pixels))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("method", [Normalization.MINMAX, Normalization.ZSCORE, "robust_asinh"])
def test_gain_and_bias_do_not_matter(pixels: np.ndarray, method: str) -> None:
    config = StampConfig(size_px=31, normalization=Normalization(method), with_mask_planes=False)
    clean = np.where(np.abs(pixels) < 1e30, pixels, np.float32(np.nan))
    changed = prepare_stamps(3 * clean + 50, config)
    # float32 of values near 650 leaves 6e-5 of a standard deviation of 30
    np.testing.assert_allclose(changed, prepare_stamps(pixels, config), rtol=0, atol=1e-3)


def test_l2_is_that_of_braai(pixels: np.ndarray) -> None:
    prepared = prepare_stamps(pixels, StampConfig(size_px=31, normalization=Normalization.L2))
    plane = np.nan_to_num(pixels[1, 0])
    np.testing.assert_allclose(prepared[1, 0], plane / np.linalg.norm(plane), rtol=1e-5)


def test_one_sentinel_does_not_wipe_out_the_stamp(pixels: np.ndarray) -> None:
    prepared = prepare_stamps(pixels, StampConfig(size_px=31, normalization=Normalization.L2))
    assert np.linalg.norm(prepared[3, 2]) == pytest.approx(1.0, rel=1e-4)


def test_braai_and_boom_padding_differ_on_undersized_stamps_alone() -> None:
    rng = np.random.default_rng(2)
    config = StampConfig(size_px=63, normalization=Normalization.L2)

    def prepared(shape: tuple[int, int], rule: Centring) -> np.ndarray:
        cutout = Cutout(pixels=rng_pixels[shape])
        stamp = np.stack([place_cutout(cutout, 63, rule)] * 3)[None]
        return prepare_stamps(stamp, config)[0, 0]

    rng_pixels = {shape: rng.normal(100, 5, shape) for shape in ((63, 63), (43, 63))}
    full = [prepared((63, 63), rule) for rule in (Centring.CORNER, Centring.MIDDLE)]
    cut = [prepared((43, 63), rule) for rule in (Centring.CORNER, Centring.MIDDLE)]
    np.testing.assert_array_equal(full[0], full[1])
    assert np.sort(cut[0], axis=None) == pytest.approx(np.sort(cut[1], axis=None))
    share_moved = np.mean(np.abs(cut[0] - cut[1]) > 0.5 * cut[0].max())
    assert share_moved == pytest.approx(20 / 63, abs=0.01)  # two bands of 10 rows each


def test_variance_planes_are_relative() -> None:
    pixels = np.random.default_rng(0).normal(size=(1, 6, 16, 16)).astype(np.float32)
    pixels[:, 3:] = 4.0
    pixels[0, 3, 0, 0] = 8.0
    pixels[0, 4] = np.nan
    prepared = prepare_stamps(
        pixels, StampConfig(size_px=16, with_mask_planes=False, with_variance_planes=True)
    )
    assert prepared[0, 3, 0, 0] == pytest.approx(np.log(2))
    assert prepared[0, 3, 1:].max() == 0
    assert (prepared[0, 4] == 0).all()


def test_missing_variance_planes_are_an_error(pixels: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="6 planes"):
        prepare_stamps(pixels, StampConfig(size_px=31, with_variance_planes=True))
