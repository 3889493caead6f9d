"""Adding events to the history: each once, all or none, and only what is allowed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from skyvet.core.errors import LabelRefusedError
from skyvet.io.label_store.leases import forget_leases
from skyvet.io.label_store.tables import events, row_of_event, standing_events
from skyvet.records.label_events import LabelAction, LabelEvent

__all__ = ["append_events"]

_AT_A_TIME = 500
_Row = dict[str, Any]


def append_events(
    connection: sa.Connection, new: Sequence[LabelEvent], *, now: dt.datetime, is_history: bool
) -> int:
    """Insert the events that are not stored yet.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that no other writer runs beside.
    new : sequence of LabelEvent
        In the order in which they happened.
    now : datetime
        Time of storing.
    is_history : bool
        Whether an UNDO may take back a label that no longer stands.

    Returns
    -------
    int
        Number of rows inserted.

    Raises
    ------
    LabelRefusedError
        If any event cannot be taken; the transaction must then be rolled back.
    """
    refused = {e.event_key: reason for e in new if (reason := _unstorable(e))}
    if refused:
        raise LabelRefusedError(refused)
    known = _stored_rows(connection, [event.event_key for event in new])
    pending: list[_Row] = []
    n_new = 0
    for event in new:
        row = row_of_event(event)
        stored = known.setdefault(event.event_key, row)
        if stored is not row:
            if stored != row:
                refused[event.event_key] = (
                    f"event key {event.event_key} belongs to another event already"
                )
            continue
        if event.action is LabelAction.UNDO:
            _insert(connection, pending, now)  # it may take back an event of this batch
            reason = _undo_refusal(connection, event, is_history=is_history)
            if reason:
                refused[event.event_key] = reason
                continue
        pending.append(row)
        n_new += 1
    if refused:
        raise LabelRefusedError(refused)
    _insert(connection, pending, now)
    forget_leases(connection, [e for e in new if e.action is LabelAction.LABEL])
    return n_new


def _unstorable(event: LabelEvent) -> str:
    """Say why a text of an event cannot be stored; empty where all can."""
    for name, value in row_of_event(event).items():
        if isinstance(value, str):
            if "\0" in value:
                return f"{name} holds a NUL character; take it out"
            if not value.isascii() and value.encode("utf-8", "ignore").decode() != value:
                return f"{name} holds half a character (a lone surrogate); take it out"
    return ""


def _stored_rows(connection: sa.Connection, keys: Sequence[str]) -> dict[str, _Row]:
    """Return what is stored under each key, as `row_of_event` gives it."""
    columns = [c for c in events.c if c.name not in ("number", "stored_at")]
    found = {}
    for some in _pieces(keys):
        query = sa.select(*columns).where(events.c.event_key.in_(some))
        for row in connection.execute(query).mappings():
            found[row["event_key"]] = dict(row)
    return found


def _pieces(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + _AT_A_TIME] for start in range(0, len(keys), _AT_A_TIME))


def _insert(connection: sa.Connection, pending: list[_Row], now: dt.datetime) -> None:
    """Insert and forget the pending rows."""
    if pending:
        connection.execute(sa.insert(events), [{**row, "stored_at": now} for row in pending])
        pending.clear()


def _undo_refusal(connection: sa.Connection, undo: LabelEvent, *, is_history: bool) -> str:
    """Say why an UNDO cannot be taken; empty where it can."""
    target = connection.execute(
        sa.select(events).where(events.c.event_key == undo.undoes)
    ).mappings().first()  # fmt: skip
    if target is None:
        return f"there is no event {undo.undoes} to take back"
    row = row_of_event(undo)
    if any(row[name] != target[name] for name in ("labeller", "survey", "candidate_id")):
        return f"event {undo.undoes} is not {undo.labeller}'s of {undo.survey} {undo.candidate_id}"
    if target["action"] != LabelAction.LABEL.value:
        return f"event {undo.undoes} took a label back itself; label again instead"
    taken_back = sa.select(events.c.number).where(events.c.undoes == undo.undoes)
    if is_history and connection.execute(taken_back).first() is None:
        return ""
    of_holder = standing_events().where(
        *(events.c[name] == row[name] for name in ("survey", "candidate_id", "labeller"))
    )
    standing = connection.execute(of_holder).mappings().first()
    if standing is None or standing["event_key"] != undo.undoes:
        return f"the label of event {undo.undoes} does not stand any more"
    return ""
