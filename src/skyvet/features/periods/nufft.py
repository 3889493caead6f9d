"""Sums of phases on an even grid of frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import finufft
import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.normal_equations import WeightedBand, reductions_from_sums

__all__ = ["grid_reductions"]

_N_PER_BLOCK = 1 << 16


def grid_reductions(
    bands: Sequence[WeightedBand], grid: FrequencyGrid, *, n_terms: int, is_shared: bool = False
) -> FloatArray:
    """Return by how much 1..K harmonics reduce chi-square at each frequency of a grid."""
    blocks = []
    for start in range(0, grid.n, _N_PER_BLOCK):
        n = min(_N_PER_BLOCK, grid.n - start)
        f_min = grid.f_min + start * grid.step
        sums = [_sums(band, f_min, grid.step, n=n, n_terms=n_terms) for band in bands]
        blocks.append(reductions_from_sums(bands, sums, n_terms=n_terms, is_shared=is_shared))
    return np.concatenate(blocks, axis=1)


def _sums(
    band: WeightedBand, f_min: float, step: float, *, n: int, n_terms: int
) -> FloatArray:
    sums = np.zeros((len(band.strengths), 2 * n_terms, n), dtype=np.complex128)
    for k in range(1, 2 * n_terms + 1):
        n_used = len(band.strengths) if k <= n_terms else 1
        middle = f_min + (n // 2) * step
        turn = np.exp(-2j * np.pi * ((k * middle * band.time_d) % 1.0))
        x = 2 * np.pi * ((k * step * band.time_d) % 1.0)
        sums[:n_used, k - 1] = finufft.nufft1d1(
            x, band.strengths[:n_used] * turn, n, eps=1e-9, isign=-1, nthreads=1
        )
    return sums
