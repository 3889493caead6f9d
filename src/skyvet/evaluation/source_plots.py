"""The figures of a class of sources; each takes facts and returns an SVG element."""

from __future__ import annotations

from typing import Any

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.plot_parts import draw_estimates, mark_point, unit_square
from skyvet.evaluation.plots_svg import BOGUS, INK, MODEL, MUTED, REAL, draw_svg
from skyvet.evaluation.source_facts import BandFacts, ClassFacts

__all__ = [
    "draw_class_histogram",
    "draw_class_precision_recall",
    "draw_class_reliability",
    "draw_class_roc",
    "draw_importances",
]


def draw_class_roc(facts: ClassFacts) -> str:
    """Draw recall against false positive rate, with its interval and the threshold in use.

    Parameters
    ----------
    facts : ClassFacts
        Its ``roc`` must not be None.

    Returns
    -------
    str
        SVG element.

    Raises
    ------
    InvalidInputError
        If the class has no curve.
    """
    curve = facts.roc
    if curve is None:
        raise InvalidInputError(f"class '{facts.tag}' has no ROC curve; show its note instead")

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib has no types
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 3)))
        _draw_band(axes, facts.roc_band)
        axes.plot(curve.x, curve.y, color=MODEL, lw=1.8, drawstyle="steps-post")
        if facts.recall.value is not None and facts.n_negative:
            n_called = next(
                r.n_selected for r in facts.thresholds if r.threshold == facts.threshold
            )
            n_wrong = n_called - round(facts.recall.value * facts.n_positive)
            mark_point(axes, (n_wrong / facts.n_negative, facts.recall.value))
        unit_square(axes)
        axes.set(xlabel="false positive rate", ylabel="recall")

    return draw_svg(draw, title=f"ROC curve of {facts.name}", name=f"roc-{facts.tag}")


def draw_class_precision_recall(facts: ClassFacts) -> str:
    """Draw precision against recall, with its interval and the threshold in use.

    Parameters
    ----------
    facts : ClassFacts
        Its ``precision_recall`` must not be None.

    Raises
    ------
    InvalidInputError
        If the class has no curve.
    """
    curve = facts.precision_recall
    if curve is None:
        raise InvalidInputError(
            f"class '{facts.tag}' has no precision-recall curve; show its note instead"
        )
    share = facts.n_positive / (facts.n_positive + facts.n_negative)

    def draw(axes: Any) -> None:  # noqa: ANN401
        axes.axhline(share, color=MUTED, lw=0.9, ls=(0, (2, 3)))
        _draw_band(axes, facts.precision_recall_band)
        axes.plot(curve.x, curve.y, color=MODEL, lw=1.8)
        if facts.recall.value is not None and facts.precision.value is not None:
            mark_point(axes, (facts.recall.value, facts.precision.value))
        unit_square(axes)
        axes.set(xlabel="recall", ylabel="precision")

    return draw_svg(draw, title=f"Precision-recall curve of {facts.name}", name=f"pr-{facts.tag}")


def draw_class_reliability(facts: ClassFacts) -> str:
    """Draw the observed share of a class against its probability, with intervals."""

    def draw(axes: Any) -> None:  # noqa: ANN401
        axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls=(0, (2, 3)))
        x = [one.mean_score for one in facts.reliability]
        draw_estimates(axes, x, [one.real_fraction for one in facts.reliability], line=False)
        unit_square(axes)
        axes.set(xlabel="probability", ylabel="share that is of the class")

    return draw_svg(draw, title=f"Calibration curve of {facts.name}", name=f"cal-{facts.tag}")


def draw_class_histogram(facts: ClassFacts) -> str:
    """Draw how probabilities of the class and of others are spread, on a logarithmic axis."""

    def draw(axes: Any) -> None:  # noqa: ANN401
        edges = facts.histogram_edges
        axes.stairs(facts.histogram_positive, edges, color=REAL, alpha=0.35, fill=True)
        axes.stairs(facts.histogram_positive, edges, color=REAL, lw=1.4, label="of the class")
        axes.stairs(facts.histogram_negative, edges, color=BOGUS, lw=1.6, ls="--", label="others")
        axes.axvline(facts.threshold, color=INK, lw=1.0)
        filled = [v for v in (*facts.histogram_positive, *facts.histogram_negative) if v > 0]
        axes.set_yscale("log")
        axes.set(xlim=(0, 1), ylim=(0.5, max(filled, default=1.0) * 8))
        axes.legend(loc="upper center", ncols=2, handlelength=1.6, borderaxespad=0.2)
        axes.set_xlabel("probability")
        axes.set_ylabel("sources in bin")

    return draw_svg(draw, title=f"Probabilities of {facts.name}", name=f"hist-{facts.tag}")


def draw_importances(facts: ClassFacts) -> str:
    """Draw by how much the log loss rises when a feature is shuffled, the largest on top.

    Raises
    ------
    InvalidInputError
        If there are none.
    """
    if not facts.importances:
        raise InvalidInputError(f"no importance of any feature is known for '{facts.tag}'")
    shown = facts.importances[::-1]

    def draw(axes: Any) -> None:  # noqa: ANN401
        axes.barh(
            range(len(shown)),
            [one.value for one in shown],
            xerr=[one.spread for one in shown],
            color=MODEL,
            ecolor=INK,
            height=0.62,
            error_kw={"lw": 1.0},
        )
        axes.set_yticks(range(len(shown)), [one.feature for one in shown])
        axes.grid(visible=False, axis="y")
        axes.axvline(0.0, color=MUTED, lw=0.8)
        axes.set_xlabel("rise of the log loss [nat]")

    height = 1.0 + 0.22 * len(shown)
    title = f"Features that matter for {facts.name}"
    return draw_svg(draw, title=title, name=f"importance-{facts.tag}", size_in=(5.4, height))


def _draw_band(axes: Any, band: BandFacts | None) -> None:  # noqa: ANN401
    if band is not None:
        axes.fill_between(band.x, band.low, band.high, color=MODEL, alpha=0.18, lw=0)
