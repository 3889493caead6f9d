"""The version of a label store's tables: made, brought up to date, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from skyvet.core.errors import LabelStoreError
from skyvet.io.label_store.tables import METADATA

__all__ = ["VERSION_TABLE", "bring_up_to_date", "newest_version", "stored_version"]

VERSION_TABLE: Final = "skyvet_label_store"
"""Name of the table that says which version a store is; a database without it is none."""

_SCRIPTS = Path(__file__).with_name("migrations")


def newest_version() -> str:
    """Return the version that this skyvet makes."""
    return str(ScriptDirectory(str(_SCRIPTS)).get_current_head())


def stored_version(connection: sa.Connection) -> str | None:
    """Return the version of the tables; None where there is no label store."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return _context(connection).get_current_revision()


def bring_up_to_date(connection: sa.Connection, *, label: str) -> None:
    """Make the tables in an empty database, or add what newer versions of skyvet need.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction for writing; all steps are done with it or none.
    label : str
        The store's name for messages.

    Raises
    ------
    LabelStoreError
        If the database holds something else, or a store of a newer version.
    """
    scripts = ScriptDirectory(str(_SCRIPTS))
    version = stored_version(connection)
    if version is None:
        _check_vacant(connection, label)
    elif version == scripts.get_current_head():
        return

    def steps(revision: Any, _context: MigrationContext) -> Any:  # noqa: ANN401 - Alembic's types
        return scripts._upgrade_revs("head", revision)

    try:
        context = _context(connection, fn=steps)
        with Operations.context(context):
            context.run_migrations()
    except CommandError as error:
        raise LabelStoreError(
            f"label store {label} is of version {version}, which this skyvet does not know; it was "
            "made by a newer skyvet: update this one (pip install -U skyvet)"
        ) from error


def _context(connection: sa.Connection, **options: Any) -> MigrationContext:  # noqa: ANN401 - Alembic's options
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, **options})


def _check_vacant(connection: sa.Connection, label: str) -> None:
    """Refuse a SQLite file of anything else, and a PostgreSQL schema where our names are taken."""
    present = set(sa.inspect(connection).get_table_names())
    if connection.dialect.name != "sqlite":
        present &= {table.name for table in METADATA.tables.values()}
    if present:
        raise LabelStoreError(
            f"{label} is no label store: it holds {', '.join(sorted(present)[:3])}; "
            "it was left as it is, give another place"
        )
