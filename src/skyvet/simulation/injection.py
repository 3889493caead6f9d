"""Point sources of chosen significance put into real triplets, for completeness.

Significance of a source is its flux over the error of a PSF flux in *this* difference stamp: the
robust scatter of matched-filter fluxes at all positions. So correlated noise and residuals count,
as they do for the survey's own detection; the photon noise of the source itself does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, signal

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.records.cutouts import Cutout, CutoutKind, CutoutTriplet
from skyvet.simulation.injection_psf import StampPsf, psf_from_array

__all__ = [
    "SourceFlux",
    "draw_clean_position",
    "inject_source",
    "point_source_flux",
    "point_source_noise",
    "recentre_triplet",
]

_MIN_POSITIONS = 50
_MIN_COVERAGE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFlux:
    """What is injected.

    Parameters
    ----------
    flux : float
        Total flux [unit of the stamps].
    gain : float
        Electrons a unit, for the source's own photon noise; infinite leaves it out.

    Raises
    ------
    InvalidInputError
        If the flux is not finite or the gain not positive.
    """

    flux: float
    gain: float = math.inf

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (math.isfinite(self.flux) and self.gain > 0):
            raise InvalidInputError(
                f"a source needs a finite flux and a gain > 0, got {self.flux} and {self.gain}"
            )


def point_source_flux(pixels: FloatArray, psf: StampPsf) -> FloatArray:
    r"""Return the PSF flux of a source at each pixel.

    .. math:: F = \sum P D \big/ \sum P^2

    over valid pixels, with a source centred on the pixel.

    Parameters
    ----------
    pixels : ndarray, shape (height, width)
        Difference stamp; missing pixels are NaN.
    psf : StampPsf
        Profile.

    Returns
    -------
    ndarray, shape (height, width), float64
        NaN where less than 90 % of the PSF's weight is valid.
    """
    kernel = _core(psf)
    valid = np.isfinite(pixels)
    image = np.where(valid, pixels, 0.0).astype(float)
    numerator = signal.correlate(image, kernel, mode="same", method="fft")
    weight = signal.correlate(valid.astype(float), kernel**2, mode="same", method="fft")
    enough = weight >= _MIN_COVERAGE * float((kernel**2).sum())
    return np.where(enough, numerator / np.where(enough, weight, 1.0), np.nan)


def point_source_noise(difference: Cutout, psf: StampPsf) -> float:
    """Return the error of a PSF flux in a difference stamp.

    Parameters
    ----------
    difference : Cutout
        Difference stamp.
    psf : StampPsf
        Profile.

    Returns
    -------
    float
        1.4826 times the median absolute deviation of the fluxes at all positions but those
        within three widths of the centre [unit of the stamp]. Where fewer than 50 positions can
        be used, the variance plane gives it.

    Raises
    ------
    InvalidInputError
        If there is neither enough room nor a variance plane, or the stamp is blank.
    """
    flux = point_source_flux(difference.pixels, psf)
    flux[_within(difference.shape, difference.centre, 3.0 * psf.fwhm_px)] = np.nan
    values = flux[np.isfinite(flux)]
    if len(values) >= _MIN_POSITIONS:
        noise = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    elif difference.variance is not None:
        kernel = _core(psf)
        noise = math.sqrt(float(np.nanmedian(difference.variance)) / float((kernel**2).sum()))
    else:
        raise InvalidInputError(
            f"only {len(values)} positions of the difference stamp can be measured, "
            f"{_MIN_POSITIONS} are needed"
        )
    if not (math.isfinite(noise) and noise > 0):
        raise InvalidInputError(f"the difference stamp has no noise to measure (got {noise})")
    return noise


def inject_source(
    triplet: CutoutTriplet,
    source: SourceFlux,
    *,
    psf: StampPsf,
    position: tuple[float, float],
    rng: np.random.Generator,
) -> CutoutTriplet:
    """Add a point source to science and difference; the template stays as it is.

    Parameters
    ----------
    triplet : CutoutTriplet
        Real stamps; science and difference in one flux scale.
    source : SourceFlux
        Flux and gain.
    psf : StampPsf
        Profile; where a cutout carries a PSF plane, that plane is used for it.
    position : tuple of float
        Row and column relative to the candidate [pixels].
    rng : Generator
        Source of the photon noise; the same grains go into science and difference.

    Returns
    -------
    CutoutTriplet
        Missing pixels stay missing; variance planes grow by the source's photon noise.

    Raises
    ------
    InvalidInputError
        If there is no difference cutout.

    Examples
    --------
    >>> from skyvet.simulation.injection_psf import psf_from_array
    >>> blank = Cutout(pixels=np.zeros((9, 9)))
    >>> triplet = CutoutTriplet(
    ...     science=blank, template=blank, difference=blank, pixel_scale_arcsec=1.0)
    >>> psf = psf_from_array(np.ones((3, 3)))
    >>> found = inject_source(triplet, SourceFlux(flux=90.0), psf=psf, position=(0.0, 0.0),
    ...     rng=np.random.default_rng(1))
    >>> float(found.difference.pixels.sum())
    90.0
    """
    if triplet.difference is None:
        raise InvalidInputError("a source can only be injected where there is a difference cutout")
    seed = int(rng.integers(1 << 62))

    def added(cutout: Cutout) -> Cutout:
        # equal seeds: one photon is counted once, in science and hence in the difference
        return _add(cutout, source, psf, position, np.random.default_rng(seed))

    return replace(
        triplet,
        science=None if triplet.science is None else added(triplet.science),
        difference=added(triplet.difference),
    )


def draw_clean_position(
    triplet: CutoutTriplet,
    psf: StampPsf,
    *,
    max_shift_px: int,
    rng: np.random.Generator,
    max_significance: float = 4.0,
) -> tuple[int, int] | None:
    """Choose a position of the stamp where nothing is in the difference image.

    Clean means: more than two widths (and 4 px) from the candidate, at most `max_shift_px` from
    it along each axis, all pixels within one width valid in all images, and no pixel within 1.5
    widths where a point source is significant. Host galaxies and stars of the template may be
    there: an unbiased sample of the sky.

    Parameters
    ----------
    triplet : CutoutTriplet
        Real stamps.
    psf : StampPsf
        Profile.
    max_shift_px : int
        Largest distance along each axis [pixels]; re-centring pads the far side by as much.
    rng : Generator
        Source of the choice.
    max_significance : float, default 4
        Flux over its error from which something counts as a source, of either sign.

    Returns
    -------
    tuple of int, or None
        Row and column relative to the candidate; None where no position is clean.
    """
    difference = triplet.difference
    if difference is None:
        return None
    noise = point_source_noise(difference, psf)
    significance = np.abs(point_source_flux(difference.pixels, psf)) / noise
    is_source = ~(significance < max_significance)
    clean = ~ndimage.binary_dilation(is_source, _disc(1.5 * psf.fwhm_px))
    for kind in CutoutKind:
        cutout = triplet.get(kind)
        if cutout is not None and cutout.shape == difference.shape:
            missing = ~np.isfinite(cutout.pixels)
            clean &= ~ndimage.binary_dilation(missing, _disc(psf.fwhm_px))
    row, column = difference.centre
    clean &= ~_within(difference.shape, (row, column), max(2.0 * psf.fwhm_px, 4.0))
    places = np.argwhere(clean) - (row, column)
    places = places[np.abs(places).max(axis=1, initial=0) <= max_shift_px]
    if len(places) == 0:
        return None
    found = places[int(rng.integers(len(places)))]
    return int(found[0]), int(found[1])


def recentre_triplet(triplet: CutoutTriplet, shift: tuple[int, int]) -> CutoutTriplet:
    """Cut all images around another position; what lies outside is missing (NaN).

    Parameters
    ----------
    triplet : CutoutTriplet
        Real stamps.
    shift : tuple of int
        Row and column of the new centre relative to the candidate [pixels].

    Returns
    -------
    CutoutTriplet
        The same sizes; PSF planes stay.

    Examples
    --------
    >>> stamp = Cutout(pixels=np.arange(9.0).reshape(3, 3))
    >>> triplet = CutoutTriplet(
    ...     science=stamp, template=None, difference=stamp, pixel_scale_arcsec=1.0)
    >>> recentre_triplet(triplet, (1, 0)).science.pixels
    array([[ 3.,  4.,  5.], [ 6.,  7.,  8.], [nan, nan, nan]], dtype=float32)
    """
    return replace(
        triplet,
        science=_recentre(triplet.science, shift),
        template=_recentre(triplet.template, shift),
        difference=_recentre(triplet.difference, shift),
    )


def _recentre(cutout: Cutout | None, shift: tuple[int, int]) -> Cutout | None:
    if cutout is None:
        return None
    variance = None if cutout.variance is None else _move(cutout.variance, shift)
    return replace(cutout, pixels=_move(cutout.pixels, shift), variance=variance)


def _move(image: FloatArray, shift: tuple[int, int]) -> FloatArray:
    moved = np.full(image.shape, np.nan, dtype=np.float32)
    here, there = [], []
    for size, step in zip(image.shape, shift, strict=True):
        here.append(slice(max(-step, 0), max(size - max(step, 0), 0)))
        there.append(slice(max(step, 0), max(size + min(step, 0), 0)))
    moved[tuple(here)] = image[tuple(there)]
    return moved


def _add(
    cutout: Cutout,
    source: SourceFlux,
    psf: StampPsf,
    position: tuple[float, float],
    rng: np.random.Generator,
) -> Cutout:
    row, column = cutout.centre
    psf = psf if cutout.psf is None else psf_from_array(cutout.psf)
    light = psf.place(cutout.shape, row + position[0], column + position[1]) * source.flux
    photon_variance = np.abs(light) / source.gain
    noise = np.sqrt(photon_variance) * rng.standard_normal(cutout.shape)
    variance = None if cutout.variance is None else cutout.variance + photon_variance
    return replace(cutout, pixels=cutout.pixels + light + noise, variance=variance)


def _core(psf: StampPsf) -> FloatArray:
    """Return the PSF within two and a half widths, where a matched filter has its weight."""
    image = psf.render()
    reach = min(psf.radius_px, math.ceil(2.5 * psf.fwhm_px))
    centre = psf.radius_px
    window = slice(centre - reach, centre + reach + 1)
    return np.asarray(image[window, window])


def _disc(radius: float) -> BoolArray:
    reach = math.ceil(radius)
    grid = np.arange(-reach, reach + 1)
    return np.asarray(np.hypot(grid[:, None], grid[None, :]) <= radius)


def _within(shape: tuple[int, int], centre: tuple[int, int], radius: float) -> BoolArray:
    rows = np.arange(shape[0])[:, None] - centre[0]
    columns = np.arange(shape[1])[None, :] - centre[1]
    return np.asarray(np.hypot(rows, columns) <= radius)
