"""The first tables: history, leases and accounts, and the triggers that guard the history."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision: Final = "0001"
down_revision: Final[str | None] = None
branch_labels: Final[str | None] = None
depends_on: Final[str | None] = None

_REFUSAL = "label events are never changed or deleted"


def upgrade() -> None:
    """Make the tables and their triggers."""
    _make_events()
    op.create_table(
        "label_leases",
        sa.Column("survey", sa.Text, primary_key=True),
        sa.Column("candidate_id", sa.Text, primary_key=True),
        sa.Column("labeller", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "label_accounts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("token_hash", name="label_accounts_token_hash"),
    )
    guards = _SQLITE_GUARDS if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_GUARDS
    for statement in guards:
        op.execute(sa.text(statement))


def _make_events() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    texts = ("subclass", "comment", "bundle", "page_version", "strategy")
    op.create_table(
        "label_events",
        sa.Column("number", number, primary_key=True, autoincrement=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
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
        sa.Column("confidence", sa.Double),
        sa.Column("labelled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_taken_s", sa.Double),
        sa.Column("score", sa.Double),
        sa.Column("is_score_hidden", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.UniqueConstraint("event_key", name="label_events_event_key"),
        sa.UniqueConstraint("undoes", name="label_events_undoes"),
        sa.ForeignKeyConstraint(["undoes"], ["label_events.event_key"], name="label_events_undone"),
        sa.CheckConstraint(
            "(action = 'label' AND value IN ('real', 'bogus', 'unknown') AND undoes IS NULL)"
            " OR (action = 'undo' AND value IS NULL AND undoes IS NOT NULL)",
            name="label_events_action",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "label_events_holder", "label_events", ["survey", "candidate_id", "labeller", "number"]
    )


# ruff: noqa: S608 - the statements are constants
_SQLITE_GUARDS = (
    f"CREATE TRIGGER label_events_not_changed BEFORE UPDATE ON label_events "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    f"CREATE TRIGGER label_events_not_deleted BEFORE DELETE ON label_events "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    # INSERT OR REPLACE deletes the old row without the trigger above.
    f"CREATE TRIGGER label_events_not_replaced BEFORE INSERT ON label_events "
    f"WHEN EXISTS (SELECT 1 FROM label_events WHERE event_key = NEW.event_key "
    f"OR number = NEW.number OR undoes = NEW.undoes) "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
)
_POSTGRESQL_GUARDS = (
    f"CREATE FUNCTION label_events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
    "CREATE TRIGGER label_events_not_changed BEFORE UPDATE OR DELETE ON label_events "
    "FOR EACH ROW EXECUTE FUNCTION label_events_refuse()",
    "CREATE TRIGGER label_events_not_emptied BEFORE TRUNCATE ON label_events "
    "FOR EACH STATEMENT EXECUTE FUNCTION label_events_refuse()",
)
