"""Images of pairs: how often each magnitude difference comes with each time difference."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.light_curves.ragged_series import RaggedSeries
from skyvet.features.periods.compiled import compiled

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
@compiled(error_model="numpy", nogil=True)
def _count_rows(time, magnitude, offsets, fine_edges):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n_rows, n_dm, n_dt = len(offsets) - 1, len(fine_edges) - 1, len(_DT_ENDS)
    out = np.zeros((n_rows, n_dm, n_dt), dtype=np.int64)
    n_most = 0
    for k in range(n_rows):
        n_most = max(n_most, offsets[k + 1] - offsets[k])
    room = np.empty(_N_COPIES * (n_dt + 1) * (_N_FINE + 4), dtype=np.uint32)
    work = np.empty((2, n_most + 8), dtype=np.uint32)
    t = np.empty(n_most + 8)
    for k in range(n_rows):
        begin, end = offsets[k], offsets[k + 1]
        if end - begin < 2:
            continue
        t[: end - begin] = time[begin:end]
        t[end - begin :] = math.inf
        m = magnitude[begin:end]
        # As few cells as the range of magnitudes needs, so that all stay in the nearest cache.
        reach = min(int((np.max(m) - np.min(m)) * _PER_MAG) + 1, _N_FINE // 2)
        width = 2 * reach + 3
        fine = room[: _N_COPIES * (n_dt + 1) * width].reshape(_N_COPIES, (n_dt + 1) * width)
        fine[:] = 0
        _count_fine(t, m, work, (fine, reach))
        _gather(fine, fine_edges, reach, out[k])
    return out


@compiled(error_model="numpy", nogil=True)
def _gather(fine, fine_edges, reach, image):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add up the fine cells of each cell of the image."""
    n_dm, n_dt = image.shape
    width = 2 * reach + 3
    for i_dm in range(n_dm):
        low, high = max(fine_edges[i_dm], -reach), min(fine_edges[i_dm + 1], reach + 1)
        for i_dt in range(n_dt):
            total = np.int64(0)
            for cell in range(i_dt * width + reach + 1 + low, i_dt * width + reach + 1 + high):
                total += fine[0, cell] + fine[1, cell] + fine[2, cell] + fine[3, cell]
            image[i_dm, i_dt] = total


@compiled(error_model="numpy", nogil=True)
def _count_fine(t, m, work, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count pairs in columns of time difference and fine cells of magnitude difference."""
    fine, reach = place
    n, width, n_columns = len(m), 2 * reach + 3, len(_DT_ENDS)
    columns, flat = work[0], work[1]
    columns[:] = n_columns * width
    firsts = np.zeros(n_columns, dtype=np.uint64)
    is_within = np.max(m) - np.min(m) < _DM[-1]
    for i in range(n - 1):
        while n_columns > 0 and firsts[n_columns - 1] == n:
            n_columns -= 1
        _advance((t, i), firsts[:n_columns], columns, width)
        later, base, cells = m[i + 1 : n], columns[i + 1 : n], flat[: n - 1 - i]
        if is_within:
            _cells(later, m[i], base, (cells, reach + 1))
        else:
            _clipped_cells(later, m[i], base, cells)
        _add(cells, fine[0], fine[1], fine[2], fine[3])


@compiled(error_model="numpy", nogil=True)
def _advance(point, firsts, columns, width):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Move to point i: for each column the first later point beyond it, for each point its column.

    Times are sorted, so these only rise, and columns come from the last to the first: a point that
    passes several of them ends in the first. Columns that are over before the next point are
    passed over.
    """
    t, i = point
    one, following = np.uint64(1), np.uint64(i + 1)
    now, gap = t[i], t[i + 1] - t[i]
    low = 0
    while low < len(firsts) and _DT_ENDS[low] <= gap:
        firsts[low] = following
        low += 1
    for back in range(len(firsts) - low):
        column = np.uint64(len(firsts) - 1 - back)
        end, start = _DT_ENDS[column], np.uint32(column * np.uint64(width))
        first = max(firsts[column], following)
        while t[first] - now < end:
            columns[first] = start
            first += one
        firsts[column] = first


@compiled(error_model="numpy", nogil=True)
def _cells(later, now, base, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    cells, zero = place
    for j in range(len(later)):
        cell = np.int32(np.floor((later[j] - now) * _PER_MAG)) + np.int32(zero)
        cells[j] = np.uint32(cell) + base[j]


@compiled(error_model="numpy", nogil=True)
def _clipped_cells(later, now, base, cells):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Do the same where differences may lie beyond the edges; the last edge belongs to its cell."""
    most = _N_FINE // 2
    for j in range(len(later)):
        dm = later[j] - now
        cell = min(max(np.floor(dm * _PER_MAG), -most - 1), most) - (dm == _DM[-1])
        cells[j] = np.uint32(np.int32(cell) + np.int32(most + 1)) + base[j]


@compiled(error_model="numpy", nogil=True)
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
