"""Images of pairs: how often each magnitude difference comes with each time difference."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.light_curves.ragged_series import RaggedSeries

__all__ = ["DM_EDGES_MAG", "DT_EDGES_D", "count_pairs", "dmdt_images"]

DM_EDGES_MAG = (
    -8.0, -4.5, -3.0, -2.5, -2.0, -1.5, -1.25, -0.75, -0.5, -0.3, -0.2, -0.1, -0.05, 0.0,
    0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.25, 1.5, 2.0, 2.5, 3.0, 4.5, 8.0,
)  # fmt: skip
"""Edges of the 26 rows [mag] (Mahabal et al. 2017 as used by SCoPe); all multiples of 0.05."""

DT_EDGES_D = (
    0.0, 4 / 145, 0.04, 0.08, 0.12, 0.3, 0.75, 1.0, 1.5, 2.5, 3.5, 4.5, 5.5, 7.0, 10.0, 20.0,
    30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 240.0, 360.0, 500.0, 650.0, 2000.0,
)  # fmt: skip
"""Edges of the 26 columns [d]."""

_PER_MAG = 20.0  # fine cells a magnitude: every edge is at a whole number of them
_N_FINE = 320  # fine cells from -8 to 8 mag
_DM = np.array(DM_EDGES_MAG)
_DT = np.array(DT_EDGES_D)
_FINE_EDGES = np.round(_DM * _PER_MAG).astype(np.int64) + _N_FINE // 2


def dmdt_images(rows: RaggedSeries) -> FloatArray:
    """Return the L2-normalised image of each row.

    Parameters
    ----------
    rows : RaggedSeries
        Measurements.

    Returns
    -------
    ndarray, shape (n_rows, 26, 26), float32
        Rows are magnitude differences (later minus earlier), columns time differences; all 0
        where there is no pair within the edges.

    Examples
    --------
    >>> rows = RaggedSeries(
    ...     time_d=np.array([0.0, 1.2]), magnitude=np.array([15.0, 15.4]),
    ...     magnitude_err=np.ones(2), offsets=np.array([0, 2]))
    >>> dmdt_images(rows)[0].nonzero()
    (array([17]), array([7]))
    """
    counts = count_pairs(rows).astype(np.float32)
    length = np.sqrt(np.sum(counts.astype(np.float64) ** 2, axis=(1, 2), keepdims=True))
    return np.asarray(counts / np.where(length > 0, length, 1.0), dtype=np.float32)


def count_pairs(rows: RaggedSeries) -> IntArray:
    """Count the pairs of each row in the cells of the image.

    All pairs i < j count once, at ``(t_j - t_i, m_j - m_i)``; a cell holds its lower edge, the
    last cell of each axis its upper edge too; pairs outside are passed over.

    Returns
    -------
    ndarray, shape (n_rows, 26, 26), int64
    """
    return np.asarray(_count_rows(rows.time_d, rows.magnitude, rows.offsets, _DT, _FINE_EDGES))


@njit(cache=True, error_model="numpy", nogil=True)
def _count_rows(time, magnitude, offsets, dt_edges, fine_edges):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n_rows = len(offsets) - 1
    n_dt, n_dm = len(dt_edges) - 1, len(fine_edges) - 1
    out = np.zeros((n_rows, n_dm, n_dt), dtype=np.int64)
    fine = np.empty((n_dt, _N_FINE + 2), dtype=np.int32)
    for k in range(n_rows):
        begin, end = offsets[k], offsets[k + 1]
        fine[:] = 0
        _count_fine(time[begin:end], magnitude[begin:end], dt_edges, fine)
        for i_dt in range(n_dt):
            for i_dm in range(n_dm):
                total = 0
                for cell in range(fine_edges[i_dm], fine_edges[i_dm + 1]):
                    total += fine[i_dt, cell + 1]
                out[k, i_dm, i_dt] = total
    return out


@njit(cache=True, error_model="numpy", nogil=True)
def _count_fine(t, m, dt_edges, fine):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count pairs in fine cells of magnitude; times are sorted, so a column is a run of pairs."""
    n, n_dt = len(t), len(dt_edges) - 1
    cells = np.empty(n, dtype=np.int32)
    firsts = np.zeros(n_dt, dtype=np.int64)
    for i in range(n - 1):
        for j in range(i + 1, n):
            dm = m[j] - m[i]
            cell = min(max(math.floor(dm * _PER_MAG), -161.0), 160.0) + 161.0
            cells[j] = np.int32(cell) - np.int32(dm == 8.0)
        last = i + 1
        for i_dt in range(n_dt):
            first = last
            last = max(firsts[i_dt], first)
            edge = dt_edges[i_dt + 1]
            if i_dt == n_dt - 1:
                while last < n and t[last] - t[i] <= edge:
                    last += 1
            else:
                while last < n and t[last] - t[i] < edge:
                    last += 1
            firsts[i_dt] = last
            for j in range(first, last):
                fine[i_dt, cells[j]] += 1
