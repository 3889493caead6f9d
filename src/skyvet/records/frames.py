"""Aligned cutouts of one position at several times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.records.identifiers import Identifier

__all__ = ["FrameSequence"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameSequence:
    """Science frames of one object in time order.

    Parameters
    ----------
    object_id : int or str
        Identifier in the survey's own type (ZTF: the data-release OID).
    frames : ndarray, shape (n_epochs, height, width), float32
        Pixel values [survey's unit]; missing pixels are NaN.
    mjd_tai : ndarray, shape (n_epochs,), float64
        Mid-exposure times [d, TAI], not decreasing; NaN throughout where unknown.
    pixel_scale_arcsec : float
        Angular size of one pixel [arcsec], > 0.

    Raises
    ------
    InvalidInputError
        If shapes disagree, there is no frame, or times are not sorted.
    """

    object_id: Identifier
    frames: FloatArray
    mjd_tai: FloatArray
    pixel_scale_arcsec: float

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        object.__setattr__(self, "frames", as_readonly(self.frames, np.float32))
        object.__setattr__(self, "mjd_tai", as_readonly(self.mjd_tai, np.float64))
        if self.frames.ndim != 3 or self.frames.size == 0:
            raise InvalidInputError(
                f"frames must have shape (n_epochs, height, width), got {self.frames.shape}"
            )
        if self.mjd_tai.shape != self.frames.shape[:1]:
            raise InvalidInputError(
                f"mjd_tai needs one time a frame ({len(self.frames)}), got {self.mjd_tai.shape}"
            )
        if (np.diff(self.mjd_tai) < 0).any():
            raise InvalidInputError("mjd_tai must be sorted; sort the frames first")
        if not self.pixel_scale_arcsec > 0:
            raise InvalidInputError(
                f"pixel_scale_arcsec must be positive, got {self.pixel_scale_arcsec}"
            )

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)
