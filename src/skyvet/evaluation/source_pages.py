"""The report on classes of sources: an overview, one page a class, and the facts as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from skyvet.core.files import atomic_path, write_json_atomic
from skyvet.core.optional import require
from skyvet.evaluation.page_templates import page_template
from skyvet.evaluation.source_curves import draw_folded, draw_raw
from skyvet.evaluation.source_facts import ClassFacts, ConfusionCell, SourceReport
from skyvet.evaluation.source_plots import (
    draw_class_histogram,
    draw_class_precision_recall,
    draw_class_reliability,
    draw_class_roc,
    draw_importances,
)
from skyvet.records.light_curve import LightCurve

__all__ = ["FetchLightCurves", "SourceReportPaths", "write_source_report"]

_safe = require("jinja2.filters", extra="report").do_mark_safe

FetchLightCurves = Callable[[Sequence[int | str]], Sequence[LightCurve | None]]
"""Gives the light curve of each source, None where there is none."""

_N_MISTAKES = 8


class SourceReportPaths(NamedTuple):
    """Where a report lies.

    Attributes
    ----------
    html, json : Path
        The overview and the facts.
    classes : dict of str to Path
        One page a class.
    """

    html: Path
    json: Path
    classes: dict[str, Path]


class _Pictures(NamedTuple):
    """Light curve of one example, as it is and folded."""

    raw: Any
    folded: Any
    bands: tuple[str, ...]


def write_source_report(
    report: SourceReport, out_dir: Path, fetch: FetchLightCurves | None = None
) -> SourceReportPaths:
    """Write ``report.html``, ``report.json`` and ``classes/<tag>.html``; each whole or absent.

    Parameters
    ----------
    report : SourceReport
        From `skyvet.evaluation.source_report.evaluate_sources`.
    out_dir : Path
        Created where needed; an older report in it is replaced.
    fetch : callable, optional
        Called once with the identifiers of all examples. Without it the pages list the examples
        without pictures.

    Returns
    -------
    SourceReportPaths

    Raises
    ------
    DatasetError
        If a file cannot be written.
    """
    paths = SourceReportPaths(
        out_dir / "report.html",
        out_dir / "report.json",
        {one.tag: out_dir / "classes" / f"{one.tag}.html" for one in report.classes},
    )
    curves = _light_curves(report, fetch)
    for one in report.classes:
        _write(paths.classes[one.tag], _class_page(report, one, curves))
    write_json_atomic(paths.json, report.model_dump(mode="json"))
    _write(paths.html, _overview_page(report))
    return paths


def _write(path: Path, page: str) -> None:
    with atomic_path(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _light_curves(
    report: SourceReport, fetch: FetchLightCurves | None
) -> dict[str, LightCurve] | None:
    """Return the light curves of all examples by identifier; None where none were asked for."""
    if fetch is None:
        return None
    examples = (e for one in report.classes for group in one.examples for e in group.examples)
    ids = list(dict.fromkeys(example.source_id for example in examples))
    found = zip(ids, fetch(ids), strict=True)
    return {str(one): curve for one, curve in found if curve is not None}


def _overview_page(report: SourceReport) -> str:
    names = {one.tag: one.name for one in report.classes}
    shown = [one.tag for one in report.classes if one.n_positive]
    cells = {(cell.tag, cell.called): cell for cell in report.confusions}
    return str(
        page_template("source_overview.html.j2").render(
            r=report,
            names=names,
            shown=shown,
            cells=cells,
            config_json=json.dumps(report.config, indent=2, sort_keys=True),
        )
    )


def _class_page(report: SourceReport, one: ClassFacts, curves: dict[str, LightCurve] | None) -> str:
    names = {other.tag: other.name for other in report.classes}
    return str(
        page_template("source_class.html.j2").render(
            r=report,
            c=one,
            names=names,
            children=[other for other in report.classes if other.parent == one.tag],
            figures={key: _safe(svg) for key, svg in _figures(one).items()},
            called_instead=_mistakes(report, lambda cell: cell.tag == one.tag != cell.called),
            taken_for_it=_mistakes(report, lambda cell: cell.called == one.tag != cell.tag),
            pictures=_pictures(one, curves),
            has_curves=curves is not None,
        )
    )


def _figures(one: ClassFacts) -> dict[str, str]:
    drawn: dict[str, str] = {}
    if one.roc is not None:
        drawn["pr"] = draw_class_precision_recall(one)
        drawn["roc"] = draw_class_roc(one)
    if one.reliability:
        drawn["calibration"] = draw_class_reliability(one)
        drawn["histogram"] = draw_class_histogram(one)
    if one.importances:
        drawn["importances"] = draw_importances(one)
    return drawn


def _mistakes(
    report: SourceReport, is_wanted: Callable[[ConfusionCell], bool]
) -> list[ConfusionCell]:
    """Return the commonest confusions of a class, those that happened at all."""
    found = [cell for cell in report.confusions if is_wanted(cell) and cell.n_called]
    return sorted(found, key=lambda cell: -(cell.share.value or 0.0))[:_N_MISTAKES]


def _pictures(one: ClassFacts, curves: dict[str, LightCurve] | None) -> dict[str, _Pictures]:
    drawn: dict[str, _Pictures] = {}
    for example in (e for group in one.examples for e in group.examples):
        curve = (curves or {}).get(str(example.source_id))
        if curve is not None and str(example.source_id) not in drawn:
            name = f"light curve of source {example.source_id}"
            drawn[str(example.source_id)] = _Pictures(
                raw=_safe(draw_raw(curve, title=name.capitalize())),
                folded=_safe(draw_folded(curve, example.period_d, title=f"Folded {name}")),
                bands=tuple(sorted(set(curve.band.tolist()))),
            )
    return drawn
