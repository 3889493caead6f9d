"""Answers in a label store, beside those of other labellers."""

from __future__ import annotations

from collections.abc import Mapping

from skyvet.io.label_sources import majority_labels
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
        table = majority_labels(
            event
            for event in self._store.current()
            if self._surveys.get(str(event.candidate_id)) == event.survey
        )
        ids, labels = table["candidate_id"].to_pylist(), table["label"].to_pylist()
        return {str(key): LabelValue(label) for key, label in zip(ids, labels, strict=True)}

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
