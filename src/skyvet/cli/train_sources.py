"""`skyvet train sources`: features and labels to a bundle."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.training.sources.configs import SourceTrainConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skyvet.models.source_bundle import SourceBundle
    from skyvet.preprocessing.sources import LabelledSources, SourceMatch

__all__ = ["train_sources_command"]

_HEADINGS = {
    "auc": "AUC", "average_precision": "AP", "ece": "ECE", "purity": "purity",
    "completeness": "compl.", "f1": "F1",
}  # fmt: skip
"""Figures of a class, and short names for them: a terminal has 80 columns."""


def train_sources_command(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="FEATURES", help="Table of features (skyvet features), or folder of its parts."
        ),
    ],
    *,
    labels: Annotated[
        str, typer.Option(help="Label file (CSV, Parquet): wide, long or plain; or a label store.")
    ],
    out: Annotated[Path, typer.Option(help="Bundle folder to write.")],
    taxonomy: Annotated[
        str, typer.Option(help="phenomenological, ontological, or a YAML file of your own.")
    ] = "ontological",
    zeros_are_votes: Annotated[
        bool,
        typer.Option(help="A vote of 0 is a no; without, it means that nobody looked."),
    ] = True,
    surveys: Annotated[
        str, typer.Option(help="Surveys that the scores hold for; default those of the table.")
    ] = "",
    start: Annotated[
        Path | None,
        typer.Option(help="Bundle whose networks to go on from, one a learner (fine-tuning)."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "",
    data_licence: Annotated[str, typer.Option(help="Terms of the training data.")] = "not stated",
    config: SourceTrainConfig,
    as_json: JsonOption = False,
) -> None:
    """Train a calibrated classifier of sources on features and labels."""
    from skyvet.models.source_bundle import load_source_bundle
    from skyvet.training.sources.labelled_rows import load_labelled_sources
    from skyvet.training.sources.packing import SourceBundleText, pack_sources
    from skyvet.training.sources.train import train_sources

    _check_out(out, table, labels, start)
    rows = load_labelled_sources(
        table, labels, taxonomy, config=config, zeros_are_votes=zeros_are_votes
    )
    labelled = rows.labelled
    for remark in rows.remarks:
        note(f"note: {remark}")
    members = () if start is None else load_source_bundle(start).members
    with shown_progress(quiet=as_json) as progress:
        trained = train_sources(labelled, config, start=members, progress=progress)
    text = SourceBundleText(
        name=name or out.name,
        summary=f"{len(trained.calibrated.tags)} {labelled.taxonomy.name} classes of sources",
        surveys=_surveys(labelled, surveys),
        data_description=f"Labels of {Path(labels).name} on features of {table.name}.",
        data_licence=data_licence,
    )
    bundle = pack_sources(out, trained, config=config, text=text)
    if trained.left_out:
        note(f"note: {_left_out(trained.left_out)}")
    _show(bundle, rows.match, out=out, as_json=as_json)


def _check_out(out: Path, features: Path, labels: str, start: Path | None) -> None:
    """Refuse an output that would destroy something, before the training."""
    from skyvet.io.inputs import check_output_apart
    from skyvet.models.bundle_folder import check_replaceable
    from skyvet.models.source_bundle import SourceBundleInfo

    check_output_apart([features, labels], out, models=[] if start is None else [start])
    kind = SourceBundleInfo.model_fields["kind"].default
    check_replaceable(out, info_file="bundle.json", kind=kind)


def _surveys(labelled: LabelledSources, given: str) -> tuple[str, ...]:
    """Return the surveys given, or those of the labelled rows; none stated is one of its own."""
    if given:
        return tuple(part.strip() for part in given.split(","))
    if "survey" not in labelled.table.columns:
        return ("",)
    return tuple(sorted({str(name) for name in labelled.table.columns["survey"].tolist()}))


def _left_out(left_out: Mapping[str, str]) -> str:
    shown = "; ".join(f"{tag} ({why})" for tag, why in [*left_out.items()][:4])
    more = "; ..." if len(left_out) > 4 else ""
    return f"{len(left_out)} classes are left out: {shown}{more}"


def _counted(match: SourceMatch) -> list[tuple[str, object]]:
    return [
        ("rows of features", match.n_rows),
        ("  with a label", match.n_labelled),
        ("  without a label: left out", match.n_unlabelled),
        ("labelled, without features: left out", match.n_absent),
    ]


def _show(bundle: SourceBundle, match: SourceMatch, *, out: Path, as_json: bool) -> None:
    info = bundle.info
    rows = [
        (one.tag, one.n_positive, one.n_negative, *(_shown(one.metrics.get(n)) for n in _HEADINGS))
        for one in info.classes
    ]
    document: dict[str, Any] = {
        "bundle": bundle.label,
        "out": str(out),
        **dataclasses.asdict(match),
        "left_out": info.left_out,
        "metrics": info.metrics,
        "classes": {one.tag: one.metrics for one in info.classes},
    }
    used = make_table("Labels used", ["what", "n"], _counted(match))
    title = "Figures on inner folds that members, calibration and thresholds had not seen"
    figures = make_table(title, ["class", "yes", "no", *_HEADINGS.values()], rows)
    show_result(document, used, figures, f"Bundle: {out}  ({bundle.label})", as_json=as_json)


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"
