"""`skyvet labels show`: what a label store holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.records.label_events import LabelAction, LabelEvent
from skyvet.records.labels import LabelValue

if TYPE_CHECKING:
    from rich.table import Table

    from skyvet.io.label_store.store import StoredEvent

__all__ = ["labels_show_command"]

_VALUES = tuple(value.value for value in LabelValue)


def labels_show_command(
    *,
    labels: Annotated[str, typer.Option(help="Label store: a path or postgresql://...")],
    candidate: Annotated[
        str | None, typer.Option(help="Show the whole history of this candidate instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a label store holds, or one candidate's history."""
    from skyvet.io.label_store.store import open_label_store

    with open_label_store(labels, must_exist=True) as store:
        if candidate is not None:
            found = store.history(candidate_id=candidate)
            events = [_event_row(entry) for entry in found]
            show_result(
                {"candidate": candidate, "events": events},
                _history_table(candidate, found),
                as_json=as_json,
            )
            return
        standing, history = store.current(), [entry.event for entry in store.history()]
        accounts = [(account.name, account.role) for account in store.labellers()]
        place = store.label
    surveys, labellers = _by_survey(standing), _by_labeller(standing, history)
    document = {
        "labels": place, "n_events": len(history), "n_standing": len(standing),
        "surveys": surveys, "labellers": labellers,
        "accounts": [{"name": name, "role": role} for name, role in accounts],
    }  # fmt: skip
    tables = [
        _table("Candidates by survey", surveys),
        _table("Standing labels by labeller", labellers),
    ]
    if accounts:
        tables.append(make_table("Accounts with a token", ["labeller", "may"], accounts))
    title = f"{place}: {len(standing)} standing labels, {len(history)} events"
    show_result(document, title, *tables, as_json=as_json)


def _table(title: str, rows: Sequence[dict[str, object]]) -> Table:
    headings = [name.replace("_", " ") for name in rows[0]] if rows else ["nothing yet"]
    return make_table(title, headings, [list(row.values()) for row in rows])


def _by_survey(standing: Sequence[LabelEvent]) -> list[dict[str, object]]:
    """Return one row a survey: candidates by the label that most labellers hold."""
    from skyvet.io.label_sources import majority_labels

    rows: list[dict[str, object]] = []
    for survey in sorted({event.survey for event in standing}):
        table = majority_labels(event for event in standing if event.survey == survey)
        counts = Counter(table["label"].to_pylist())
        by_value = {value: counts[value] for value in _VALUES}
        rows.append({"survey": survey, "candidates": table.num_rows, **by_value})
    return rows


def _by_labeller(
    standing: Sequence[LabelEvent], history: Sequence[LabelEvent]
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name in sorted({event.labeller for event in history}):
        held = Counter(e.value.value for e in standing if e.labeller == name and e.value)
        own = [event for event in history if event.labeller == name]
        times = [e.time_taken_s for e in own if e.time_taken_s == e.time_taken_s]
        rows.append(
            {
                "labeller": name,
                **{value: held[value] for value in _VALUES},
                "taken_back": sum(event.action is LabelAction.UNDO for event in own),
                "median_time_a_label_[s]": float(np.median(times)) if times else None,
                "last_day": max(e.labelled_at for e in own).date().isoformat(),
            }
        )
    return rows


def _event_row(entry: StoredEvent) -> dict[str, object]:
    event = entry.event
    return {
        "number": entry.number,
        "time_[UTC]": event.labelled_at.strftime("%Y-%m-%d %H:%M:%S"),
        "survey": event.survey,
        "labeller": event.labeller,
        "act": event.value.value if event.value is not None else "takes back",
        "subclass": event.subclass or None,
        "confidence": event.confidence,
        "score_shown": None if event.shown.is_score_hidden else event.shown.score,
        "comment": event.comment or None,
        "event_key": event.event_key,
        "undoes": event.undoes or None,
    }


def _history_table(candidate: str, found: Sequence[StoredEvent]) -> Table:
    rows = [_event_row(entry) for entry in found]
    number_of = {row["event_key"]: row["number"] for row in rows}
    for row in rows:
        undone = row.pop("undoes")
        if undone is not None:
            row["act"] = f"takes back {number_of.get(undone, undone)}"
        del row["event_key"]
    said = [name for name in rows[0] if any(_is_said(row[name]) for row in rows)] if rows else []
    shown = [{name: row[name] for name in said} for row in rows]
    return _table(f"History of {candidate}", shown)


def _is_said(cell: object) -> bool:
    return cell is not None and not (isinstance(cell, float) and math.isnan(cell))
