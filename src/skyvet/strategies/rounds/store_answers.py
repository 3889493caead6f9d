"""Answers in a label store, beside those of other labellers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from skyvet.io.label_store.store import LabelStore
from skyvet.records.label_events import LabelEvent, Shown
from skyvet.records.labels import Label, LabelValue

__all__ = ["StoreAnswers"]


class StoreAnswers:
    """Labels of a store, for the candidates of one pool.

    What most labellers say of a candidate stands; where as many say REAL as BOGUS, or all say
    UNKNOWN, it is UNKNOWN: spent, and nothing is learnt from it.

    Parameters
    ----------
    store : LabelStore
        Open label store.
    surveys : mapping of str to str
        Survey of each candidate of the pool, by the text of its identifier; labels of others are
        passed over.
    strategy : str
        Written beside each answer.
    """

    def __init__(self, store: LabelStore, surveys: Mapping[str, str], *, strategy: str) -> None:
        self._store = store
        self._surveys = surveys
        self._strategy = strategy

    def standing(self) -> Mapping[str, LabelValue]:
        """Return what stands of each labelled candidate, in order of the first label."""
        votes: dict[str, Counter[LabelValue]] = {}
        for event in self._store.current():
            key = str(event.candidate_id)
            if event.value is not None and self._surveys.get(key) == event.survey:
                votes.setdefault(key, Counter())[event.value] += 1
        return {key: _majority(counts) for key, counts in votes.items()}

    def add(self, label: Label) -> None:
        """Write one answer; it is durable when this returns.

        Raises
        ------
        StoreUnavailableError
            If the database cannot be reached or written.
        """
        key = str(label.candidate_id)
        event = LabelEvent(
            survey=self._surveys[key],
            candidate_id=label.candidate_id,
            labeller=label.source,
            value=label.value,
            subclass=label.subclass,
            shown=Shown(strategy=self._strategy),
        )
        self._store.append([event])


def _majority(counts: Counter[LabelValue]) -> LabelValue:
    n_real, n_bogus = counts[LabelValue.REAL], counts[LabelValue.BOGUS]
    if n_real == n_bogus:
        return LabelValue.UNKNOWN
    return LabelValue.REAL if n_real > n_bogus else LabelValue.BOGUS
