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
_ZERO = _N_FINE // 2 + 1  # place of the cell from 0 to 0.05 mag; place 0 is for all below -8
_WIDTH = _N_FINE + 4
_N_COPIES = 4
_DM = np.array(DM_EDGES_MAG)
_DT_ENDS = np.array([*DT_EDGES_D[1:-1], np.nextafter(DT_EDGES_D[-1], np.inf)])
_FINE_EDGES = np.round(_DM * _PER_MAG).astype(np.int64)


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
    return np.asarray(_count_rows(rows.time_d, rows.magnitude, rows.offsets, _FINE_EDGES))


# Slices instead of indices, and unsigned indices where they are needed: LLVM then knows that none
# is negative, and compiles the loops to vector instructions.
@njit(cache=True, error_model="numpy", nogil=True)
def _count_rows(time, magnitude, offsets, fine_edges):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n_rows, n_dm, n_dt = len(offsets) - 1, len(fine_edges) - 1, len(_DT_ENDS)
    out = np.zeros((n_rows, n_dm, n_dt), dtype=np.int64)
    n_most = 0
    for k in range(n_rows):
        n_most = max(n_most, offsets[k + 1] - offsets[k])
    fine = np.empty((_N_COPIES, (n_dt + 1) * _WIDTH), dtype=np.uint32)
    work = np.empty((2, n_most + 8), dtype=np.uint32)
    t = np.empty(n_most + 8)
    for k in range(n_rows):
        begin, end = offsets[k], offsets[k + 1]
        if end - begin < 2:
            continue
        t[: end - begin] = time[begin:end]
        t[end - begin :] = math.inf
        m = magnitude[begin:end]
        reach = min(int((np.max(m) - np.min(m)) * _PER_MAG) + 2, _N_FINE // 2)
        fine[:] = 0
        _count_fine(t, m, work, fine)
        for i_dt in range(n_dt):
            for i_dm in range(n_dm):
                low = max(fine_edges[i_dm], -reach)
                high = min(fine_edges[i_dm + 1], reach)
                total = np.int64(0)
                for cell in range(i_dt * _WIDTH + _ZERO + low, i_dt * _WIDTH + _ZERO + high):
                    total += fine[0, cell] + fine[1, cell] + fine[2, cell] + fine[3, cell]
                out[k, i_dm, i_dt] = total
    return out


@njit(cache=True, error_model="numpy", nogil=True)
def _count_fine(t, m, work, fine):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count pairs in columns of time difference and fine cells of magnitude difference."""
    n = len(m)
    columns, flat = work[0], work[1]
    columns[:] = len(_DT_ENDS) * _WIDTH
    firsts = np.zeros(len(_DT_ENDS), dtype=np.uint64)
    is_within = np.max(m) - np.min(m) < _DM[-1]
    for i in range(n - 1):
        _advance(t, i, firsts, columns)
        later, base, cells = m[i + 1 : n], columns[i + 1 : n], flat[: n - 1 - i]
        if is_within:
            _cells(later, m[i], base, cells)
        else:
            _clipped_cells(later, m[i], base, cells)
        _add(cells, fine[0], fine[1], fine[2], fine[3])


@njit(cache=True, error_model="numpy", nogil=True)
def _advance(t, i, firsts, columns):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Move to point i: for each column the first later point beyond it, for each point its column.

    Times are sorted, so these only rise. Three steps are made without asking whether they are
    needed, as a mispredicted branch costs more; each marks one point too many, mended at the end.
    """
    one, following = np.uint64(1), np.uint64(i + 1)
    now, gap = t[i], t[i + 1] - t[i]
    low = 0
    while low < len(firsts) and _DT_ENDS[low] <= gap:
        firsts[low] = following
        low += 1
    more = np.uint64(0)
    for back in range(len(firsts) - low):
        column = np.uint64(len(firsts) - 1 - back)
        end, start = _DT_ENDS[column], np.uint32(column * np.uint64(_WIDTH))
        first = max(firsts[column], following)
        columns[first] = start
        first += np.uint64(t[first] - now < end)
        columns[first] = start
        first += np.uint64(t[first] - now < end)
        columns[first] = start
        first += np.uint64(t[first] - now < end)
        firsts[column] = first
        more |= np.uint64(t[first] - now < end)
    if more:
        for back in range(len(firsts) - low):
            column = np.uint64(len(firsts) - 1 - back)
            while t[firsts[column]] - now < _DT_ENDS[column]:
                columns[firsts[column]] = np.uint32(column * np.uint64(_WIDTH))
                firsts[column] += one
    for k in range(low, len(firsts)):
        columns[firsts[k]] = np.uint32((k + 1) * _WIDTH)


@njit(cache=True, error_model="numpy", nogil=True)
def _cells(later, now, base, cells):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for j in range(len(later)):
        cell = np.int32(np.floor((later[j] - now) * _PER_MAG)) + np.int32(_ZERO)
        cells[j] = np.uint32(cell) + base[j]


@njit(cache=True, error_model="numpy", nogil=True)
def _clipped_cells(later, now, base, cells):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Do the same where differences may lie beyond the edges; the last edge belongs to its cell."""
    for j in range(len(later)):
        dm = later[j] - now
        cell = min(max(np.floor(dm * _PER_MAG), -_ZERO), _N_FINE // 2) - (dm == _DM[-1])
        cells[j] = np.uint32(np.int32(cell) + np.int32(_ZERO)) + base[j]


@njit(cache=True, error_model="numpy", nogil=True)
def _add(cells, a, b, c, d):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count in four histograms by turns: one would wait for its own last store."""
    one = np.uint32(1)
    n_fours = len(cells) // 4
    for k in range(n_fours):
        a[cells[4 * k]] += one
        b[cells[4 * k + 1]] += one
        c[cells[4 * k + 2]] += one
        d[cells[4 * k + 3]] += one
    for k in range(4 * n_fours, len(cells)):
        a[cells[k]] += one
