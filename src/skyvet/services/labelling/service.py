"""The labelling session behind the page, free of HTTP."""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError, RequestRefusedError, StoreUnavailableError
from skyvet.io.label_store.store import LabelStore
from skyvet.services.labelling.access import Viewer
from skyvet.services.labelling.bundle_scores import BundleScores
from skyvet.services.labelling.incoming import EventReader, refusals, store_events
from skyvet.services.labelling.messages import (
    DatasetMessage,
    HealthMessage,
    Item,
    ItemsAnswer,
    LabelsAnswer,
    ProgressMessage,
    QueueAnswer,
    QueueName,
    QueueRequest,
    RecentAnswer,
    RecentLabel,
    ReleaseRequest,
    SessionMessage,
    SourceMessage,
    StrategyMessage,
)
from skyvet.services.labelling.reservations import Reservations
from skyvet.services.labelling.rounds import AUTO_STRATEGY, RoundKeeper
from skyvet.services.labelling.settings import LabellingConfig
from skyvet.services.labelling.shown import ShownObjects
from skyvet.services.labelling.source_classes import tags_check
from skyvet.services.labelling.standing import StandingLabels, Verdicts
from skyvet.services.labelling.subclasses import Subclass, side_check

__all__ = ["LabellingService"]


class LabellingService:
    """Queue, labels and progress of one dataset; every method may be called from any thread.

    Parameters
    ----------
    candidates : ShownObjects
        What is labelled.
    store : LabelStore
        Where labels go; the only memory that outlives the process.
    rounds : RoundKeeper
        Learns and ranks; `start` begins its first round.
    config : LabellingConfig
        What the person chose.
    scores : BundleScores, optional
        A bundle's scores, shown beside the images unless labelling is blind.
    only : ndarray, shape (k,), intp, optional
        Rows that are to be labelled, the first one first; default all, as the strategy orders.
    subclasses : sequence of Subclass
        Finer classes that labels of candidates may have.
    page_version : str
        Noted with every label.
    clock : callable, optional
        Gives the present time, with a zone.
    """

    def __init__(
        self,
        candidates: ShownObjects,
        store: LabelStore,
        rounds: RoundKeeper,
        *,
        config: LabellingConfig,
        scores: BundleScores | None = None,
        only: IntArray | None = None,
        subclasses: Sequence[Subclass] = (),
        page_version: str = "",
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._candidates = candidates
        self._store = store
        self._rounds = rounds
        self._config = config
        self._strategies = rounds.strategies
        self._scores = scores
        self._only = only
        self._subclasses = tuple(subclasses)
        self._page_version = page_version
        self._clock = clock
        self._lock = threading.RLock()
        self._failed_at, self._failure = -math.inf, ""
        self._standing = StandingLabels(store, candidates)
        self._reservations = Reservations(store, candidates, config)
        self._reader = EventReader(
            candidates,
            scores=None if scores is None else scores.score,
            bundle="" if scores is None else scores.bundle,
            check_subclass=(
                tags_check(candidates.classes)
                if candidates.classes
                else side_check(self._subclasses)
            ),
            is_blind=config.blind,
            page_version=page_version,
        )

    def start(self) -> None:
        """Read the labels that are there and rank the queue for the first time."""
        with self._lock:
            self._standing.sync()
            self._rounds.begin(self._verdicts())

    def session(self, viewer: Viewer) -> SessionMessage:
        """Say who looks at what."""
        titles = (StrategyMessage(kind=k, title=s.title or k) for k, s in self._strategies.items())
        return SessionMessage(
            labeller=viewer.name,
            can_label=viewer.can_label,
            csrf_token=viewer.csrf_token,
            page_version=self._page_version,
            dataset=DatasetMessage(
                name=self._candidates.name,
                n_candidates=len(self._candidates),
                surveys=self._candidates.survey_names,
            ),
            bundle=None if self._scores is None else self._scores.bundle,
            strategy=self._config.strategy,
            strategies=(StrategyMessage(kind=AUTO_STRATEGY, title="Automatic"), *titles),
            default_queue="audit" if self._config.audit else "strategy",
            subclasses=self._subclasses,
            classes=self._candidates.classes,
            is_blind=self._config.blind,
            n_labels_wanted=self._config.labels_wanted,
            refit_every=self._config.refit_every,
            n_listed=None if self._only is None else len(self._only),
        )

    def queue(self, viewer: Viewer, request: QueueRequest) -> QueueAnswer:
        """Return the next candidates for a viewer, reserved for the viewer alone.

        Raises
        ------
        InvalidInputError
            If the strategy is not known.
        StoreUnavailableError
            If the store does not answer.
        """
        order, kind = self._order(request)  # may take a second for a strategy's first time
        with self._up_to_date():
            rows = self._wanted_rows(viewer, request.queue, order)
            is_review = request.queue == "audit"
            at_hand = [
                r for key in request.exclude if (r := self._candidates.row_of(key)) is not None
            ]
            fresh = rows[~np.isin(rows, np.array(at_hand, dtype=np.intp))]
            lost = [row for row in at_hand if row not in rows] if is_review else []
            if viewer.can_label:
                kept = [row for row in at_hand if row not in lost]
                lost += self._reservations.renew(viewer.name, kept, is_review=is_review)
                taken = self._reservations.take(
                    viewer.name, fresh, n=request.n, is_review=is_review
                )
            else:
                taken = fresh[: request.n].tolist()
            return QueueAnswer(
                items=tuple(self._item(row, viewer, strategy=kind) for row in taken),
                lost=tuple(self._candidates.keys[row] for row in lost),
                n_left=len(rows),
                round=self._rounds.present.number,
                strategy=kind,
            )

    def items(self, viewer: Viewer, keys: Sequence[str]) -> ItemsAnswer:
        """Return candidates by their keys; unknown ones are left out."""
        with self._lock:
            rows = [row for key in keys if (row := self._candidates.row_of(key)) is not None]
            return ItemsAnswer(items=tuple(self._item(row, viewer) for row in rows))

    def stamps(self, key: str) -> NDArray[np.float32]:
        """Return science, template, difference of a candidate, shape (3, px, px), NaN = missing.

        Raises
        ------
        RequestRefusedError
            With code ``not_found``, if the dataset does not hold it.
        """
        return self._candidates.stamps(self._known_row(key))

    def source(self, key: str) -> SourceMessage:
        """Return what is measured of a source.

        Raises
        ------
        RequestRefusedError
            With code ``not_found``, if there is no such source.
        """
        return self._candidates.source(self._known_row(key))

    def record(self, viewer: Viewer, events: Sequence[Mapping[str, Any]]) -> LabelsAnswer:
        """Store what a labeller did; when it returns, what it acknowledges is stored for good.

        Parameters
        ----------
        viewer : Viewer
            Who labels.
        events : sequence of mapping
            See `skyvet.services.labelling.messages.LabelMessage`. An event delivered twice is
            stored once; one that cannot be stored is refused by itself, with the reason.

        Raises
        ------
        RequestRefusedError
            With code ``read_only``, if the viewer may only look.
        InvalidInputError
            If an event has no ``event_key``.
        StoreUnavailableError
            If the store does not answer; nothing is acknowledged, the same events may come again.
        """
        _must_label(viewer)
        with self._up_to_date():
            read = self._reader.read(
                events,
                labeller=viewer.name,
                now=self._clock(),
                is_revealed=lambda row: self._standing.has_labelled(row, viewer.name),
            )
            new = [event for event in read.events if not self._standing.holds(event)]
        refused = {**read.refused, **store_events(self._store, new)}
        with self._up_to_date():
            rows = {key: self._candidates.row_of(key) for key in read.keys}
            scores = {
                key: self._shown_score(row, viewer) for key, row in rows.items() if row is not None
            }
        keys = dict.fromkeys(event.event_key for event in read.events)
        return LabelsAnswer(
            acknowledged=tuple(key for key in keys if key not in refused),
            refused=refusals(refused),
            scores=scores,
        )

    def progress(self, viewer: Viewer) -> ProgressMessage:
        """Say where the labelling stands, all labellers together and for the one who asks."""
        with self._up_to_date():
            verdicts = self._verdicts()
            by_value, by_labeller = self._standing.counts()
            rows = np.arange(len(self._candidates)) if self._only is None else self._only
            n_done = int(verdicts.is_done[rows].sum())
            return ProgressMessage(
                n_total=len(rows),
                n_labelled=verdicts.n_labels,
                n_begun=int(self._standing.is_begun[rows].sum()),
                n_done=n_done,
                n_left=len(rows) - n_done,
                n_open=len(self._open_rows(viewer, rows)),
                n_suspects=len(self._suspects()),
                n_by_value=dict(by_value),
                n_by_labeller=dict(by_labeller),
                pace_per_minute=round(self._standing.pace_per_minute(self._clock()), 2),
                round=self._rounds.present.number,
                n_labels_to_next_round=self._rounds.n_labels_to_next(verdicts.n_labels),
                is_refitting=self._rounds.is_refitting,
                history=tuple(self._rounds.history),
            )

    def recent(self, viewer: Viewer, n: int) -> RecentAnswer:
        """Return the viewer's latest standing labels."""
        with self._up_to_date():
            found = []
            for event in self._standing.recent(viewer.name, n):
                key = f"{event.survey}:{event.candidate_id}"
                row = self._candidates.row_of(key)
                if row is None or event.value is None:
                    continue
                found.append(
                    RecentLabel(
                        event_key=event.event_key,
                        key=key,
                        value=event.value,
                        subclass=event.subclass,
                        confidence=None if math.isnan(event.confidence) else event.confidence,
                        comment=event.comment,
                        labelled_at=event.labelled_at,
                        score=self._shown_score(row, viewer),
                        item=self._item(row, viewer, strategy=event.shown.strategy),
                    )
                )
            return RecentAnswer(labels=tuple(found))

    def release(self, viewer: Viewer, request: ReleaseRequest) -> None:
        """Give reserved candidates back; skipped ones come last for this labeller from now on."""
        _must_label(viewer)
        rows = None
        if request.keys is not None:
            rows = [r for key in request.keys if (r := self._candidates.row_of(key)) is not None]
        with self._lock:
            if rows is not None and request.is_skipped:
                self._reservations.skip(viewer.name, rows)
            self._reservations.give_back(viewer.name, rows)

    def health(self) -> HealthMessage:
        """Say whether the store answers."""
        try:
            with self._up_to_date():
                pass
        except StoreUnavailableError:
            return HealthMessage(ok=True, store_ok=False)
        return HealthMessage(ok=True, store_ok=True)

    def close(self) -> None:
        """Wait for a refit that runs; the store stays open."""
        self._rounds.wait()

    def _known_row(self, key: str) -> int:
        row = self._candidates.row_of(key)
        if row is None:
            raise RequestRefusedError(
                f"{self._candidates.name} holds no {key!r}", code="not_found", status=404
            )
        return row

    def _verdicts(self) -> Verdicts:
        return self._standing.verdicts(n_wanted=self._config.labels_wanted)

    @contextmanager
    def _up_to_date(self) -> Iterator[None]:
        """Hold the lock with all that is new in the store read; begin the next round if due.

        Requests that waited while the store failed to answer fail at once, not one by one.
        """
        asked_at = time.monotonic()
        with self._lock:
            if self._failed_at > asked_at:
                raise StoreUnavailableError(self._failure)
            try:
                self._standing.sync()
            except StoreUnavailableError as error:
                self._failed_at, self._failure = time.monotonic(), str(error)
                raise
            if self._rounds.is_due(self._standing.n_labels):
                self._rounds.consider(self._verdicts())
            yield

    def _order(self, request: QueueRequest) -> tuple[IntArray, str]:
        """Return all rows in the order asked for, and what ordered them."""
        if request.queue != "strategy":
            rows = np.arange(len(self._candidates), dtype=np.intp)
            return rows if self._only is None else np.sort(self._only), request.queue
        asked = request.strategy or self._config.strategy
        if asked != AUTO_STRATEGY and asked not in self._strategies:
            known = ", ".join((AUTO_STRATEGY, *self._strategies))
            raise InvalidInputError(f"strategy must be one of {known}, got {asked!r}")
        if self._only is None:
            return self._rounds.order(asked), self._rounds.strategy_in_use(asked)
        if asked == AUTO_STRATEGY:
            return self._only, "list"
        order = self._rounds.order(asked)
        return order[np.isin(order, self._only)], asked

    def _wanted_rows(self, viewer: Viewer, queue: QueueName, order: IntArray) -> IntArray:
        """Return the rows that still want this viewer, in order."""
        if queue == "audit":
            return self._suspects()
        rows = self._open_rows(viewer, order)
        return self._reservations.skipped_last(viewer.name, rows)

    def _open_rows(self, viewer: Viewer, rows: IntArray) -> IntArray:
        """Return those of the rows that still want a label of this viewer."""
        rows = rows[~self._verdicts().is_done[rows]]
        if self._config.labels_wanted == 1:
            return rows
        is_own = [self._standing.label_of(row, viewer.name) is not None for row in rows.tolist()]
        open_rows: IntArray = rows[~np.array(is_own, dtype=bool)]
        return open_rows

    def _suspects(self) -> IntArray:
        """Return the rows of suspected labels that still stand and that nobody reviewed."""
        present, now = self._rounds.present, self._verdicts().labels
        rows = present.suspicion.rows
        rows = rows[now[rows] == present.verdicts.labels[rows]]
        is_open = [not self._standing.is_reviewed(row) for row in rows.tolist()]
        suspects: IntArray = rows[np.array(is_open, dtype=bool)]
        return suspects

    def _shown_score(self, row: int, viewer: Viewer) -> float | None:
        """Return the bundle's score, if this viewer may see it now."""
        if self._scores is None or math.isnan(self._scores.score[row]):
            return None
        if self._config.blind and self._standing.label_of(row, viewer.name) is None:
            return None
        return float(self._scores.score[row])

    def _item(self, row: int, viewer: Viewer, *, strategy: str = "") -> Item:
        is_hidden = self._config.blind and self._standing.label_of(row, viewer.name) is None
        seen: dict[str, Any] = {}
        suspected = self._rounds.present.suspicion.of_row(row)
        given = self._standing.labels_of(row)
        if suspected is not None and given and not is_hidden:
            name, event = next(reversed(given.items()))
            seen = {"suspicion": suspected, "given_label": event.value, "given_by": name}
        return self._candidates.item(
            row,
            score=self._shown_score(row, viewer),
            strategy=strategy,
            is_blind=is_hidden,
            **seen,
        )


def _must_label(viewer: Viewer) -> None:
    if not viewer.can_label:
        raise RequestRefusedError(
            f"{viewer.name} may look but not label; ask for an account that may",
            code="read_only",
            status=403,
        )
