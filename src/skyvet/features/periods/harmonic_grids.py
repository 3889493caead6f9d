"""Fits of harmonics at every frequency of a grid: sums, normal equations and solution in one go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.normal_equations import (
    WeightedBand,
    add_normal_equations,
    add_reductions,
    empty_system,
)
from skyvet.features.periods.nufft import (
    ROWS_AT_ONCE,
    add_group_sums,
    place_points,
    rows_to_blocks,
    zoom_tables,
)

__all__ = ["grid_reductions"]

_RIDGE = {4: 5e-6, 8: 1e-8}  # ten times the errors of the sums
_MAX_DYNAMIC_RANGE = 1e3
_BAND = np.dtype(
    [("first", np.int64), ("last", np.int64), ("n_nuisance", np.int64), ("weight", np.float64)]
)


def grid_reductions(
    bands: Sequence[WeightedBand],
    grid: FrequencyGrid,
    *,
    n_terms: int,
    is_shared: bool = False,
    with_fewer_terms: bool = False,
) -> FloatArray:
    """Return by how much harmonics reduce chi-square at each frequency of a grid.

    Sums are float32 unless a few points hold nearly all the weight. A ridge of 5e-6 of the
    weights (1e-8 in float64) covers their errors, so that frequencies at which the phases hardly
    differ get no power from rounding.

    Parameters
    ----------
    bands : sequence of WeightedBand
        Bands of one source, at least one.
    grid : FrequencyGrid
        Frequencies.
    n_terms : int
        Harmonics K.
    is_shared : bool, default False
        One amplitude and phase for all bands; otherwise each band has its own.
    with_fewer_terms : bool, default False
        Return 1..K harmonics; otherwise K only.

    Returns
    -------
    ndarray, shape (n_terms or 1, grid.n), float32 or float64
        Summed over bands.
    """
    is_double = any(_needs_double(band) for band in bands)
    tables = zoom_tables(grid.n, max(map(len, bands)), is_double=is_double)
    dtype = tables.twiddles.dtype
    total = sum(band.total_weight for band in bands)
    points = place_points(
        np.concatenate([band.time_d for band in bands]),
        np.concatenate([band.strengths for band in bands], axis=1),
        grid,
        n_harmonics=2 * n_terms,
        tables=tables,
    )
    table = np.zeros(len(bands), dtype=_BAND)
    table["last"] = np.cumsum([len(band) for band in bands])
    table["first"][1:] = table["last"][:-1]
    table["n_nuisance"] = [band.n_nuisance for band in bands]
    table["weight"] = [band.total_weight / total for band in bands]
    out = np.empty((n_terms if with_fewer_terms else 1, grid.n), dtype=dtype)
    system = empty_system(n_terms, ROWS_AT_ONCE * tables.n_lanes, dtype)
    _fit_grid(points, (table, is_shared), tables, (system, _RIDGE[dtype.itemsize]), out)
    out *= dtype.type(total)
    return out


def _needs_double(band: WeightedBand) -> bool:
    w = band.strengths[0]
    return bool(w.max() > _MAX_DYNAMIC_RANGE * np.median(w))


@compiled(nogil=True)
def _fit_grid(points, bands, tables, solver, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    table, is_shared = bands
    n_lanes, size = tables.n_lanes, tables.n_kept * tables.n_lanes
    n_harmonics, n_strengths = points.cells.shape[0], points.strengths.shape[0]
    n_mesh = (tables.n_cells + points.taps.shape[2]) * n_lanes
    mesh = np.empty((n_strengths + 1, 2, n_mesh), out.dtype)
    n_kept_bands = len(table) if is_shared else 1
    sums = np.empty((n_kept_bands, n_strengths, n_harmonics, 2, size), out.dtype)
    reductions = np.empty((out.shape[0], size), out.dtype)
    for first in range(0, out.shape[1], size):
        reductions[:] = 0
        for b in range(len(table)):
            kept = sums[b % n_kept_bands]
            for k in range(n_harmonics):
                which = (k, table[b].first, table[b].last)
                used = mesh if k < n_harmonics // 2 else mesh[:2]
                add_group_sums(points, which, (tables, used, kept))
            if not is_shared:
                _solve(sums, table[b : b + 1], solver, reductions)
        if is_shared:
            _solve(sums, table, solver, reductions)
        for row in range(out.shape[0]):
            rows_to_blocks(reductions[row], n_lanes, out[row, first:])


@compiled(nogil=True)
def _solve(sums, table, solver, reductions):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the reductions of one band, or of several that share amplitude and phase."""
    system, ridge = solver
    width = system.right.shape[1]
    for start in range(0, reductions.shape[1], width):
        for b in range(len(table)):
            which = (start, table[b].n_nuisance, table[b].weight)
            add_normal_equations(sums[b], which, system)
        add_reductions(system, (start, ridge, ridge), reductions)
