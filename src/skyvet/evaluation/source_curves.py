"""Light curves of sources as small SVG pictures: against time, and folded at a period."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.photometry import flux_njy_to_magnitude
from skyvet.records.light_curve import LightCurve

__all__ = ["draw_folded", "draw_raw"]

_MAG_OF_RELATIVE_ERROR: Final = 2.5 / math.log(10.0)
_WIDTH, _HEIGHT = 340, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 8, 36
_MAX_POINTS: Final = 1500
_N_TICKS: Final = 4
_N_COLOURS: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """What is drawn: one panel, one entry an epoch."""

    x: FloatArray
    y: FloatArray
    error: FloatArray
    band: np.ndarray
    is_magnitude: bool


def draw_raw(light_curve: LightCurve, *, title: str) -> str:
    """Draw brightness against time.

    Parameters
    ----------
    light_curve : LightCurve
        Upper limits and missing values are left out; total flux becomes AB magnitudes, difference
        flux stays in nJy.
    title : str
        What it shows, in words, for people who cannot see it; escaped here.

    Returns
    -------
    str
        SVG element whose colours follow the page; bands are told by classes ``b0``, ``b1``, ...
        in the order of their names.

    Examples
    --------
    >>> curve = LightCurve(
    ...     mjd_tai=[1.0, 2.0], flux_njy=[1e5, 2e5], flux_err_njy=[1e3, 1e3], band=["r", "g"],
    ...     is_upper_limit=[False, False], is_difference=False)
    >>> svg = draw_raw(curve, title="A < B")
    >>> svg[:4], 'aria-label="A &lt; B"' in svg, 'class="b0"' in svg, 'class="b1"' in svg
    ('<svg', True, True, True)
    """
    points = _points(light_curve)
    if not len(points.x):
        return _empty("no usable epoch", title)
    return _panel(points, x_name="time [MJD]", title=title)


def draw_folded(light_curve: LightCurve, period_d: float | None, *, title: str) -> str:
    """Draw brightness against phase, two cycles; phase 0 is the first epoch drawn.

    Parameters
    ----------
    light_curve : LightCurve
        As for `draw_raw`.
    period_d : float or None
        Period [d]; without one (None, or not above 0) the picture says so.
    title : str
        As for `draw_raw`.

    Returns
    -------
    str
        SVG element.

    Examples
    --------
    >>> curve = LightCurve(
    ...     mjd_tai=[1.0, 2.0], flux_njy=[1e5, 2e5], flux_err_njy=[1e3, 1e3], band=["r", "g"],
    ...     is_upper_limit=[False, False], is_difference=False)
    >>> "no period" in draw_folded(curve, None, title="folded")
    True
    """
    points = _points(light_curve)
    if not len(points.x):
        return _empty("no usable epoch", title)
    if period_d is None or not (math.isfinite(period_d) and period_d > 0):
        return _empty("no period", title)
    phase = np.mod((points.x - points.x.min()) / period_d, 1.0)
    twice = _Points(
        np.concatenate([phase, phase + 1.0]),
        np.tile(points.y, 2),
        np.tile(points.error, 2),
        np.tile(points.band, 2),
        points.is_magnitude,
    )
    return _panel(twice, x_name=f"phase, period {_short(period_d)} d", title=title, ends=(0.0, 2.0))


def _points(light_curve: LightCurve) -> _Points:
    flux, error = np.asarray(light_curve.flux_njy), np.asarray(light_curve.flux_err_njy)
    is_drawn = np.isfinite(flux) & ~light_curve.is_upper_limit
    if light_curve.is_difference:
        y, spread = flux, error
    else:
        is_drawn &= flux > 0
        y = np.full(len(flux), np.nan)
        spread = np.full(len(flux), np.nan)
        y[is_drawn] = flux_njy_to_magnitude(flux[is_drawn])
        spread[is_drawn] = _MAG_OF_RELATIVE_ERROR * error[is_drawn] / flux[is_drawn]
    rows = np.flatnonzero(is_drawn)
    if len(rows) > _MAX_POINTS:
        rows = rows[np.linspace(0, len(rows) - 1, _MAX_POINTS).astype(np.intp)]
    return _Points(
        np.asarray(light_curve.mjd_tai)[rows],
        y[rows],
        np.nan_to_num(spread[rows]),
        np.asarray(light_curve.band)[rows],
        not light_curve.is_difference,
    )


def _panel(
    points: _Points, *, x_name: str, title: str, ends: tuple[float, float] | None = None
) -> str:
    """Draw points with error bars; one path a band keeps the page small."""
    low, high = ends or _widened(points.x.min(), points.x.max())
    bottom, top = _limits(points)
    x = _LEFT + (points.x - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)
    height = _HEIGHT - _TOP - _BOTTOM
    y = _TOP + (points.y - top) / (bottom - top) * height
    length = np.minimum(np.abs(points.error / (bottom - top) * height), height)
    parts = [_axes((low, high), (bottom, top), x_name, is_magnitude=points.is_magnitude)]
    is_inside = (y >= _TOP - 1) & (y <= _HEIGHT - _BOTTOM + 1)
    for i_band, band in enumerate(sorted(set(points.band.tolist()))):
        rows = np.flatnonzero((points.band == band) & is_inside)
        bars = "".join(
            f"M{x[i]:.1f} {max(y[i] - length[i], _TOP):.1f}"
            f"V{min(y[i] + length[i], _HEIGHT - _BOTTOM):.1f}"
            for i in rows
        )
        dots = "".join(f"M{x[i]:.1f} {y[i]:.1f}h0" for i in rows)
        name = f"b{i_band % _N_COLOURS}"
        parts.append(f'<path class="{name} bar" d="{bars}"/><path class="{name}" d="{dots}"/>')
    return _svg("".join(parts), title)


def _limits(points: _Points) -> tuple[float, float]:
    """Return what stands at the bottom and at the top; far outliers may lie outside."""
    low, high = np.percentile(points.y, [0.5, 99.5])
    margin = 0.12 * max(float(high - low), 3.0 * float(np.median(points.error)), 1e-3)
    low, high = float(low) - margin, float(high) + margin
    return (high, low) if points.is_magnitude else (low, high)


def _widened(low: float, high: float) -> tuple[float, float]:
    margin = 0.02 * (high - low) or 0.5
    return float(low - margin), float(high + margin)


def _axes(
    x_ends: tuple[float, float],
    y_ends: tuple[float, float],
    x_name: str,
    *,
    is_magnitude: bool,
) -> str:
    floor, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = [f'<path class="frame" d="M{_LEFT} {_TOP}V{floor}H{right}"/>']
    for tick in _ticks(*x_ends):
        x = _LEFT + (tick - x_ends[0]) / (x_ends[1] - x_ends[0]) * (right - _LEFT)
        parts.append(f'<text x="{x:.1f}" y="{floor + 14}" class="mid">{_short(tick)}</text>')
    for tick in _ticks(min(y_ends), max(y_ends)):
        y = _TOP + (tick - y_ends[1]) / (y_ends[0] - y_ends[1]) * (floor - _TOP)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
        parts.append(f'<text x="{_LEFT - 4}" y="{y + 4:.1f}" class="end">{_short(tick)}</text>')
    middle = (_LEFT + right) / 2
    unit = "mag" if is_magnitude else "nJy"
    parts.append(f'<text x="{middle:.0f}" y="{_HEIGHT - 4}" class="mid">{escape(x_name)}</text>')
    parts.append(f'<text x="{_LEFT + 4}" y="{_TOP + 9}">{unit}</text>')
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers inside a range, at most five."""
    raw = (high - low) / _N_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _short(value: float) -> str:
    """Write a number as short as it stays readable."""
    magnitude = abs(value)
    digits = 0 if magnitude >= 1000 else 6
    text = f"{value:.{digits}f}" if digits == 0 else f"{value:.{digits}g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _empty(why: str, title: str) -> str:
    text = f'<text x="{_WIDTH / 2:.0f}" y="{_HEIGHT / 2:.0f}" class="mid">{escape(why)}</text>'
    return _svg(text, title)


def _svg(body: str, title: str) -> str:
    label = escape(title, quote=True)
    return (
        f'<svg class="lc" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{body}</svg>"
    )
