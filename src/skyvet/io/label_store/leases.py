"""Who has which candidate on screen: leases that end by themselves."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from skyvet.io.label_store.tables import events, leases, standing_events
from skyvet.records.identifiers import Identifier
from skyvet.records.label_events import LabelEvent

__all__ = ["Wish", "forget_leases", "release", "reserve"]

_AT_A_TIME = 500
_LOOK_AHEAD = 100


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
    chosen = _first_free(connection, candidate_ids, wish)
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


def _first_free(
    connection: sa.Connection, candidate_ids: Sequence[Identifier], wish: Wish
) -> dict[str, Identifier]:
    """Return the first candidates that may be given, by their text."""
    texts = {str(identifier): identifier for identifier in candidate_ids}
    head = list(texts)[: min(wish.n + _LOOK_AHEAD, _AT_A_TIME)]
    taken = _taken(connection, wish, head)
    if len(head) - len(taken) < wish.n and len(head) < len(texts):  # the front is labelled already
        taken = _taken(connection, wish, None)
    free = (text for text in texts if text not in taken)
    return {text: texts[text] for text in itertools.islice(free, wish.n)}


def _taken(connection: sa.Connection, wish: Wish, texts: Sequence[str] | None) -> set[str]:
    """Return candidates, of these or of the survey, that are done or held by another."""
    standing, held = standing_events(), sa.select(leases.c.candidate_id)
    if texts is not None:
        standing = standing.where(events.c.candidate_id.in_(texts))
        held = held.where(leases.c.candidate_id.in_(texts))
    done = _done(standing.where(events.c.survey == wish.survey).subquery(), wish)
    held = held.where(leases.c.survey == wish.survey, leases.c.labeller != wish.labeller)
    return {text for query in (done, held) for text in connection.execute(query).scalars()}


def _done(standing: sa.Subquery, wish: Wish) -> sa.Select[tuple[str]]:
    """Return the query of candidates with labels enough or with one of the labeller."""
    is_own = sa.case((standing.c.labeller == wish.labeller, 1), else_=0)
    return (
        sa.select(standing.c.candidate_id)
        .group_by(standing.c.candidate_id)
        .having((sa.func.count() >= wish.n_labels) | (sa.func.max(is_own) == 1))
    )
