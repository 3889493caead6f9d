"""What is labelled, whatever it is: things with keys, of which the page shows one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError, RequestRefusedError
from skyvet.records.identifiers import Identifier
from skyvet.services.labelling.messages import Item, SourceClass, SourceMessage

__all__ = ["ShownObjects", "candidate_key"]


def candidate_key(survey: str, candidate_id: Identifier) -> str:
    """Return the text by which the page names a candidate or source.

    Examples
    --------
    >>> candidate_key("ztf", 1095578115815010002)
    'ztf:1095578115815010002'
    """
    return f"{survey}:{candidate_id}"


class ShownObjects:
    """Candidates or sources of one input, in a fixed order; subclasses say what is shown.

    Parameters
    ----------
    name : str
        Of the input, for people.
    surveys : sequence of str
        Survey of each.
    candidate_ids, object_ids : sequence of int or str
        Identifiers of each and of its object.
    classes : sequence of SourceClass, optional
        The tree that they are labelled with; none where the question is real or bogus.

    Raises
    ------
    InvalidInputError
        If there is none.
    """

    def __init__(
        self,
        name: str,
        *,
        surveys: Sequence[str],
        candidate_ids: Sequence[Identifier],
        object_ids: Sequence[Identifier],
        classes: Sequence[SourceClass] = (),
    ) -> None:
        if len(candidate_ids) == 0:
            raise InvalidInputError(f"{name} holds nothing; there is nothing to label")
        self.name = name
        self.classes = tuple(classes)
        self.surveys = list(surveys)
        self.candidate_ids = list(candidate_ids)
        self.object_ids = list(object_ids)
        self.keys = [
            candidate_key(survey, identifier)
            for survey, identifier in zip(self.surveys, self.candidate_ids, strict=True)
        ]
        self._row_of = {key: row for row, key in enumerate(self.keys)}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.keys)

    @property
    def survey_names(self) -> tuple[str, ...]:
        """Surveys, each once, sorted."""
        return tuple(sorted(set(self.surveys)))

    def row_of(self, key: str) -> int | None:
        """Return the row of a key; None where there is no such thing."""
        return self._row_of.get(key)

    def object_codes(self) -> IntArray:
        """Return one number each, equal where the object is; shape (n,), intp."""
        names = np.array([f"{s}:{o}" for s, o in zip(self.surveys, self.object_ids, strict=True)])
        codes: IntArray = np.unique(names, return_inverse=True)[1]
        return codes

    def item(self, row: int, **seen: Any) -> Item:  # noqa: ANN401 - fields of the message
        """Return what the page shows of one.

        Parameters
        ----------
        row : int
            Which one.
        **seen
            ``score``, ``suspicion``, ``given_label``, ``strategy`` of the `Item`; and ``is_blind``,
            which hides all other scores, too.
        """
        raise NotImplementedError

    def stamps(self, row: int) -> NDArray[np.float32]:
        """Return science, template, difference, shape (3, px, px), NaN = missing.

        Raises
        ------
        RequestRefusedError
            With code ``not_found``, if these things have no stamps.
        """
        raise RequestRefusedError(f"{self.keys[row]} has no stamps", code="not_found", status=404)

    def source(self, row: int) -> SourceMessage:
        """Return light curve, periods and periodogram.

        Raises
        ------
        RequestRefusedError
            With code ``not_found``, if these things are no sources.
        """
        raise RequestRefusedError(f"{self.keys[row]} is no source", code="not_found", status=404)
