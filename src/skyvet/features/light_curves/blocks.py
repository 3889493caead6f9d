"""Columns that are computed together, and how rows of one band become columns of a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries, band_series_of
from skyvet.features.light_curves.ragged_series import RaggedSeries, ragged_series_of
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["FeatureBlock", "SourceSeries", "join_blocks", "per_band", "source_series_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureBlock:
    """Named columns of some sources.

    Parameters
    ----------
    names : tuple of str
        Names of the columns.
    values : ndarray, shape (n_sources, len(names)), float64
        NaN = missing.
    """

    names: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceSeries:
    """Clean series of some sources in fixed bands.

    Parameters
    ----------
    series : tuple of tuple of BandSeries
        Bands of each source that has any.
    bands : tuple of str
        Bands with columns.
    rows : RaggedSeries
        Source i in band b is row ``i * len(bands) + b``; empty where the band has no point.
    n_left_out : ndarray, shape (n_sources, n_bands), float64
        Epochs that could not be used.
    """

    series: tuple[tuple[BandSeries, ...], ...]
    bands: tuple[str, ...]
    rows: RaggedSeries
    n_left_out: FloatArray

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self.series)

    @property
    def n_points(self) -> FloatArray:
        """Usable measurements, shape (n_sources, n_bands)."""
        return self.rows.n_points.reshape(len(self), len(self.bands)).astype(np.float64)


def source_series_of(batch: LightCurveBatch, bands: Sequence[str] = ()) -> SourceSeries:
    """Return the clean series of a batch in some bands, or in its own.

    Raises
    ------
    InvalidInputError
        If the batch holds difference flux.
    """
    bands = tuple(bands) or batch.bands
    place = {band: i_band for i_band, band in enumerate(bands)}
    chosen: list[tuple[BandSeries, ...]] = []
    laid_out: list[BandSeries | None] = [None] * (len(batch) * len(bands))
    n_left_out = np.zeros((len(batch), len(bands)))
    for i_source in range(len(batch)):
        kept = tuple(one for one in band_series_of(batch, i_source) if one.band in place)
        chosen.append(kept)
        for one in kept:
            laid_out[i_source * len(bands) + place[one.band]] = one
            n_left_out[i_source, place[one.band]] = one.n_left_out
    return SourceSeries(
        series=tuple(chosen), bands=bands, rows=ragged_series_of(laid_out), n_left_out=n_left_out
    )


def per_band(names: Sequence[str], values: FloatArray, bands: Sequence[str]) -> FeatureBlock:
    """Turn features of rows into columns ``<feature>_<band>`` of sources.

    Examples
    --------
    >>> block = per_band(["n"], np.array([[3.0], [4.0]]), ["g", "r"])
    >>> block.names, block.values.tolist()
    (('n_g', 'n_r'), [[3.0, 4.0]])
    """
    n_columns = len(bands) * len(names)
    return FeatureBlock(
        names=tuple(f"{name}_{band}" for band in bands for name in names),
        values=np.reshape(values, (len(values) // max(len(bands), 1), n_columns)),
    )


def join_blocks(blocks: Sequence[FeatureBlock]) -> FeatureBlock:
    """Put blocks of the same sources side by side."""
    return FeatureBlock(
        names=tuple(name for block in blocks for name in block.names),
        values=np.concatenate([block.values for block in blocks], axis=1),
    )
