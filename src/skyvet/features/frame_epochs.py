"""The brightness at the time of each frame, from the light curve of the same object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import flux_njy_to_magnitude
from skyvet.records.light_curve import LightCurve

__all__ = ["FrameEpochs", "attach_light_curve"]

_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameEpochs:
    """What a light curve says at the times of frames.

    Parameters
    ----------
    i_epoch : ndarray, shape (n_frames,), int64
        Epoch of each frame; -1 where there is none.
    flux_njy, flux_err_njy : ndarray, shape (n_frames,), float64
        Its flux and error [nJy]; NaN where there is none.
    gap_s : ndarray, shape (n_frames,), float64
        Time of the frame minus that of its epoch [s]; NaN where there is none.
    n_attached : int
        Frames that have an epoch.
    n_without : int
        Frames with a time that have none.
    n_unknown_times : int
        Frames without a time.
    n_epochs_unused : int
        Epochs that no frame has.
    """

    i_epoch: NDArray[np.int64]
    flux_njy: FloatArray
    flux_err_njy: FloatArray
    gap_s: FloatArray
    n_attached: int
    n_without: int
    n_unknown_times: int
    n_epochs_unused: int

    @property
    def magnitude(self) -> FloatArray:
        """AB magnitude of each frame's epoch; NaN where there is none."""
        return flux_njy_to_magnitude(self.flux_njy)


def attach_light_curve(
    mjd_tai: FloatArray, light_curve: LightCurve, *, tolerance_s: float = 30.0
) -> FrameEpochs:
    """Give each frame the epoch nearest in time, and each epoch to one frame at most.

    Parameters
    ----------
    mjd_tai : ndarray, shape (n_frames,), float64
        Mid-exposures of the frames [d, TAI], in any order; NaN = unknown.
    light_curve : LightCurve
        Epochs of the same object; may be empty. Choose one band before, where it has several.
    tolerance_s : float, default 30
        Largest difference [s]. ZTF's exposures last 30 s and begin at least 38 s apart.

    Returns
    -------
    FrameEpochs
        Of several frames near one epoch the nearest has it.

    Raises
    ------
    InvalidInputError
        If the tolerance is negative or the times are not one list.

    Examples
    --------
    >>> curve = LightCurve(
    ...     mjd_tai=np.array([1.0, 2.0]), flux_njy=np.array([10.0, 20.0]),
    ...     flux_err_njy=np.ones(2), band=np.array(["r", "r"]),
    ...     is_upper_limit=np.zeros(2, bool), is_difference=False)
    >>> attach_light_curve(np.array([2.0001, 1.5]), curve).flux_njy
    array([20., nan])
    """
    times = np.asarray(mjd_tai, dtype=np.float64)
    if times.ndim != 1 or not tolerance_s >= 0:
        raise InvalidInputError(
            f"one list of times and a tolerance >= 0 s are needed, got shape {times.shape} and "
            f"{tolerance_s}"
        )
    i_epoch, gap_s = _nearest(times, light_curve.mjd_tai)
    i_epoch = np.where(np.abs(gap_s) <= tolerance_s, i_epoch, -1)
    i_epoch = _one_frame_an_epoch(i_epoch, np.abs(gap_s))
    has_epoch = i_epoch >= 0
    n_attached = int(has_epoch.sum())
    n_unknown = int(np.isnan(times).sum())
    return FrameEpochs(
        i_epoch=i_epoch,
        flux_njy=_taken(light_curve.flux_njy, i_epoch),
        flux_err_njy=_taken(light_curve.flux_err_njy, i_epoch),
        gap_s=np.where(has_epoch, gap_s, np.nan),
        n_attached=n_attached,
        n_without=len(times) - n_attached - n_unknown,
        n_unknown_times=n_unknown,
        n_epochs_unused=len(light_curve) - n_attached,
    )


def _nearest(times: FloatArray, epochs: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the nearest of sorted epochs for each time, and the time minus it [s]."""
    if len(epochs) == 0:
        return np.full(len(times), -1), np.full(len(times), np.nan)
    after = np.clip(np.searchsorted(epochs, times), 0, len(epochs) - 1)
    before = np.maximum(after - 1, 0)
    is_before = np.abs(times - epochs[before]) <= np.abs(epochs[after] - times)
    nearest = np.where(is_before, before, after)
    return nearest, (times - epochs[nearest]) * _SECONDS_PER_DAY


def _one_frame_an_epoch(i_epoch: NDArray[np.int64], distance_s: FloatArray) -> NDArray[np.int64]:
    order = np.lexsort((distance_s, i_epoch))
    ordered = i_epoch[order]
    is_repeat = np.concatenate([np.zeros(1, bool), ordered[1:] == ordered[:-1]])[: len(ordered)]
    result = i_epoch.copy()
    result[order[is_repeat]] = -1
    return result


def _taken(values: FloatArray, i_epoch: NDArray[np.int64]) -> FloatArray:
    if len(values) == 0:
        return np.full(len(i_epoch), np.nan)
    return np.where(i_epoch >= 0, values[np.maximum(i_epoch, 0)], np.nan)
