"""One source's magnitudes in one band, ready for arithmetic on times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, as_readonly, check_same_length
from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import flux_njy_to_magnitude
from skyvet.core.times import heliocentric_delay_s
from skyvet.records.light_curve_batch import LightCurveBatch

__all__ = ["BandSeries", "band_series_of"]

_SECONDS_PER_DAY = 86_400.0
_MAG_PER_FLUX = 2.5 / math.log(10.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BandSeries:
    """Measurements of one source in one band that are fit for statistics.

    Parameters
    ----------
    band : str
        Name of the filter.
    time_d : ndarray, shape (n,), float64
        Times since `epoch_mjd_tai` [d], not decreasing, at the Sun where the position is known:
        periods are kept there, and light reaches the Earth up to 500 s early or late. The epoch is
        the same for all bands of a source, so that phases agree, and is subtracted in float64:
        float32 of a Julian date has a spacing of 0.25 d.
    magnitude, magnitude_err : ndarray, shape (n,), float64
        AB magnitudes and their errors [mag]; finite, errors above 0.
    epoch_mjd_tai : float
        Where the times start [d, TAI], at the Sun where the position is known.
    n_left_out : int
        Epochs of the band that could not be used: upper limits, missing values, flux or error not
        above 0.

    Raises
    ------
    InvalidInputError
        If lengths differ.
    """

    band: str
    time_d: FloatArray
    magnitude: FloatArray
    magnitude_err: FloatArray
    epoch_mjd_tai: float = 0.0
    n_left_out: int = 0

    def __post_init__(self) -> None:
        """Check lengths and make arrays read-only."""
        for name in ("time_d", "magnitude", "magnitude_err"):
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))
        check_same_length(
            time_d=self.time_d, magnitude=self.magnitude, magnitude_err=self.magnitude_err
        )

    def __len__(self) -> int:
        """Return the number of measurements."""
        return len(self.time_d)


def band_series_of(batch: LightCurveBatch, i_source: int) -> tuple[BandSeries, ...]:
    """Return one source's bands, in the order of ``batch.bands``; a band without epochs is absent.

    Parameters
    ----------
    batch : LightCurveBatch
        Total flux: a difference flux has no magnitude.
    i_source : int
        Which source.

    Raises
    ------
    InvalidInputError
        If the batch holds difference flux.

    Examples
    --------
    >>> batch = LightCurveBatch(
    ...     source_ids=np.array([7]), offsets=np.array([0, 3]), mjd_tai=np.array([5.0, 6.0, 7.0]),
    ...     flux_njy=np.array([1.0, -1.0, 10.0]), flux_err_njy=np.full(3, 0.1), band=np.zeros(3),
    ...     bands=("r",))
    >>> (series,) = band_series_of(batch, 0)
    >>> series.time_d.tolist(), series.magnitude.tolist(), series.n_left_out
    ([0.0, 2.0], [31.4, 28.9], 1)
    """
    if batch.is_difference:
        raise InvalidInputError(
            "difference flux has no magnitude; give total flux (alert packets: "
            "packet_flux=total) for features and periods"
        )
    rows = batch.rows_of(i_source)
    time = _times_at_sun(batch, i_source)
    flux, error = batch.flux_njy[rows], batch.flux_err_njy[rows]
    assert batch.is_upper_limit is not None
    usable = np.isfinite(flux) & np.isfinite(error) & ~batch.is_upper_limit[rows]
    usable &= (np.nan_to_num(flux) > 0) & (np.nan_to_num(error) > 0)
    epoch = float(time[usable][0]) if usable.any() else 0.0
    series = []
    for code in np.unique(batch.band[rows]):
        in_band = batch.band[rows] == code
        kept = in_band & usable
        series.append(
            BandSeries(
                band=batch.bands[code],
                time_d=time[kept] - epoch,
                magnitude=flux_njy_to_magnitude(flux[kept]),
                magnitude_err=_MAG_PER_FLUX * error[kept] / flux[kept],
                epoch_mjd_tai=epoch,
                n_left_out=int(in_band.sum() - kept.sum()),
            )
        )
    return tuple(series)


def _times_at_sun(batch: LightCurveBatch, i_source: int) -> FloatArray:
    """Return a source's times as the Sun's place sees them; as they are without a position."""
    assert batch.ra_deg is not None
    assert batch.dec_deg is not None
    time = batch.mjd_tai[batch.rows_of(i_source)]
    ra_deg, dec_deg = batch.ra_deg[i_source], batch.dec_deg[i_source]
    if not (np.isfinite(ra_deg) and np.isfinite(dec_deg)):
        return time
    delay_s = heliocentric_delay_s(time, ra_deg=ra_deg, dec_deg=dec_deg)
    return np.asarray(time + delay_s / _SECONDS_PER_DAY)
