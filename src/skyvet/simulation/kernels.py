"""Compiled loops that paint sources on a canvas (needs numba; imported by rendering alone)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from skyvet.core.arrays import FloatArray
from skyvet.simulation.psf import EffectivePsf

__all__ = ["paint_points", "paint_sersic", "paint_spikes"]


@njit(cache=True, fastmath=True, inline="always")
def _moffat(dx, dy, p):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    radius2 = p[3] * dx * dx + p[4] * dy * dy + p[5] * dx * dy
    if p[6] != 0.0 or p[7] != 0.0:
        radius2 *= 1.0 - (p[6] * dx + p[7] * dy) / math.sqrt(radius2 + p[0])
    return p[2] * (1.0 + radius2 / p[0]) ** (-p[1])


@njit(cache=True, fastmath=True)
def _cubic_weights(t, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    out[0] = 0.5 * t * ((2.0 - t) * t - 1.0)
    out[1] = 0.5 * (t * t * (3.0 * t - 5.0) + 2.0)
    out[2] = 0.5 * t * ((4.0 - 3.0 * t) * t + 1.0)
    out[3] = 0.5 * (t - 1.0) * t * t


@njit(cache=True, fastmath=True)
def _points(canvas, xs, ys, fluxes, table, step, p, floor):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = canvas.shape
    n = table.shape[0]
    wx = np.empty(4)
    wy = np.empty(4)
    scale = math.sqrt(p[0])
    for k in range(len(xs)):
        flux = fluxes[k]
        size = abs(flux)
        if size == 0.0:
            continue
        reach = math.ceil(scale * (size * p[2] / floor + 1.0) ** (0.5 / p[1])) + 1
        left, right = max(0, int(xs[k]) - reach), min(width - 1, int(xs[k]) + reach + 1)
        low, high = max(0, int(ys[k]) - reach), min(height - 1, int(ys[k]) + reach + 1)
        # Every pixel of one source has the same phase in the table.
        gx = (0.0 - xs[k]) * step + n // 2
        gy = (0.0 - ys[k]) * step + n // 2
        fx, fy = math.floor(gx), math.floor(gy)
        _cubic_weights(gx - fx, wx)
        _cubic_weights(gy - fy, wy)
        for row in range(low, high + 1):
            iy = int(fy) + row * step
            for column in range(left, right + 1):
                ix = int(fx) + column * step
                if 1 <= ix < n - 2 and 1 <= iy < n - 2:
                    value = 0.0
                    for j in range(4):
                        line = 0.0
                        for i in range(4):
                            line += wx[i] * table[iy + j - 1, ix + i - 1]
                        value += wy[j] * line
                else:
                    value = _moffat(column - xs[k], row - ys[k], p)
                canvas[row, column] += flux * value


@njit(cache=True, fastmath=True)
def _sersic(canvas, x, y, flux, radius, index, ratio, angle):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = canvas.shape
    b = 2.0 * index - 1.0 / 3.0 + 0.009876 / index
    norm = 2.0 * math.pi * radius**2 * ratio * index * math.exp(math.lgamma(2.0 * index))
    norm /= b ** (2.0 * index)
    cosine, sine = math.cos(angle), math.sin(angle)
    reach = int(min(12.0, 4.0 + 2.0 * index) * radius) + 2
    inverse, scale2 = 0.5 / index, 1.0 / radius**2
    for row in range(max(0, int(y) - reach), min(height, int(y) + reach + 1)):
        for column in range(max(0, int(x) - reach), min(width, int(x) + reach + 1)):
            dx, dy = column - x, row - y
            near = dx * dx + dy * dy
            n_sub = 9 if near < 2.0 else 5 if near < 9.0 else 2 if near < 50.0 else 1
            total = 0.0
            for i in range(n_sub):
                for j in range(n_sub):
                    sx = dx + (i + 0.5) / n_sub - 0.5
                    sy = dy + (j + 0.5) / n_sub - 0.5
                    u = cosine * sx + sine * sy
                    v = (cosine * sy - sine * sx) / ratio
                    total += math.exp(-b * ((u * u + v * v) * scale2) ** inverse)
            canvas[row, column] += flux * total / (norm * n_sub * n_sub)


@njit(cache=True, fastmath=True)
def _spikes(canvas, x, y, flux, angles, strengths, width_px, length_px):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = canvas.shape
    for k in range(len(angles)):
        cosine, sine = math.cos(angles[k]), math.sin(angles[k])
        amplitude = flux * strengths[k]
        for row in range(height):
            for column in range(width):
                dx, dy = column - x, row - y
                along = cosine * dx + sine * dy
                across = cosine * dy - sine * dx
                if abs(across) > 12.0 * width_px:
                    continue
                across /= width_px * (1.0 + abs(along) / 60.0)
                if abs(across) < 4.0:
                    fall = (1.0 + (along / length_px) ** 2) ** 1.2
                    canvas[row, column] += amplitude * math.exp(-0.5 * across * across) / fall


def paint_points(
    canvas: FloatArray,
    sources: tuple[FloatArray, FloatArray, FloatArray],
    *,
    psf: EffectivePsf,
    floor: float,
) -> None:
    """Add point sources to a canvas in place.

    Parameters
    ----------
    canvas : ndarray, shape (height, width), float64
        Changed in place [flux unit].
    sources : tuple of three ndarrays, shape (n,), float64
        Column x and row y [pixels; the centre of pixel (0, 0) is (0, 0)] and signed flux.
    psf : EffectivePsf
        Their profile.
    floor : float
        Surface brightness below which wings are left out [flux unit a pixel], > 0.
    """
    xs, ys, fluxes = sources
    _points(canvas, xs, ys, fluxes, psf.table, psf.oversampling, psf.psf.parameters, floor)


def paint_sersic(
    canvas: FloatArray,
    x: float,
    y: float,
    *,
    flux: float,
    radius_px: float,
    index: float,
    axis_ratio: float,
    angle_rad: float,
) -> None:
    """Add one Sersic galaxy, integrated over pixels and not convolved, in place.

    Parameters
    ----------
    canvas : ndarray, shape (height, width), float64
        Changed in place [flux unit].
    x, y : float
        Centre [pixels].
    flux : float
        Total flux.
    radius_px : float
        Half-light radius along the major axis [pixels], > 0.
    index : float
        Sersic index, 0.5 to 6.
    axis_ratio : float
        Minor over major axis, in (0, 1].
    angle_rad : float
        Angle of the major axis from x towards y.
    """
    _sersic(canvas, x, y, flux, radius_px, index, axis_ratio, angle_rad)


def paint_spikes(
    canvas: FloatArray,
    x: float,
    y: float,
    *,
    flux: float,
    angles_rad: FloatArray,
    strengths: FloatArray,
    width_px: float,
    length_px: float,
) -> None:
    """Add diffraction spikes of one bright star in place.

    Parameters
    ----------
    canvas : ndarray, shape (height, width), float64
        Changed in place [flux unit].
    x, y : float
        The star [pixels].
    flux : float
        Its flux.
    angles_rad, strengths : ndarray, shape (n_spikes,), float64
        Direction of each spike and its peak surface brightness in units of the flux.
    width_px, length_px : float
        Width and length of a spike [pixels], > 0.
    """
    _spikes(canvas, x, y, flux, angles_rad, strengths, width_px, length_px)
