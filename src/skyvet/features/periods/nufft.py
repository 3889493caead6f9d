r"""Sums of phases on an even grid of frequencies: a non-uniform FFT in many small blocks.

Wanted is :math:`\sum_i s_i\,e^{-2\pi\mathrm{i} f_j t_i}` at all f_j of a grid. As in every
non-uniform FFT of type 1 (Barnett, Magland & af Klinteberg 2019, SIAM J. Sci. Comput. 41, C479),
each point is spread over a few cells of a fine mesh with the kernel
:math:`\exp\beta(\sqrt{1-z^2}-1)`, an FFT follows, and its output is divided by the kernel's own
transform. What differs is the shape. The grid is cut into blocks of `ZoomTables.n_kept`
frequencies; a block is reached by turning the strengths by its middle frequency, so that one
short FFT serves it. Cells and kernel values are the same for every block, so many blocks are
*lanes* that go through each step together: all loops run over lanes, which is what makes the
sums fast (a length-1024 FFT stays in the cache and fills the vector units, where one FFT of a
million cells waits for memory).

Phases are computed in float64 at every point; only sums are float32 (by default).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.interface import FrequencyGrid

__all__ = [
    "ROWS_AT_ONCE",
    "PlacedPoints",
    "ZoomTables",
    "add_group_sums",
    "phase_sums",
    "place_points",
    "rows_to_blocks",
    "zoom_tables",
]

FAST = {"contract", "reassoc", "nsz", "arcp"}
"""What the compiler may reorder; infinities and NaN keep their meaning."""

_OVERSAMPLING = 1.5
_N_TAPS = {4: 9, 8: 14}  # errors below 3e-6 and 1e-9 of the sum of |strengths|
ROWS_AT_ONCE = 8
"""A divisor of every `ZoomTables.n_kept`."""
_N_QUADRATURE = 80
_SHORT_GRID = 25_600
_MANY_POINTS = 3000


class ZoomTables(NamedTuple):
    """What does not depend on the light curve.

    Parameters
    ----------
    n_cells : int
        Length of the FFT, a power of 4.
    n_kept : int
        Frequencies of one block, even, at most `n_cells`.
    n_lanes : int
        Blocks that are worked on together.
    beta : float
        Shape of the kernel.
    twiddles : ndarray, shape (2, n_cells)
        Cosines and minus sines of a turn.
    correction : ndarray, shape (n_kept,)
        One over the kernel's transform.
    """

    n_cells: int
    n_kept: int
    n_lanes: int
    beta: float
    twiddles: FloatArray
    correction: FloatArray

    @property
    def n_taps(self) -> int:
        """Cells over which a point is spread."""
        return _N_TAPS[self.twiddles.dtype.itemsize]

    @property
    def group_size(self) -> int:
        """Frequencies that are worked on together."""
        return self.n_kept * self.n_lanes


def zoom_tables(n_frequencies: int, n_points: int, *, is_double: bool = False) -> ZoomTables:
    """Return the tables that suit a grid and a light curve.

    Parameters
    ----------
    n_frequencies, n_points : int
        Size of the work: short FFTs waste less of a short grid, long ones spread points less often.
    is_double : bool, default False
        Sums in float64 (errors below 1e-9 of the sum of absolute strengths) instead of float32
        (below 3e-6).

    Examples
    --------
    >>> zoom_tables(840_000, 256).n_kept, zoom_tables(5000, 256).n_kept
    (680, 168)
    """
    if n_frequencies < _SHORT_GRID:
        return _tables(256, 16, is_double)
    return _tables(4096, 16, is_double) if n_points > _MANY_POINTS else _tables(1024, 32, is_double)


@functools.cache
def _tables(n_cells: int, n_lanes: int, is_double: bool) -> ZoomTables:  # noqa: FBT001
    dtype = np.float64 if is_double else np.float32
    n_taps = _N_TAPS[np.dtype(dtype).itemsize]
    beta = 0.96 * np.pi * n_taps * (1.0 - 0.5 / _OVERSAMPLING)
    n_kept = ROWS_AT_ONCE * int(n_cells / _OVERSAMPLING / ROWS_AT_ONCE)
    z, weight = np.polynomial.legendre.leggauss(_N_QUADRATURE)
    kernel = weight * np.exp(beta * (np.sqrt(1.0 - z**2) - 1.0)) * n_taps / 2.0
    mode = np.arange(n_kept) - n_kept // 2
    transform = kernel @ np.cos(np.pi * n_taps / n_cells * np.outer(z, mode))
    turn = 2.0 * np.pi * np.arange(n_cells) / n_cells
    return ZoomTables(
        n_cells=n_cells,
        n_kept=n_kept,
        n_lanes=n_lanes,
        beta=beta,
        twiddles=np.array([np.cos(turn), -np.sin(turn)], dtype=dtype),
        correction=(1.0 / transform).astype(dtype),
    )


class PlacedPoints(NamedTuple):
    """Points of a light curve, on the mesh of each harmonic.

    Parameters
    ----------
    cells : ndarray, shape (n_harmonics, n), int64
        First cell over which a point is spread.
    taps : ndarray, shape (n_harmonics, n, n_taps)
        Values of the kernel.
    rotations : ndarray, shape (n_harmonics, n, 2), complex128
        Turn to the middle of the first block of the present group; turn from group to group.
    lanes : ndarray, shape (n_harmonics, n, 2, n_lanes)
        Cosine and sine of the turn from a group's first block to its others.
    strengths : ndarray, shape (n_strengths, n)
        What is summed.
    """

    cells: IntArray
    taps: FloatArray
    rotations: FloatArray
    lanes: FloatArray
    strengths: FloatArray


def place_points(
    time_d: FloatArray,
    strengths: FloatArray,
    grid: FrequencyGrid,
    *,
    n_harmonics: int,
    tables: ZoomTables,
) -> PlacedPoints:
    """Put points on the meshes of harmonics 1..n, ready for the grid's first group.

    Parameters
    ----------
    time_d : ndarray, shape (n,), float64
        Times [d].
    strengths : ndarray, shape (n_strengths, n)
        What will be summed.
    grid : FrequencyGrid
        Frequencies of the first harmonic.
    n_harmonics : int
        Sums at 1..n times each frequency.
    tables : ZoomTables
        See `zoom_tables`.
    """
    dtype, n = tables.twiddles.dtype, len(time_d)
    points = PlacedPoints(
        cells=np.empty((n_harmonics, n), dtype=np.int64),
        taps=np.empty((n_harmonics, n, tables.n_taps), dtype=dtype),
        rotations=np.empty((n_harmonics, n, 2), dtype=np.complex128),
        lanes=np.empty((n_harmonics, n, 2, tables.n_lanes), dtype=dtype),
        strengths=np.ascontiguousarray(strengths, dtype=dtype),
    )
    time = np.ascontiguousarray(time_d, dtype=np.float64)
    for k in range(n_harmonics):
        _place(time * ((k + 1) * grid.step), tables, points.cells[k], points.taps[k])
        first = (k + 1) * (grid.f_min + tables.n_kept // 2 * grid.step)
        to_next = (k + 1) * tables.n_kept * grid.step
        _turn(time, (first, to_next), points.rotations[k], points.lanes[k])
    return points


@compiled(nogil=True, error_model="numpy")
def _place(turns, tables, cells, taps):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n_taps = taps.shape[1]
    for i in range(len(turns)):
        x = (turns[i] - np.floor(turns[i])) * tables.n_cells
        first = int(np.ceil(x - 0.5 * n_taps))
        cells[i] = first % tables.n_cells
        for j in range(n_taps):
            z = (first + j - x) * 2.0 / n_taps
            inside = 1.0 - z * z
            taps[i, j] = np.exp(tables.beta * (np.sqrt(max(inside, 0.0)) - 1.0))


@compiled(nogil=True)
def _turn(time, frequencies, rotations, lanes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(time)):
        phase = time[i] * frequencies[0]
        angle = -2.0 * np.pi * (phase - np.floor(phase))
        rotations[i, 0] = complex(np.cos(angle), np.sin(angle))
        phase = time[i] * frequencies[1]
        angle = -2.0 * np.pi * (phase - np.floor(phase))
        step = complex(np.cos(angle), np.sin(angle))
        turn = complex(1.0, 0.0)
        for lane in range(lanes.shape[2]):
            lanes[i, 0, lane] = turn.real
            lanes[i, 1, lane] = turn.imag
            turn *= step
        rotations[i, 1] = turn


@compiled(nogil=True, fastmath=FAST)
def add_group_sums(points, which, work):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Write the sums of one harmonic at the present group's frequencies; turn to the next group.

    Parameters
    ----------
    points : PlacedPoints
        Its rotations are advanced.
    which : (int, int, int)
        Harmonic, from 0; first point and last point (exclusive).
    work : (ZoomTables, ndarray, ndarray)
        Tables. Scratch, shape (n_used + 1, 2, (n_cells + n_taps) * n_lanes): as many strengths are
        summed as it has room for. Sums, shape (>= n_used, n_harmonics, 2, n_kept * n_lanes): real
        and imaginary parts, overwritten; lanes run fastest, so that frequency j of block b is at
        ``j * n_lanes + b``.
    """
    tables, mesh, sums = work
    n_used = mesh.shape[0] - 1
    k, spare = which[0], mesh[n_used]
    mesh[:n_used] = 0
    _spread(points, which, mesh, spare)
    for s in range(n_used):
        _fold(mesh[s, 0], points.taps.shape[2] * tables.n_lanes, tables.n_cells * tables.n_lanes)
        _fold(mesh[s, 1], points.taps.shape[2] * tables.n_lanes, tables.n_cells * tables.n_lanes)
        if _transform(mesh[s], spare, tables):
            _keep(spare[0], tables, sums[s, k, 0])
            _keep(spare[1], tables, sums[s, k, 1])
        else:
            _keep(mesh[s, 0], tables, sums[s, k, 0])
            _keep(mesh[s, 1], tables, sums[s, k, 1])


@compiled(nogil=True, fastmath=FAST)
def _spread(points, which, mesh, spare):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    k, first_point, last_point = which
    taps, strengths = points.taps[k], points.strengths
    n_lanes = points.lanes.shape[3]
    turned_re, turned_im = spare[0][:n_lanes], spare[1][:n_lanes]
    for i in range(first_point, last_point):
        rotation = points.rotations[k, i, 0]
        points.rotations[k, i, 0] = rotation * points.rotations[k, i, 1]
        cosine, sine = taps.dtype.type(rotation.real), taps.dtype.type(rotation.imag)
        lane_re, lane_im = points.lanes[k, i, 0], points.lanes[k, i, 1]
        for s in range(mesh.shape[0] - 1):
            re, im = strengths[s, i] * cosine, strengths[s, i] * sine
            for v in range(n_lanes):
                turned_re[v] = re * lane_re[v] - im * lane_im[v]
                turned_im[v] = re * lane_im[v] + im * lane_re[v]
            for j in range(taps.shape[1]):
                first = (points.cells[k, i] + j) * n_lanes
                tap = taps[i, j]
                row_re = mesh[s, 0][first : first + n_lanes]
                row_im = mesh[s, 1][first : first + n_lanes]
                for v in range(n_lanes):
                    row_re[v] += tap * turned_re[v]
                    row_im[v] += tap * turned_im[v]


@compiled(nogil=True, fastmath=FAST)
def _fold(plane, n_over, n_all):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the rows that lie beyond the mesh's end to its beginning."""
    first, beyond = plane[:n_over], plane[n_all : n_all + n_over]
    for q in range(n_over):
        first[q] += beyond[q]


@compiled(nogil=True, fastmath=FAST)
def _transform(data, spare, tables):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """FFT over rows, all lanes at once (Stockham, radix 4); True: the result is in `spare`."""
    n, width, is_in_spare = tables.n_cells, tables.n_lanes, False
    while n > 1:
        if is_in_spare:
            _butterflies(spare, data, (n, width), tables)
        else:
            _butterflies(data, spare, (n, width), tables)
        is_in_spare = not is_in_spare
        n //= 4
        width *= 4
    return is_in_spare


@compiled(nogil=True, fastmath=FAST)
def _butterflies(x, y, shape, tables):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n, s = shape
    x_re, x_im, y_re, y_im = x[0], x[1], y[0], y[1]
    cosine, sine = tables.twiddles[0], tables.twiddles[1]
    apart = s * (n // 4)
    for p in range(n // 4):
        turn = p * (tables.n_cells // n)
        c1, s1, c2, s2 = cosine[turn], sine[turn], cosine[2 * turn], sine[2 * turn]
        c3, s3 = cosine[3 * turn], sine[3 * turn]
        a, b = s * p, 4 * s * p
        ar, ai = x_re[a : a + s], x_im[a : a + s]
        br, bi = x_re[a + apart : a + apart + s], x_im[a + apart : a + apart + s]
        a += 2 * apart
        cr, ci = x_re[a : a + s], x_im[a : a + s]
        dr, di = x_re[a + apart : a + apart + s], x_im[a + apart : a + apart + s]
        y0r, y0i = y_re[b : b + s], y_im[b : b + s]
        y1r, y1i = y_re[b + s : b + 2 * s], y_im[b + s : b + 2 * s]
        y2r, y2i = y_re[b + 2 * s : b + 3 * s], y_im[b + 2 * s : b + 3 * s]
        y3r, y3i = y_re[b + 3 * s : b + 4 * s], y_im[b + 3 * s : b + 4 * s]
        for q in range(s):
            er, ei, fr, fi = ar[q] + cr[q], ai[q] + ci[q], ar[q] - cr[q], ai[q] - ci[q]
            gr, gi, hr, hi = br[q] + dr[q], bi[q] + di[q], br[q] - dr[q], bi[q] - di[q]
            y0r[q], y0i[q] = er + gr, ei + gi
            ur, ui, vr, vi, zr, zi = er - gr, ei - gi, fr + hi, fi - hr, fr - hi, fi + hr
            y1r[q], y1i[q] = vr * c1 - vi * s1, vr * s1 + vi * c1
            y2r[q], y2i[q] = ur * c2 - ui * s2, ur * s2 + ui * c2
            y3r[q], y3i[q] = zr * c3 - zi * s3, zr * s3 + zi * c3


@compiled(nogil=True, fastmath=FAST)
def _keep(plane, tables, kept):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Copy the block's modes in rising order, each divided by the kernel's transform."""
    n_lanes, half = tables.n_lanes, tables.n_kept // 2
    for m in range(tables.n_kept):
        row = m - half if m >= half else m - half + tables.n_cells
        correction = tables.correction[m]
        here, there = (
            plane[row * n_lanes : (row + 1) * n_lanes],
            kept[m * n_lanes : (m + 1) * n_lanes],
        )
        for v in range(n_lanes):
            there[v] = here[v] * correction


def phase_sums(
    time_d: FloatArray, strengths: FloatArray, grid: FrequencyGrid, *, is_double: bool = False
) -> NDArray[np.complexfloating[Any, Any]]:
    r"""Return :math:`\sum_i s_i\,e^{-2\pi\mathrm{i} f t_i}` at each frequency of a grid.

    With equal strengths its square is the spectral window.

    Parameters
    ----------
    time_d : ndarray, shape (n,)
        Times [d].
    strengths : ndarray, shape (n_strengths, n)
        One or several sets of strengths.
    grid : FrequencyGrid
        Frequencies [1/d].
    is_double : bool, default False
        Errors below 1e-9 of the sum of absolute strengths instead of 3e-6; twice the time.

    Returns
    -------
    ndarray, shape (n_strengths, grid.n), complex64 or complex128

    Examples
    --------
    >>> grid = FrequencyGrid(f_min=1.0, step=0.25, n=3)
    >>> sums = phase_sums(np.array([0.0, 1.0]), np.ones((1, 2)), grid, is_double=True)
    >>> np.abs(sums).round(6).tolist()
    [[2.0, 1.414214, 0.0]]
    """
    tables = zoom_tables(grid.n, len(time_d), is_double=is_double)
    points = place_points(time_d, strengths, grid, n_harmonics=1, tables=tables)
    n_groups = -(-grid.n // tables.group_size)
    real = np.empty((len(strengths), 2, n_groups * tables.group_size), tables.twiddles.dtype)
    _write_sums(points, tables, real)
    sums: NDArray[np.complexfloating[Any, Any]] = real[:, 0, : grid.n] + 1j * real[:, 1, : grid.n]
    return sums


@compiled(nogil=True)
def _write_sums(points, tables, real):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    n_strengths, n_taps, n_lanes = real.shape[0], points.taps.shape[2], tables.n_lanes
    size = tables.n_kept * n_lanes
    mesh = np.empty((n_strengths + 1, 2, (tables.n_cells + n_taps) * n_lanes), real.dtype)
    sums = np.empty((n_strengths, 1, 2, size), real.dtype)
    for group in range(real.shape[2] // size):
        add_group_sums(points, (0, 0, points.taps.shape[1]), (tables, mesh, sums))
        for s in range(n_strengths):
            for part in range(2):
                rows_to_blocks(sums[s, 0, part], n_lanes, real[s, part, group * size :])


@compiled(nogil=True)
def rows_to_blocks(rows, n_lanes, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Write values that are in order of rows and lanes in order of frequency; stops at the end.

    Parameters
    ----------
    rows : ndarray, shape (n_kept * n_lanes,)
        Lanes run fastest.
    n_lanes : int
        Number of lanes.
    out : ndarray, shape (n,)
        The group's frequencies that are wanted; all or the first of them.
    """
    n_kept = len(rows) // n_lanes
    for lane in range(n_lanes):
        first = lane * n_kept
        for row in range(min(n_kept, len(out) - first)):
            out[first + row] = rows[row * n_lanes + lane]
