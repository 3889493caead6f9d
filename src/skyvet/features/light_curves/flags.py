"""Why features of a source are missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray
from skyvet.features.light_curves.blocks import SourceSeries
from skyvet.features.light_curves.statistics import MIN_POINTS
from skyvet.features.periods.found import PeriodFlag

__all__ = ["feature_flags"]


def feature_flags(sources: SourceSeries, period_flags: IntArray) -> NDArray[Any]:
    """Return for each source what is wrong with it, in words joined by ``;``.

    Parameters
    ----------
    sources : SourceSeries
        Clean series.
    period_flags : ndarray, shape (n_sources,)
        Bits of `PeriodFlag`; 0 where no period was sought.

    Returns
    -------
    ndarray, shape (n_sources,), str
        Empty where all is well; ``no_points_<band>``, ``few_points_<band>`` (fewer than 4), and
        ``period_<flag>`` for the flags of the period search.

    Examples
    --------
    >>> from skyvet.features.light_curves.ragged_series import ragged_series_of
    >>> none = SourceSeries(series=((),), bands=("g",), rows=ragged_series_of([None]),
    ...                     n_left_out=np.zeros((1, 1)))
    >>> feature_flags(none, np.array([1])).tolist()
    ['no_points_g;period_too_few_points']
    """
    texts = []
    for n_points, bits in zip(sources.n_points, period_flags, strict=True):
        words = [
            f"{'few' if n else 'no'}_points_{band}"
            for band, n in zip(sources.bands, n_points, strict=True)
            if n < MIN_POINTS
        ]
        words += [f"period_{str(flag.name).lower()}" for flag in PeriodFlag(int(bits))]
        texts.append(";".join(words))
    return np.array(texts, dtype=np.str_)
