"""Scaling of frames: flux survives, missing pixels are marked, empty frames are left out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.frame_scaling import (
    FrameScalingConfig,
    find_usable_frames,
    fit_frames,
    object_noise,
    scale_frames,
    scale_usable_frames,
)

ASINH = FrameScalingConfig()
MINMAX = FrameScalingConfig(kind="minmax")


def make_frames(n=6, size=28, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(200.0, 5.0, (n, size, size)).astype(np.float32)


def brute_force_asinh(frames):
    """The definition, pixel by pixel, with numpy's own medians of an odd number of pixels."""
    skies = np.array([np.nanmedian(frame) for frame in frames])
    scatter = [1.4826 * np.nanmedian(np.abs(f - s)) for f, s in zip(frames, skies, strict=True)]
    noise = np.median(scatter)
    image = np.arcsinh((frames - skies[:, None, None]) / noise)
    return np.where(np.isnan(image), 0.0, image), ~np.isnan(frames)


def test_asinh_equals_its_definition():
    frames = make_frames(size=27)  # an odd number of pixels has one median
    frames[:, 3:5, 4:6] = np.nan
    frames[2, 13, 13] += 4000.0
    image, valid = brute_force_asinh(frames)
    scaled = scale_frames(frames, FrameScalingConfig(size_px=27))
    np.testing.assert_allclose(scaled.planes[:, 0], image, rtol=2e-4, atol=2e-4)
    np.testing.assert_array_equal(scaled.planes[:, 1] == 1.0, valid)


def test_minmax_equals_its_definition():
    frames = make_frames()
    frames[1, 5, 5] = np.nan  # becomes 0, which is below the sky and so the minimum
    filled = np.nan_to_num(frames, nan=0.0)
    low, high = filled.min(axis=(1, 2)), filled.max(axis=(1, 2))
    expected = (filled - low[:, None, None]) / (high - low)[:, None, None]
    scaled = scale_frames(frames, MINMAX)
    assert scaled.planes.shape == (6, 1, 28, 28)
    np.testing.assert_allclose(scaled.planes[:, 0], expected, atol=1e-6)
    assert scaled.planes[1, 0, 5, 5] == 0.0


def test_a_source_twice_as_bright_stays_brighter_with_asinh_and_not_with_minmax():
    row, column = np.mgrid[:28, :28] - 13
    star = np.exp(-(row**2 + column**2) / 4.0)
    frames = make_frames(2) + np.array([1.0, 2.0])[:, None, None] * 1000.0 * star
    peaks = scale_frames(frames, ASINH).planes[:, 0].max(axis=(1, 2))
    assert peaks[1] - peaks[0] == pytest.approx(np.log(2.0), abs=0.05)
    np.testing.assert_allclose(scale_frames(frames, MINMAX).planes.max(axis=(1, 2, 3)), 1.0)


@given(gain=st.floats(0.01, 1e4), sky=st.floats(-1e3, 1e4))
@settings(max_examples=25, deadline=None)
def test_neither_unit_nor_sky_changes_the_planes(gain, sky):
    frames = make_frames(3).astype(np.float64)
    shifted = gain * (frames - 200.0) + sky
    expected = scale_frames(frames, ASINH).planes
    tolerance = 1e-3 + 1e-5 * (abs(sky) + 1.0) / gain  # float32 pixels on a high sky
    np.testing.assert_allclose(scale_frames(shifted, ASINH).planes, expected, atol=tolerance)


def test_frames_scaled_a_few_at_a_time_are_the_same():
    frames = fit_frames(make_frames(7), ASINH)
    noise = object_noise(frames)
    whole = scale_usable_frames(frames, ASINH, sky_and_noise=noise)
    parts = [scale_usable_frames(frames[i : i + 2], ASINH, sky_and_noise=noise) for i in (0, 2, 4)]
    np.testing.assert_array_equal(whole[:6], np.concatenate(parts))


def test_frames_that_show_nothing_are_left_out():
    frames = make_frames(5)
    frames[0] = 3.0
    frames[1] = np.nan
    frames[2] = 0.0
    frames[3] = np.nan
    frames[3, 4, 4] = 7.0
    for config in (ASINH, MINMAX):
        scaled = scale_frames(frames, config)
        expected = [False, False, False, config.kind == "minmax", True]
        assert scaled.usable_mask.tolist() == expected
        assert len(scaled.planes) == sum(expected)
        assert np.isfinite(scaled.planes).all()


def test_fill_values_and_infinities_are_missing():
    frames = make_frames(3)
    frames[0, :2] = -3.4e38
    frames[1, :2] = np.inf
    scaled = scale_frames(frames, ASINH)
    assert (scaled.planes[:2, 1, :2] == 0).all()
    assert np.isfinite(scaled.planes).all()
    assert np.abs(scaled.planes[:, 0]).max() < 5.0


def test_padding_is_marked_missing_and_cutting_keeps_the_middle():
    frames = make_frames(2, size=21)
    frames[:, 10, 10] = 900.0
    padded = scale_frames(frames, ASINH).planes
    assert padded[:, 1].sum() == 2 * 21 * 21
    assert padded[:, 1, 0].max() == 0.0
    cut = scale_frames(frames, FrameScalingConfig(size_px=9)).planes
    for planes, middle in ((padded, 13), (cut, 4)):
        assert planes[0, 0].argmax() == middle * planes.shape[-1] + middle


def test_padding_does_not_change_the_published_scale_of_a_frame():
    frames = make_frames(2, size=20)
    whole = scale_frames(frames, FrameScalingConfig(kind="minmax", size_px=20)).planes
    padded = scale_frames(frames, MINMAX).planes
    assert padded.sum() == pytest.approx(whole.sum(), rel=1e-6)
    assert padded[0, 0, 0].max() == 0.0


@pytest.mark.parametrize("shape", [(0, 28, 28), (1, 28, 28), (2, 28, 28), (3, 10, 40)])
def test_any_number_and_shape_of_frames(shape):
    frames = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled = scale_frames(frames, ASINH)
    assert scaled.planes.shape == (shape[0], 2, 28, 28)
    assert find_usable_frames(frames).all()


def test_more_frames_than_are_looked_at_for_the_noise():
    frames = make_frames(300)
    sky, noise = object_noise(frames)
    assert sky == pytest.approx(200.0, abs=0.3)
    assert noise == pytest.approx(5.0, rel=0.02)


def test_quantised_pixels_do_not_divide_by_zero():
    frames = np.zeros((3, 28, 28), dtype=np.float32)
    frames[:, 13, 13] = [1.0, 5.0, 9.0]
    assert np.isfinite(scale_frames(frames, ASINH).planes).all()


def test_wrong_number_of_axes_is_refused():
    with pytest.raises(InvalidInputError, match="shape"):
        scale_frames(np.zeros((28, 28)), ASINH)
