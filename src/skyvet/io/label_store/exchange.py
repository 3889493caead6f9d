"""Label files into a label store, and out of it: the whole history, or the labels alone."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from skyvet.core.errors import InvalidInputError, LabelError, LabelRefusedError
from skyvet.io.label_cells import (
    RowFaults,
    parse_column,
    parse_identifiers,
    parse_label,
    parse_number,
    read_columns,
)
from skyvet.io.label_files import LABEL_COLUMNS
from skyvet.io.label_store.event_tables import is_event_file, read_event_file, write_event_file
from skyvet.io.label_store.store import LabelStore
from skyvet.records.identifiers import Identifier
from skyvet.records.label_events import LabelEvent, check_time_of_act

__all__ = ["ImportDefaults", "ImportSummary", "KnownCandidates", "export_history", "import_labels"]

_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    **{name: LABEL_COLUMNS[name] for name in ("candidate_id", "label", "object_id", "subclass")},
    "labeller": ("labeller", *LABEL_COLUMNS["source"]),
    "survey": ("survey",),
    "confidence": ("confidence",),
    "comment": ("comment",),
    "time_taken_s": ("time_taken_s",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDefaults:
    """What a label file may leave unsaid.

    Parameters
    ----------
    now : datetime
        Time of the labels, with a zone: a label file says none. Of a history, no event may be
        more than a day later.
    survey : str
        Survey where the file has no column for it; empty = it must have one.
    labeller : str
        Who labelled where the file does not say; empty = it must.
    """

    now: dt.datetime
    survey: str = ""
    labeller: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What an import did.

    Parameters
    ----------
    n_rows : int
        Rows of the file.
    n_new : int
        Events stored.
    n_known : int
        Rows that say what the store held already; n_new + n_known = n_rows.
    """

    n_rows: int
    n_new: int
    n_known: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownCandidates:
    """The candidates of a dataset, to check an import against.

    Parameters
    ----------
    candidates : mapping of (str, str) to (identifier, identifier or None)
        Survey and candidate id as text, to the id and object id as the dataset has them.
    """

    candidates: Mapping[tuple[str, str], tuple[Identifier, Identifier | None]]

    @classmethod
    def of_table(cls, table: pa.Table) -> KnownCandidates:
        """Return those of a table with columns survey, candidate_id and object_id."""
        columns = (table[name].to_pylist() for name in ("survey", "candidate_id", "object_id"))
        return cls(
            candidates={
                (survey, str(candidate_id)): (candidate_id, object_id)
                for survey, candidate_id, object_id in zip(*columns, strict=True)
            }
        )

    @property
    def surveys(self) -> tuple[str, ...]:
        """Surveys of the candidates, in order of name."""
        return tuple(sorted({survey for survey, _ in self.candidates}))


def export_history(
    store: LabelStore, path: Path, *, survey: str | None = None, labeller: str | None = None
) -> int:
    """Write the history to a ``.csv`` or ``.parquet`` file that `import_labels` reads back.

    Parameters
    ----------
    store : LabelStore
    path : Path
        Written whole or not at all.
    survey, labeller : str, optional
        Only events of it.

    Returns
    -------
    int
        Number of events.

    Raises
    ------
    InvalidInputError
        If the name ends otherwise.
    DatasetError
        If the file cannot be written.
    """
    found = store.history(survey=survey, labeller=labeller)
    write_event_file([entry.event for entry in found], path)
    return len(found)


def import_labels(
    store: LabelStore,
    path: Path,
    *,
    defaults: ImportDefaults,
    known: KnownCandidates | None = None,
) -> ImportSummary:
    """Bring a file into a store: a history, or labels alone; all of it or nothing.

    A history keeps its event keys: what the store has already is passed over. Of labels alone
    (columns of `skyvet.io.label_files`, and labeller, survey, confidence, comment, time_taken_s
    where the file has them), each row becomes a new event unless the labeller's standing label
    says the same already. So the same file may be imported again.

    Parameters
    ----------
    store : LabelStore
    path : Path
        ``.csv`` or ``.parquet``.
    defaults : ImportDefaults
        What the file leaves unsaid.
    known : KnownCandidates, optional
        Refuse labels of other candidates than these.

    Returns
    -------
    ImportSummary

    Raises
    ------
    LabelError
        If the file cannot be read, rows are wrong or of unknown candidates: all are named with
        their reasons, and nothing is stored.
    StoreUnavailableError
        If the database cannot be reached or written.
    """
    if is_event_file(path):
        events = read_event_file(path)
        _check_events(events, path, known=known, now=defaults.now)
        append = partial(store.append, events, is_history=True)
    else:
        events = _read_label_rows(path, _with_survey(defaults, known), known)
        append = partial(store.append_chosen, partial(_not_said_yet, events))
    try:
        n_new = append()
    except LabelRefusedError as error:
        _tell_rows(error, events, path)
        raise
    return ImportSummary(n_rows=len(events), n_new=n_new, n_known=len(events) - n_new)


def _not_said_yet(rows: Sequence[LabelEvent], standing: tuple[LabelEvent, ...]) -> list[LabelEvent]:
    """Return the labels that say something else than those that stand, each once."""
    held = {_holder(event): _statement(event) for event in standing}
    changed = (event for event in rows if held.get(_holder(event)) != _statement(event))
    return list({event.event_key: event for event in changed}.values())


def _tell_rows(refusal: LabelRefusedError, rows: Sequence[LabelEvent], path: Path) -> None:
    """Report what the store refused by its row."""
    faults = RowFaults(path)
    for i_row, event in enumerate(rows):
        if event.event_key in refusal.reasons:
            faults.add(i_row, refusal.reasons[event.event_key])
    faults.raise_if_any()


def _holder(event: LabelEvent) -> tuple[str, str, str]:
    return event.survey, str(event.candidate_id), event.labeller


def _statement(event: LabelEvent) -> tuple[object, ...]:
    """Return what an import of labels alone can say; NaN compares equal as text."""
    said = (event.confidence, event.time_taken_s)
    return (event.value, event.subclass, event.comment, *map(repr, map(float, said)))


def _with_survey(defaults: ImportDefaults, known: KnownCandidates | None) -> ImportDefaults:
    """Take the survey of the dataset where nothing else says one."""
    if defaults.survey or known is None or len(known.surveys) != 1:
        return defaults
    return replace(defaults, survey=known.surveys[0])


def _read_label_rows(
    path: Path, defaults: ImportDefaults, known: KnownCandidates | None
) -> list[LabelEvent]:
    faults = RowFaults(path)
    columns = _parsed_columns(path, defaults, faults)
    events: list[LabelEvent] = []
    first: dict[tuple[str, str, str], tuple[int, LabelEvent]] = {}
    for i_row in range(len(columns["candidate_id"])):
        if i_row in faults:
            continue
        cells = {name: column[i_row] for name, column in columns.items()}
        try:
            event = _conformed(LabelEvent(labelled_at=defaults.now, **cells), known)
        except InvalidInputError as error:
            faults.add(i_row, str(error))
            continue
        i_first, other = first.setdefault(_holder(event), (i_row, event))
        if _statement(other) != _statement(event):
            faults.add(i_row, f"{event.labeller} says something else in data row {i_first + 1}")
        events.append(other)
    faults.raise_if_any()
    return events


def _parsed_columns(path: Path, defaults: ImportDefaults, faults: RowFaults) -> dict[str, Any]:
    """Return the fields of the events by name; a faulty cell is None."""
    raw = read_columns(path, _COLUMNS, needed=("candidate_id", "label"))
    for name in ("survey", "labeller"):
        if name not in raw and not getattr(defaults, name):
            raise LabelError(
                f"{path} does not say the {name} of its labels: add a column {name!r}, or give one "
                f"for all rows with --{name}"
            )
    n_rows = len(raw["candidate_id"])
    ids = parse_identifiers(raw["candidate_id"], faults, name="candidate", is_needed=True)
    objects = parse_identifiers(
        raw.get("object_id", [None] * n_rows), faults, name="object", is_needed=False
    )
    columns: dict[str, Any] = {
        "candidate_id": ids.to_pylist(),
        "object_id": objects.to_pylist(),
        "value": parse_column(raw["label"], parse_label, faults),
        "survey": [text.lower() for text in _texts(raw.get("survey"), n_rows, defaults.survey)],
        "labeller": _texts(raw.get("labeller"), n_rows, defaults.labeller),
        "subclass": _texts(raw.get("subclass"), n_rows),
        "comment": [str(cell or "") for cell in raw.get("comment", [""] * n_rows)],
    }
    for name, high in (("confidence", 1.0), ("time_taken_s", math.inf)):
        parse = partial(parse_number, name=name, high=high)
        columns[name] = parse_column(raw.get(name, [None] * n_rows), parse, faults)
    return columns


def _texts(cells: Sequence[Any] | None, n_rows: int, default: str = "") -> list[str]:
    if cells is None:
        return [default] * n_rows
    return [str(cell or "").strip() or default for cell in cells]


def _conformed(event: LabelEvent, known: KnownCandidates | None) -> LabelEvent:
    """Return the event with its identifiers as the dataset has them."""
    if known is None:
        return event
    found = known.candidates.get((event.survey, str(event.candidate_id)))
    if found is None:
        raise LabelError(_unknown(event))
    candidate_id, object_id = found
    return replace(event, candidate_id=candidate_id, object_id=object_id)


def _check_events(
    events: Sequence[LabelEvent], path: Path, *, known: KnownCandidates | None, now: dt.datetime
) -> None:
    faults = RowFaults(path)
    for i_row, event in enumerate(events):
        try:
            check_time_of_act(event.labelled_at, now=now)
        except InvalidInputError as error:
            faults.add(i_row, str(error))
        if known is not None and (event.survey, str(event.candidate_id)) not in known.candidates:
            faults.add(i_row, _unknown(event))
    faults.raise_if_any()


def _unknown(event: LabelEvent) -> str:
    return f"candidate {event.candidate_id} of survey {event.survey} is not in the dataset"
