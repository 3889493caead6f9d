"""Who has which candidate on screen: two labellers never get the same one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import IntArray
from skyvet.io.label_store.store import LabelStore
from skyvet.records.identifiers import Identifier
from skyvet.services.labelling.settings import LabellingConfig
from skyvet.services.labelling.shown import ShownObjects

__all__ = ["Reservations"]

_FEWEST_ASKED = 200
_REVIEW_SURVEY = "{survey} (audit)"
_ANY_NUMBER = 1_000_000


class Reservations:
    """Leases of candidates in the store, which decides between servers and processes.

    Parameters
    ----------
    store : LabelStore
        Holds the leases.
    candidates : ShownObjects
        The dataset.
    config : LabellingConfig
        Length of a lease and labels wanted.
    """

    def __init__(
        self, store: LabelStore, candidates: ShownObjects, config: LabellingConfig
    ) -> None:
        self._store = store
        self._candidates = candidates
        self._config = config
        self._skipped: dict[str, dict[int, None]] = {}

    def take(self, labeller: str, rows: IntArray, *, n: int, is_review: bool = False) -> list[int]:
        """Reserve the first of these candidates that nobody else has.

        Parameters
        ----------
        labeller : str
            Who asks.
        rows : ndarray, shape (k,), int
            In the order of wish.
        n : int
            How many.
        is_review : bool, default False
            They are labelled already and to be looked at again.

        Returns
        -------
        list of int
            At most `n` rows, in the order of wish.
        """
        taken: list[int] = []
        step = max(_FEWEST_ASKED, 4 * n)
        for start in range(0, len(rows), step):
            if len(taken) >= n:
                break
            piece = rows[start : start + step].tolist()
            taken += self._reserve(labeller, piece, n=n - len(taken), is_review=is_review)
        return taken

    def renew(self, labeller: str, rows: Sequence[int], *, is_review: bool = False) -> list[int]:
        """Lease candidates that the labeller has at hand anew; return those that were lost."""
        kept = set(self._reserve(labeller, list(rows), n=len(rows), is_review=is_review))
        return [row for row in rows if row not in kept]

    def give_back(self, labeller: str, rows: Sequence[int] | None = None) -> None:
        """End leases of a labeller; None = all."""
        for survey in self._candidates.survey_names:
            ids: list[Identifier] | None = None
            if rows is not None:
                chosen = [row for row in rows if self._candidates.surveys[row] == survey]
                ids = [self._candidates.candidate_ids[row] for row in chosen]
            for name in (survey, _REVIEW_SURVEY.format(survey=survey)):
                self._store.release(name, labeller, ids)

    def skip(self, labeller: str, rows: Sequence[int]) -> None:
        """Remember what the labeller does not want to judge now."""
        self._skipped.setdefault(labeller, {}).update(dict.fromkeys(rows))

    def skipped_last(self, labeller: str, rows: IntArray) -> IntArray:
        """Return the rows with those that the labeller skipped behind all others."""
        skipped = self._skipped.get(labeller)
        if not skipped:
            return rows
        is_last = np.isin(rows, np.fromiter(skipped, dtype=np.intp))
        return np.concatenate([rows[~is_last], rows[is_last]])

    def _reserve(self, labeller: str, rows: list[int], *, n: int, is_review: bool) -> list[int]:
        """Ask the store, survey by survey, for as many of each as stand among the first n."""
        if n <= 0 or not rows:
            return []
        taken: set[int] = set()
        for survey in dict.fromkeys(self._candidates.surveys[row] for row in rows):
            own = [row for row in rows if self._candidates.surveys[row] == survey]
            n_own = sum(self._candidates.surveys[row] == survey for row in rows[:n])
            row_of = {self._candidates.candidate_ids[row]: row for row in own}
            given = self._store.reserve(
                _REVIEW_SURVEY.format(survey=survey) if is_review else survey,
                list(row_of),
                labeller=labeller,
                n=n_own,
                lease_s=self._config.lease_s,
                n_labels_wanted=_ANY_NUMBER if is_review else self._config.labels_wanted,
            )
            taken |= {row_of[identifier] for identifier in given}
        return [row for row in rows if row in taken]
