"""Frames of one object to the input planes of an encoder; the same for training and embedding.

Two ways: ``minmax`` is the published one (each frame by itself, missing pixels set to 0 first) and
loses all flux. ``asinh`` subtracts the sky, divides by one noise level for all frames of the
object, so that a source that brightens looks brighter, and compresses bright pixels (Lupton, Gunn &
Szalay 1999); missing and padded pixels are 0 there and marked in a mask plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.stamps import fit_stamps, valid_pixels

__all__ = [
    "FrameScalingConfig",
    "ScaledFrames",
    "find_usable_frames",
    "fit_frames",
    "object_noise",
    "scale_frames",
    "scale_usable_frames",
]

_SIGMA_PER_MAD = np.float32(1.4826)
_N_NOISE_FRAMES = 64


class FrameScalingConfig(Config):
    """How frames are brought to the scale of an encoder."""

    kind: Literal["asinh", "minmax"] = Field(
        default="asinh",
        description="asinh: sky subtracted, in units of the object's noise, flux kept; "
        "minmax: each frame to [0, 1], as published",
    )
    size_px: int = Field(
        default=28,
        ge=8,
        le=256,
        description="side of the planes [pixels]",
    )
    sky: Literal["frame", "object"] = Field(
        default="frame",
        description="asinh: subtract each frame's own sky, or the median sky of the object",
    )
    softening: float = Field(
        default=1.0, gt=0, description="asinh: where it bends [noise of the object]"
    )

    @property
    def n_planes(self) -> int:
        """Input planes: the image, and with ``asinh`` a mask that is 1 where a pixel is valid."""
        return 2 if self.kind == "asinh" else 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaledFrames:
    """Input of an encoder.

    Parameters
    ----------
    planes : ndarray, shape (n_usable, n_planes, size_px, size_px), float32
        Finite everywhere.
    usable_mask : ndarray, shape (n,), bool
        True where the frame became planes; the others show nothing (blank, constant, all missing).
    """

    planes: FloatArray
    usable_mask: BoolArray


def scale_frames(frames: FloatArray, config: FrameScalingConfig) -> ScaledFrames:
    """Turn the frames of one object into the planes of an encoder.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        All frames of one object [survey's unit]; missing pixels are NaN. n may be 0.
    config : FrameScalingConfig
        Which way, and the side of the planes.

    Returns
    -------
    ScaledFrames

    Raises
    ------
    InvalidInputError
        If the array has another number of axes.

    Examples
    --------
    >>> frames = np.random.default_rng(1).normal(200.0, 5.0, (4, 28, 28)).astype(np.float32)
    >>> frames[0] = 3.0
    >>> scaled = scale_frames(frames, FrameScalingConfig())
    >>> scaled.planes.shape, scaled.usable_mask.tolist()
    ((3, 2, 28, 28), [False, True, True, True])
    """
    fitted = fit_frames(frames, config)
    usable_mask = find_usable_frames(fitted)
    usable = fitted[usable_mask]
    planes = scale_usable_frames(usable, config, sky_and_noise=object_noise(usable))
    return ScaledFrames(planes=planes, usable_mask=usable_mask)


def fit_frames(frames: FloatArray, config: FrameScalingConfig) -> FloatArray:
    """Bring frames to the side of the planes and mark fill values and padding as missing.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        Missing pixels are NaN or beyond 1e30. The object lies in the middle.
    config : FrameScalingConfig
        Side of the planes. With ``minmax`` missing pixels become 0 here, as published, and only
        padding is NaN.

    Returns
    -------
    ndarray, shape (n, size_px, size_px), float32
        The input itself where nothing has to be done.

    Raises
    ------
    InvalidInputError
        If the array has another number of axes.

    Examples
    --------
    >>> fit_frames(np.ones((1, 6, 8)), FrameScalingConfig(size_px=8))[0, :, 0].tolist()
    [nan, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, nan]
    """
    if frames.ndim != 3:
        raise InvalidInputError(f"frames must have shape (n, height, width), got {frames.shape}")
    values = np.asarray(frames, dtype=np.float32)
    valid = valid_pixels(values)
    if not valid.all():
        empty = np.float32(0.0 if config.kind == "minmax" else np.nan)
        values = np.where(valid, values, empty)
    height, width = values.shape[1:]
    if height != width:
        side = max(height, width)
        square = np.full((len(values), side, side), np.nan, dtype=np.float32)
        row, column = (side - height) // 2, (side - width) // 2
        square[:, row : row + height, column : column + width] = values
        values = square
    return np.asarray(fit_stamps(values, config.size_px))


def find_usable_frames(frames: FloatArray) -> BoolArray:
    """Say which frames show anything: at least two different valid pixels.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        Missing pixels are NaN.

    Returns
    -------
    ndarray, shape (n,), bool
        False for a constant, blank or wholly missing frame.

    Examples
    --------
    >>> find_usable_frames(np.array([[[1.0, 1.0]], [[1.0, 2.0]], [[np.nan, 1.0]]])).tolist()
    [False, True, False]
    """
    if frames.shape[0] == 0 or frames.shape[1] * frames.shape[2] == 0:
        return np.zeros(frames.shape[0], dtype=np.bool_)
    flat = frames.reshape(len(frames), -1)
    low = np.fmin.reduce(flat, axis=1)
    high = np.fmax.reduce(flat, axis=1)
    usable: BoolArray = high > low  # NaN where a frame has no valid pixel
    return usable


def object_noise(frames: FloatArray) -> tuple[float, float]:
    """Return the median sky and the noise of a pixel over the frames of one object.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        Usable frames of one object. At most 64 of them, evenly spread, are looked at.

    Returns
    -------
    sky, noise : float
        Medians over the frames of each frame's median and 1.4826 MAD [survey's unit]; noise falls
        back to the standard deviation where most pixels are equal. (0, 1) without frames.

    Examples
    --------
    >>> frames = np.random.default_rng(1).normal(200.0, 5.0, (9, 28, 28)).astype(np.float32)
    >>> sky, noise = object_noise(frames)
    >>> round(sky), round(noise)
    (200, 5)
    """
    if not len(frames):
        return 0.0, 1.0
    chosen = np.unique(np.linspace(0, len(frames) - 1, _N_NOISE_FRAMES).astype(int))
    flat = frames[chosen].reshape(len(chosen), -1).astype(np.float32)
    sky = _median(flat)
    scatter = _SIGMA_PER_MAD * _median(np.abs(flat - sky[:, None]))
    noise = float(np.median(scatter))
    if not noise > 0:
        noise = float(np.median(np.nanstd(flat, axis=1, dtype=np.float64)))
    return float(np.median(sky)), noise


def scale_usable_frames(
    frames: FloatArray, config: FrameScalingConfig, *, sky_and_noise: tuple[float, float]
) -> FloatArray:
    """Scale usable frames of one object whose noise is known.

    Parameters
    ----------
    frames : ndarray, shape (n, size_px, size_px), float32
        From `fit_frames`, and `find_usable_frames` is True for each.
    config : FrameScalingConfig
        Which way.
    sky_and_noise : tuple of float
        From `object_noise`, over all usable frames of the object.

    Returns
    -------
    ndarray, shape (n, n_planes, size_px, size_px), float32
        Finite everywhere.

    Examples
    --------
    >>> config = FrameScalingConfig(kind="minmax", size_px=8)
    >>> frames = fit_frames(np.arange(64.0).reshape(1, 8, 8), config)
    >>> scale_usable_frames(frames, config, sky_and_noise=(0.0, 1.0)).max()
    np.float32(1.0)
    """
    if config.kind == "minmax":
        return _minmax(frames)[:, None]
    planes = np.empty((len(frames), 2, *frames.shape[1:]), dtype=np.float32)
    if len(frames):
        _fill_asinh(planes, frames, config, sky_and_noise)
    return planes


def _minmax(frames: FloatArray) -> FloatArray:
    """Map each frame to [0, 1]; padding becomes 0."""
    flat = frames.reshape(len(frames), -1)
    low = np.fmin.reduce(flat, axis=1)[:, None, None]
    high = np.fmax.reduce(flat, axis=1)[:, None, None]
    return np.asarray(np.nan_to_num((frames - low) / (high - low), nan=0.0))


def _fill_asinh(
    planes: FloatArray,
    frames: FloatArray,
    config: FrameScalingConfig,
    sky_and_noise: tuple[float, float],
) -> None:
    """Write image and mask planes."""
    sky, noise = sky_and_noise
    image = planes[:, 0]
    level = (
        _median(frames.reshape(len(frames), -1))[:, None, None]
        if config.sky == "frame"
        else np.float32(sky)
    )
    np.subtract(frames, level, out=image)
    image *= np.float32(1.0 / (noise * config.softening))
    np.arcsinh(image, out=image)
    missing = np.isnan(image)
    if missing.any():
        image[missing] = 0.0
    np.logical_not(missing, out=missing)
    planes[:, 1] = missing


def _median(flat: FloatArray) -> FloatArray:
    """Lower median over the last axis without NaN (sorted last), ten times as fast as `numpy`'s."""
    ordered = np.sort(flat, axis=-1)
    n_valid = flat.shape[-1] - np.count_nonzero(np.isnan(flat), axis=-1)
    middle = np.maximum(n_valid - 1, 0) // 2
    median: FloatArray = np.take_along_axis(ordered, middle[..., None], axis=-1)[..., 0]
    return median
