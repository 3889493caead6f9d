"""Definitions of the features of one band."""

from __future__ import annotations

from skyvet.features.light_curves.definition import FeatureDefinition, Scope, definitions

__all__ = ["BAND_DEFINITIONS"]

_ANY, _UP, _UNIT = "(-inf, inf)", "[0, inf)", "[0, 1]"
_SCOPE = "SCoPe: Coughlin et al. 2021, arXiv:2009.14071; Healy et al. 2024, arXiv:2312.00143"
_SNAD = "light-curve: Malanchev et al. 2021, arXiv:2012.01419"

_CADENCE = definitions(
    [
        ("n_points", "number of usable measurements", "-", _UP),
        ("fraction_left_out", "unusable epochs (limits, no positive flux or error) / epochs",
         "-", _UNIT),
        ("baseline_d", "last time - first time", "d", _UP),
        ("n_nights", "groups of measurements that are more than 8 h apart", "-", "[1, inf)"),
        ("gap_median_d", "median of consecutive time differences", "d", _UP),
        ("gap_p90_d", "90 % quantile of consecutive time differences", "d", _UP),
        ("gap_max_d", "largest consecutive time difference", "d", _UP),
        ("magnitude_err_median", "median(e)", "mag", "(0, inf)"),
        ("magnitude_err_p90", "90 % quantile of e", "mag", "(0, inf)"),
    ],
    group="cadence", scope=Scope.BAND, reference="skyvet",
    missing="band without usable point (gaps: fewer than 2); n_points is then 0",
)  # fmt: skip

_STATISTICS = definitions(
    [
        ("n", "N", "-", "[4, inf)"),
        ("median", "median(m)", "mag", _ANY),
        ("wmean", "sum(w m) / sum(w)", "mag", _ANY),
        ("chi2red", "sum(w (m - wmean)^2) / (N - 1)", "-", _UP),
        ("roms", "sum(abs(m - median) / e) / (N - 1)", "-", _UP),
        ("wstd", "sqrt(sum(w (m - wmean)^2) / sum(w))", "mag", _UP),
        ("norm_peak_to_peak_amp",
         "(max(m - e) - min(m + e)) / (max(m - e) + min(m + e))", "-", _ANY),
        ("norm_excess_var", "sum((m - wmean)^2 - e^2) / (N wmean^2)", "-", _ANY),
        ("median_abs_dev", "median(abs(m - median)), not scaled to sigma", "mag", _UP),
        ("iqr", "75 % - 25 % quantile, interpolated linearly", "mag", _UP),
        ("i60r", "80 % - 20 % quantile", "mag", _UP),
        ("i70r", "85 % - 15 % quantile", "mag", _UP),
        ("i80r", "90 % - 10 % quantile", "mag", _UP),
        ("i90r", "95 % - 5 % quantile", "mag", _UP),
        ("skew", "N / ((N-1)(N-2)) sum(((m - wmean) / e)^3): weighted by errors", "-", _ANY),
        ("smallkurt", "N(N+1) / ((N-1)(N-2)(N-3)) sum(((m - wmean) / e)^4) - "
         "3(N-1)^2 / ((N-2)(N-3))", "-", _ANY),
        ("inv_vonneumannratio", "sum(dt^-2) wstd^2 / sum(dt^-2 dm^2) over consecutive points "
         "with dt > 0", "-", _UP),
        ("welch_i", "sum(P), P = d_i d_(i+1), d = sqrt(N/(N-1)) (m - wmean) / e; grows with N",
         "-", _ANY),
        ("stetson_j", "sum(sign(P) sqrt(abs(P))), P as in welch_i; grows with N", "-", _ANY),
        ("stetson_k", "(sum(abs(d)) / N) / sqrt(sum(d^2) / N), d as in welch_i", "-", _UNIT),
        ("ad", "Anderson-Darling statistic of m / e against a normal of its mean and deviation",
         "-", _UP),
        ("sw", "Shapiro-Wilk statistic of m / e (Royston 1995), for any N", "-", _UNIT),
    ],
    group="statistics", scope=Scope.BAND, reference=_SCOPE,
    missing="fewer than 4 points, or a division by 0",
)  # fmt: skip

_FOURIER = definitions(
    [
        ("f1_power", "(chi2 of a straight line - chi2 of the series) / chi2 of the line", "-",
         _UNIT),
        ("f1_bic", "chi2 + (2 + 2k) ln N of the series", "-", _UP),
        ("f1_a", "offset a at the first time of the band", "mag", _ANY),
        ("f1_b", "slope b", "mag/d", _ANY),
        ("f1_amp", "sqrt(A_1^2 + B_1^2)", "mag", _UP),
        ("f1_phi0", "phi_1 = atan2(A_1, B_1)", "rad", "(-pi, pi]"),
        *(
            row
            for n in range(2, 6)
            for row in (
                (f"f1_relamp{n - 1}", f"amplitude of harmonic {n} / that of harmonic 1", "-", _UP),
                (f"f1_relphi{n - 1}", f"((phi_{n} / {n} - phi_1) / (2 pi / {n})) mod 1", "-",
                 "[0, 1)"),
            )
        ),
        ("f1_harmonics", "number of harmonics k, 0 to 5, that minimises BIC", "-", "[0, 5]"),
        ("f1_cos_phi1", "cos(2 pi f1_relphi1): does not wrap", "-", "[-1, 1]"),
        ("f1_sin_phi1", "sin(2 pi f1_relphi1)", "-", "[-1, 1]"),
        ("f1_cos_phi2", "cos(2 pi f1_relphi2)", "-", "[-1, 1]"),
        ("f1_sin_phi2", "sin(2 pi f1_relphi2)", "-", "[-1, 1]"),
    ],
    group="fourier", scope=Scope.BAND, reference=_SCOPE,
    missing="no period or fewer than 4 points; relative amplitudes where k = 0, phases of "
            "harmonics above k",
)  # fmt: skip

_SNAD_ROWS = definitions(
    [
        ("lc_amplitude", "(max(m) - min(m)) / 2", "mag", _UP),
        ("lc_anderson_darling_normal", "Anderson-Darling statistic of m, corrected for N", "-",
         _ANY),
        ("lc_beyond_1_std", "fraction of points beyond 1 deviation from the mean", "-", _UNIT),
        ("lc_beyond_2_std", "fraction of points beyond 2 deviations from the mean", "-", _UNIT),
        ("lc_cusum", "range of cumulative sums of (m - mean) / (N deviation)", "-", _UP),
        ("lc_eta", "sum(dm^2) / ((N - 1) variance) over consecutive points", "-", _UP),
        ("lc_eta_e", "eta of slopes, for uneven times", "-", _UP),
        ("lc_excess_variance", "(variance - mean(e^2)) / mean(m)^2", "-", _ANY),
        ("lc_inter_percentile_range_2", "98 % - 2 % quantile", "mag", _UP),
        ("lc_kurtosis", "unbiased excess kurtosis of m", "-", _ANY),
        ("lc_linear_fit_slope", "slope of a weighted line", "mag/d", _ANY),
        ("lc_linear_fit_slope_sigma", "its error", "mag/d", _UP),
        ("lc_linear_fit_reduced_chi2", "its chi2 / (N - 2)", "-", _UP),
        ("lc_linear_trend", "slope of an unweighted line", "mag/d", _ANY),
        ("lc_linear_trend_sigma", "its error", "mag/d", _UP),
        ("lc_linear_trend_noise", "deviation about it", "mag", _UP),
        ("lc_magnitude_percentage_ratio_40_5", "(60 % - 40 % quantile) / (95 % - 5 %)", "-",
         _UNIT),
        ("lc_magnitude_percentage_ratio_20_5", "(80 % - 20 % quantile) / (95 % - 5 %)", "-",
         _UNIT),
        ("lc_maximum_slope", "largest abs(dm / dt) of consecutive points", "mag/d", _UP),
        ("lc_median_buffer_range_percentage_10",
         "fraction of points within 0.1 amplitude of the median", "-", _UNIT),
        ("lc_median_buffer_range_percentage_20",
         "fraction of points within 0.2 amplitude of the median", "-", _UNIT),
        ("lc_otsu_mean_diff", "difference of means of the two parts that Otsu's threshold makes",
         "mag", _UP),
        ("lc_otsu_std_lower", "deviation of the part below the threshold", "mag", _UP),
        ("lc_otsu_std_upper", "deviation of the part above the threshold", "mag", _UP),
        ("lc_otsu_lower_to_all_ratio", "points below the threshold / N", "-", _UNIT),
        ("lc_percent_amplitude", "max(abs(m - median))", "mag", _UP),
        ("lc_percent_difference_magnitude_percentile_5", "(95 % - 5 % quantile) / median", "-",
         _ANY),
        ("lc_percent_difference_magnitude_percentile_20", "(80 % - 20 % quantile) / median", "-",
         _ANY),
        ("lc_skew", "unbiased skewness of m", "-", _ANY),
        ("lc_standard_deviation", "deviation of m", "mag", _UP),
        ("lc_qn", "Qn scale of Rousseeuw and Croux 1993", "mag", _UP),
        ("lc_biweight_scale_9", "biweight scale, tuning constant 9", "mag", _UP),
    ],
    group="snad", scope=Scope.BAND, reference=_SNAD,
    missing="fewer than 4 points, one time only, or no finite value",
)  # fmt: skip

BAND_DEFINITIONS: tuple[FeatureDefinition, ...] = (
    *_CADENCE, *_STATISTICS, *_FOURIER, *_SNAD_ROWS,
)  # fmt: skip
"""All features with one column a band."""
