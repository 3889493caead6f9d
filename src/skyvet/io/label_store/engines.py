"""From a path or URL to a SQLAlchemy engine, and from database errors to those of skyvet."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from skyvet.core.errors import InvalidInputError, LabelStoreError, StoreUnavailableError
from skyvet.core.optional import require

__all__ = [
    "StoreUrl",
    "database_errors",
    "lock_for_writing",
    "make_engine",
    "parse_store_url",
    "use_write_ahead_log",
]

_WAIT_S = 15
_WRITES = "skyvet_writes"
_ADVISORY_LOCK = 0x736B7976  # "skyv": one writer of a label store at a time
_POSTGRESQL_NAMES = ("postgresql", "postgres", "postgresql+psycopg")
_HALF_PASSWORD = re.compile(r"://[^:/]*:[^@]*@.*@")
_POSTGRESQL_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "15000",
    "application_name": "skyvet",
}
_SQLITE_LATER = (
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOLFS,
)  # fmt: skip
# SQLSTATE classes and codes of PostgreSQL that mean "not now": connection (08), resources (53),
# operator intervention (57), system (58), read-only (25006), deadlock (40), lock timeout (55P03).
_POSTGRESQL_LATER = ("08", "53", "57", "58", "25006", "40", "55P03")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrl:
    """Where a label store is.

    Parameters
    ----------
    url : sqlalchemy.URL
        For SQLAlchemy; may hold a password.
    path : Path or None
        The file of a SQLite store; None for PostgreSQL.
    """

    url: sa.URL
    path: Path | None

    @property
    def label(self) -> str:
        """The place as it may be shown: never with a password."""
        if self.path is not None:
            return str(self.path)
        url = self.url
        bare = sa.URL.create(
            "postgresql", username=url.username, host=url.host, port=url.port, database=url.database
        )
        return bare.render_as_string()


def parse_store_url(text: str | Path) -> StoreUrl:
    """Read a label store's place.

    Parameters
    ----------
    text : str or Path
        A path, ``sqlite:///path`` or ``postgresql://user:password@host:port/database``.

    Returns
    -------
    StoreUrl

    Raises
    ------
    InvalidInputError
        If it is neither, or a SQLite store without a file.

    Examples
    --------
    >>> parse_store_url("postgresql://ada:secret@db.example.org/labels").label
    'postgresql://ada@db.example.org/labels'
    >>> parse_store_url("labels.db").path
    PosixPath('labels.db')
    """
    given = str(text)
    if "://" not in given:
        url = sa.URL.create("sqlite", database=given)
    else:
        try:
            url = sa.make_url(given)
        except (exc.ArgumentError, ValueError):
            kind = given.partition("://")[0]
            raise InvalidInputError(
                f"this {kind}:// address of a label store cannot be read; write it as "
                "postgresql://user:password@host:port/database"
            ) from None
    if url.password is not None and _HALF_PASSWORD.search(given):
        raise InvalidInputError(
            "the password in the address of this label store holds @, which ends a password; "
            "write it as %40"
        )
    if url.drivername in _POSTGRESQL_NAMES:
        return StoreUrl(url=url.set(drivername="postgresql+psycopg"), path=None)
    if url.drivername != "sqlite":
        raise InvalidInputError(
            f"a label store is a path, sqlite:///path or postgresql://..., got {url.drivername}://"
        )
    if url.database in (None, "", ":memory:"):
        raise InvalidInputError(
            "a label store needs a file: labels in memory would be lost; give a path"
        )
    return StoreUrl(url=url, path=Path(url.database))


def make_engine(place: StoreUrl) -> sa.Engine:
    """Return an engine that never creates a file, and recovers by itself after an outage.

    Parameters
    ----------
    place : StoreUrl

    Returns
    -------
    sqlalchemy.Engine
        Every transaction is serialisable among writers: see `lock_for_writing`.
    """
    if place.path is None:
        require("psycopg", extra="labels")
        given = dict(place.url.query)
        defaults = {k: v for k, v in _POSTGRESQL_DEFAULTS.items() if k not in given}
        return sa.create_engine(
            place.url, connect_args=defaults, pool_pre_ping=True, hide_parameters=True
        )
    path = place.path.absolute()

    def connect() -> sqlite3.Connection:
        return _connect_sqlite(path)

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=sa.pool.QueuePool, hide_parameters=True
    )
    _listen_sqlite(engine, path)
    return engine


def _connect_sqlite(path: Path) -> sqlite3.Connection:
    """Open an existing file: durable commits, write-ahead log, our own BEGIN."""
    mode = "rw"
    if not _is_writable(path):
        # Beside a file in a folder that cannot be written there is no room for an index of the
        # log; nobody can change such a file, unless its log says that somebody does.
        is_still = not _is_writable(path.parent) and not Path(f"{path}-wal").exists()
        mode = "ro&immutable=1" if is_still else "ro"
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=_WAIT_S, isolation_level=None,
        check_same_thread=False,
    )  # fmt: skip
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK)


def _listen_sqlite(engine: sa.Engine, path: Path) -> None:
    @event.listens_for(engine, "connect")
    def remember_file(_connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info["file"] = _file_of(path)

    @event.listens_for(engine, "checkout")
    def check_file(
        _connection: object, record: sa.pool.ConnectionPoolEntry, _proxy: object
    ) -> None:
        # A connection to a file that was moved away would acknowledge labels that nobody finds.
        if record.info["file"] != _file_of(path):
            raise exc.DisconnectionError(f"{path} is no longer the file that was opened")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def use_write_ahead_log(engine: sa.Engine) -> None:
    """Let readers of a SQLite store read while another process writes.

    Where the file system has no shared memory (network drives) or the file is read-only, it stays
    as it is: as durable, but slower when shared.
    """
    with suppress(exc.OperationalError), closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode = WAL")


def _file_of(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


@contextmanager
def lock_for_writing(engine: sa.Engine, place: StoreUrl) -> Iterator[sa.Connection]:
    """Yield a transaction that no other writer of this store runs beside; commit at the end.

    What it has committed survives a crash of the machine. It waits for its turn 15 s at most.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        From `make_engine`.
    place : StoreUrl
        For the messages.

    Raises
    ------
    StoreUnavailableError, LabelStoreError
        As `database_errors`.
    """
    with database_errors(place), engine.connect() as plain:
        connection = plain.execution_options(**{_WRITES: True})
        with connection.begin():
            if place.path is None:
                settings = f"set_config('lock_timeout', '{_WAIT_S}s', true)"
                durable = "set_config('synchronous_commit', 'on', true)"
                connection.exec_driver_sql(f"SELECT {settings}, {durable}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            yield connection


@contextmanager
def database_errors(place: StoreUrl) -> Iterator[None]:
    """Turn errors of the database into those of skyvet, without parameters and passwords.

    Parameters
    ----------
    place : StoreUrl
        Named in the message.

    Raises
    ------
    StoreUnavailableError
        If the store cannot be reached or written now: away, locked, read-only, disk full.
    LabelStoreError
        If it answers, but is no label store, damaged, or forbids what is asked.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        reason = _reason(cause, place)
        if isinstance(error, (exc.DisconnectionError, exc.TimeoutError)) or _is_passing(cause):
            raise StoreUnavailableError(
                f"label store {place.label} cannot be used now: {reason}; nothing was stored, "
                "try again when it is back"
            ) from error
        raise LabelStoreError(f"label store {place.label} cannot be used: {reason}") from error


def _is_passing(cause: BaseException) -> bool:
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return code is not None and (code & 0xFF) in _SQLITE_LATER
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_POSTGRESQL_LATER)
    return type(cause).__name__ == "OperationalError"  # psycopg, before a server has answered


def _reason(cause: BaseException, place: StoreUrl) -> str:
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    reason = lines[0]
    password: Any = place.url.password
    return reason.replace(str(password), "***") if password else reason
