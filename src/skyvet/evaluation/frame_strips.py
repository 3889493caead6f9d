"""Evidence strip of one object: its most suspicious frames over its light curve.

The ten most suspicious frames stand in time order over the light curve, each joined to its
epoch; some typical frames stand beside them. The strip is HTML that scales with its container
(five frames above and five below the curve where it is narrow), with small PNG images inside,
and takes its colours from the page: `strip_style` has the style sheet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.page_templates import page_template
from skyvet.evaluation.stamp_images import stamp_data_uri
from skyvet.evaluation.strip_axes import StripMark, draw_track
from skyvet.evaluation.strip_curve import StripCurve, evidence_curve
from skyvet.evaluation.strip_frames import ChosenFrames, choose_frames, stretch_frames

__all__ = ["draw_frame_strip", "strip_style"]

_MJD_ZERO = datetime(1858, 11, 17)
_N_NARROW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """One frame on the page; texts are ready to print, places count from 1."""

    image: str
    about: str
    time: str
    is_guilty: bool
    rank: int = 0
    evidence: str = ""
    share: float = 0.0
    wide_column: int = 1
    narrow_column: int = 1
    is_above: bool = True
    mark: StripMark | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Object:
    """What is drawn of one object."""

    frames: FloatArray
    at: FloatArray
    has_times: bool
    evidence: FloatArray
    guilty_mask: BoolArray
    levels: dict[int, FloatArray]


def draw_frame_strip(
    frames: FloatArray,
    mjd_tai: FloatArray,
    evidence: FloatArray,
    *,
    curve: StripCurve | None = None,
    guilty_mask: BoolArray | None = None,
    n_top: int = 10,
    n_typical: int = 4,
) -> str:
    """Draw the evidence strip of one object.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        Pixel values [any unit]; missing pixels are NaN.
    mjd_tai : ndarray, shape (n,)
        Mid-exposure times [d, TAI]; where one is NaN, frames are placed by number instead.
    evidence : ndarray, shape (n,)
        Larger = more suspicious; NaN = not known (an unusable frame, or one of which only the
        others' evidence was kept).
    curve : StripCurve, optional
        Light curve of the object; without one the evidence is drawn against time.
    guilty_mask : ndarray, shape (n,), bool, optional
        True where an artefact is known to be in the frame; marked on the page.
    n_top, n_typical : int
        How many frames to show.

    Returns
    -------
    str
        HTML element, all text escaped, without identifiers and addresses; it needs `strip_style`
        once on the page.

    Raises
    ------
    InvalidInputError
        If shapes disagree or there is no frame.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> html = draw_frame_strip(rng.normal(size=(20, 8, 8)), np.arange(20.0), rng.random(20))
    >>> html.count("<img"), "http" in html
    (14, False)
    """
    _check_lengths(frames, mjd_tai, evidence, guilty_mask)
    chosen = choose_frames(frames, evidence, n_top=n_top, n_typical=n_typical)
    has_times = bool(np.isfinite(mjd_tai).all())
    at = np.asarray(mjd_tai, dtype=float) if has_times else np.arange(1.0, len(frames) + 1)
    thing = _Object(
        frames=frames,
        at=at,
        has_times=has_times,
        evidence=evidence,
        guilty_mask=np.zeros(len(frames), dtype=bool) if guilty_mask is None else guilty_mask,
        levels=_levels(frames, chosen),
    )
    suspicious = _suspicious(thing, chosen.suspicious)
    track = draw_track(
        evidence_curve(at, evidence) if curve is None or not has_times else curve,
        [p.mark for p in suspicious if p.mark is not None],
        at[thing.guilty_mask],
        frames_at=at,
    )
    return str(
        page_template("frame_strip.html.j2").render(
            suspicious=suspicious,
            typical=[_picture(thing, int(row)) for row in chosen.typical],
            track=track,
            has_times=has_times,
            n_wide=max(len(suspicious), 1),
            n_narrow=_n_narrow(len(suspicious)),
            n_frames=len(frames),
            n_guilty=None if guilty_mask is None else int(thing.guilty_mask.sum()),
        )
    )


@cache
def strip_style() -> str:
    """Return the style sheet of the strips, to stand once on a page.

    It uses the page's variables ``--ink``, ``--muted``, ``--grid``, ``--rule``, ``--shade``,
    ``--panel``, ``--bogus`` and ``--bad``, and brings values for pages that have none.

    Examples
    --------
    >>> ".strip" in strip_style()
    True
    """
    folder = files("skyvet.evaluation") / "templates"
    return (folder / "frame_strip.css").read_text(encoding="utf-8")


def _check_lengths(
    frames: FloatArray, mjd_tai: FloatArray, evidence: FloatArray, guilty_mask: BoolArray | None
) -> None:
    lengths = {"mjd_tai": len(mjd_tai), "evidence": len(evidence)}
    if guilty_mask is not None:
        lengths["guilty_mask"] = len(guilty_mask)
    wrong = {name: length for name, length in lengths.items() if length != len(frames)}
    if wrong:
        raise InvalidInputError(
            f"a strip of {len(frames)} frames needs one entry each, got {wrong}"
        )


def _levels(frames: FloatArray, chosen: ChosenFrames) -> dict[int, FloatArray]:
    """Brightness on the page of the frames that are shown, by row."""
    rows = np.concatenate([chosen.suspicious, chosen.typical])
    levels = stretch_frames(frames[rows], frames[chosen.typical])
    return {int(row): level for row, level in zip(rows, levels, strict=True)}


def _n_narrow(n: int) -> int:
    """Pictures in a row of the narrow layout."""
    return max(n, 1) if n <= _N_NARROW else max(_N_NARROW, -(-n // 2))


def _suspicious(thing: _Object, rows: NDArray[np.intp]) -> list[_Picture]:
    """Pictures in time order; in the narrow layout the first half by rank stands above."""
    n_narrow = _n_narrow(len(rows))
    in_time = np.argsort(thing.at[rows], kind="stable")
    base, largest = _evidence_range(thing.evidence, n_shown=len(rows))
    columns = {True: 0, False: 0}
    counts = {True: min(len(rows), n_narrow), False: max(len(rows) - n_narrow, 0)}
    pictures = []
    for i_wide, i_rank in enumerate(in_time.tolist()):
        is_above = i_rank < n_narrow
        offset = (n_narrow - counts[is_above]) // 2
        columns[is_above] += 1
        column = columns[is_above] + offset
        row = int(rows[i_rank])
        mark = StripMark(
            at=float(thing.at[row]),
            wide_x=(i_wide + 0.5) / len(rows),
            narrow_x=(column - 0.5) / n_narrow,
            is_above=is_above,
        )
        value = float(thing.evidence[row])
        pictures.append(
            replace(
                _picture(thing, row),
                rank=i_rank + 1,
                evidence=_three_digits(value),
                share=round(100.0 * float(np.clip((value - base) / (largest - base), 0, 1)), 1),
                wide_column=i_wide + 1,
                narrow_column=column,
                is_above=is_above,
                mark=mark,
            )
        )
    return pictures


def _three_digits(value: float) -> str:
    text = f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:#.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _evidence_range(evidence: FloatArray, *, n_shown: int) -> tuple[float, float]:
    """Evidence at which a bar is empty (that of an ordinary frame, where known) and full."""
    known = evidence[np.isfinite(evidence)]
    if not known.size:
        return 0.0, 1.0
    base = float(np.median(known)) if known.size > 2 * n_shown else min(0.0, float(known.min()))
    largest = float(known.max())
    return base, largest if largest > base else base + 1.0


def _picture(thing: _Object, row: int) -> _Picture:
    at = float(thing.at[row])
    is_guilty = bool(thing.guilty_mask[row])
    when = f"MJD {at:.4f} ({_calendar_date(at)})" if thing.has_times else f"number {row + 1}"
    value = float(thing.evidence[row])
    evidence = f", evidence {_three_digits(value)}" if math.isfinite(value) else ""
    return _Picture(
        image=stamp_data_uri(thing.levels[row], limits=(0.0, 1.0)),
        about=f"Frame {when}{evidence}{', artefact known' if is_guilty else ''}",
        time=f"{at:.2f}" if thing.has_times else f"{row + 1}",
        is_guilty=is_guilty,
    )


def _calendar_date(mjd: float) -> str:
    """Return the date of a time, or nothing beyond the calendar."""
    try:
        return (_MJD_ZERO + timedelta(days=mjd)).date().isoformat()
    except OverflowError:
        return ""
