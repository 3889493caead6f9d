"""Small images centred on a candidate, as the survey sent them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.core.errors import InvalidInputError

__all__ = ["N_CUTOUT_KINDS", "Cutout", "CutoutKind", "CutoutTriplet"]


class CutoutKind(enum.IntEnum):
    """The three images of a triplet; the values are the channel order everywhere."""

    SCIENCE = 0
    TEMPLATE = 1
    DIFFERENCE = 2

    @property
    def field(self) -> str:
        """Name of the attribute of `CutoutTriplet` that holds this kind."""
        return self.name.lower()


N_CUTOUT_KINDS = len(CutoutKind)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cutout:
    """One image around a candidate, at the size the survey sent.

    Parameters
    ----------
    pixels : ndarray, shape (height, width), float32
        Pixel values [survey's unit: ADU for ZTF, nJy for LSST]; missing pixels are NaN.
    variance : ndarray, shape (height, width), float32, optional
        Variance of each pixel [unit of `pixels` squared]; LSST only.
    psf : ndarray, shape (psf_height, psf_width), float32, optional
        Point spread function at the candidate, as sent; LSST only.
    centre_row_col : tuple of int, optional
        Pixel of `pixels` that holds the candidate; None where it is the central pixel
        ``((height - 1) // 2, (width - 1) // 2)`` or where nothing better is known. A cutout cut
        by the detector's edge is not central.

    Raises
    ------
    InvalidInputError
        If an image is not two-dimensional or empty, or the variance has another shape.

    Examples
    --------
    >>> Cutout(pixels=np.zeros((3, 5))).shape
    (3, 5)
    """

    pixels: FloatArray
    variance: FloatArray | None = None
    psf: FloatArray | None = None
    centre_row_col: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        object.__setattr__(self, "pixels", as_readonly(self.pixels, np.float32))
        if self.pixels.ndim != 2 or self.pixels.size == 0:
            raise InvalidInputError(
                f"cutout pixels must be a non-empty 2-d image, got shape {self.pixels.shape}"
            )
        if self.variance is not None:
            object.__setattr__(self, "variance", as_readonly(self.variance, np.float32))
            if self.variance.shape != self.pixels.shape:
                raise InvalidInputError(
                    f"variance must have the shape of the pixels {self.pixels.shape}, "
                    f"got {self.variance.shape}"
                )
        if self.psf is not None:
            object.__setattr__(self, "psf", as_readonly(self.psf, np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width [pixels]."""
        height, width = self.pixels.shape
        return height, width

    @property
    def centre(self) -> tuple[int, int]:
        """Row and column of the candidate."""
        if self.centre_row_col is not None:
            return self.centre_row_col
        height, width = self.shape
        return (height - 1) // 2, (width - 1) // 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutoutTriplet:
    """Science, template and difference cutouts of one candidate.

    Parameters
    ----------
    science, template, difference : Cutout or None
        Sizes may differ between the three at a detector's edge. None where the survey sends no
        such image (ATLAS has no template).
    pixel_scale_arcsec : float
        Angular size of one pixel [arcsec], > 0.

    Raises
    ------
    InvalidInputError
        If all three are None, or the pixel scale is not positive.
    """

    science: Cutout | None
    template: Cutout | None
    difference: Cutout | None
    pixel_scale_arcsec: float

    def __post_init__(self) -> None:
        """Check that there is something to look at."""
        if not self.pixel_scale_arcsec > 0:
            raise InvalidInputError(
                f"pixel_scale_arcsec must be positive, got {self.pixel_scale_arcsec}"
            )
        if all(cutout is None for _, cutout in self.items()):
            raise InvalidInputError("a triplet needs at least one cutout, got none")

    def items(self) -> Iterator[tuple[CutoutKind, Cutout | None]]:
        """Yield every kind with its cutout, in channel order."""
        for kind in CutoutKind:
            yield kind, getattr(self, kind.field)

    def get(self, kind: CutoutKind) -> Cutout | None:
        """Return the cutout of one kind, or None where the survey sent none."""
        cutout: Cutout | None = getattr(self, kind.field)
        return cutout
