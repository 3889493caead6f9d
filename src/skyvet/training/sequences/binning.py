"""Columns as small whole numbers, so that boosting needs to look at few thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.models.trees import Forest, threshold_below

__all__ = ["ColumnBins", "fit_column_bins"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnBins:
    """Edges that cut each column into bins.

    Parameters
    ----------
    edges : tuple of ndarray, float32
        Ascending, one array a column; bin k holds what is above edge k - 1 and at most edge k.
    """

    edges: tuple[NDArray[np.float32], ...]

    def codes(self, rows: FloatArray) -> FloatArray:
        """Return the bin of each entry.

        Parameters
        ----------
        rows : ndarray, shape (n, n_columns), float32
            NaN = missing.

        Returns
        -------
        ndarray, shape (n, n_columns), float32
            Whole numbers from 0; NaN where missing.
        """
        columns = [
            np.searchsorted(edges, column, side="left")
            for edges, column in zip(self.edges, rows.T, strict=True)
        ]
        codes = np.stack(columns, axis=1).astype(np.float32)
        return np.where(np.isnan(rows), np.float32(np.nan), codes)

    def unbinned(self, forest: Forest) -> Forest:
        """Return the forest of bins as one of the columns themselves.

        Parameters
        ----------
        forest : Forest
            Trained on `codes`.

        Returns
        -------
        Forest
            Gives for rows what `forest` gives for their codes.
        """
        threshold = np.array(forest.threshold)
        for j, edges in enumerate(self.edges):
            here = np.flatnonzero((forest.feature == j) & ~forest.is_leaf)
            last = np.floor(np.clip(threshold[here], -1, len(edges))).astype(np.intp)
            limits = np.concatenate(
                [edges, [np.inf, -np.inf]]
            )  # beyond the last edge: all; -1: none
            threshold[here] = limits[last]
        return replace(forest, threshold=threshold)


def fit_column_bins(rows: FloatArray, *, n_bins: int = 63) -> ColumnBins:
    """Cut each column into bins of about as many rows each.

    Parameters
    ----------
    rows : ndarray, shape (n, n_columns), float32
        NaN = missing, left out.
    n_bins : int, default 63
        Most bins of a column; equal values never fall into different ones.

    Returns
    -------
    ColumnBins

    Examples
    --------
    >>> bins = fit_column_bins(np.array([[1.0], [2.0], [3.0], [4.0]], np.float32), n_bins=2)
    >>> bins.codes(np.array([[1.0], [2.5], [9.0], [np.nan]], np.float32))[:, 0]
    array([ 0.,  0.,  1., nan], dtype=float32)
    """
    return ColumnBins(edges=tuple(_edges(column, n_bins) for column in rows.T))


def _edges(column: FloatArray, n_bins: int) -> NDArray[np.float32]:
    """Return edges halfway between neighbouring values."""
    values = np.sort(column[~np.isnan(column)]).astype(np.float64)
    distinct = np.unique(values)
    if len(distinct) > n_bins:
        cut = np.round(np.linspace(0, len(values), n_bins + 1)[1:-1]).astype(np.intp)
        upper = np.unique(np.searchsorted(distinct, values[cut]))
        upper = upper[upper > 0]
    else:
        upper = np.arange(1, len(distinct))
    return np.unique(threshold_below(0.5 * (distinct[upper - 1] + distinct[upper])))
