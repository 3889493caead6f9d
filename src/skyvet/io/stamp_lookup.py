"""Stamps of a dataset by candidate identifier, for reports that know no dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.io.dataset import Dataset
from skyvet.records.cutouts import N_CUTOUT_KINDS
from skyvet.records.identifiers import Identifier

__all__ = ["StampLookup"]


class StampLookup:
    """Finds science, template and difference of candidates in a dataset.

    Parameters
    ----------
    dataset : Dataset
        Opened dataset.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        identifiers = dataset.table["candidate_id"].to_pylist()
        self._row_of = {identifier: row for row, identifier in enumerate(identifiers)}
        self._are_texts = bool(identifiers) and isinstance(identifiers[0], str)

    def __call__(self, candidate_ids: Sequence[Identifier]) -> list[FloatArray | None]:
        """Return stamps (3, height, width) [survey's unit], NaN = missing; None where absent."""
        return [self._find(identifier) for identifier in candidate_ids]

    def _find(self, identifier: Identifier) -> FloatArray | None:
        row = self._row_of.get(str(identifier) if self._are_texts else identifier)
        if row is None:
            return None
        return self._dataset.stamps(np.array([row]))[0, :N_CUTOUT_KINDS]
