"""The point spread function of a real stamp: from the packet, its header, or its own stars."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.simulation.psf import Psf

__all__ = ["PsfSource", "StampPsf", "estimate_psf", "fwhm_of_stars", "psf_from_array"]

_BETA = 3.0  # wings between a Gaussian and the seeing of ZTF
_STAR_SNR = 25.0
_FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


class PsfSource(enum.StrEnum):
    """Where a PSF comes from, best first."""

    PACKET = "packet"
    HEADER = "header"
    STAMP = "stamp"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StampPsf:
    """A PSF that can be placed anywhere on a stamp.

    Parameters
    ----------
    profile : Psf or ndarray, shape (odd, odd)
        Analytic profile, or an image of sum 1 centred on its central pixel.
    fwhm_px : float
        Full width at half maximum [pixels].
    source : PsfSource
        Where it comes from.
    """

    profile: Psf | FloatArray
    fwhm_px: float
    source: PsfSource

    @property
    def radius_px(self) -> int:
        """Half side of the image that `render` gives: four widths hold the light that matters."""
        if isinstance(self.profile, Psf):
            return math.ceil(4.0 * self.fwhm_px)
        return (len(self.profile) - 1) // 2

    def render(self, *, dx: float = 0.0, dy: float = 0.0) -> FloatArray:
        """Return the light of a source of flux 1 in each pixel.

        Parameters
        ----------
        dx, dy : float, default 0
            Offset from the centre of the central pixel [pixels], at most 1.

        Returns
        -------
        ndarray, shape (2 * radius_px + 1, 2 * radius_px + 1), float64
            Sum 1.
        """
        if isinstance(self.profile, Psf):
            image = self.profile.render(2 * self.radius_px + 1, dx=dx, dy=dy).astype(float)
            return np.asarray(image / image.sum())
        return _fourier_shift(self.profile, dx, dy)

    def place(self, shape: tuple[int, int], row: float, column: float) -> FloatArray:
        """Return a stamp that holds a source of flux 1; light beyond its edges is lost.

        Parameters
        ----------
        shape : tuple of int
            Height and width [pixels].
        row, column : float
            Position [pixels]; the centre of pixel (0, 0) is (0, 0).

        Returns
        -------
        ndarray, shape `shape`, float64
        """
        i_row, i_column = round(row), round(column)
        source = self.render(dx=column - i_column, dy=row - i_row)
        reach = self.radius_px
        canvas = np.zeros((shape[0] + 2 * reach, shape[1] + 2 * reach))
        if -reach <= i_row < shape[0] + reach and -reach <= i_column < shape[1] + reach:
            rows = slice(max(i_row, 0), i_row + 2 * reach + 1)
            columns = slice(max(i_column, 0), i_column + 2 * reach + 1)
            part = source[max(-i_row, 0) :, max(-i_column, 0) :]
            height, width = canvas[rows, columns].shape
            canvas[rows, columns] += part[:height, :width]
        return canvas[reach : reach + shape[0], reach : reach + shape[1]]


def estimate_psf(triplet: CutoutTriplet, *, header_fwhm_px: float = math.nan) -> StampPsf:
    """Return the best PSF known for a triplet.

    The packet's own PSF plane (science, then difference) goes first, then the width of stars in
    the stamp, then the width in the header: ZTF's ``fwhm`` is that of the *candidate*, which for
    an artefact is not the PSF.

    Parameters
    ----------
    triplet : CutoutTriplet
        Real stamps.
    header_fwhm_px : float
        Width that the packet states [pixels]; NaN where it states none.

    Returns
    -------
    StampPsf

    Raises
    ------
    InvalidInputError
        If nothing tells the width.
    """
    for cutout in (triplet.science, triplet.difference):
        if cutout is not None and cutout.psf is not None:
            return psf_from_array(cutout.psf)
    fwhm = math.nan if triplet.science is None else fwhm_of_stars(triplet.science)
    if math.isfinite(fwhm):
        return StampPsf(profile=Psf(fwhm_px=fwhm, beta=_BETA), fwhm_px=fwhm, source=PsfSource.STAMP)
    if 1.0 <= header_fwhm_px <= 12.0:
        profile = Psf(fwhm_px=header_fwhm_px, beta=_BETA)
        return StampPsf(profile=profile, fwhm_px=header_fwhm_px, source=PsfSource.HEADER)
    raise InvalidInputError(
        "no PSF: the packet has no PSF plane, no star is bright enough to measure and the header "
        f"width is {header_fwhm_px}; give fwhm_px"
    )


def psf_from_array(image: FloatArray) -> StampPsf:
    """Turn the PSF plane of a packet into one of odd size and sum 1.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        As sent, centred on pixel ``((height - 1) // 2, (width - 1) // 2)``; non-finite pixels
        count as 0.

    Raises
    ------
    InvalidInputError
        If its sum is not positive.

    Examples
    --------
    >>> psf_from_array(np.ones((3, 3))).radius_px
    1
    """
    image = np.nan_to_num(np.asarray(image, dtype=float), posinf=0.0, neginf=0.0)
    height, width = image.shape
    peak_row, peak_column = (height - 1) // 2, (width - 1) // 2
    reach = int(min(peak_row, height - 1 - peak_row, peak_column, width - 1 - peak_column))
    image = image[
        peak_row - reach : peak_row + reach + 1, peak_column - reach : peak_column + reach + 1
    ]
    total = float(image.sum())
    if not total > 0:
        raise InvalidInputError(f"a PSF must have a positive sum, got {total}")
    image = as_readonly(image / total, np.float64)
    # area above half of the peak is that of a disc as wide as the FWHM
    fine = ndimage.zoom(image, 4, order=3)
    area = float((fine >= 0.5 * fine.max()).sum()) / 16.0
    return StampPsf(profile=image, fwhm_px=2.0 * math.sqrt(area / math.pi), source=PsfSource.PACKET)


def fwhm_of_stars(cutout: Cutout) -> float:
    """Return the median width of isolated bright stars in a stamp; NaN where there is none.

    Widths come from Gaussian-weighted second moments, iterated until weight and star agree
    (Bernstein & Jarvis 2002, AJ 123, 583). Galaxies are kept out by taking the narrowest half.

    Parameters
    ----------
    cutout : Cutout
        Science stamp.

    Returns
    -------
    float
        Full width at half maximum [pixels].
    """
    pixels = np.asarray(cutout.pixels, dtype=float)
    valid = np.isfinite(pixels)
    if valid.sum() < 100:
        return math.nan
    sky = float(np.median(pixels[valid]))
    noise = 1.4826 * float(np.median(np.abs(pixels[valid] - sky)))
    image = np.where(valid, pixels - sky, 0.0)
    peaks = (image == ndimage.maximum_filter(image, 7)) & (image > _STAR_SNR * max(noise, 1e-12))
    peaks &= image < 0.5 * max(float(image.max()), 4e4)
    widths = [_adaptive_width(image, valid, *place) for place in np.argwhere(peaks)]
    widths = sorted(width for width in widths if math.isfinite(width))
    return float(np.median(widths[: (len(widths) + 1) // 2])) if widths else math.nan


def _adaptive_width(image: FloatArray, valid: FloatArray, row: int, column: int) -> float:
    reach = 6
    box = (slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1))
    star = image[box] if row >= reach and column >= reach else image[:0]
    if star.shape != (2 * reach + 1, 2 * reach + 1) or not valid[box].all():
        return math.nan
    grid = np.arange(-reach, reach + 1.0)
    x, y, variance = 0.0, 0.0, 1.0
    for _ in range(30):
        dx, dy = grid[None, :] - x, grid[:, None] - y
        weighted = star * np.exp(-0.5 * (dx**2 + dy**2) / variance)
        total = float(weighted.sum())
        if total <= 0:
            return math.nan
        x += 2.0 * float((weighted * dx).sum()) / total
        y += 2.0 * float((weighted * dy).sum()) / total
        # under a weight as wide as the star the moments are halved
        variance = float((weighted * (dx**2 + dy**2)).sum()) / total
        if not (0.2 < variance < 16.0 and math.hypot(x, y) < 2.0):
            return math.nan
    return _FWHM_PER_SIGMA * math.sqrt(variance)


def _fourier_shift(image: FloatArray, dx: float, dy: float) -> FloatArray:
    """Shift by a fraction of a pixel; keeps the sum exactly."""
    if dx == 0 and dy == 0:
        return np.array(image, dtype=float)
    size = len(image)
    padded = np.zeros((size + 4, size + 4))
    padded[2:-2, 2:-2] = image
    fx = fft.rfftfreq(size + 4)[None, :]
    fy = fft.fftfreq(size + 4)[:, None]
    phase = np.exp(-2j * np.pi * (fx * dx + fy * dy))
    shifted = fft.irfft2(fft.rfft2(padded) * phase, s=padded.shape)[2:-2, 2:-2]
    return np.asarray(shifted / shifted.sum())
