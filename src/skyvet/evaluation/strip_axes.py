"""Geometry of an evidence strip: the curve, its axes and the lines from frames to epochs.

Everything is in units of a box 1000 wide and 100 high, which the page stretches to any size;
dots are lines without length and with round ends, so that they stay round.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.evaluation.strip_curve import StripCurve

__all__ = ["AxisTick", "StripMark", "StripTrack", "draw_track"]

_WIDTH = 1000.0
_HEIGHT = 100.0
_SAME_EPOCH_DAYS = 0.02
_BEYOND = 3.0
_PAD = 0.08


class StripMark(NamedTuple):
    """A suspicious frame on the curve.

    Attributes
    ----------
    at : float
        Its time (or number).
    wide_x, narrow_x : float
        Middle of its picture, as a fraction of the width, in the wide and the narrow layout.
    is_above : bool
        True where its picture stands above the curve in the narrow layout.
    """

    at: float
    wide_x: float
    narrow_x: float
    is_above: bool


class AxisTick(NamedTuple):
    """A number beside an axis.

    Attributes
    ----------
    place : float
        Per cent of the way from the left, or from the top.
    text : str
    """

    place: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripTrack:
    """Paths (SVG, box of 1000 x 100) and ticks.

    Parameters
    ----------
    name : str
        Of the upright axis.
    n_points : int
        Points drawn.
    points, beyond, bars, guilty, marks : str
        The curve's points, those outside the axis, their error bars, known artefacts, and the
        suspicious epochs.
    wide_stems, upper_stems, lower_stems : str
        Upright lines through the suspicious epochs: all from above; or from above and below.
    wide_links, upper_links, lower_links : str
        Lines between pictures and stems, in a box of their own.
    x_ticks, y_ticks : tuple of AxisTick
    """

    name: str
    n_points: int
    points: str
    beyond: str
    bars: str
    guilty: str
    marks: str
    wide_stems: str
    upper_stems: str
    lower_stems: str
    wide_links: str
    upper_links: str
    lower_links: str
    x_ticks: tuple[AxisTick, ...]
    y_ticks: tuple[AxisTick, ...]


class _Axis(NamedTuple):
    """Straight map from data to the box."""

    low: float
    high: float
    length: float
    is_turned: bool = False

    def place(self, values: FloatArray) -> NDArray[np.float64]:
        fraction = (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low)
        return self.length * (1.0 - fraction if self.is_turned else fraction)


def draw_track(
    curve: StripCurve, marks: Sequence[StripMark], guilty_at: FloatArray, *, frames_at: FloatArray
) -> StripTrack:
    """Lay out the curve with the suspicious epochs marked and joined to their pictures.

    Parameters
    ----------
    curve : StripCurve
        Points without time or value are not drawn.
    marks : sequence of StripMark
        Suspicious frames; one without a point of the curve within half an hour gets a line
        without a dot.
    guilty_at : ndarray, shape (m,)
        Times of frames that are known to hold an artefact.
    frames_at : ndarray, shape (n,)
        Times of all frames; they belong to the axis even where the curve has no points.

    Returns
    -------
    StripTrack
        The same for the same input.

    Examples
    --------
    >>> curve = StripCurve(mjd_tai=np.array([1.0, 2.0]), values=np.array([3.0, 4.0]), name="flux")
    >>> mark = StripMark(at=2.0, wide_x=0.5, narrow_x=0.5, is_above=True)
    >>> draw_track(curve, [mark], np.zeros(0), frames_at=curve.mjd_tai).n_points
    2
    """
    drawn = np.isfinite(curve.mjd_tai) & np.isfinite(curve.values)
    times, values = curve.mjd_tai[drawn], curve.values[drawn]
    heights_at = [_value_at(mark.at, times, values) for mark in marks]
    x_axis = _time_axis(np.concatenate([times, frames_at]))
    y_axis = _value_axis(values, is_turned=not curve.is_magnitude)
    x, y = x_axis.place(times), y_axis.place(values)
    inside = (y >= 0.0) & (y <= _HEIGHT)
    marked_x = x_axis.place(np.array([mark.at for mark in marks]))
    marked_y = np.clip(y_axis.place(np.array(heights_at)), 0.0, _HEIGHT)
    errors = None if curve.errors is None else curve.errors[drawn]
    return StripTrack(
        name=curve.name,
        n_points=len(times),
        points=_dots(x[inside], y[inside]),
        beyond=_edge_ticks(x[~inside], y[~inside]),
        bars=_error_bars(x, values, errors, y_axis),
        guilty=_lines((at, _HEIGHT - 5.0, at, _HEIGHT) for at in x_axis.place(guilty_at)),
        marks=_dots(marked_x, marked_y),
        **_joins(marks, marked_x, marked_y),
        x_ticks=tuple(_ticks(x_axis, n_wanted=6, percent=100.0 / _WIDTH)),
        y_ticks=tuple(_ticks(y_axis, n_wanted=4, percent=100.0 / _HEIGHT)),
    )


def _joins(
    marks: Sequence[StripMark], x: NDArray[np.float64], y: NDArray[np.float64]
) -> dict[str, str]:
    """Stems through the epochs and links to the pictures, for both layouts."""
    ends = np.where(np.isfinite(y), y, _HEIGHT)
    starts = np.where(np.isfinite(y), y, 0.0)
    above = [i for i, mark in enumerate(marks) if mark.is_above]
    below = [i for i, mark in enumerate(marks) if not mark.is_above]

    def links(rows: Iterable[int], start: float, stop: float, *, is_wide: bool) -> str:
        tops = [marks[i].wide_x if is_wide else marks[i].narrow_x for i in range(len(marks))]
        return " ".join(_bend(_WIDTH * tops[i], start, float(x[i]), stop) for i in rows)

    return {
        "wide_stems": _lines((x[i], 0.0, x[i], ends[i]) for i in range(len(marks))),
        "upper_stems": _lines((x[i], 0.0, x[i], ends[i]) for i in above),
        "lower_stems": _lines((x[i], starts[i], x[i], _HEIGHT) for i in below),
        "wide_links": links(range(len(marks)), 0.0, _HEIGHT, is_wide=True),
        "upper_links": links(above, 0.0, _HEIGHT, is_wide=False),
        "lower_links": links(below, _HEIGHT, 0.0, is_wide=False),
    }


def _value_at(at: float, times: FloatArray, values: FloatArray) -> float:
    if not len(times) or not math.isfinite(at):
        return math.nan
    nearest = int(np.argmin(np.abs(times - at)))
    return float(values[nearest]) if abs(times[nearest] - at) <= _SAME_EPOCH_DAYS else math.nan


def _time_axis(times: FloatArray) -> _Axis:
    finite = times[np.isfinite(times)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    pad = 0.015 * (high - low) or 0.5
    return _Axis(low - pad, high + pad, _WIDTH)


def _value_axis(values: FloatArray, *, is_turned: bool) -> _Axis:
    """Hold nearly all values: those farther than three times the usual span are cut off."""
    if not values.size:
        return _Axis(0.0, 1.0, _HEIGHT, is_turned)
    low, high = np.percentile(values, [2.0, 98.0])
    reach = _BEYOND * (high - low)
    held = values[(values >= low - reach) & (values <= high + reach)]
    low, high = float(held.min()), float(held.max())
    pad = _PAD * (high - low) or 0.05 * abs(high) or 0.5
    return _Axis(low - pad, high + pad, _HEIGHT, is_turned)


def _dots(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    drawn = np.isfinite(x) & np.isfinite(y)
    return "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x[drawn], y[drawn], strict=True))


def _edge_ticks(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Short upright lines at the top or bottom for points that lie beyond."""
    return _lines(
        (a, 0.0, a, 6.0) if b < 0 else (a, _HEIGHT - 6.0, a, _HEIGHT)
        for a, b in zip(x, y, strict=True)
    )


def _error_bars(
    x: NDArray[np.float64], values: FloatArray, errors: FloatArray | None, axis: _Axis
) -> str:
    if errors is None:
        return ""
    known = np.isfinite(errors)
    tops = np.clip(axis.place(values + errors), 0.0, _HEIGHT)
    feet = np.clip(axis.place(values - errors), 0.0, _HEIGHT)
    return _lines((x[i], tops[i], x[i], feet[i]) for i in np.flatnonzero(known))


def _lines(ends: Iterable[tuple[float, float, float, float]]) -> str:
    return "".join(
        f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" for x1, y1, x2, y2 in ends if math.isfinite(x1)
    )


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    """Curve that leaves and arrives upright."""
    if not math.isfinite(x2):
        return ""
    middle = 0.5 * (y1 + y2)
    return f"M{x1:.1f} {y1:g}C{x1:.1f} {middle:g} {x2:.1f} {middle:g} {x2:.1f} {y2:g}"


def _ticks(axis: _Axis, *, n_wanted: int, percent: float) -> Iterable[AxisTick]:
    step = _round_step((axis.high - axis.low) / n_wanted)
    first = math.ceil(axis.low / step)
    digits = max(0, -math.floor(math.log10(step)))
    for i in range(first, math.floor(axis.high / step) + 1):
        place = float(axis.place(np.array([i * step]))[0]) * percent
        yield AxisTick(round(place, 2), _number(i * step, digits))


def _number(value: float, digits: int) -> str:
    return (
        f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}") if abs(value) < 1e6 else f"{value:.3g}"
    )


def _round_step(step: float) -> float:
    """Return the next of 1, 2, 5, 10, ... that is not smaller."""
    size = 10.0 ** math.floor(math.log10(step))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= step * 0.999)
