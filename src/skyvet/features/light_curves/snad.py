"""Features of SNAD's package light-curve that SCoPe's statistics do not have."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.optional import require
from skyvet.features.light_curves.ragged_series import RaggedSeries

__all__ = ["SNAD", "snad_features"]

_MIN_POINTS = 4

SNAD = (
    "lc_amplitude", "lc_anderson_darling_normal", "lc_beyond_1_std", "lc_beyond_2_std",
    "lc_cusum", "lc_eta", "lc_eta_e", "lc_excess_variance", "lc_inter_percentile_range_2",
    "lc_kurtosis", "lc_linear_fit_slope", "lc_linear_fit_slope_sigma",
    "lc_linear_fit_reduced_chi2", "lc_linear_trend", "lc_linear_trend_sigma",
    "lc_linear_trend_noise", "lc_magnitude_percentage_ratio_40_5",
    "lc_magnitude_percentage_ratio_20_5", "lc_maximum_slope",
    "lc_median_buffer_range_percentage_10", "lc_median_buffer_range_percentage_20",
    "lc_otsu_mean_diff", "lc_otsu_std_lower", "lc_otsu_std_upper",
    "lc_otsu_lower_to_all_ratio", "lc_percent_amplitude",
    "lc_percent_difference_magnitude_percentile_5",
    "lc_percent_difference_magnitude_percentile_20", "lc_skew", "lc_standard_deviation",
    "lc_qn", "lc_biweight_scale_9",
)  # fmt: skip
"""Names of the features: those of the package after ``lc_``."""


def snad_features(rows: RaggedSeries) -> FloatArray:
    """Return the features `SNAD` of each row.

    Computed by the package light-curve (Malanchev et al. 2021, arXiv:2012.01419).

    Parameters
    ----------
    rows : RaggedSeries
        Measurements.

    Returns
    -------
    ndarray, shape (n_rows, 32), float64
        NaN for rows with fewer than 4 points or a single time, and where the package has no
        finite value.

    Raises
    ------
    MissingDependencyError
        If light-curve is not installed.

    Examples
    --------
    >>> rows = RaggedSeries(
    ...     time_d=np.arange(5.0), magnitude=np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    ...     magnitude_err=np.full(5, 0.1), offsets=np.array([0, 5]))
    >>> float(snad_features(rows)[0, SNAD.index("lc_amplitude")])
    2.0
    """
    package = require("light_curve", extra="light-curves")
    extract = package.Extractor(
        package.Amplitude(), package.AndersonDarlingNormal(), package.BeyondNStd(1.0),
        package.BeyondNStd(2.0), package.Cusum(), package.Eta(), package.EtaE(),
        package.ExcessVariance(), package.InterPercentileRange(0.02), package.Kurtosis(),
        package.LinearFit(), package.LinearTrend(), package.MagnitudePercentageRatio(0.4, 0.05),
        package.MagnitudePercentageRatio(0.2, 0.05), package.MaximumSlope(),
        package.MedianBufferRangePercentage(0.1), package.MedianBufferRangePercentage(0.2),
        package.OtsuSplit(), package.PercentAmplitude(),
        package.PercentDifferenceMagnitudePercentile(0.05),
        package.PercentDifferenceMagnitudePercentile(0.2), package.Skew(),
        package.StandardDeviation(), package.QnScale(), package.BiweightScale(),
    )  # fmt: skip
    values = np.full((len(rows), len(SNAD)), np.nan)
    for k in np.flatnonzero(rows.n_points >= _MIN_POINTS):
        points = rows.rows_of(int(k))
        # The package ends in a panic where there is no time difference at all.
        if rows.time_d[points.start] == rows.time_d[points.stop - 1]:
            continue
        values[k] = extract(
            rows.time_d[points],
            rows.magnitude[points],
            rows.magnitude_err[points],
            sorted=True,
            check=False,
            fill_value=np.nan,
        )
    values[~np.isfinite(values)] = np.nan
    return values
