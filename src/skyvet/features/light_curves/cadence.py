"""When and how well a source was measured in one band."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.light_curves.blocks import SourceSeries

__all__ = ["CADENCE", "cadence_features"]

CADENCE = (
    "n_points", "fraction_left_out", "baseline_d", "n_nights", "gap_median_d", "gap_p90_d",
    "gap_max_d", "magnitude_err_median", "magnitude_err_p90",
)  # fmt: skip
"""Names of the features."""


def cadence_features(sources: SourceSeries) -> FloatArray:
    """Return the features `CADENCE` of each row of `sources`, shape (n_rows, 9).

    Parameters
    ----------
    sources : SourceSeries
        Clean series.

    Returns
    -------
    ndarray, shape (n_sources * n_bands, 9), float64
        `n_points` is 0 where a band has none; gaps need two points, all else one.
    """
    rows = sources.rows
    values = np.full((len(rows), len(CADENCE)), np.nan)
    n_points, n_left_out = rows.n_points, sources.n_left_out.ravel()
    values[:, 0] = n_points
    n_epochs = n_points + n_left_out
    values[n_epochs > 0, 1] = (n_left_out / np.maximum(n_epochs, 1))[n_epochs > 0]
    for k in np.flatnonzero(n_points):
        points = rows.rows_of(int(k))
        time, error = rows.time_d[points], rows.magnitude_err[points]
        gaps = np.diff(time)
        # A night is what lies more than 8 hours after the measurement before.
        values[k, 2:4] = time[-1] - time[0], 1 + np.count_nonzero(gaps > 1 / 3)
        if len(gaps):
            values[k, 4:7] = np.quantile(gaps, [0.5, 0.9, 1.0])
        values[k, 7:9] = np.quantile(error, [0.5, 0.9])
    return values
