"""What several figures draw alike: axes from 0 to 1, the working point, points with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skyvet.evaluation.facts import Estimate
from skyvet.evaluation.plots_svg import MODEL, PAPER

__all__ = ["draw_estimates", "mark_point", "unit_square"]

_TICKS = (0, 0.25, 0.5, 0.75, 1)


def unit_square(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
    """Let both axes run from 0 to 1."""
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), xticks=_TICKS, yticks=_TICKS)


def mark_point(axes: Any, point: tuple[float, ...] | None) -> None:  # noqa: ANN401
    """Ring the working point; nothing where there is none."""
    if point is not None:
        marker = {"marker": "o", "ms": 7, "mfc": PAPER, "mec": MODEL, "mew": 2}
        axes.plot(*point, color=MODEL, clip_on=False, zorder=5, **marker)


def draw_estimates(
    axes: Any,  # noqa: ANN401
    x: Sequence[float],
    estimates: Sequence[Estimate],
    *,
    line: bool,
) -> None:
    """Draw values with their intervals, joined by a line where asked."""
    for position, estimate in zip(x, estimates, strict=True):
        if estimate.low is not None and estimate.high is not None:
            axes.vlines(position, estimate.low, estimate.high, color=MODEL, lw=1.3)
    values = [np.nan if e.value is None else e.value for e in estimates]
    axes.plot(x, values, "o", color=MODEL, ms=4.5, ls="-" if line else "none", lw=1.2)
