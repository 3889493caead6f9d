"""The labels of a dataset as they stand, kept in memory and brought up to date from the store."""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import BoolArray, IntArray
from skyvet.io.label_store.store import LabelStore, StoredEvent
from skyvet.preprocessing.pools import BoughtLabels
from skyvet.records.label_events import LabelAction, LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.services.labelling.shown import ShownObjects, candidate_key

__all__ = ["StandingLabels", "Verdicts"]

_PACE_WINDOW_S = 300.0
_SIDE = {LabelValue.REAL: 1, LabelValue.BOGUS: -1, LabelValue.UNKNOWN: 0}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdicts:
    """What the labellers together say of every candidate at one moment.

    Parameters
    ----------
    labels : ndarray, shape (n,), int8
        1 = REAL, 0 = BOGUS by the majority; -1 = no label, only UNKNOWN, or a tie.
    is_done : ndarray, shape (n,), bool
        Whether as many labellers as are wanted have labelled it, UNKNOWN included.
    n_labels : int
        Standing labels in all.
    n_here : int
        Those of them that were given on the page; the others were imported.
    """

    labels: IntArray
    is_done: BoolArray
    n_labels: int
    n_here: int

    def bought(self) -> BoughtLabels:
        """Return the labels by which a classifier may learn."""
        rows = np.flatnonzero(self.labels >= 0)
        return BoughtLabels(i_row=rows, labels=self.labels[rows])


class StandingLabels:
    """Follows the history of a store for the candidates of one dataset.

    Labels that other servers, imports or programs add to the store appear at the next `sync`. Not
    for several threads at once: the caller holds a lock.

    Parameters
    ----------
    store : LabelStore
        Where the history is.
    candidates : ShownObjects
        Events of other candidates are passed over.
    """

    def __init__(self, store: LabelStore, candidates: ShownObjects) -> None:
        self._store = store
        self._candidates = candidates
        self._last_number = 0
        self._held: dict[int, dict[str, list[LabelEvent]]] = {}
        self._n_standing = np.zeros(len(candidates), dtype=np.int32)
        self._side = np.zeros(len(candidates), dtype=np.int32)
        self._n_here = 0
        self._order: dict[str, list[LabelEvent]] = {}
        self._arrivals: deque[dt.datetime] = deque()
        self._by_key: dict[str, LabelEvent] = {}
        self._labelled_once: set[tuple[int, str]] = set()

    def sync(self) -> bool:
        """Read what is new in the store; return whether anything was.

        Raises
        ------
        StoreUnavailableError
            If the store does not answer; what was read before stays.
        """
        new = self._store.history(after=self._last_number)
        for stored in new:
            self._apply(stored)
            self._last_number = stored.number
        return bool(new)

    def _apply(self, stored: StoredEvent) -> None:
        event = stored.event
        row = self._candidates.row_of(candidate_key(event.survey, event.candidate_id))
        if row is None:
            return
        self._by_key[event.event_key] = event
        held = self._held.setdefault(row, {}).setdefault(event.labeller, [])
        before = held[-1] if held else None
        if event.action is LabelAction.LABEL:
            held.append(event)
            self._labelled_once.add((row, event.labeller))
            self._order.setdefault(event.labeller, []).append(event)
            if event.shown.page_version:
                self._arrivals.append(stored.stored_at)
        else:
            held[:] = [label for label in held if label.event_key != event.undoes]
        self._count(row, before, held[-1] if held else None)

    def _count(self, row: int, before: LabelEvent | None, after: LabelEvent | None) -> None:
        self._n_standing[row] += (after is not None) - (before is not None)
        for event, sign in ((before, -1), (after, 1)):
            if event is not None and event.value is not None:
                self._side[row] += sign * _SIDE[event.value]
                self._n_here += sign * bool(event.shown.page_version)

    @property
    def n_labels(self) -> int:
        """Number of standing labels."""
        return int(self._n_standing.sum())

    @property
    def is_begun(self) -> BoolArray:
        """Whether each candidate has a standing label; shape (n,)."""
        begun: BoolArray = self._n_standing > 0
        return begun

    def holds(self, event: LabelEvent) -> bool:
        """Say whether the store has this very act already: it is being delivered again.

        What was shown may differ, as the server may have been started anew in between.
        """
        stored = self._by_key.get(event.event_key)
        return stored is not None and all(
            getattr(stored, name) == getattr(event, name)
            for name in ("survey", "candidate_id", "labeller", "action", "value", "undoes")
        )

    def verdicts(self, *, n_wanted: int) -> Verdicts:
        """Return what the labels say now."""
        labels = np.full(len(self._side), -1, dtype=np.int8)
        labels[self._side > 0] = 1
        labels[self._side < 0] = 0
        return Verdicts(
            labels=labels,
            is_done=self._n_standing >= n_wanted,
            n_labels=self.n_labels,
            n_here=self._n_here,
        )

    def label_of(self, row: int, labeller: str) -> LabelEvent | None:
        """Return a labeller's standing label of a candidate."""
        held = self._held.get(row, {}).get(labeller)
        return held[-1] if held else None

    def has_labelled(self, row: int, labeller: str) -> bool:
        """Say whether a labeller has ever labelled a candidate, taken back since or not."""
        return (row, labeller) in self._labelled_once

    def labels_of(self, row: int) -> dict[str, LabelEvent]:
        """Return the standing labels of a candidate by labeller."""
        return {name: held[-1] for name, held in self._held.get(row, {}).items() if held}

    def is_reviewed(self, row: int) -> bool:
        """Say whether a label that was given from the audit queue stands."""
        held = self._held.get(row, {}).values()
        return any(event.shown.strategy == "audit" for events in held for event in events)

    def recent(self, labeller: str, n: int) -> list[LabelEvent]:
        """Return the labeller's latest standing labels, the newest first."""
        found: list[LabelEvent] = []
        for event in reversed(self._order.get(labeller, [])):
            row = self._candidates.row_of(candidate_key(event.survey, event.candidate_id))
            if row is not None and self.label_of(row, labeller) is event:
                found.append(event)
            if len(found) >= n:
                break
        return found

    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """Return how many labels stand by value, and by labeller."""
        by_value: Counter[str] = Counter({value.value: 0 for value in LabelValue})
        by_labeller: Counter[str] = Counter()
        for held in self._held.values():
            for name, events in held.items():
                if events and events[-1].value is not None:
                    by_value[events[-1].value.value] += 1
                    by_labeller[name] += 1
        return by_value, by_labeller

    def pace_per_minute(self, now: dt.datetime) -> float:
        """Return labels a minute over the last five minutes, or since the first of them.

        Imported labels are no work of these minutes and do not count.
        """
        oldest = now - dt.timedelta(seconds=_PACE_WINDOW_S)
        while self._arrivals and self._arrivals[0] < oldest:
            self._arrivals.popleft()
        if not self._arrivals:
            return 0.0
        span_s = max((now - self._arrivals[0]).total_seconds(), 10.0)
        return 60.0 * len(self._arrivals) / span_s
