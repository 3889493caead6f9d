"""The report as one self-contained HTML page and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.files import atomic_path, write_json_atomic
from skyvet.core.optional import require
from skyvet.evaluation import plots
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import (
    Estimate,
    EvaluationResult,
    ExampleFact,
    ExampleGroup,
    GateFacts,
    View,
    Weighted,
)
from skyvet.evaluation.frame_strips import draw_frame_strip, strip_style
from skyvet.evaluation.page_templates import page_template
from skyvet.evaluation.stamp_images import stamp_data_uri
from skyvet.evaluation.strip_curve import central_curve, light_curve_of_object
from skyvet.evaluation.words import command_line, estimate_text, plain_summary
from skyvet.io.frame_lookup import ObjectFrames

__all__ = [
    "FetchFrames",
    "FetchStamps",
    "ReportPaths",
    "render_page",
    "write_report",
]

_jinja2 = require("jinja2", extra="report")

FetchStamps = Callable[[Sequence[int | str]], Sequence[FloatArray | None]]
"""Gives the triplet (3, height, width) of each candidate, None where there is none."""


FetchFrames = Callable[[Sequence[int | str]], Sequence[ObjectFrames | None]]
"""Gives the frames of each object, and its light curve where known; None without frames."""


class ReportPaths(NamedTuple):
    """Where the two files of a report lie.

    Attributes
    ----------
    html, json : Path
        The page and the facts.
    """

    html: Path
    json: Path


def write_report(
    result: EvaluationResult,
    out_dir: Path,
    fetch: FetchStamps | None = None,
    *,
    fetch_frames: FetchFrames | None = None,
) -> ReportPaths:
    """Write ``report.html`` and ``report.json``; each is whole or absent.

    Parameters
    ----------
    result : EvaluationResult
        From `skyvet.evaluation.report.evaluate`.
    out_dir : Path
        Created where needed; older reports in it are replaced.
    fetch : callable, optional
        Called once with the identifiers of all examples; gives raw triplets
        ``(3, height, width)``, NaN = missing, or None. Without it the page lists the examples
        without pictures.
    fetch_frames : callable, optional
        For objects with sequences: gives the frames of each, from which evidence strips are drawn
        in place of triplets.

    Returns
    -------
    ReportPaths

    Raises
    ------
    DatasetError
        If a file cannot be written.
    """
    paths = ReportPaths(out_dir / "report.html", out_dir / "report.json")
    page = render_page(result, fetch, fetch_frames=fetch_frames)
    write_json_atomic(paths.json, result.model_dump(mode="json"))
    with atomic_path(paths.html) as draft:
        draft.write_text(page, encoding="utf-8")
    return paths


def render_page(
    result: EvaluationResult,
    fetch: FetchStamps | None = None,
    *,
    fetch_frames: FetchFrames | None = None,
) -> str:
    """Return the page as text: no address of another site, all data escaped.

    Parameters
    ----------
    result : EvaluationResult
        From `skyvet.evaluation.report.evaluate`.
    fetch, fetch_frames : callable, optional
        As for `write_report`.

    Returns
    -------
    str
        An HTML document.
    """
    return str(
        page_template("report.html.j2").render(
            r=result,
            summary=plain_summary(result),
            figures=_draw_all(result),
            pictures=_pictures(result.examples, fetch),
            strips=_strips(result.examples, fetch_frames),
            strip_style=strip_style() if fetch_frames is not None else "",
            rails=_rails(result.gate),
            command=command_line(
                EvaluationConfig.model_validate(result.config),
                is_for_objects=result.subject == "object",
            ),
            config_json=json.dumps(result.config, indent=2, sort_keys=True),
        )
    )


def _draw_all(result: EvaluationResult) -> dict[str, Any]:
    """Every figure by name, marked safe: `plots` escapes its own text."""
    gate = result.gate
    target = (gate.min_completeness, gate.min_purity)
    drawn: dict[str, str] = {}
    for view in result.views:
        drawn |= _draw_view(view, threshold=result.threshold, target=target)
    comparison = result.comparison
    if comparison is not None and comparison.roc is not None:
        drawn["comparison"] = plots.draw_comparison(comparison)
    if result.injections is not None and result.injections.bins:
        drawn["injections"] = plots.draw_injections(result.injections)
    safe = _jinja2.filters.do_mark_safe
    return {name: safe(svg) for name, svg in drawn.items()}


def _draw_view(view: View, *, threshold: float, target: tuple[float, float]) -> dict[str, str]:
    if view.counted is None or view.prior is None:
        return {}
    point = _roc_point(view.counted)
    drawn = {
        f"roc-{view.key}": plots.draw_roc(view, point=point),
        f"det-{view.key}": plots.draw_det(view, point=point),
    }
    for weighted in (view.prior, view.counted):
        suffix = f"{view.key}-{weighted.weighting}"
        aim = target if weighted.weighting == "prior" else None
        drawn[f"pr-{suffix}"] = plots.draw_precision_recall(view, weighted, target=aim)
        drawn[f"reliability-{suffix}"] = plots.draw_reliability(view, weighted)
        drawn[f"histogram-{suffix}"] = plots.draw_histogram(view, weighted, threshold=threshold)
    return drawn


def _roc_point(weighted: Weighted) -> tuple[float, float] | None:
    confusion = weighted.confusion
    n_bogus = confusion.false_positive + confusion.true_negative
    if confusion.completeness is None or n_bogus <= 0:
        return None
    return confusion.false_positive / n_bogus, confusion.completeness


def _pictures(groups: Sequence[ExampleGroup], fetch: FetchStamps | None) -> dict[str, list[str]]:
    """PNG data addresses of the planes of every example that has stamps, by identifier."""
    ids = list(dict.fromkeys(e.candidate_id for group in groups for e in group.examples))
    if fetch is None or not ids:
        return {}
    found = zip(ids, fetch(ids), strict=True)
    return {
        str(i): [stamp_data_uri(plane) for plane in stamps]
        for i, stamps in found
        if stamps is not None
    }


def _strips(groups: Sequence[ExampleGroup], fetch: FetchFrames | None) -> dict[str, str]:
    """Evidence strips of the examples that have frames, by identifier."""
    examples = {e.candidate_id: e for group in groups for e in group.examples}
    if fetch is None or not examples:
        return {}
    safe = _jinja2.filters.do_mark_safe
    return {
        str(example.candidate_id): safe(_strip(example, shown))
        for example, shown in zip(examples.values(), fetch([*examples]), strict=True)
        if shown is not None
    }


def _strip(example: ExampleFact, shown: ObjectFrames) -> str:
    stored = shown.stored
    frames, mjd_tai = stored.sequence.frames, stored.sequence.mjd_tai
    evidence = np.full(len(frames), np.nan)
    for fact in example.frames:
        if fact.i_frame < len(frames) and fact.evidence is not None:
            evidence[fact.i_frame] = fact.evidence
    curve = (
        central_curve(frames, mjd_tai, zero_point_mag=stored.zero_point_mag)
        if shown.light_curve is None
        else light_curve_of_object(shown.light_curve, band=stored.band)
    )
    return draw_frame_strip(frames, mjd_tai, evidence, curve=curve, guilty_mask=stored.guilty_mask)


class _Rail(NamedTuple):
    """A rate and its bar on a horizontal scale from `start` to 1, in per cent of its length."""

    name: str
    meaning: str
    outcome: str
    text: str
    estimate: Estimate
    bar: float
    start: float
    bar_at: float
    value_at: float | None
    low_at: float
    width: float


def _rails(gate: GateFacts) -> tuple[_Rail, ...]:
    return (
        _rail(
            "Completeness",
            "share of the real ones that is kept",
            gate.completeness,
            gate.min_completeness,
            gate.completeness_outcome,
        ),
        _rail(
            "Purity",
            "share of what is kept that is real",
            gate.purity,
            gate.min_purity,
            gate.purity_outcome,
        ),
    )


def _rail(name: str, meaning: str, estimate: Estimate, bar: float, outcome: str) -> _Rail:
    low = 0.0 if estimate.low is None else estimate.low
    high = 1.0 if estimate.high is None else estimate.high
    start = max(int(10 * min(low, bar) - 0.5) / 10, 0.0)

    def place(rate: float) -> float:
        return round(100 * (rate - start) / (1 - start), 2)

    return _Rail(
        name=name,
        meaning=meaning,
        outcome=outcome,
        text="not measured" if estimate.value is None else estimate_text(estimate),
        estimate=estimate,
        bar=bar,
        start=start,
        bar_at=place(bar),
        value_at=None if estimate.value is None else place(estimate.value),
        low_at=place(low),
        width=round(place(high) - place(low), 2),
    )
