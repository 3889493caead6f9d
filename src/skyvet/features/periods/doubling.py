"""Half or double: whether every second cycle differs, as the two minima of a binary do."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.periods.consensus import Judge
from skyvet.features.periods.evidence import (
    STEEPNESSES,
    STRENGTHS,
    band_evidence,
    log_mean_exp,
)

__all__ = ["double_log_odds"]

_ODD_SHARE = 0.1
_NO_ODD = 1e9
_MIN_CYCLES = 4.0


def double_log_odds(judge: Judge, frequency: float) -> float:
    """Return the log-odds of twice the period against the period.

    At half the frequency a light curve of the period has even harmonics only. The same even
    harmonics are fitted twice, with odd ones (whose prior variance is a tenth of the even ones')
    and without: the odds are those of odd harmonics being there, averaged over bands, for the bands
    of a star whose cycles change (Blazhko) all say the same.

    Parameters
    ----------
    judge : Judge
        The source.
    frequency : float
        Frequency [1/d].

    Returns
    -------
    float
        Above 0 where alternate cycles differ; NaN with fewer than 4 cycles of the doubled period.
    """
    half = np.array([0.5 * frequency])
    if half[0] * judge.baseline_d < _MIN_CYCLES:
        return np.nan
    with_odd, without = _precisions(judge.max_harmonics)
    gain = _total(judge, half, with_odd) - _total(judge, half, without)
    return gain / len(judge.bands)


def _total(judge: Judge, half: FloatArray, precisions: FloatArray) -> float:
    n_allowed = np.array([len(precisions) // 2])
    by_shape = np.zeros(len(STEEPNESSES))
    for band in judge.bands:
        found = band_evidence(band, half, n_allowed=n_allowed, precisions=precisions)
        by_shape += log_mean_exp(found.reshape(len(STEEPNESSES), len(STRENGTHS)))
    return float(log_mean_exp(by_shape))


def _precisions(max_harmonics: int) -> tuple[FloatArray, FloatArray]:
    """Prior precisions at half the frequency, with odd harmonics and without."""
    m = np.repeat(np.arange(1, 2 * max_harmonics + 1), 2)
    k, is_odd = (m + 1) // 2, m % 2 == 1
    even = np.array(
        [k.astype(float) ** steepness / s for steepness in STEEPNESSES for s in STRENGTHS]
    ).T
    with_odd = np.where(is_odd[:, None], even / _ODD_SHARE, even)
    return np.ascontiguousarray(with_odd), np.where(is_odd[:, None], _NO_ODD, even)
