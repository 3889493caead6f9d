"""Folding and trigonometric sums with PyTorch, for a GPU; the same results as the compiled loops.

Frequencies go through in chunks of bounded memory, all points of a chunk at once. Phases on an
even grid are the same integers as in `skyvet.features.periods.phase_lanes`, and so are the counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.periods.bin_sums import Explained, WeightedPoints
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.phase_lanes import RESEED_AFTER

__all__ = [
    "FoldingTask",
    "best_boxes",
    "binned",
    "explained",
    "negative_entropy",
    "phase_sums",
]

_MAX_ELEMENTS = 2**24
_TURN = 2**32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoldingTask:
    """What to fold at, in how many bins, and where.

    Parameters
    ----------
    frequencies : FrequencyGrid or ndarray, shape (k,)
        Frequencies [1/d]: an even grid (integer phases) or any (float64 phases).
    n_bins : int
        Bins of phase.
    device : str
        PyTorch's name of the device.
    max_elements : int
        Points times frequencies that are held at once.
    """

    frequencies: FrequencyGrid | FloatArray
    n_bins: int
    device: str
    max_elements: int = _MAX_ELEMENTS

    @property
    def n(self) -> int:
        """Number of frequencies."""
        if isinstance(self.frequencies, FrequencyGrid):
            return self.frequencies.n
        return len(self.frequencies)

    @property
    def is_even(self) -> bool:
        """Whether phases advance on an even grid."""
        return isinstance(self.frequencies, FrequencyGrid)

    def chunks(self, n_points: int) -> Iterator[slice]:
        """Yield pieces of the frequencies; none crosses a reseeding of the phases."""
        size = max(1, min(RESEED_AFTER, self.max_elements // max(n_points, 1)))
        size = 2 ** int(np.log2(size))
        for start in range(0, self.n, size):
            yield slice(start, min(start + size, self.n))


def negative_entropy(
    time_d: FloatArray, starts: IntArray, task: FoldingTask, *, n_magnitude_bins: int
) -> FloatArray:
    """Return minus the conditional entropy at each frequency.

    Parameters
    ----------
    time_d : ndarray, shape (n,), float64
        Times sorted by band and magnitude bin [d].
    starts : ndarray, shape (n_bands * n_magnitude_bins + 1,), int64
        Where each magnitude bin of each band starts.
    task : FoldingTask
        Frequencies, bins and device.
    n_magnitude_bins : int
        Bins of magnitude a band.

    Returns
    -------
    ndarray, shape (task.n,), float64

    Examples
    --------
    >>> task = FoldingTask(frequencies=np.array([0.5, 0.25]), n_bins=2, device="cpu")
    >>> times, starts = np.array([0.0, 2.0, 1.0, 3.0]), np.array([0, 2, 4])
    >>> negative_entropy(times, starts, task, n_magnitude_bins=2).round(4).tolist()
    [0.0, -0.6931]
    """
    n, n_rows = len(time_d), len(starts) - 1
    row = torch.from_numpy(np.repeat(np.arange(n_rows), np.diff(starts))).to(task.device)
    counts_log = np.arange(n + 1) * np.log(np.maximum(np.arange(n + 1), 1))
    n_log_n = torch.from_numpy(counts_log).to(task.device)
    out = np.empty(task.n)
    for chunk, bins in _folded(time_d, task):
        shape = (len(bins), n_rows * task.n_bins)
        cells = torch.zeros(shape, dtype=torch.int64, device=task.device)
        cells.scatter_add_(1, row * task.n_bins + bins, torch.ones_like(bins))
        by_band = cells.view(len(bins), -1, n_magnitude_bins, task.n_bins).sum(2)
        known = n_log_n[cells].sum(1) - n_log_n[by_band].sum((1, 2))
        out[chunk] = (known / n).cpu().numpy()
    return out


def binned(points: WeightedPoints, task: FoldingTask) -> Iterator[tuple[slice, FloatArray]]:
    """Yield sums over phase bins for some frequencies at a time.

    Parameters
    ----------
    points : WeightedPoints
        At least one band.
    task : FoldingTask
        Frequencies, bins and device.

    Yields
    ------
    slice
        Which frequencies.
    ndarray, shape (1, n_bands, 2, n_bins, n_frequencies), float64
        Sums of products and of weights.
    """
    for chunk, product, weight in _bin_sums(points, task):
        sums = torch.stack([product, weight], dim=2).movedim(0, -1)
        yield chunk, sums[None].cpu().numpy()


def explained(points: WeightedPoints, task: FoldingTask) -> Explained:
    """Return what the means of phase bins explain at each frequency.

    Parameters
    ----------
    points : WeightedPoints
        At least one band.
    task : FoldingTask
        Frequencies, bins and device.
    """
    chi2, n_occupied = np.empty(task.n), np.empty(task.n)
    for chunk, product, weight in _bin_sums(points, task):
        is_occupied = weight > 0
        gain = torch.where(is_occupied, product**2 / weight.clamp_min(1e-300), 0.0)
        chi2[chunk] = gain.sum((1, 2)).cpu().numpy()
        n_occupied[chunk] = is_occupied.sum((1, 2)).cpu().numpy()
    return Explained(chi2=chi2, n_occupied=n_occupied)


def best_boxes(
    points: WeightedPoints, task: FoldingTask, *, widths: tuple[int, int], is_fainter: bool
) -> FloatArray:
    """Return the largest statistic of box least squares at each frequency.

    Parameters
    ----------
    points : WeightedPoints
        At least one band.
    task : FoldingTask
        Frequencies, bins and device.
    widths : (int, int)
        Shortest and longest box [bins].
    is_fainter : bool
        Whether a band's box must be fainter than the rest.

    Returns
    -------
    ndarray, shape (task.n,), float64
    """
    out = np.empty(task.n)
    for chunk, product, weight in _bin_sums(points, task):
        total = weight.sum(2, keepdim=True)
        depth = _running(product / total.sqrt())
        share = _running(weight / total)
        best = torch.zeros(len(product), dtype=product.dtype, device=task.device)
        for width in range(widths[0], widths[1] + 1):
            s, r = (x[:, :, width : width + task.n_bins] - x[:, :, : task.n_bins]
                    for x in (depth, share))  # fmt: skip
            if is_fainter:
                s = s.clamp_min(0.0)
            r = r.clamp_min(1e-6)
            gain = (s**2 / (r * (1.0 - r).clamp_min(1e-6))).sum(1)
            best = torch.maximum(best, gain.amax(1))
        out[chunk] = best.cpu().numpy()
    return out


def phase_sums(
    time_d: FloatArray, strengths: FloatArray, grid: FrequencyGrid, *, device: str
) -> NDArray[np.complex128]:
    r"""Return :math:`\sum_i s_i\,e^{-2\pi\mathrm{i} f t_i}` by direct summation.

    The same as `skyvet.features.periods.nufft.phase_sums`, without its approximation: for a GPU
    and as a check.

    Parameters
    ----------
    time_d : ndarray, shape (n,)
        Times [d].
    strengths : ndarray, shape (n_strengths, n)
        One or several sets of strengths.
    grid : FrequencyGrid
        Frequencies [1/d].
    device : str
        PyTorch's name of the device.

    Returns
    -------
    ndarray, shape (n_strengths, grid.n), complex128

    Examples
    --------
    >>> grid = FrequencyGrid(f_min=1.0, step=0.25, n=3)
    >>> sums = phase_sums(np.array([0.0, 1.0]), np.ones((1, 2)), grid, device="cpu")
    >>> np.abs(sums).round(6).tolist()
    [[2.0, 1.414214, 0.0]]
    """
    task = FoldingTask(frequencies=grid, n_bins=1, device=device)
    time = torch.from_numpy(np.array(time_d, np.float64)).to(device)
    matrix = torch.from_numpy(np.array(strengths, np.float64)).to(device)
    out = np.empty((len(matrix), grid.n), np.complex128)
    frequencies = grid.frequencies
    for chunk in task.chunks(len(time)):
        turns = time[:, None] * torch.from_numpy(frequencies[chunk]).to(device)
        angle = (turns - turns.floor()) * (2.0 * np.pi)
        out.real[:, chunk] = (matrix @ angle.cos()).cpu().numpy()
        out.imag[:, chunk] = -(matrix @ angle.sin()).cpu().numpy()
    return out


def _folded(time_d: FloatArray, task: FoldingTask) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield chunks of frequencies and the phase bin of each point, shape (chunk, n)."""
    time = torch.from_numpy(np.array(time_d, np.float64)).to(task.device)
    if not isinstance(task.frequencies, FrequencyGrid):
        wanted = torch.from_numpy(np.array(task.frequencies, np.float64)).to(task.device)
        for chunk in task.chunks(len(time)):
            turns = wanted[chunk, None] * time
            yield chunk, ((turns - turns.floor()) * task.n_bins).to(torch.int64)
        return
    grid = task.frequencies
    steps = _words(time, grid.step)
    for chunk in task.chunks(len(time)):
        since = chunk.start % RESEED_AFTER
        words = _words(time, grid.f_min + grid.step * (chunk.start - since))
        passed = since + torch.arange(chunk.stop - chunk.start, device=task.device)
        phases = (words + passed[:, None] * steps) % _TURN
        yield chunk, ((phases >> 8) * task.n_bins) >> 24


def _words(time: torch.Tensor, frequency: float) -> torch.Tensor:
    """Return phases as integers, a turn being 2**32."""
    turns = time * frequency
    return ((turns - turns.floor()) * float(_TURN) + 0.5).to(torch.int64) % _TURN


def _bin_sums(
    points: WeightedPoints, task: FoldingTask
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Yield chunks with sums of products and of weights, shape (chunk, n_bands, n_bins)."""
    band = np.repeat(np.arange(points.n_bands), np.diff(points.offsets))
    first_cell = torch.from_numpy(band * task.n_bins).to(task.device)
    for chunk, bins in _folded(points.time_d, task):
        shape = (len(bins), points.n_bands, task.n_bins)
        cells = first_cell + bins
        if task.is_even:
            packed = _scattered(points.words, cells, shape)
            units = torch.from_numpy(points.units).to(task.device)[:, None, :]
            yield chunk, (packed >> 32) * units[..., 0], (packed & (_TURN - 1)) * units[..., 1]
        else:
            yield (
                chunk,
                _scattered(points.product, cells, shape),
                _scattered(points.weight, cells, shape),
            )


def _scattered(
    values: FloatArray | IntArray, cells: torch.Tensor, shape: tuple[int, int, int]
) -> torch.Tensor:
    """Add values to cells, frequency by frequency."""
    added = torch.from_numpy(np.array(values)).to(cells.device)
    flat = torch.zeros((shape[0], shape[1] * shape[2]), dtype=added.dtype, device=cells.device)
    return flat.scatter_add_(1, cells, added.expand(len(cells), -1)).view(shape)


def _running(sums: torch.Tensor) -> torch.Tensor:
    """Return running sums over two turns, beginning with 0."""
    twice = torch.cat([torch.zeros_like(sums[..., :1]), sums, sums], dim=-1)
    return twice.cumsum(-1)
