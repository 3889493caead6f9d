"""What a run leaves for people and programs: table, pictures, bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from skyvet.core.files import atomic_path
from skyvet.evaluation.facts import Estimate
from skyvet.evaluation.label_curve import CURVE_FIGURES, curve_table
from skyvet.evaluation.label_curve_page import label_curve_svg, write_label_page
from skyvet.evaluation.words import interval_text, number_text
from skyvet.models.bundle import BUNDLE_FILES
from skyvet.models.bundle_folder import write_bundle_folder
from skyvet.strategies.rounds.loop import RoundsResult

__all__ = ["bias_warning", "last_figures", "learning_warning", "round_rows", "write_results"]

_CHANCE = 0.5
_SHOWN = {"mcc": "MCC", "auc": "AUC", "average_precision": "AP"}


def bias_warning(result: RoundsResult) -> str:
    """Return what must be known before the figures are believed; empty where nothing must.

    Parameters
    ----------
    result : RoundsResult
        A run.
    """
    if not any(record.judged_on == "held-out" for record in result.records):
        return ""
    return (
        "without --test the figures are those of the bought labels, each judged by networks that "
        "had not seen it; labels that a strategy chose are harder than the pool, so the figures "
        "are biased and do not compare strategies"
    )


def learning_warning(result: RoundsResult) -> str:
    """Return what is wrong with the last measured round; empty where it learnt something.

    Says so where its ROC AUC is not clearly above 0.5, and why a figure has no value.

    Parameters
    ----------
    result : RoundsResult
        A run.
    """
    measured = [record for record in result.records if record.point.figures]
    if not measured:
        return ""
    last = measured[-1]
    figures = last.point.figures
    found = []
    auc = _of(figures, "auc")
    if auc.low is not None and auc.low <= _CHANCE:
        bundle = "; do not use its bundle" if last.has_bundle else ""
        found.append(
            f"round {last.i_round} learnt nothing that could be measured: ROC AUC "
            f"{number_text(auc.value)} ({interval_text(auc)}), chance is 0.5{bundle}. More labels, "
            "longer training (n_epochs, n_steps) or a look at the labels may help"
        )
    if reason := _why_undefined(figures):
        found.append(reason)
    return ". ".join(found)


def _why_undefined(figures: Mapping[str, Estimate]) -> str:
    """Say why figures have no value; empty where all have one."""
    missing = [f.name for f in CURVE_FIGURES if _of(figures, f.key).value is None]
    if not missing:
        return ""
    if _of(figures, "auc").value is None:
        reason = "the candidates that judge are all of one class"
    elif _of(figures, "precision").value is None:
        reason = "no candidate has a probability of at least 0.5, so nothing was called REAL"
    else:
        reason = "every candidate got the same verdict"
    return f"without a value: {', '.join(missing)} ({reason})"


def round_rows(result: RoundsResult) -> tuple[list[str], list[list[object]]]:
    """Return headings and rows of a narrow table with the state after each round.

    Parameters
    ----------
    result : RoundsResult
        A run.
    """
    has_unknown = any(record.point.n_unknown for record in result.records)
    names = ["labels", "real", "bogus", *(["unknown"] if has_unknown else [])]
    headings = ["round", *names, *_SHOWN.values(), "then asks"]
    rows: list[list[object]] = []
    for record in result.records:
        point = record.point
        figures = [number_text(_of(point.figures, key).value) for key in _SHOWN]
        counts = [point.n_labels, point.n_real, point.n_bogus, point.n_unknown][: len(names)]
        asks = f"{record.n_asked}, {record.asked_by}"
        rows.append([record.i_round, *counts, *figures, asks])
    if result.n_missing == 0 and rows:
        rows[-1][-1] = "the end"
    return headings, rows


def last_figures(result: RoundsResult) -> tuple[str, list[list[object]]]:
    """Return title and rows (figure, value, interval) of the last round that was measured.

    Parameters
    ----------
    result : RoundsResult
        A run.
    """
    measured = [record for record in result.records if record.point.figures]
    if not measured:
        return "Nothing could be learnt yet: labels of both classes are needed", []
    last = measured[-1]
    where = "test set" if last.judged_on == "test" else "bought labels, held out"
    rows: list[list[object]] = [
        [figure.name, number_text(estimate.value), interval_text(estimate)]
        for figure in CURVE_FIGURES
        for estimate in [_of(last.point.figures, figure.key)]
    ]
    return f"After {last.point.n_labels} labels ({where})", rows


def _of(figures: Mapping[str, Estimate], key: str) -> Estimate:
    return figures.get(key, Estimate())


def write_results(
    folder: Path, result: RoundsResult, *, title: str, settings: str = ""
) -> dict[str, str]:
    """Write table, page, picture and the bundle of the last round into the run folder.

    Parameters
    ----------
    folder : Path
        Run folder.
    result : RoundsResult
        A run; what it wrote before is replaced.
    title : str
        Heading of the page.
    settings : str
        Settings for the page, as JSON.

    Returns
    -------
    dict of str to str
        What was written, and where.

    Raises
    ------
    DatasetError
        If something cannot be written.
    """
    curves = [result.curve]
    warnings = [text for text in (bias_warning(result), learning_warning(result)) if text]
    table = curve_table(curves)
    paths = {
        "Table": folder / "label_curve.parquet",
        "Table as CSV": folder / "label_curve.csv",
        "Page": folder / "label_curve.html",
        "Picture": folder / "label_curve.svg",
    }
    with atomic_path(paths["Table"]) as draft:
        pq.write_table(table, draft)
    with atomic_path(paths["Table as CSV"]) as draft:
        pa_csv.write_csv(table, draft)
    write_label_page(curves, paths["Page"], title=title, warnings=warnings, settings_json=settings)
    with atomic_path(paths["Picture"]) as draft:
        draft.write_text(label_curve_svg(curves), encoding="utf-8")
    if result.bundle is not None:
        files = {name: (result.bundle / name).read_bytes() for name in BUNDLE_FILES}
        paths["Bundle"] = folder / "bundle"
        write_bundle_folder(paths["Bundle"], files)
    return {what: str(path) for what, path in paths.items()}
