"""Label curves as a page and as one picture; both follow the reader's light or dark theme."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from skyvet import __version__
from skyvet.core.errors import InvalidInputError
from skyvet.core.files import atomic_path
from skyvet.core.optional import require
from skyvet.evaluation.facts import Estimate
from skyvet.evaluation.label_curve import CURVE_FIGURES, CurveFigure, LabelCurve
from skyvet.evaluation.page_templates import page_template
from skyvet.evaluation.plots_svg import BOGUS, GOOD, MODEL, MUTED, REAL, SURVEY, draw_svg

__all__ = ["draw_label_curve", "label_curve_svg", "write_label_page"]

_safe = require("jinja2.filters", extra="report").do_mark_safe
_COLOURS = (MODEL, BOGUS, REAL, GOOD, SURVEY)
_MARKERS = ("o", "s", "^", "D", "v")
_N_COLUMNS = 2
_PANEL = (420, 300)
_GAP = 18
_TITLE = 26


class _Panel(NamedTuple):
    """One figure of merit as drawn."""

    figure: CurveFigure
    svg: Any
    text: str


def draw_label_curve(curves: Sequence[LabelCurve], figure: CurveFigure) -> str:
    """Draw one figure of merit against the labels spent, with its interval.

    Parameters
    ----------
    curves : sequence of LabelCurve
        Runs to be compared, at most 5.
    figure : CurveFigure
        What is drawn.

    Returns
    -------
    str
        SVG element.

    Raises
    ------
    InvalidInputError
        If there are more runs than colours.
    """
    if len(curves) > len(_COLOURS):
        raise InvalidInputError(
            f"one picture shows at most {len(_COLOURS)} runs, got {len(curves)}; draw fewer"
        )

    n_most = max([point.n_labels for curve in curves for point in curve.points] + [1])

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        for curve, colour, marker in zip(curves, _COLOURS, _MARKERS, strict=False):
            _draw_run(axes, curve, figure, colour=colour, marker=marker)
        axes.set_xlabel("labels spent")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlim(0, 1.03 * n_most)
        if not axes.lines:
            axes.set_yticks([])
            axes.text(0.5, 0.5, "no value", ha="center", transform=axes.transAxes, color=MUTED)
        if len(curves) > 1 and axes.lines:
            axes.legend(loc="lower right" if figure.better == "higher" else "upper right")

    title = f"{figure.name} against labels spent ({figure.better} is better)"
    return draw_svg(draw, title=title, name=f"curve-{figure.key}", size_in=(4.2, 2.8))


def _draw_run(
    axes: Any,  # noqa: ANN401 - matplotlib has no types
    curve: LabelCurve,
    figure: CurveFigure,
    *,
    colour: str,
    marker: str,
) -> None:
    found = [(point.n_labels, point.figures.get(figure.key, Estimate())) for point in curve.points]
    drawn = [(n, e.value, e.low, e.high) for n, e in found if e.value is not None]
    if not drawn:
        return
    n_labels, values, lows, highs = zip(*drawn, strict=True)
    low = [value if end is None else end for end, value in zip(lows, values, strict=True)]
    high = [value if end is None else end for end, value in zip(highs, values, strict=True)]
    axes.fill_between(n_labels, low, high, color=colour, alpha=0.16, lw=0)
    axes.plot(n_labels, values, color=colour, lw=1.8, marker=marker, ms=4.5, label=curve.name)


def label_curve_svg(curves: Sequence[LabelCurve]) -> str:
    """Return one SVG document with a panel a figure; its colours follow the viewer's theme.

    Parameters
    ----------
    curves : sequence of LabelCurve
        Runs to be compared, at most 5.
    """
    n_rows = -(-len(CURVE_FIGURES) // _N_COLUMNS)
    width = _N_COLUMNS * (_PANEL[0] + _GAP) + _GAP
    height = n_rows * (_PANEL[1] + _TITLE + _GAP) + _GAP
    parts = []
    for i, figure in enumerate(CURVE_FIGURES):
        x = _GAP + (i % _N_COLUMNS) * (_PANEL[0] + _GAP)
        y = _GAP + (i // _N_COLUMNS) * (_PANEL[1] + _TITLE + _GAP)
        panel = draw_label_curve(curves, figure)
        placed = f'<svg x="{x}" y="{y + _TITLE}" width="{_PANEL[0]}" height="{_PANEL[1]}"'
        parts.append(f'<text x="{x}" y="{y + 15}" font-weight="600">{figure.name}</text>')
        parts.append(panel.replace("<svg", placed, 1))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="14" '
        f'fill="var(--ink)"><style>{_theme()}</style>'
        f'<rect width="100%" height="100%" fill="var(--panel)"/>{"".join(parts)}</svg>\n'
    )


def _theme() -> str:
    """Return the colours of the pages, light and dark."""
    css = page_template("report.css").render()
    light, dark = re.findall(r"(--paper:[^}]*)}", css)[:2]
    return f":root {{ {light} }} @media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"


def write_label_page(
    curves: Sequence[LabelCurve],
    path: Path,
    *,
    title: str,
    warnings: Sequence[str] = (),
    settings_json: str = "",
) -> None:
    """Write the curves as one HTML page; it is whole or absent.

    Parameters
    ----------
    curves : sequence of LabelCurve
        Runs to be compared, at most 5.
    path : Path
        HTML file.
    title : str
        Heading.
    warnings : sequence of str
        What must be known before a figure is believed.
    settings_json : str, default ""
        Settings of the run.

    Raises
    ------
    DatasetError
        If it cannot be written.
    """
    panels = [
        _Panel(figure, _safe(draw_label_curve(curves, figure)), f"{figure.better} is better")
        for figure in CURVE_FIGURES
    ]
    page = page_template("label_curve.html.j2").render(
        title=title,
        warnings=warnings,
        curves=curves,
        panels=panels,
        figures=CURVE_FIGURES,
        nothing=Estimate(),
        settings_json=settings_json,
        skyvet_version=__version__,
    )
    with atomic_path(path) as draft:
        draft.write_text(str(page), encoding="utf-8")
