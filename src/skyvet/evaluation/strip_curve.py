"""What an evidence strip draws its frames over: brightness, or evidence, against time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, as_readonly, check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import flux_njy_to_magnitude
from skyvet.records.light_curve import LightCurve

__all__ = ["StripCurve", "central_curve", "evidence_curve", "light_curve_of_object"]

_APERTURE_PX = 3.0
_SKY_PX = 7.0
_MAG_OF_RELATIVE_ERROR = 2.5 / np.log(10.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StripCurve:
    """A light curve, or anything else against time.

    Parameters
    ----------
    mjd_tai : ndarray, shape (m,), float64
        Times [d, TAI]; they need not be those of the frames. NaN = unknown.
    values : ndarray, shape (m,), float64
        What is drawn upwards, in the unit that `name` says; NaN = missing.
    name : str
        Quantity and unit, such as ``r [mag]``; stands beside the axis.
    errors : ndarray, shape (m,), optional
        One standard deviation of `values`; NaN = unknown.
    is_magnitude : bool, default False
        Draw small values on top.

    Raises
    ------
    InvalidInputError
        If lengths differ.

    Examples
    --------
    >>> curve = StripCurve(mjd_tai=np.array([1.0, 2.0]), values=np.array([18.0, 18.1]),
    ...                    name="r [mag]", is_magnitude=True)
    >>> len(curve)
    2
    """

    mjd_tai: FloatArray
    values: FloatArray
    name: str
    errors: FloatArray | None = None
    is_magnitude: bool = False

    def __post_init__(self) -> None:
        """Check lengths and make arrays read-only."""
        for key in ("mjd_tai", "values", "errors"):
            given = getattr(self, key)
            if given is not None:
                object.__setattr__(self, key, as_readonly(given, np.float64))
        errors = self.values if self.errors is None else self.errors
        check_same_length(mjd_tai=self.mjd_tai, values=self.values, errors=errors)

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.values)


def evidence_curve(mjd_tai: FloatArray, evidence: FloatArray) -> StripCurve:
    """Return the evidence of the frames against their times, for objects without light curve."""
    return StripCurve(mjd_tai=mjd_tai, values=evidence, name="evidence")


def light_curve_of_object(light_curve: LightCurve, *, band: str = "") -> StripCurve:
    """Return what a strip draws of a light curve.

    Parameters
    ----------
    light_curve : LightCurve
        Upper limits are left out.
    band : str, default ""
        Filter of the frames; where the light curve has it, its other filters are left out.

    Returns
    -------
    StripCurve
        Difference flux [nJy], or AB magnitudes of total flux (missing at fluxes <= 0).

    Examples
    --------
    >>> curve = light_curve_of_object(LightCurve(
    ...     mjd_tai=[1.0, 2.0], flux_njy=[1e5, 2e5], flux_err_njy=[1e3, 1e3], band=["r", "r"],
    ...     is_upper_limit=[False, False], is_difference=False))
    >>> curve.values.round(2).tolist(), curve.name
    ([18.9, 18.15], 'r [mag]')
    """
    is_drawn = ~light_curve.is_upper_limit
    if band and bool((light_curve.band == band).any()):
        is_drawn &= light_curve.band == band
    bands = "".join(sorted(set(light_curve.band[is_drawn].tolist())))
    flux, error = light_curve.flux_njy[is_drawn], light_curve.flux_err_njy[is_drawn]
    if light_curve.is_difference:
        name = f"{bands} difference [nJy]".strip()
        return StripCurve(
            mjd_tai=light_curve.mjd_tai[is_drawn], values=flux, errors=error, name=name
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(flux > 0, error / flux, np.nan)
    return StripCurve(
        mjd_tai=light_curve.mjd_tai[is_drawn],
        values=flux_njy_to_magnitude(flux),
        errors=_MAG_OF_RELATIVE_ERROR * relative,
        name=f"{bands} [mag]".strip(),
        is_magnitude=True,
    )


def central_curve(
    frames: FloatArray, mjd_tai: FloatArray, *, zero_point_mag: FloatArray | None = None
) -> StripCurve:
    """Measure the brightness in the middle of each frame: a light curve where there is no better.

    The sum within 3 px of the centre, less the median of the pixels farther than 7 px. No
    aperture correction: seeing moves it by some hundredths to tenths of a magnitude.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        Pixel values; missing pixels are NaN. Less than three quarters of the aperture: NaN.
    mjd_tai : ndarray, shape (n,)
        Times [d, TAI].
    zero_point_mag : ndarray, shape (n,), optional
        AB magnitude of 1 unit in each frame; NaN = unknown.

    Returns
    -------
    StripCurve
        AB magnitudes where at least half of the zero points are known (NaN at fluxes <= 0), else
        flux over its median.

    Raises
    ------
    InvalidInputError
        If shapes disagree.

    Examples
    --------
    >>> frames = np.zeros((2, 28, 28)); frames[:, 13:15, 13:15] = [[[25.0]], [[75.0]]]
    >>> central_curve(frames, np.array([1.0, 2.0])).values.tolist()
    [0.5, 1.5]
    """
    if frames.ndim != 3 or len(mjd_tai) != len(frames):
        raise InvalidInputError(
            f"frames need shape (n, height, width) and n times, got {frames.shape} and "
            f"{len(mjd_tai)} times"
        )
    flux = _central_flux(frames)
    if zero_point_mag is not None and 2 * np.isfinite(zero_point_mag).sum() >= len(frames) > 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            magnitude = np.asarray(zero_point_mag, dtype=float) - 2.5 * np.log10(flux)
        magnitude[~np.isfinite(magnitude)] = np.nan
        return StripCurve(
            mjd_tai=mjd_tai, values=magnitude, name="3 px aperture [mag]", is_magnitude=True
        )
    middle = float(np.median(flux[np.isfinite(flux)])) if np.isfinite(flux).any() else 0.0
    name = "3 px aperture / median" if middle > 0 else "3 px aperture [counts]"
    return StripCurve(mjd_tai=mjd_tai, values=flux / (middle if middle > 0 else 1.0), name=name)


def _central_flux(frames: FloatArray) -> NDArray[np.float64]:
    """Sky-subtracted sum of the central pixels; missing ones count as the mean of the others."""
    height, width = frames.shape[1:]
    row, column = np.mgrid[:height, :width]
    radius = np.hypot(row - 0.5 * (height - 1), column - 0.5 * (width - 1))
    is_inner = radius <= _APERTURE_PX
    is_outer = radius > min(_SKY_PX, 0.4 * min(height, width))
    pixels = frames.astype(np.float64)
    inner = pixels[:, is_inner]
    valid = np.isfinite(inner)
    share = valid.mean(axis=1)
    sky = _row_medians(pixels[:, is_outer])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(valid, inner, 0.0).sum(axis=1) / valid.sum(axis=1)
    return np.where(share >= 0.75, (mean - sky) * int(is_inner.sum()), np.nan)


def _row_medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians of the finite entries of each row; NaN where there is none."""
    result = np.full(len(values), np.nan)
    has_any = np.isfinite(values).any(axis=1)
    if has_any.any():
        finite = np.where(np.isfinite(values[has_any]), values[has_any], np.nan)
        result[has_any] = np.nanmedian(finite, axis=1)
    return result
