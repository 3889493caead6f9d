"""From what the page sends to label events, each checked by itself."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError, LabelRefusedError
from skyvet.io.label_store.store import LabelStore
from skyvet.records.label_events import LabelAction, LabelEvent, Shown, check_time_of_act
from skyvet.services.labelling.messages import LabelMessage, Refusal
from skyvet.services.labelling.shown import ShownObjects
from skyvet.services.labelling.subclasses import CheckSubclass

__all__ = ["EventReader", "ReadEvents", "refusals", "store_events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEvents:
    """Events of one request, and what was wrong with others.

    Parameters
    ----------
    events : tuple of LabelEvent
        In the order sent.
    keys : tuple of str
        Candidate of each event, as the page names it.
    refused : dict of str to str
        Event key to the reason for which it can never be stored.
    """

    events: tuple[LabelEvent, ...]
    keys: tuple[str, ...]
    refused: dict[str, str]


class EventReader:
    """Turns messages of the page into label events.

    Parameters
    ----------
    candidates : ShownObjects
        The dataset; a label of any other candidate is refused.
    scores : ndarray, shape (n,), optional
        The bundle's scores, noted with the label.
    bundle, page_version : str
        Noted with the label.
    check_subclass : callable
        Refuses finer classes that a label may not have.
    is_blind : bool
        Whether scores are hidden until the label is given.
    """

    def __init__(
        self,
        candidates: ShownObjects,
        *,
        scores: FloatArray | None,
        bundle: str,
        check_subclass: CheckSubclass,
        is_blind: bool,
        page_version: str,
    ) -> None:
        self._candidates = candidates
        self._scores = scores
        self._bundle = bundle
        self._check_subclass = check_subclass
        self._is_blind = is_blind
        self._page_version = page_version

    def read(
        self,
        documents: Sequence[Mapping[str, Any]],
        *,
        labeller: str,
        now: dt.datetime,
        is_revealed: Callable[[int], bool],
    ) -> ReadEvents:
        """Check and translate the events of one request.

        Parameters
        ----------
        documents : sequence of mapping
            As sent.
        labeller : str
            Who sent them.
        now : datetime
            Time of an event that names none; one that names a later time by a day is refused.
        is_revealed : callable
            Whether the labeller has been told the score of a candidate, by its row.

        Raises
        ------
        InvalidInputError
            If an event has no ``event_key`` by which it could be refused.
        """
        events, keys, refused = [], [], {}
        for document in documents:
            event_key = document.get("event_key")
            if not isinstance(event_key, str) or not event_key:
                raise InvalidInputError("every event needs an event_key (text); nothing was stored")
            try:
                message = LabelMessage.model_validate(document)
                row = self._row(message)
                shown = self._shown(message, row, is_revealed=is_revealed(row))
                event = self._event(message, row, labeller=labeller, now=now, shown=shown)
                check_time_of_act(event.labelled_at, now=now)
                events.append(event)
                keys.append(message.key)
            except ValidationError as error:
                refused[event_key] = _first_fault(error)
            except InvalidInputError as error:
                refused[event_key] = str(error)
        return ReadEvents(events=tuple(events), keys=tuple(keys), refused=refused)

    def _row(self, message: LabelMessage) -> int:
        row = self._candidates.row_of(message.key)
        if row is None:
            raise InvalidInputError(
                f"{self._candidates.name} holds no {message.key!r}; the label was not stored"
            )
        return row

    def _shown(self, message: LabelMessage, row: int, *, is_revealed: bool) -> Shown:
        is_hidden = self._is_blind or message.is_score_hidden
        return Shown(
            bundle=self._bundle,
            score=math.nan if self._scores is None else float(self._scores[row]),
            is_score_hidden=is_hidden and not is_revealed,
            page_version=self._page_version,
            strategy=message.strategy,
        )

    def _event(
        self, message: LabelMessage, row: int, *, labeller: str, now: dt.datetime, shown: Shown
    ) -> LabelEvent:
        if message.subclass:
            self._check_subclass(message.subclass, message.value)
        return LabelEvent(
            survey=self._candidates.surveys[row],
            candidate_id=self._candidates.candidate_ids[row],
            object_id=self._candidates.object_ids[row],
            labeller=labeller,
            action=message.action,
            value=None if message.action is LabelAction.UNDO else message.value,
            subclass=message.subclass,
            confidence=math.nan if message.confidence is None else message.confidence,
            comment=message.comment,
            labelled_at=message.labelled_at or now,
            time_taken_s=math.nan if message.time_taken_s is None else message.time_taken_s,
            shown=shown,
            undoes=message.undoes,
            event_key=message.event_key,
        )


def store_events(store: LabelStore, events: Sequence[LabelEvent]) -> dict[str, str]:
    """Store events durably; return the reasons of those that the store does not take.

    Raises
    ------
    StoreUnavailableError
        If the store does not answer; nothing of this call is stored then.
    """
    refused: dict[str, str] = {}
    pending = list(events)
    while pending:
        try:
            store.append(pending)
        except LabelRefusedError as error:
            left = [event for event in pending if event.event_key not in error.reasons]
            if len(left) == len(pending):
                raise
            refused.update(error.reasons)
            pending = left
        else:
            break
    return refused


def refusals(reasons: Mapping[str, str]) -> tuple[Refusal, ...]:
    """Return reasons as the page is told them; half a character in a key becomes ``?``."""
    return tuple(
        Refusal(event_key=key.encode(errors="replace").decode(), reason=reason)
        for key, reason in reasons.items()
    )


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"])) or "event"
    return f"{place}: {first['msg']}"
