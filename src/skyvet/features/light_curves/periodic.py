"""What is measured at a period: Fourier series in each band, the shape of the folded curve."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.light_curves.blocks import FeatureBlock, SourceSeries, per_band
from skyvet.features.light_curves.folded import (
    FOLDED,
    SHAPES,
    folded_features,
    joint_rows,
    shape_features,
)
from skyvet.features.light_curves.fourier import (
    FOURIER,
    N_OF_SCOPE,
    FourierSeries,
    fit_fourier,
    fourier_features,
)

__all__ = ["fit_bands", "fourier_of_algorithms", "periodic_features"]


def fit_bands(sources: SourceSeries, period_d: FloatArray) -> FourierSeries:
    """Fit a Fourier series to each band of each source at the source's period.

    Parameters
    ----------
    sources : SourceSeries
        Clean series.
    period_d : ndarray, shape (n_sources,)
        Periods [d]; NaN = none known.
    """
    return fit_fourier(sources.rows, np.repeat(period_d, len(sources.bands)))


def periodic_features(
    sources: SourceSeries,
    statistics: FloatArray,
    fit: FourierSeries,
    *,
    alias_d: FloatArray,
) -> list[FeatureBlock]:
    """Return Fourier features of each band and shapes at the period, its alias and its double.

    Parameters
    ----------
    sources : SourceSeries
        Clean series.
    statistics : ndarray, shape (n_rows, 22)
        Of `sources.rows`, from `basic_statistics`.
    fit : FourierSeries
        From `fit_bands`.
    alias_d : ndarray, shape (n_sources,)
        Likeliest alias of each period [d]; NaN = none known.
    """
    period_d = fit.period_d[:: max(len(sources.bands), 1)]
    joint = joint_rows(sources, statistics)
    blocks = [
        per_band(FOURIER, fourier_features(fit), sources.bands),
        FeatureBlock(names=FOLDED, values=folded_features(joint, period_d)),
    ]
    for kind, other_d in (("alias", alias_d), ("double", 2.0 * period_d)):
        names = tuple(f"{kind}_{name}" for name in SHAPES)
        blocks.append(FeatureBlock(names=names, values=shape_features(fit_fourier(joint, other_d))))
    return blocks


def fourier_of_algorithms(
    sources: SourceSeries, period_d: Mapping[str, FloatArray]
) -> list[FeatureBlock]:
    """Return SCoPe's 14 Fourier features at the best period of each algorithm.

    Parameters
    ----------
    sources : SourceSeries
        Clean series.
    period_d : mapping of str to ndarray, shape (n_sources,)
        Periods [d] by algorithm.

    Returns
    -------
    list of FeatureBlock
        Columns ``<feature>_<algorithm>_<band>``.
    """
    blocks = []
    for kind, periods in period_d.items():
        values = fourier_features(fit_bands(sources, periods))[:, :N_OF_SCOPE]
        names = [f"{name}_{kind}" for name in FOURIER[:N_OF_SCOPE]]
        blocks.append(per_band(names, values, sources.bands))
    return blocks
