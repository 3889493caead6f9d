"""The tables of a label store, and label events as rows of them.

================ ==================================================================================
table            what
================ ==================================================================================
label_events     the history, one row an event; triggers refuse to change or delete a row
label_leases     which labeller has which candidate on screen, and until when
label_accounts   labellers with a token: name, role and the token's hash
================ ==================================================================================

A candidate is found by its survey and the text of its identifier; whether that is a number is
stored beside it, so that it comes back as it went in.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from skyvet.records.identifiers import Identifier
from skyvet.records.label_events import LabelAction, LabelEvent, Shown
from skyvet.records.labels import LabelValue

__all__ = [
    "METADATA",
    "UtcDateTime",
    "accounts",
    "event_of_row",
    "events",
    "leases",
    "row_of_event",
    "standing_events",
]


class UtcDateTime(sa.types.TypeDecorator[dt.datetime]):
    """A time with its zone, kept as UTC; SQLite itself would forget the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: dt.datetime | None, dialect: sa.engine.Dialect
    ) -> dt.datetime | None:
        """Turn a time into UTC; SQLite gets it without the zone."""
        if value is None:
            return None
        utc = value.astimezone(dt.UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(
        self,
        value: dt.datetime | None,
        dialect: sa.engine.Dialect,  # noqa: ARG002 - SQLAlchemy's
    ) -> dt.datetime | None:
        """Give a time back with the zone UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


METADATA: Final = sa.MetaData()
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts INTEGER alone

events: Final = sa.Table(
    "label_events",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("stored_at", UtcDateTime, nullable=False),
    sa.Column("event_key", sa.Text, nullable=False),
    sa.Column("survey", sa.Text, nullable=False),
    sa.Column("candidate_id", sa.Text, nullable=False),
    sa.Column("candidate_id_is_number", sa.Boolean, nullable=False),
    sa.Column("object_id", sa.Text),
    sa.Column("object_id_is_number", sa.Boolean),
    sa.Column("labeller", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
    sa.Column("undoes", sa.Text),
    sa.Column("subclass", sa.Text, nullable=False),
    sa.Column("confidence", sa.Double),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("labelled_at", UtcDateTime, nullable=False),
    sa.Column("time_taken_s", sa.Double),
    sa.Column("bundle", sa.Text, nullable=False),
    sa.Column("score", sa.Double),
    sa.Column("is_score_hidden", sa.Boolean, nullable=False),
    sa.Column("page_version", sa.Text, nullable=False),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.UniqueConstraint("event_key", name="label_events_event_key"),
    sa.UniqueConstraint("undoes", name="label_events_undoes"),  # an event is taken back once
    sa.ForeignKeyConstraint(["undoes"], ["label_events.event_key"], name="label_events_undone"),
    sa.Index("label_events_holder", "survey", "candidate_id", "labeller", "number"),
    sqlite_autoincrement=True,
)

leases: Final = sa.Table(
    "label_leases",
    METADATA,
    sa.Column("survey", sa.Text, primary_key=True),
    sa.Column("candidate_id", sa.Text, primary_key=True),
    sa.Column("labeller", sa.Text, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

accounts: Final = sa.Table(
    "label_accounts",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("token_hash", sa.Text, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
    sa.UniqueConstraint("token_hash", name="label_accounts_token_hash"),
)


def standing_events() -> sa.Select[Any]:
    """Return the query of standing labels: the last of each holder that nothing takes back.

    Returns
    -------
    Select
        All columns of `events`; one row each (survey, candidate, labeller) that holds a label.
    """
    other, undo, undo_of_other = (events.alias(name) for name in ("o", "u", "w"))
    is_undone = sa.exists().where(undo.c.undoes == events.c.event_key)
    is_replaced = sa.exists().where(
        other.c.survey == events.c.survey,
        other.c.candidate_id == events.c.candidate_id,
        other.c.labeller == events.c.labeller,
        other.c.number > events.c.number,
        other.c.action == LabelAction.LABEL.value,
        ~sa.exists().where(undo_of_other.c.undoes == other.c.event_key),
    )
    return sa.select(events).where(
        events.c.action == LabelAction.LABEL.value, ~is_undone, ~is_replaced
    )


def row_of_event(event: LabelEvent) -> dict[str, Any]:
    """Return an event as a row of `events` without what the store adds; NaN becomes NULL.

    Examples
    --------
    >>> event = LabelEvent(survey="ztf", candidate_id=7, labeller="ada", value=LabelValue.REAL)
    >>> row = row_of_event(event)
    >>> row["candidate_id"], row["candidate_id_is_number"], row["confidence"]
    ('7', True, None)
    >>> event_of_row(row).candidate_id
    7
    """
    object_id = event.object_id
    return {
        "event_key": event.event_key,
        "survey": event.survey,
        "candidate_id": str(event.candidate_id),
        "candidate_id_is_number": isinstance(event.candidate_id, int),
        "object_id": None if object_id is None else str(object_id),
        "object_id_is_number": None if object_id is None else isinstance(object_id, int),
        "labeller": event.labeller,
        "action": event.action.value,
        "value": None if event.value is None else event.value.value,
        "undoes": event.undoes or None,
        "subclass": event.subclass,
        "confidence": _none_if_nan(event.confidence),
        "comment": event.comment,
        "labelled_at": event.labelled_at.astimezone(dt.UTC),
        "time_taken_s": _none_if_nan(event.time_taken_s),
        "bundle": event.shown.bundle,
        "score": _none_if_nan(event.shown.score),
        "is_score_hidden": event.shown.is_score_hidden,
        "page_version": event.shown.page_version,
        "strategy": event.shown.strategy,
    }


def event_of_row(row: Mapping[str, Any]) -> LabelEvent:
    """Return the event that a row of `events` holds; the inverse of `row_of_event`."""
    candidate_id = _identifier(row["candidate_id"], is_number=row["candidate_id_is_number"])
    assert candidate_id is not None
    return LabelEvent(
        survey=row["survey"],
        candidate_id=candidate_id,
        object_id=_identifier(row["object_id"], is_number=row["object_id_is_number"]),
        labeller=row["labeller"],
        action=LabelAction(row["action"]),
        value=None if row["value"] is None else LabelValue(row["value"]),
        subclass=row["subclass"],
        confidence=_nan_if_none(row["confidence"]),
        comment=row["comment"],
        labelled_at=row["labelled_at"],
        time_taken_s=_nan_if_none(row["time_taken_s"]),
        shown=Shown(
            bundle=row["bundle"],
            score=_nan_if_none(row["score"]),
            is_score_hidden=row["is_score_hidden"],
            page_version=row["page_version"],
            strategy=row["strategy"],
        ),
        undoes=row["undoes"] or "",
        event_key=row["event_key"],
    )


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else value


def _identifier(text: str | None, *, is_number: bool | None) -> Identifier | None:
    if text is None:
        return None
    return int(text) if is_number else text
