"""Matplotlib figures as small inline SVG whose colours follow the page's light or dark theme."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Final

from skyvet.core.optional import require

__all__ = ["BOGUS", "GOOD", "GRID", "INK", "MODEL", "MUTED", "PAPER", "REAL", "SURVEY", "draw_svg"]

_matplotlib = require("matplotlib", extra="report")
_figure = require("matplotlib.figure", extra="report")

# Placeholders that no colour map makes; the page's style sheet says what each looks like.
INK: Final = "#0a0b01"
MUTED: Final = "#0a0b02"
GRID: Final = "#0a0b03"
REAL: Final = "#0a0b04"
BOGUS: Final = "#0a0b05"
MODEL: Final = "#0a0b06"
SURVEY: Final = "#0a0b07"
PAPER: Final = "#0a0b08"
GOOD: Final = "#0a0b09"

_VARIABLES: Final = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    REAL: "--real",
    BOGUS: "--bogus",
    MODEL: "--model",
    SURVEY: "--survey",
    PAPER: "--panel",
    GOOD: "--good",
}

_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "path.simplify": True,
    "path.simplify_threshold": 0.2,
}


def draw_svg(
    draw: Callable[[Any], None], *, title: str, name: str, size_in: tuple[float, float] = (3.6, 3.0)
) -> str:
    """Draw one axes and return it as an ``<svg>`` element for an HTML page.

    Parameters
    ----------
    draw : callable
        Takes a matplotlib ``Axes`` and draws with this module's colours only.
    title : str
        What the figure shows, in words, for people who cannot see it; escaped here.
    name : str
        Unique on the page; keeps identifiers of two figures apart.
    size_in : tuple of float, default (3.6, 3.0)
        Width and height [inch]; the page scales it.

    Returns
    -------
    str
        SVG without fixed size, fonts, identifiers or addresses of other sites.

    Examples
    --------
    >>> svg = draw_svg(lambda axes: axes.plot([0, 1], [0, 1], color=MODEL), title="A < B", name="x")
    >>> svg[:4], 'aria-label="A &lt; B"' in svg, "var(--model)" in svg, "http" in svg
    ('<svg', True, True, False)
    """
    with _styled(name):
        figure = _figure.Figure(figsize=size_in, layout="constrained")
        draw(figure.add_subplot())
        target = io.StringIO()
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    return _for_page(target.getvalue(), title)


@contextmanager
def _styled(salt: str) -> Iterator[None]:
    with _matplotlib.rc_context({**_STYLE, "svg.hashsalt": salt}):
        yield


def _for_page(svg: str, title: str) -> str:
    view_box = re.search(r'viewBox="([^"]+)"', svg)
    body = svg[svg.index("</metadata>") + len("</metadata>") : svg.rindex("</svg>")]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r' id="(?!p[0-9a-f]{10}"|m[0-9a-f]{10}")[^"]*"', "", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", body)
    body = re.sub(r"<[^>]*>", _with_short_numbers, body).replace("xlink:href", "href")
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r"\s+", " ", body)
    box = view_box.group(1) if view_box else "0 0 260 216"
    label = escape(title, quote=True)
    return f'<svg viewBox="{box}" role="img" aria-label="{label}">{body}</svg>'


def _with_short_numbers(element: re.Match[str]) -> str:
    """Return an element with coordinates of two digits; what people read lies outside of it."""
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", element[0])
