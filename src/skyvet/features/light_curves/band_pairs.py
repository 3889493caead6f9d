"""How two bands of a source compare: colours, amplitudes, phases, common variations."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.features.light_curves.blocks import FeatureBlock, SourceSeries
from skyvet.features.light_curves.fourier import FourierSeries
from skyvet.features.light_curves.ragged_series import RaggedSeries
from skyvet.features.light_curves.statistics import STATISTICS

__all__ = ["BAND_PAIRS", "PHASE_PAIRS", "band_pair_features", "ordered_pairs"]

_BLUE_TO_RED = ("FUV", "NUV", "u", "U", "b", "B", "g", "V", "c", "r", "R", "o", "i", "I", "z", "y")
_MAX_GAP_D = 0.1
_MIN_PAIRS = 5

BAND_PAIRS = (
    "color_median", "range_ratio", "n_pairs", "pair_correlation", "pair_slope", "pair_color_std",
    "pair_stetson_j",
)  # fmt: skip
"""Names of the features of two bands that need no period."""

PHASE_PAIRS = ("f1_amp_ratio", "f1_phase_lag")
"""Names of those at a period."""


def ordered_pairs(bands: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return neighbouring bands, the bluer one first; bands of unknown names come last.

    Examples
    --------
    >>> ordered_pairs(["r", "g", "i"])
    (('g', 'r'), ('r', 'i'))
    """
    place = {band: rank for rank, band in enumerate(_BLUE_TO_RED)}
    ordered = sorted(bands, key=lambda band: place.get(band, len(place)))
    return tuple(itertools.pairwise(ordered))


def band_pair_features(
    sources: SourceSeries, statistics: FloatArray, fit: FourierSeries | None = None
) -> FeatureBlock:
    """Return the features of neighbouring bands of each source, ``<feature>_<blue>_<red>``.

    Bands are compared and never stacked: measurements pair with the nearest one of the other
    band within 0.1 d, each against its own band's weighted mean.

    Parameters
    ----------
    sources : SourceSeries
        Clean series.
    statistics : ndarray, shape (n_rows, 22)
        Of `sources.rows`, from `basic_statistics`.
    fit : FourierSeries, optional
        Of `sources.rows`; without it the features of `PHASE_PAIRS` are left out.

    Returns
    -------
    FeatureBlock
        NaN where a band is missing, or there are fewer than 5 pairs (`n_pairs` is then given).
    """
    n_bands = len(sources.bands)
    names: list[str] = []
    columns: list[FloatArray] = []
    for blue, red in ordered_pairs(sources.bands):
        first = np.arange(len(sources)) * n_bands + sources.bands.index(blue)
        second = np.arange(len(sources)) * n_bands + sources.bands.index(red)
        values = [_compared(statistics[first], statistics[second])]
        values += [_paired(sources.rows, statistics[:, _WMEAN], (first, second))]
        kinds: tuple[str, ...] = BAND_PAIRS
        if fit is not None:
            values.append(_phased(fit, first, second))
            kinds += PHASE_PAIRS
        names += [f"{kind}_{blue}_{red}" for kind in kinds]
        columns.append(np.concatenate(values, axis=1))
    values_of_all = np.concatenate([*columns, np.empty((len(sources), 0))], axis=1)
    values_of_all[~np.isfinite(values_of_all)] = np.nan
    return FeatureBlock(names=tuple(names), values=values_of_all)


_WMEAN, _MEDIAN, _RANGE = (STATISTICS.index(name) for name in ("wmean", "median", "i80r"))


def _compared(blue: FloatArray, red: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = blue[:, _RANGE] / red[:, _RANGE]
    return np.column_stack([blue[:, _MEDIAN] - red[:, _MEDIAN], ratio])


def _paired(rows: RaggedSeries, means: FloatArray, places: tuple[IntArray, IntArray]) -> FloatArray:
    """Return the statistics of pairs in time."""
    values = np.full((len(places[0]), len(BAND_PAIRS) - 2), np.nan)
    for i_source, (k, other) in enumerate(zip(*places, strict=True)):
        one, two = rows.rows_of(int(k)), rows.rows_of(int(other))
        if one.start == one.stop or two.start == two.stop:
            continue
        i_one, i_two = _nearest_pairs(rows.time_d[one], rows.time_d[two])
        values[i_source, 0] = len(i_one)
        if len(i_one) < _MIN_PAIRS:
            continue
        blue = rows.magnitude[one][i_one] - means[k]
        red = rows.magnitude[two][i_two] - means[other]
        product = blue / rows.magnitude_err[one][i_one] * red / rows.magnitude_err[two][i_two]
        values[i_source, 1:] = _joint_variation(blue, red, product)
    return values


def _nearest_pairs(blue_d: FloatArray, red_d: FloatArray) -> tuple[IntArray, IntArray]:
    """Return which points of two sorted series are each other's nearest, close enough."""
    after = np.clip(np.searchsorted(red_d, blue_d), 1, max(len(red_d) - 1, 1))
    after = np.minimum(after, len(red_d) - 1)
    before = np.maximum(after - 1, 0)
    is_before = np.abs(red_d[before] - blue_d) <= np.abs(red_d[after] - blue_d)
    nearest = np.where(is_before, before, after)
    gap = np.abs(red_d[nearest] - blue_d)
    # Of several that share a partner, the closest keeps it.
    order = np.lexsort((gap, nearest))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = nearest[order][1:] != nearest[order][:-1]
    kept = order[is_first & (gap[order] <= _MAX_GAP_D)]
    return kept, nearest[kept]


def _joint_variation(blue: FloatArray, red: FloatArray, product: FloatArray) -> FloatArray:
    blue_off, red_off = blue - blue.mean(), red - red.mean()
    common = np.sum(blue_off * red_off)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = common / np.sqrt(np.sum(blue_off**2) * np.sum(red_off**2))
        slope = common / np.sum(red_off**2)
    stetson = np.mean(np.sign(product) * np.sqrt(np.abs(product)))
    return np.array([correlation, slope, np.std(blue - red, ddof=1), stetson])


def _phased(fit: FourierSeries, blue: IntArray, red: IntArray) -> FloatArray:
    """Return ratio of first amplitudes and lag of phase in cycles, in [-.5, .5)."""
    amplitude = fit.amplitudes[:, 0]
    is_fitted = (amplitude[blue] > 0) & (amplitude[red] > 0)
    phase = np.arctan2(fit.cosine[:, 0], fit.sine[:, 0]) / (2.0 * np.pi)
    lag = (phase[blue] - phase[red] + 0.5) % 1.0 - 0.5
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = amplitude[blue] / amplitude[red]
    return np.where(is_fitted[:, None], np.column_stack([ratio, lag]), np.nan)
