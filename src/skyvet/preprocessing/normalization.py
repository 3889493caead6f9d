"""Stamps to network input: one named normalisation, the same for training and scoring."""

from __future__ import annotations

import enum
from collections.abc import Callable

import numpy as np
from pydantic import Field

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.stamps import (
    Centring,
    fit_stamps,
    robust_location_scale,
    valid_pixels,
)
from skyvet.records.cutouts import N_CUTOUT_KINDS

__all__ = ["Normalization", "StampConfig", "prepare_stamps"]


class Normalization(enum.StrEnum):
    """How one plane of a stamp is brought to network scale; see `prepare_stamps`."""

    L2 = "l2"
    MINMAX = "minmax"
    ZSCORE = "zscore"
    ROBUST_ASINH = "robust_asinh"


class StampConfig(Config):
    """What a network gets to see of a triplet.

    Part of every bundle: scoring applies the very config that training used.
    """

    size_px: int = Field(63, ge=8, le=512, description="side of the stamps [pixels]")
    centring: Centring = Field(
        Centring.CANDIDATE, description="where a cutout of another size is placed"
    )
    normalization: Normalization = Field(
        Normalization.ROBUST_ASINH, description="how each plane is scaled"
    )
    with_mask_planes: bool = Field(
        default=True, description="add one plane a cutout that is 1 where the pixel is valid"
    )
    with_variance_planes: bool = Field(
        default=False, description="add one plane a cutout with its relative variance (LSST)"
    )

    @property
    def n_raw_planes(self) -> int:
        """Number of planes that the stamps must bring: 3 images, or these and 3 variances."""
        return N_CUTOUT_KINDS * (2 if self.with_variance_planes else 1)

    @property
    def n_planes(self) -> int:
        """Number of input planes of the network."""
        return self.n_raw_planes + (N_CUTOUT_KINDS if self.with_mask_planes else 0)


def _l2(pixels: FloatArray, valid: BoolArray) -> FloatArray:
    """Divide by the Euclidean norm of the valid pixels (braai; Duev et al. 2019, sec. 3)."""
    filled = np.where(valid, pixels, 0).astype(np.float32)
    norm = np.sqrt(np.einsum("...hw,...hw->...", filled, filled, dtype=np.float64))
    return filled / np.where(norm > 0, norm, 1.0).astype(np.float32)[..., None, None]


def _minmax(pixels: FloatArray, valid: BoolArray) -> FloatArray:
    """Map the valid pixels of each plane to [0, 1]."""
    low = np.where(valid, pixels, np.inf).min(axis=(-2, -1), keepdims=True)
    high = np.where(valid, pixels, -np.inf).max(axis=(-2, -1), keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    return np.where(valid, (pixels - np.where(valid, low, 0.0)) / span, 0.0)


def _zscore(pixels: FloatArray, valid: BoolArray) -> FloatArray:
    """Subtract the mean and divide by the standard deviation of the valid pixels."""
    n_valid = np.maximum(valid.sum(axis=(-2, -1), keepdims=True), 1)
    filled = np.where(valid, pixels, 0).astype(np.float64)
    mean = filled.sum(axis=(-2, -1), keepdims=True) / n_valid
    centred = np.where(valid, pixels - mean, 0.0)
    std = np.sqrt(np.square(centred).sum(axis=(-2, -1), keepdims=True) / n_valid)
    return centred / np.where(std > 0, std, 1.0)


def _robust_asinh(pixels: FloatArray, valid: BoolArray) -> FloatArray:
    """Height above the median in units of the scatter, compressed by asinh.

    Linear within the noise, logarithmic for stars (Lupton, Gunn & Szalay 1999), so that a 5-sigma
    source and a saturated star both keep their shape.
    """
    holed = np.where(valid, pixels, np.float32(np.nan))
    location, scale = robust_location_scale(holed)
    scaled = (holed - location[..., None, None]) / scale[..., None, None]
    return np.where(valid, np.arcsinh(scaled), 0.0)


_METHODS: dict[Normalization, Callable[[FloatArray, BoolArray], FloatArray]] = {
    Normalization.L2: _l2,
    Normalization.MINMAX: _minmax,
    Normalization.ZSCORE: _zscore,
    Normalization.ROBUST_ASINH: _robust_asinh,
}


def _relative_variance(variance: FloatArray) -> FloatArray:
    """Logarithm of the variance over the stamp's median variance, 0 where it is missing."""
    valid = valid_pixels(variance) & (variance > 0)
    holed = np.where(valid, variance, np.float32(np.nan))
    location, _ = robust_location_scale(holed)
    location = np.where(location > 0, location, np.float32(1))
    ratio = np.where(valid, variance, 1.0) / location[..., None, None]
    return np.where(valid, np.log(ratio), 0.0).astype(np.float32)


def prepare_stamps(pixels: FloatArray, config: StampConfig) -> FloatArray:
    """Turn stamps into network input; the last step before the model.

    Parameters
    ----------
    pixels : ndarray, shape (n, n_raw, size, size), float32
        Science, template, difference [survey's unit], with variances where the config wants them;
        NaN = missing. Another size than the config's is centre-cropped or padded.
    config : StampConfig
        Named normalisation: ``l2`` (braai's), ``minmax`` (to [0, 1]), ``zscore``, or
        ``robust_asinh`` (asinh of the height above the median in units of 1.4826 MAD). Each plane
        is scaled by its own valid pixels.

    Returns
    -------
    ndarray, shape (n, n_planes, size_px, size_px), float32
        Finite everywhere: missing pixels are 0. The order is images, masks (1 where the pixel is
        valid), variances (log of the ratio to the stamp's median), as far as the config has them.

    Raises
    ------
    InvalidInputError
        If the config wants variances and the stamps bring none.

    Examples
    --------
    >>> stamps = np.ones((2, 3, 8, 8), dtype=np.float32)
    >>> prepare_stamps(stamps, StampConfig(size_px=8, normalization="l2"))[0, 0, 0, 0]
    np.float32(0.125)
    """
    if pixels.shape[1] < config.n_raw_planes:
        raise InvalidInputError(
            f"stamps must bring {config.n_raw_planes} planes, got {pixels.shape[1]}; "
            "ingest with variance planes, or choose with_variance_planes = false"
        )
    fitted = fit_stamps(pixels, config.size_px)
    images = fitted[:, :N_CUTOUT_KINDS]
    valid = valid_pixels(images)
    planes = [_METHODS[config.normalization](images, valid).astype(np.float32)]
    if config.with_mask_planes:
        planes.append(valid.astype(np.float32))
    if config.with_variance_planes:
        planes.append(_relative_variance(fitted[:, N_CUTOUT_KINDS:]))
    return planes[0] if len(planes) == 1 else np.concatenate(planes, axis=1)
