"""Brightness of one object against time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import BoolArray, FloatArray, as_readonly, check_same_length
from skyvet.core.errors import InvalidInputError

__all__ = ["LightCurve"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LightCurve:
    """Epochs of one object, sorted by time, any number of bands.

    Parameters
    ----------
    mjd_tai : ndarray, shape (n_epochs,), float64
        Mid-exposure times [d, TAI], finite and not decreasing.
    flux_njy, flux_err_njy : ndarray, shape (n_epochs,), float64
        Signed flux (difference or total, see `is_difference`) and its error [nJy]; NaN = missing.
    band : ndarray, shape (n_epochs,), str
        Filter of each epoch: ``u g r i z y`` or the survey's own name.
    is_upper_limit : ndarray, shape (n_epochs,), bool
        True where nothing was seen; the flux is then the 5-sigma limit.
    is_difference : bool
        True for difference flux (alert histories), False for total flux.
    total_flux_njy, total_flux_err_njy, reference_arcsec : ndarray, shape (n_epochs,), optional
        Of a difference light curve: total flux, its error [nJy] and the distance of the template's
        source [arcsec], NaN = not known; see `skyvet.records.total_flux.TotalFlux`. None where the
        survey does not tell.

    Raises
    ------
    InvalidInputError
        If lengths differ or times are not finite and sorted.
    """

    mjd_tai: FloatArray
    flux_njy: FloatArray
    flux_err_njy: FloatArray
    band: NDArray[np.str_]
    is_upper_limit: BoolArray
    is_difference: bool
    total_flux_njy: FloatArray | None = None
    total_flux_err_njy: FloatArray | None = None
    reference_arcsec: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check lengths and order and make arrays read-only."""
        for name in ("mjd_tai", "flux_njy", "flux_err_njy"):
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))
        object.__setattr__(self, "band", as_readonly(self.band, np.str_))
        object.__setattr__(self, "is_upper_limit", as_readonly(self.is_upper_limit, np.bool_))
        check_same_length(
            mjd_tai=self.mjd_tai,
            flux_njy=self.flux_njy,
            flux_err_njy=self.flux_err_njy,
            band=self.band,
            is_upper_limit=self.is_upper_limit,
        )
        for name in ("total_flux_njy", "total_flux_err_njy", "reference_arcsec"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))
                check_same_length(mjd_tai=self.mjd_tai, **{name: getattr(self, name)})
        if not np.isfinite(self.mjd_tai).all() or (np.diff(self.mjd_tai) < 0).any():
            raise InvalidInputError("mjd_tai must be finite and sorted; sort the epochs first")

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.mjd_tai)
