"""Who has which candidate on screen: leases that end by themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from skyvet.io.label_store.tables import events, leases, standing_events
from skyvet.records.identifiers import Identifier
from skyvet.records.label_events import LabelEvent

__all__ = ["Wish", "forget_leases", "release", "reserve"]

_AT_A_TIME = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a labeller asks for.

    Parameters
    ----------
    survey : str
        Survey of the candidates.
    labeller : str
        Who asks.
    n : int
        How many candidates at most.
    n_labels : int
        Standing labels of different labellers with which a candidate is done.
    """

    survey: str
    labeller: str
    n: int
    n_labels: int


def reserve(
    connection: sa.Connection,
    candidate_ids: Sequence[Identifier],
    *,
    wish: Wish,
    now: dt.datetime,
    until: dt.datetime,
) -> tuple[Identifier, ...]:
    """Lease the first candidates that are neither done nor held by another.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that no other writer runs beside.
    candidate_ids : sequence of int or str
        In the order of wish.
    wish : Wish
        Who asks for what.
    now, until : datetime
        Present time, and when the leases end.

    Returns
    -------
    tuple of int or str
        In the given order.
    """
    connection.execute(sa.delete(leases).where(leases.c.expires_at <= now))
    taken = _done(connection, wish) | _held_by_others(connection, wish)
    chosen: dict[str, Identifier] = {}
    for identifier in candidate_ids:
        if len(chosen) == wish.n:
            break
        if (text := str(identifier)) not in taken:
            chosen.setdefault(text, identifier)
    release(connection, wish.survey, wish.labeller, candidate_ids=list(chosen.values()))
    if chosen:
        shared = {"survey": wish.survey, "labeller": wish.labeller, "expires_at": until}
        connection.execute(sa.insert(leases), [{**shared, "candidate_id": text} for text in chosen])
    return tuple(chosen.values())


def release(
    connection: sa.Connection,
    survey: str,
    labeller: str,
    *,
    candidate_ids: Sequence[Identifier] | None = None,
) -> None:
    """End a labeller's leases of these candidates, or all of the survey."""
    of_labeller = sa.delete(leases).where(leases.c.survey == survey, leases.c.labeller == labeller)
    if candidate_ids is None:
        connection.execute(of_labeller)
        return
    texts = [str(identifier) for identifier in candidate_ids]
    for start in range(0, len(texts), _AT_A_TIME):
        some = texts[start : start + _AT_A_TIME]
        connection.execute(of_labeller.where(leases.c.candidate_id.in_(some)))


def forget_leases(connection: sa.Connection, labelled: Sequence[LabelEvent]) -> None:
    """End the leases of candidates that their holder has labelled."""
    by_holder: dict[tuple[str, str], list[Identifier]] = {}
    for event in labelled:
        by_holder.setdefault((event.survey, event.labeller), []).append(event.candidate_id)
    for (survey, labeller), candidate_ids in by_holder.items():
        release(connection, survey, labeller, candidate_ids=candidate_ids)


def _done(connection: sa.Connection, wish: Wish) -> set[str]:
    """Return candidates with labels enough, and those that the labeller has labelled."""
    standing = standing_events().where(events.c.survey == wish.survey).subquery()
    is_own = sa.case((standing.c.labeller == wish.labeller, 1), else_=0)
    query = (
        sa.select(standing.c.candidate_id)
        .group_by(standing.c.candidate_id)
        .having((sa.func.count() >= wish.n_labels) | (sa.func.max(is_own) == 1))
    )
    return set(connection.execute(query).scalars())


def _held_by_others(connection: sa.Connection, wish: Wish) -> set[str]:
    query = sa.select(leases.c.candidate_id).where(
        leases.c.survey == wish.survey, leases.c.labeller != wish.labeller
    )
    return set(connection.execute(query).scalars())
