"""Features of many sources: named columns, missing values, images of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError

__all__ = ["FeatureTable"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTable:
    """One row of features a source.

    Parameters
    ----------
    source_ids : ndarray, shape (n,), int64 or str
        Identifiers in the survey's own type.
    names : tuple of str
        Names of the columns, each once; per band ``<feature>_<band>``, across bands without.
    values : ndarray, shape (n, len(names)), float64
        NaN = missing; never filled in here.
    dmdt : ndarray, shape (n, n_images, n_dm, n_dt), float32, optional
        Images of magnitude against time differences, L2-normalised; all 0 where there is no pair.
    dmdt_names : tuple of str
        Names of these images, such as ``dmdt_g``.
    columns : mapping of str to ndarray, shape (n,)
        What is known of each source and is no feature: position, field, catalogue identifiers.
    settings : mapping of str to mapping
        How the features were computed, as JSON: the settings of `skyvet features` by group
        (``features``, ``cuts``). Empty = not known.

    Raises
    ------
    InvalidInputError
        If shapes disagree or a name stands twice.

    Examples
    --------
    >>> table = FeatureTable(
    ...     source_ids=np.array([7, 8]), names=("iqr_g", "period_d"),
    ...     values=np.array([[0.1, 0.5], [0.2, np.nan]]))
    >>> table.column("period_d").tolist()
    [0.5, nan]
    """

    source_ids: NDArray[Any]
    names: tuple[str, ...]
    values: FloatArray
    dmdt: FloatArray | None = None
    dmdt_names: tuple[str, ...] = ()
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        n_sources = len(self.source_ids)
        object.__setattr__(self, "values", as_readonly(self.values, np.float64))
        if self.dmdt is not None:
            object.__setattr__(self, "dmdt", as_readonly(self.dmdt, np.float32))
            if self.dmdt.ndim != 4 or self.dmdt.shape[:2] != (n_sources, len(self.dmdt_names)):
                raise InvalidInputError(
                    f"dmdt must have shape ({n_sources}, {len(self.dmdt_names)}, n_dm, n_dt), got "
                    f"{self.dmdt.shape}"
                )
        if self.values.shape != (n_sources, len(self.names)):
            raise InvalidInputError(
                f"values must have shape ({n_sources}, {len(self.names)}), got {self.values.shape}"
            )
        if len(set(self.names)) != len(self.names):
            raise InvalidInputError("a feature is named twice")
        for name, column in self.columns.items():
            if np.shape(column)[:1] != (n_sources,):
                raise InvalidInputError(f"{name} must have one entry a source ({n_sources})")

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self.source_ids)

    def column(self, name: str) -> FloatArray:
        """Return one feature of all sources.

        Raises
        ------
        InvalidInputError
            If the table has no such feature.
        """
        if name not in self.names:
            raise InvalidInputError(f"there is no feature '{name}' among {len(self.names)}")
        return self.values[:, self.names.index(name)]

    def select(self, names: Sequence[str]) -> FeatureTable:
        """Return the table with these features only, in this order; absent ones become NaN."""
        place = {name: i_column for i_column, name in enumerate(self.names)}
        values = np.full((len(self), len(names)), np.nan)
        for i_column, name in enumerate(names):
            if name in place:
                values[:, i_column] = self.values[:, place[name]]
        return replace(self, names=tuple(names), values=values)

    def take(self, indices: IntArray) -> FeatureTable:
        """Return some sources, in the order given."""
        indices = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            source_ids=self.source_ids[indices],
            values=self.values[indices],
            dmdt=None if self.dmdt is None else self.dmdt[indices],
            columns={name: column[indices] for name, column in self.columns.items()},
        )
