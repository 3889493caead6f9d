"""The figures of the report; each takes facts and returns an SVG element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.facts import (
    BinFact,
    Comparison,
    CurveFacts,
    InjectionFacts,
    View,
    Weighted,
)
from skyvet.evaluation.plot_parts import draw_estimates, mark_point, unit_square
from skyvet.evaluation.plots_svg import (
    BOGUS,
    GOOD,
    INK,
    MODEL,
    MUTED,
    REAL,
    SURVEY,
    draw_svg,
)

__all__ = [
    "draw_comparison",
    "draw_det",
    "draw_histogram",
    "draw_injections",
    "draw_precision_recall",
    "draw_reliability",
    "draw_roc",
]

_RATE_TICKS: Final = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8)
_LEAST_RATE: Final = 5e-4
_SNR_TICKS: Final = (0.5, 1, 2, 3, 5, 7, 10, 20, 30, 50, 100, 200, 500, 1000)


def draw_roc(view: View, *, point: tuple[float, float] | None) -> str:
    """Draw completeness against false positive rate, with the working point.

    Parameters
    ----------
    view : View
        Its ``roc`` must not be None.
    point : tuple of float or None
        False positive rate and completeness at the threshold.

    Returns
    -------
    str
        SVG element.
    """
    curve = _present(view.roc)

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 3)))
        axes.text(0.62, 0.55, "guessing", color=MUTED, fontsize=8.5)
        axes.plot(curve.x, curve.y, color=MODEL, lw=1.8, drawstyle="steps-post")
        mark_point(axes, point)
        unit_square(axes)
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("completeness")

    return draw_svg(draw, title=f"ROC curve, {view.title}", name=f"roc-{view.key}")


def draw_det(view: View, *, point: tuple[float, float] | None) -> str:
    """Draw missed detection rate against false positive rate on normal-deviate axes."""
    curve = _present(view.det)

    def draw(axes: Any) -> None:  # noqa: ANN401
        axes.plot(
            _deviates(curve.x), _deviates(curve.y), color=MODEL, lw=1.8, drawstyle="steps-post"
        )
        if point is not None:
            mark_point(axes, tuple(_deviates([point[0], 1.0 - point[1]])))
        names = [f"{100 * rate:g}%" for rate in _RATE_TICKS]
        axes.set_xticks(ndtri(_RATE_TICKS), names)
        axes.set_yticks(ndtri(_RATE_TICKS), names)
        limits = ndtri([_LEAST_RATE * 0.9, 0.9])
        axes.set(xlim=limits, ylim=limits)
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("missed real")

    return draw_svg(draw, title=f"DET curve, {view.title}", name=f"det-{view.key}")


def draw_precision_recall(
    view: View, weighted: Weighted, *, target: tuple[float, float] | None
) -> str:
    """Draw purity against completeness for one mix of classes.

    Parameters
    ----------
    view : View
        For its title.
    weighted : Weighted
        Its ``precision_recall`` must not be None.
    target : tuple of float or None
        Completeness and purity that are asked for; drawn as a corner to reach. Only for the mix
        at the stated prior.

    Returns
    -------
    str
        SVG element.
    """
    curve = _present(weighted.precision_recall)

    def draw(axes: Any) -> None:  # noqa: ANN401
        if target is not None:
            _draw_target(axes, target)
        axes.axhline(weighted.real_fraction, color=MUTED, lw=0.9, ls=(0, (2, 3)))
        below = weighted.real_fraction > 0.5
        axes.text(
            0.02,
            weighted.real_fraction + (-0.02 if below else 0.02),
            "guessing",
            color=MUTED,
            fontsize=8.5,
            va="top" if below else "bottom",
        )
        axes.plot(curve.x, curve.y, color=MODEL, lw=1.8)
        confusion = weighted.confusion
        if confusion.purity is not None and confusion.completeness is not None:
            mark_point(axes, (confusion.completeness, confusion.purity))
        unit_square(axes)
        axes.set_xlabel("completeness")
        axes.set_ylabel("purity")

    mix = _mix_name(weighted)
    title = f"Precision-recall curve, {view.title}, {mix}"
    return draw_svg(draw, title=title, name=f"pr-{view.key}-{weighted.weighting}")


def draw_reliability(view: View, weighted: Weighted) -> str:
    """Draw the observed fraction of REAL against the score, with intervals."""

    def draw(axes: Any) -> None:  # noqa: ANN401
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 3)))
        _draw_bins(axes, weighted.reliability)
        unit_square(axes)
        axes.set_xlabel("score")
        axes.set_ylabel("fraction that is real")

    title = f"Reliability diagram, {view.title}, {_mix_name(weighted)}"
    return draw_svg(draw, title=title, name=f"reliability-{view.key}-{weighted.weighting}")


def draw_histogram(view: View, weighted: Weighted, *, threshold: float) -> str:
    """Draw how scores of REAL and BOGUS are spread, on a logarithmic axis."""

    def draw(axes: Any) -> None:  # noqa: ANN401
        edges = weighted.histogram_edges
        axes.stairs(weighted.histogram_real, edges, color=REAL, alpha=0.35, fill=True)
        axes.stairs(weighted.histogram_real, edges, color=REAL, lw=1.4, label="real")
        axes.stairs(weighted.histogram_bogus, edges, color=BOGUS, lw=1.6, ls="--", label="bogus")
        axes.axvline(threshold, color=INK, lw=1.0)
        filled = [v for v in (*weighted.histogram_real, *weighted.histogram_bogus) if v > 0]
        top = max(filled, default=1.0)
        axes.set_yscale("log")
        axes.set(xlim=(0, 1), ylim=(min([*filled, top / 10]) / 2, top * 6))
        axes.legend(loc="upper center", ncols=2, handlelength=1.6, borderaxespad=0.2)
        axes.set_xlabel("score")
        is_counted = weighted.weighting == "counted"
        axes.set_ylabel("number in bin" if is_counted else "share of the stream")

    title = f"Score histogram of real and bogus, {view.title}, {_mix_name(weighted)}"
    return draw_svg(draw, title=title, name=f"histogram-{view.key}-{weighted.weighting}")


def draw_comparison(comparison: Comparison) -> str:
    """Draw the ROC curves of this classifier and the survey's score on the same objects."""
    ours, survey = _present(comparison.roc), _present(comparison.survey_roc)

    def draw(axes: Any) -> None:  # noqa: ANN401
        axes.plot(
            survey.x,
            survey.y,
            color=SURVEY,
            lw=1.8,
            ls="--",
            drawstyle="steps-post",
            label="survey's score",
        )
        axes.plot(ours.x, ours.y, color=MODEL, lw=1.8, drawstyle="steps-post", label="this one")
        unit_square(axes)
        axes.legend(loc="lower right")
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("completeness")

    title = f"ROC curves of this classifier and {comparison.survey_score_name}, same objects"
    return draw_svg(draw, title=title, name="comparison")


def draw_injections(injections: InjectionFacts) -> str:
    """Draw completeness of injected sources against their S/N, with intervals."""

    def draw(axes: Any) -> None:  # noqa: ANN401
        bins = [b for b in injections.bins if b.completeness.value is not None]
        middles = [math.sqrt(b.snr_low * b.snr_high) for b in bins]
        axes.set_xscale("log")
        draw_estimates(axes, middles, [b.completeness for b in bins], line=True)
        for level, depth in ((0.5, injections.snr_at_50), (0.9, injections.snr_at_90)):
            axes.axhline(level, color=MUTED, lw=0.9, ls=(0, (2, 3)))
            if depth.value is not None:
                axes.plot(depth.value, level, marker="D", ms=6, color=GOOD, zorder=4)
        low, high = injections.bins[0].snr_low, injections.bins[-1].snr_high
        ticks = [tick for tick in _SNR_TICKS if low <= tick <= high]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set(ylim=(-0.03, 1.03), yticks=(0, 0.25, 0.5, 0.75, 0.9, 1))
        axes.set_xlabel("S/N of the injected source")
        axes.set_ylabel("completeness")

    title = "Completeness of injected sources against their signal-to-noise ratio"
    return draw_svg(draw, title=title, name="injections", size_in=(5.2, 3.2))


def _present(curve: CurveFacts | None) -> CurveFacts:
    if curve is None:
        raise InvalidInputError(
            "a figure without a curve cannot be drawn; show the view's note instead"
        )
    return curve


def _mix_name(weighted: Weighted) -> str:
    share = f"{100 * weighted.real_fraction:.3g}% real"
    return f"as counted ({share})" if weighted.weighting == "counted" else f"at the prior ({share})"


def _draw_target(axes: Any, target: tuple[float, float]) -> None:  # noqa: ANN401
    completeness, purity = target
    axes.fill_between(
        [completeness, 1.015], purity, 1.015, color=GOOD, alpha=0.22, lw=0, zorder=0.5
    )
    axes.annotate(
        "required",
        (completeness, purity),
        (completeness - 0.12, purity - 0.13),
        color=GOOD,
        fontsize=8.5,
        ha="right",
        arrowprops={"arrowstyle": "-", "color": GOOD, "lw": 0.8},
    )


def _draw_bins(axes: Any, bins: Sequence[BinFact]) -> None:  # noqa: ANN401
    draw_estimates(axes, [b.mean_score for b in bins], [b.real_fraction for b in bins], line=False)


def _deviates(rates: Sequence[float]) -> list[float]:
    clipped = np.clip(np.asarray(rates, dtype=float), _LEAST_RATE, 1 - _LEAST_RATE)
    return [float(value) for value in ndtri(clipped)]
