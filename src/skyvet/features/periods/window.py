"""The window function: at which frequencies the times of a source repeat by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.normal_equations import exact_phase_sums

__all__ = ["window_maximum", "window_power"]

_N_AROUND = 9
_RESOLUTIONS = 2.0


def window_power(series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
    r"""Return :math:`|\sum_i e^{2\pi\mathrm{i} f t_i}|^2 / n^2` over all bands' times.

    Parameters
    ----------
    series : sequence of BandSeries
        The source's bands.
    frequencies : ndarray, any shape
        Frequencies [1/d].

    Returns
    -------
    ndarray
        In [0, 1]; 1 where all times have the same phase. NaN without times.

    Examples
    --------
    >>> nights = BandSeries(band="r", time_d=np.arange(30.0), magnitude=np.zeros(30),
    ...     magnitude_err=np.ones(30))
    >>> window_power([nights], np.array([1.0, 1.5])).round(6).tolist()
    [1.0, 0.0]
    """
    time = np.concatenate([one.time_d for one in series]) if series else np.empty(0)
    if not len(time):
        return np.full(np.shape(frequencies), np.nan)
    flat = np.ascontiguousarray(frequencies, dtype=np.float64).ravel()
    sums = exact_phase_sums(time, np.ones((1, len(time))), flat)
    power = np.abs(sums[0]) ** 2 / len(time) ** 2
    return np.asarray(power.reshape(np.shape(frequencies)))


def window_maximum(
    series: Sequence[BandSeries], frequencies: FloatArray, *, baseline_d: float
) -> FloatArray:
    """Return the window's largest power within two resolutions (2 / baseline) of each frequency.

    A slow variation or a trend of period P is seen at 1/d - 1/P and 1/d + 1/P, beside the
    window's peak: this is why the neighbourhood counts.

    Parameters
    ----------
    series : sequence of BandSeries
        The source's bands.
    frequencies : ndarray, shape (n,)
        Frequencies [1/d].
    baseline_d : float
        Last less first time [d], above 0.
    """
    around = np.linspace(-_RESOLUTIONS, _RESOLUTIONS, _N_AROUND) / baseline_d
    # Towards frequency 0 every window is 1: a slow period is no alias of the times.
    near = np.abs(frequencies[:, None] + around)
    power = np.where(near < _RESOLUTIONS / baseline_d, 0.0, window_power(series, near))
    return np.asarray(power.max(axis=1))
