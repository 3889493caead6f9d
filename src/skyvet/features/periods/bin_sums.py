"""Sums of weights and of weighted magnitudes over phase bins, and what they explain.

On an even grid both sums of a bin live in one 64-bit integer, so that a point costs one addition:
the weighted magnitude in units of 2**-30 of the band's sum in the upper half, the weight in units
of 2**-31 in the lower half. Rounding leaves sums right to 1e-7 of the band's for 300 points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.periods.compiled import compiled
from skyvet.features.periods.folding import (
    Device,
    FoldedPoints,
    Frequencies,
    full_lanes,
    gpu_folding,
    torch_device,
)
from skyvet.features.periods.interface import FrequencyGrid
from skyvet.features.periods.phase_lanes import (
    LANES,
    RESEED_AFTER,
    even_phase_bins,
    exact_phase_bins,
    phase_words,
)

__all__ = [
    "Explained",
    "WeightedPoints",
    "binned",
    "explained",
    "weighted_points",
]

_ROWS = 128
_BLOCKS = 16
_ROUNDING = 1e-13
"""Spread of a band, relative to its magnitude, that is rounding alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedPoints:
    """Points with weights and magnitudes about their band's weighted mean.

    Parameters
    ----------
    time_d : ndarray, shape (n,), float64
        Times [d].
    weight, product : ndarray, shape (n,), float64
        Weight w [1/mag^2], and w times the magnitude minus the band's mean [1/mag].
    words : ndarray, shape (n,), int64
        Both, as integers packed into one.
    units : ndarray, shape (n_bands, 2), float64
        What one unit of the packed product and of the packed weight is worth.
    offsets : ndarray, shape (n_bands + 1,), int64
        Band ``b`` is ``offsets[b]:offsets[b + 1]``.
    chi2_null : float
        Sum of w y^2 of all bands.
    """

    time_d: FloatArray
    weight: FloatArray
    product: FloatArray
    words: IntArray
    units: FloatArray
    offsets: IntArray
    chi2_null: float

    @property
    def n_bands(self) -> int:
        """Number of bands."""
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explained:
    """What the means of phase bins explain of the variance.

    Parameters
    ----------
    chi2 : ndarray, shape (n_frequencies,), float64
        Sum over bands and bins of (sum w y)^2 / sum w: by how much chi2 falls where each bin has
        its own mean.
    n_occupied : ndarray, shape (n_frequencies,), float64
        Bins with points, of all bands together.
    """

    chi2: FloatArray
    n_occupied: FloatArray


def weighted_points(
    points: FoldedPoints, *, is_weighted: bool, error_floor_mag: float = 0.0
) -> WeightedPoints:
    """Weight points and subtract each band's mean.

    Parameters
    ----------
    points : FoldedPoints
        Points of all bands.
    is_weighted : bool
        Weights are 1 / error^2; or else 1 / variance of the band, so that bands of unlike
        amplitude or noise count alike and all points of a band alike.
    error_floor_mag : float, default 0
        Added to the errors in quadrature [mag].

    Examples
    --------
    >>> from skyvet.features.periods.folding import points_of
    >>> from skyvet.features.band_series import BandSeries
    >>> band = BandSeries(
    ...     band="r", time_d=[0.0, 1.0], magnitude=[18.0, 19.0], magnitude_err=[0.1, 0.1])
    >>> points = weighted_points(points_of([band], min_points=2), is_weighted=True)
    >>> points.product, points.chi2_null
    (array([-50.,  50.]), 50.0)
    """
    weight = np.empty_like(points.magnitude)
    residual = np.empty_like(points.magnitude)
    words = np.empty(len(weight), np.int64)
    units = np.ones((points.n_bands, 2))
    for i, band in enumerate(points.slices()):
        magnitude = points.magnitude[band] - points.magnitude[band][0]
        if np.abs(magnitude).max() <= _ROUNDING * np.abs(points.magnitude[band]).max():
            magnitude = np.zeros_like(magnitude)
        if is_weighted:
            weight[band] = 1.0 / (points.magnitude_err[band] ** 2 + error_floor_mag**2)
        else:
            variance = float(magnitude.var())
            weight[band] = 1.0 / variance if variance > 0 else 1.0
        residual[band] = magnitude - np.average(magnitude, weights=weight[band])
        words[band], units[i] = _packed(weight[band], weight[band] * residual[band])
    product = weight * residual
    return WeightedPoints(
        time_d=points.time_d,
        weight=weight,
        product=product,
        words=words,
        units=units,
        offsets=points.offsets,
        chi2_null=float((product * residual).sum()),
    )


def _packed(weight: FloatArray, product: FloatArray) -> tuple[IntArray, tuple[float, float]]:
    """Return both numbers of each point in one integer, and the units of both."""
    product_unit = max(float(np.abs(product).sum()), np.finfo(float).tiny * 2**31) / 2**30
    weight_unit = float(weight.sum()) / 2**31
    upper = np.rint(product / product_unit).astype(np.int64)
    lower = np.maximum(np.rint(weight / weight_unit), 1.0).astype(np.int64)
    return (upper << 32) + lower, (product_unit, weight_unit)


def explained(
    points: WeightedPoints, frequencies: Frequencies, *, n_bins: int, device: Device = "cpu"
) -> Explained:
    """Return what the means of phase bins explain at each frequency.

    Parameters
    ----------
    points : WeightedPoints
        At least one band.
    frequencies : FrequencyGrid or ndarray, shape (k,), float64
        Trial frequencies [1/d]: an even grid (packed integers), or any (float64 throughout).
    n_bins : int
        Bins of phase.
    device : {"auto", "cpu", "cuda"}, default "cpu"
        Where to fold.
    """
    on = torch_device(device)
    if on is not None:
        gpu = gpu_folding()
        task = gpu.FoldingTask(frequencies=frequencies, n_bins=n_bins, device=on)
        found: Explained = gpu.explained(points, task)
        return found
    n = frequencies.n if isinstance(frequencies, FrequencyGrid) else len(frequencies)
    out = np.zeros((2, n + -n % LANES))
    for chunk, blocks in binned(points, frequencies, n_bins=n_bins):
        _explain(blocks, out[0, chunk], out[1, chunk])
    return Explained(chi2=out[0, :n], n_occupied=out[1, :n])


def binned(
    points: WeightedPoints, frequencies: Frequencies, *, n_bins: int
) -> Iterator[tuple[slice, FloatArray]]:
    """Yield sums over phase bins for some frequencies at a time, folded on the CPU.

    Parameters
    ----------
    points : WeightedPoints
        At least one band.
    frequencies : FrequencyGrid or ndarray, shape (k,), float64
        Trial frequencies [1/d].
    n_bins : int
        Bins of phase.

    Yields
    ------
    slice
        Which frequencies, in whole blocks of 64; the last block goes beyond the last frequency.
    ndarray, shape (n_blocks, n_bands, 2, n_bins, 64), float64
        Sums of products and of weights; overwritten by the next.

    Examples
    --------
    >>> from skyvet.features.periods.folding import points_of
    >>> from skyvet.features.band_series import BandSeries
    >>> band = BandSeries(
    ...     band="r", time_d=[0.0, 1.0], magnitude=[18.0, 19.0], magnitude_err=[0.1, 0.1])
    >>> points = weighted_points(points_of([band], min_points=2), is_weighted=True)
    >>> for chunk, blocks in binned(points, np.array([0.5]), n_bins=2):
    ...     print(chunk, blocks[0, 0, 0, :, 0])
    slice(0, 64, None) [-50.  50.]
    """
    size = _BLOCKS * LANES
    work = (np.empty((_ROWS, LANES), np.uint8), np.empty((n_bins, LANES), np.int64))
    blocks = np.empty((_BLOCKS, points.n_bands, 2, n_bins, LANES))
    if isinstance(frequencies, FrequencyGrid):
        steps = np.empty((2, len(points.words)), np.uint32)
        phase_words(points.time_d, frequencies.step, steps[1])
        n = frequencies.n + -frequencies.n % LANES
    else:
        wanted = full_lanes(frequencies)
        n = len(wanted)
    for start in range(0, n, size):
        chunk = slice(start, min(start + size, n))
        filled = blocks[: (chunk.stop - start) // LANES]
        if isinstance(frequencies, FrequencyGrid):
            since = start % RESEED_AFTER
            if since == 0:
                phase_words(points.time_d, frequencies.f_min + frequencies.step * start, steps[0])
            packed = (points.words, points.units)
            _fill_even((steps[0], steps[1], since), packed, (points.offsets, work, filled))
        else:
            values = (points.product, points.weight)
            _fill_exact((points.time_d, wanted[chunk]), values, (points.offsets, work, filled))
        yield chunk, filled


@compiled(nogil=True)
def _fill_even(phases, values, into):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill blocks of sums at frequencies of an even grid."""
    words, steps, since = phases
    packed, units = values
    offsets, work, blocks = into
    n_bins = blocks.shape[3]
    for i in range(len(blocks)):
        for band in range(len(offsets) - 1):
            points = (offsets[band], offsets[band + 1], n_bins)
            at = (words, steps, since + i * LANES)
            _band_sums(at, (packed, units[band]), (points, work, blocks[i, band]))


@compiled(nogil=True)
def _fill_exact(phases, values, into):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill blocks of sums at any frequencies, a multiple of 64."""
    time, frequencies = phases
    offsets, work, blocks = into
    n_bins = blocks.shape[3]
    for i in range(len(blocks)):
        at = (time, frequencies[i * LANES : (i + 1) * LANES])
        for band in range(len(offsets) - 1):
            points = (offsets[band], offsets[band + 1], n_bins)
            _band_sums(at, values, (points, work, blocks[i, band]))


@compiled(nogil=True)
def _band_sums(phases, values, into):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the sums of one band at 64 frequencies.

    Values are packed words of all points and the band's units where phases are even, or else
    products and weights of all points.
    """
    (first, last, n_bins), (bins, packed), sums = into
    sums[:] = 0.0
    packed[:] = 0
    for start in range(first, last, _ROWS):
        stop = min(start + _ROWS, last)
        if len(phases) == 3:
            even_phase_bins(phases, (start, stop, n_bins), bins)
            _scatter_packed(bins, values[0][start:stop], packed)
        else:
            exact_phase_bins(phases, (start, stop, n_bins), bins)
            _scatter(bins, (values[0][start:stop], values[1][start:stop]), sums)
    if len(phases) == 3:
        product_unit, weight_unit = values[1]
        for j in range(n_bins):
            for lane in range(LANES):
                sums[0, j, lane] = product_unit * (packed[j, lane] >> 32)
                sums[1, j, lane] = weight_unit * (packed[j, lane] & 0xFFFFFFFF)


@compiled(nogil=True)
def _scatter_packed(bins, words, packed):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add each point's word to its bin in each lane."""
    for i in range(len(words)):
        word = words[i]
        row = bins[i]
        for lane in range(LANES):
            packed[row[lane], lane] += word


@compiled(nogil=True)
def _scatter(bins, values, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add each point's product and weight to its bin in each lane."""
    products, weights = values
    for i in range(len(products)):
        product, weight = products[i], weights[i]
        row = bins[i]
        for lane in range(LANES):
            sums[0, row[lane], lane] += product
            sums[1, row[lane], lane] += weight


@compiled(nogil=True, error_model="numpy")
def _explain(blocks, chi2, n_occupied):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add (sum w y)^2 / sum w over bins and bands, and the number of bins with points."""
    n_blocks, n_bands, _, n_bins, _ = blocks.shape
    for i in range(n_blocks):
        chi2_here = chi2[i * LANES : (i + 1) * LANES]
        occupied_here = n_occupied[i * LANES : (i + 1) * LANES]
        for cell in range(n_bands * n_bins):
            products = blocks[i, cell // n_bins, 0, cell % n_bins]
            weights = blocks[i, cell // n_bins, 1, cell % n_bins]
            for lane in range(LANES):
                weight = weights[lane]
                is_occupied = weight > 0.0
                gain = products[lane] * products[lane] / (weight if is_occupied else 1.0)
                chi2_here[lane] += gain
                occupied_here[lane] += 1.0 if is_occupied else 0.0
