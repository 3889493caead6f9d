"""The label store: label events in, standing labels and work for labellers out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from skyvet.core.errors import InvalidInputError, LabelStoreError, StoreUnavailableError
from skyvet.io.label_store import accounts as account_rows
from skyvet.io.label_store import leases as lease_rows
from skyvet.io.label_store.accounts import Labeller, Role
from skyvet.io.label_store.appending import append_events
from skyvet.io.label_store.engines import (
    StoreUrl,
    database_errors,
    lock_for_writing,
    make_engine,
    parse_store_url,
    use_write_ahead_log,
)
from skyvet.io.label_store.migrating import bring_up_to_date, newest_version, stored_version
from skyvet.io.label_store.tables import event_of_row, events, standing_events
from skyvet.records.identifiers import Identifier
from skyvet.records.label_events import LabelEvent

__all__ = ["LabelStore", "StoredEvent", "open_label_store"]

_LABEL_FILE_SUFFIXES = (".csv", ".parquet")
_SMALLEST_SQLITE = 512  # one page; SQLite itself would write over a file of one byte


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A label event and its place in the history.

    Parameters
    ----------
    number : int
        Rises in the order of arrival, with gaps; at least 1.
    stored_at : datetime
        When the store took it, UTC.
    event : LabelEvent
        What happened; its time is UTC.
    """

    number: int
    stored_at: dt.datetime
    event: LabelEvent


class LabelStore:
    """An append-only history of label events, shared by threads, processes and machines.

    Open one with `open_label_store`. Every method may be called from any thread.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        From `skyvet.io.label_store.engines.make_engine`; the tables are up to date.
    place : StoreUrl
        Where it is.
    clock : callable, optional
        Gives the present time, with a zone; leases expire by it.

    Examples
    --------
    >>> import tempfile
    >>> from skyvet.records.labels import LabelValue
    >>> store = open_label_store(Path(tempfile.mkdtemp()) / "labels.db")
    >>> store.reserve("ztf", [7, 8, 9], labeller="ada", n=2, lease_s=60)
    (7, 8)
    >>> store.reserve("ztf", [7, 8, 9], labeller="bo", n=2, lease_s=60)
    (9,)
    >>> label = LabelEvent(survey="ztf", candidate_id=7, labeller="ada", value=LabelValue.REAL)
    >>> store.append([label]), store.append([label])
    (1, 0)
    >>> [event.value.value for event in store.current()]
    ['real']
    >>> store.close()
    """

    def __init__(
        self, engine: sa.Engine, place: StoreUrl, *, clock: Callable[[], dt.datetime] = _now
    ) -> None:
        self._engine = engine
        self._place = place
        self._clock = clock

    @property
    def label(self) -> str:
        """Where the store is, as it may be shown: without a password."""
        return self._place.label

    def append(self, new: Sequence[LabelEvent], *, is_history: bool = False) -> int:
        """Store events, all or none; when it returns they survive a crash of the machine.

        An event whose key is stored already, with the same content, is passed over. A label ends
        the labeller's lease of its candidate.

        Parameters
        ----------
        new : sequence of LabelEvent
            In the order in which they happened.
        is_history : bool, default False
            The events come from another store: an UNDO may take back a label that has been
            replaced since, where otherwise only a standing label can be taken back.

        Returns
        -------
        int
            Number of events that were not stored before.

        Raises
        ------
        LabelRefusedError
            If a key stands for another event already, an UNDO does not take back a standing label
            of its labeller, or a text cannot be stored; its ``reasons`` name the events.
        StoreUnavailableError
            If the database cannot be reached or written.
        """
        if not new:
            return 0
        with self._writing() as connection:
            return append_events(connection, new, now=self._clock(), is_history=is_history)

    def append_chosen(
        self, choose: Callable[[tuple[LabelEvent, ...]], Sequence[LabelEvent]]
    ) -> int:
        """Store what is chosen in view of the standing labels, which nobody changes meanwhile.

        Parameters
        ----------
        choose : callable
            Takes what `current` returns and gives the events to `append`. All other writers wait
            for it, and it may not use the store itself.

        Returns
        -------
        int
            Number of events that were not stored before.

        Raises
        ------
        LabelRefusedError, StoreUnavailableError
            As `append`.
        """
        with self._writing() as connection:
            rows = connection.execute(standing_events().order_by(events.c.number)).mappings()
            new = choose(tuple(event_of_row(dict(row)) for row in rows))
            return append_events(connection, new, now=self._clock(), is_history=False)

    def history(
        self,
        *,
        survey: str | None = None,
        candidate_id: Identifier | None = None,
        labeller: str | None = None,
        after: int = 0,
    ) -> list[StoredEvent]:
        """Return all events, in the order of arrival.

        Parameters
        ----------
        survey, candidate_id, labeller : optional
            Only those of it.
        after : int, default 0
            Only those with a larger number. An event that arrives later has a larger number than
            all that could be read before, so that asking on from the last number misses none.

        Returns
        -------
        list of StoredEvent
        """
        query = sa.select(events).where(events.c.number > after).order_by(events.c.number)
        if survey is not None:
            query = query.where(events.c.survey == survey)
        if candidate_id is not None:
            query = query.where(events.c.candidate_id == str(candidate_id))
        if labeller is not None:
            query = query.where(events.c.labeller == labeller)
        return [
            StoredEvent(number=row["number"], stored_at=row["stored_at"], event=event_of_row(row))
            for row in self._rows(query)
        ]

    def current(self, *, labellers: Sequence[str] | None = None) -> tuple[LabelEvent, ...]:
        """Return the standing label of each (survey, candidate, labeller).

        Parameters
        ----------
        labellers : sequence of str, optional
            Only theirs; default those of all.

        Returns
        -------
        tuple of LabelEvent
            LABEL events, UNKNOWN among them, in the order of arrival.
        """
        query = standing_events().order_by(events.c.number)
        if labellers is not None:
            query = query.where(events.c.labeller.in_(list(labellers)))
        return tuple(event_of_row(row) for row in self._rows(query))

    def reserve(
        self,
        survey: str,
        candidate_ids: Sequence[Identifier],
        *,
        labeller: str,
        n: int,
        lease_s: float,
        n_labels_wanted: int = 1,
    ) -> tuple[Identifier, ...]:
        """Give a labeller the first candidates that still need a label and that nobody else has.

        No two labellers hold one candidate at one time. A candidate that the labeller holds
        already is given again, and its lease renewed.

        Parameters
        ----------
        survey : str
            Survey of the candidates.
        candidate_ids : sequence of int or str
            In the order of wish; as text no two are equal.
        labeller : str
            Who asks.
        n : int
            How many at most, >= 0.
        lease_s : float
            Time after which others may have them [s], > 0.
        n_labels_wanted : int, default 1
            A candidate is done when so many labellers have a standing label (UNKNOWN counts).

        Returns
        -------
        tuple of int or str
            At most `n`, in the given order; none that the labeller has labelled.
        """
        if n < 0 or lease_s <= 0 or n_labels_wanted < 1:
            raise InvalidInputError(
                "n must be >= 0, lease_s > 0 and n_labels_wanted >= 1, got "
                f"n={n}, lease_s={lease_s}, n_labels_wanted={n_labels_wanted}"
            )
        wish = lease_rows.Wish(survey=survey, labeller=labeller, n=n, n_labels=n_labels_wanted)
        if n == 0 or not candidate_ids:
            return ()
        with self._writing() as connection:
            now = self._clock()
            until = now + dt.timedelta(seconds=lease_s)
            return lease_rows.reserve(connection, candidate_ids, wish=wish, now=now, until=until)

    def release(
        self, survey: str, labeller: str, candidate_ids: Sequence[Identifier] | None = None
    ) -> None:
        """Give back what a labeller holds and has not labelled.

        Parameters
        ----------
        survey : str
            Survey of the candidates.
        labeller : str
            Who gives back.
        candidate_ids : sequence of int or str, optional
            What; default all of the survey.
        """
        with self._writing() as connection:
            lease_rows.release(connection, survey, labeller, candidate_ids=candidate_ids)

    def add_labeller(self, name: str, *, role: Role = "label", now: dt.datetime) -> str:
        """Make an account and return its token, which is shown this once and not stored.

        Parameters
        ----------
        name : str
            Not empty, and not that of an account in force; a revoked one starts again.
        role : {"label", "read"}
            Whether it may label.
        now : datetime
            Time of the act, with a zone.

        Returns
        -------
        str
            43 characters that are safe in a URL.
        """
        with self._writing() as connection:
            return account_rows.add(connection, name, role=role, now=now)

    def labeller_of(self, token: str) -> Labeller | None:
        """Return whose token this is; None for an unknown or revoked one."""
        found = self._rows(account_rows.query_of_token(token))
        return Labeller(name=found[0]["name"], role=found[0]["role"]) if found else None

    def labellers(self) -> tuple[Labeller, ...]:
        """Return the accounts in force, by name."""
        return tuple(
            Labeller(name=row["name"], role=row["role"])
            for row in self._rows(account_rows.query_in_force())
        )

    def revoke(self, name: str) -> None:
        """End an account; its token opens nothing any more, its labels stay.

        Raises
        ------
        InvalidInputError
            If there is no such account in force.
        """
        with self._writing() as connection:
            account_rows.revoke(connection, name, now=self._clock())

    def close(self) -> None:
        """Close all connections; the store may not be used afterwards."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with database_errors(self._place), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with lock_for_writing(self._engine, self._place) as connection:
            yield connection


def open_label_store(
    url: str | Path,
    *,
    must_exist: bool = False,
    clock: Callable[[], dt.datetime] = _now,
) -> LabelStore:
    """Open a label store, and make it where there is none yet.

    A store of an older version of skyvet is brought up to date. What is no label store is never
    written to.

    Parameters
    ----------
    url : str or Path
        A path or ``sqlite:///path`` (one file; for one machine), or
        ``postgresql://user:password@host:port/database`` (for a team).
    must_exist : bool, default False
        Refuse a place where there is no store yet.
    clock : callable, optional
        Gives the present time, with a zone; leases expire by it.

    Returns
    -------
    LabelStore
        Also a context manager that closes it.

    Raises
    ------
    InvalidInputError
        If the address cannot be read.
    LabelStoreError
        If something else is there, or a store of a newer version; or none, where it must exist.
    StoreUnavailableError
        If the database cannot be reached or written.
    """
    place = parse_store_url(url)
    _prepare_file(place, must_exist=must_exist)
    engine = make_engine(place)
    try:
        _bring_up_to_date(engine, place, must_exist=must_exist)
    except BaseException:
        engine.dispose()
        raise
    return LabelStore(engine, place, clock=clock)


def _prepare_file(place: StoreUrl, *, must_exist: bool) -> None:
    """Make an empty file for a new SQLite store; refuse what cannot be one."""
    path = place.path
    if path is None:
        return
    if path.suffix.lower() in _LABEL_FILE_SUFFIXES:
        raise InvalidInputError(
            f"{path} is a label file by its name, a label store needs another; "
            "`skyvet labels import` brings label files into a store"
        )
    try:
        if path.is_dir():
            raise LabelStoreError(f"{path} is a folder; a label store is a file")
        if not path.exists():
            if must_exist:
                raise LabelStoreError(f"there is no label store at {path}; check the name")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        elif 0 < path.stat().st_size < _SMALLEST_SQLITE:
            raise LabelStoreError(
                f"{path} is no label store; it was left as it is, give another place"
            )
    except OSError as error:
        raise StoreUnavailableError(
            f"label store {path} cannot be made: {error.strerror or error}"
        ) from error


def _bring_up_to_date(engine: sa.Engine, place: StoreUrl, *, must_exist: bool) -> None:
    with database_errors(place), engine.connect() as connection:
        version = stored_version(connection)
    if version is None and must_exist:
        raise LabelStoreError(f"{place.label} holds no label store; check the name")
    if version != newest_version():
        with lock_for_writing(engine, place) as connection:
            bring_up_to_date(connection, label=place.label)
    if place.path is not None:
        use_write_ahead_log(engine)
