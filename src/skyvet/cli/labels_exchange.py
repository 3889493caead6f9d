"""`skyvet labels import` and `skyvet labels export`: label files into a store and out of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.core.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

    from skyvet.io.label_store.exchange import KnownCandidates
    from skyvet.records.label_events import LabelEvent

__all__ = ["ExportContent", "labels_export_command", "labels_import_command"]


class ExportContent(StrEnum):
    """What an export holds."""

    HISTORY = "history"
    MAJORITY = "majority"


def labels_import_command(
    file: Annotated[Path, typer.Argument(help="History or label file, CSV or Parquet.")],
    *,
    labels: Annotated[str, typer.Option(help="Label store: a path or postgresql://...")],
    data: Annotated[
        Path | None,
        typer.Option(help="Dataset folder; labels of candidates that it lacks are refused."),
    ] = None,
    survey: Annotated[str, typer.Option(help="Survey, where the file does not say.")] = "",
    labeller: Annotated[str, typer.Option(help="Who labelled, where the file does not say.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Bring labels or a whole history into a label store.

    All rows or none: wrong rows are all named with their reasons. What the store holds already
    is passed over, so that a file may be imported again.
    """
    from skyvet.io.label_store.exchange import ImportDefaults, import_labels
    from skyvet.io.label_store.store import open_label_store

    known = None if data is None else _known_candidates(data)
    defaults = ImportDefaults(now=dt.datetime.now(dt.UTC), survey=survey.lower(), labeller=labeller)
    if not file.is_file():
        raise InvalidInputError(f"label file {file} does not exist")
    with open_label_store(labels) as store:
        summary = import_labels(store, file, defaults=defaults, known=known)
        place = store.label
    rows = [
        ("rows in the file", summary.n_rows),
        ("stored now", summary.n_new),
        ("held already", summary.n_known),
    ]
    document = {"labels": place, **dataclasses.asdict(summary)}
    show_result(
        document, make_table(f"Imported into {place}", ["what", "n"], rows), as_json=as_json
    )


def labels_export_command(
    out: Annotated[Path, typer.Argument(help="File to write, .csv or .parquet.")],
    *,
    labels: Annotated[str, typer.Option(help="Label store: a path or postgresql://...")],
    content: Annotated[
        ExportContent,
        typer.Option(
            help="history: every event, for another store or backup; "
            "majority: one label a candidate, for training."
        ),
    ] = ExportContent.HISTORY,
    survey: Annotated[str | None, typer.Option(help="Only labels of this survey.")] = None,
    labeller: Annotated[str | None, typer.Option(help="Only events of this labeller.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a label store's history or labels to a file."""
    from skyvet.io.label_store.event_tables import write_table
    from skyvet.io.label_store.exchange import export_history
    from skyvet.io.label_store.store import open_label_store

    with open_label_store(labels, must_exist=True) as store:
        if content is ExportContent.HISTORY:
            n_rows = export_history(store, out, survey=survey, labeller=labeller)
        else:
            table = _majority(store.current(), survey=survey, labeller=labeller)
            write_table(table, out)
            n_rows = table.num_rows
    what = "events" if content is ExportContent.HISTORY else "labelled candidates"
    document = {"out": str(out), "content": content.value, "n_rows": n_rows}
    show_result(document, f"{n_rows} {what}: {out}", as_json=as_json)


def _known_candidates(data: Path) -> KnownCandidates:
    from skyvet.io.dataset import Dataset
    from skyvet.io.label_store.exchange import KnownCandidates

    return KnownCandidates.of_table(Dataset.open(data).table)


def _majority(
    standing: Iterable[LabelEvent], *, survey: str | None, labeller: str | None
) -> pa.Table:
    from skyvet.io.label_sources import majority_labels

    return majority_labels(
        event
        for event in standing
        if survey in (None, event.survey) and labeller in (None, event.labeller)
    )
