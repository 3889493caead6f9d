"""Point spread functions: elliptical, slightly comatic Moffat profiles on pixels.

References
----------
Moffat 1969, A&A 3, 455 (the profile); Bernstein & Jarvis 2002, AJ 123, 583 (distortion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError

__all__ = ["EffectivePsf", "Psf", "tabulate_psf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Psf:
    """An elliptical Moffat profile of unit flux.

    Parameters
    ----------
    fwhm_px : float
        Full width at half maximum of the round profile of equal area [pixels], > 0.
    beta : float, default 3.5
        Wing exponent, > 1; 4.765 resembles Kolmogorov turbulence, larger is Gaussian-like.
    e1, e2 : float, default 0
        Distortion along x and along the diagonal: ``(a² - b²) / (a² + b²)`` in size, below 1.
    coma_x, coma_y : float, default 0
        Lopsidedness, at most 0.3 in size; 0 is symmetric. The flux stays 1 to second order.

    Raises
    ------
    InvalidInputError
        If a parameter lies outside its range.

    Examples
    --------
    >>> psf = Psf(fwhm_px=2.0)
    >>> round(float(psf.render(33).sum()), 2)
    1.0
    """

    fwhm_px: float
    beta: float = 3.5
    e1: float = 0.0
    e2: float = 0.0
    coma_x: float = 0.0
    coma_y: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (self.fwhm_px > 0 and self.beta > 1):
            raise InvalidInputError(
                f"a PSF needs fwhm_px > 0 and beta > 1, got {self.fwhm_px} and {self.beta}"
            )
        if math.hypot(self.e1, self.e2) >= 1 or math.hypot(self.coma_x, self.coma_y) > 0.3:
            raise InvalidInputError(
                f"a PSF needs |e| < 1 and |coma| <= 0.3, got e=({self.e1}, {self.e2}), "
                f"coma=({self.coma_x}, {self.coma_y})"
            )

    @property
    def scale_px(self) -> float:
        """The Moffat scale ``alpha`` [pixels]."""
        return 0.5 * self.fwhm_px / math.sqrt(2.0 ** (1.0 / self.beta) - 1.0)

    @property
    def parameters(self) -> FloatArray:
        """Scale, beta, peak, the three shape terms and coma, as rendering kernels take them."""
        det = math.sqrt(1.0 - self.e1**2 - self.e2**2)
        peak = (self.beta - 1.0) / (math.pi * self.scale_px**2)
        shape = ((1.0 - self.e1) / det, (1.0 + self.e1) / det, -2.0 * self.e2 / det)
        return np.array(
            [self.scale_px**2, self.beta, peak, *shape, self.coma_x, self.coma_y], dtype=np.float64
        )

    def surface_brightness(self, dx: FloatArray, dy: FloatArray) -> FloatArray:
        """Profile at offsets from the centre.

        Parameters
        ----------
        dx, dy : ndarray, any one shape
            Offsets [pixels].

        Returns
        -------
        ndarray, the same shape
            Flux per square pixel, >= 0, for unit total flux.
        """
        scale2, beta, peak, xx, yy, xy, coma_x, coma_y = self.parameters
        radius2 = xx * dx * dx + yy * dy * dy + xy * dx * dy
        if coma_x or coma_y:
            radius2 = radius2 * (
                1.0 - (coma_x * dx + coma_y * dy) / np.sqrt(radius2 + scale2 + 1e-9)
            )
        return np.asarray(peak * (1.0 + radius2 / scale2) ** -beta)

    def render(
        self, size_px: int, *, dx: float = 0.0, dy: float = 0.0, n_subpixels: int = 5
    ) -> FloatArray:
        """Flux in each pixel of a square stamp, integrated over the pixels.

        Parameters
        ----------
        size_px : int
            Width and height [pixels], > 0.
        dx, dy : float, default 0
            Offset of the source from the centre of pixel ``(size_px - 1) // 2`` [pixels].
        n_subpixels : int, default 5
            Midpoint samples along each side of a pixel.

        Returns
        -------
        ndarray, shape (size_px, size_px), float32
            Sums to 1 less the wings outside.
        """
        fine = (np.arange(size_px * n_subpixels) + 0.5) / n_subpixels - 0.5 - (size_px - 1) // 2
        values = self.surface_brightness(fine[None, :] - dx, fine[:, None] - dy)
        blocks = values.reshape(size_px, n_subpixels, size_px, n_subpixels)
        return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectivePsf:
    """A pixel-integrated PSF on an oversampled grid, for painting many sources.

    Parameters
    ----------
    psf : Psf
        The profile; direct evaluation serves outside the table.
    table : ndarray, shape (n, n), float32
        Flux in a pixel whose centre lies ``(i - n // 2) / oversampling`` from the source.
    oversampling : int
        Grid points a pixel.
    """

    psf: Psf
    table: FloatArray
    oversampling: int


def tabulate_psf(psf: Psf) -> EffectivePsf:
    """Tabulate a PSF out to about two widths, fine enough for cubic interpolation.

    Parameters
    ----------
    psf : Psf
        The profile.

    Returns
    -------
    EffectivePsf

    Examples
    --------
    >>> effective = tabulate_psf(Psf(fwhm_px=2.0))
    >>> effective.oversampling
    6
    """
    oversampling = 6 if psf.fwhm_px < 3.2 else 4 if psf.fwhm_px < 5 else 2
    half = round(max(2.2 * psf.fwhm_px, 4.0)) * oversampling
    # Cells of width 1/oversampling; a pixel is the sum of oversampling cells on each side.
    cells = (np.arange(-half - oversampling // 2, half + oversampling // 2) + 0.5) / oversampling
    values = psf.surface_brightness(cells[None, :], cells[:, None])
    total = np.zeros((len(cells) + 1, len(cells) + 1))
    np.cumsum(np.cumsum(values, axis=0), axis=1, out=total[1:, 1:])
    box = slice(oversampling, None), slice(None, -oversampling)
    summed = total[box[0], :] - total[box[1], :]
    summed = summed[:, box[0]] - summed[:, box[1]]
    table = (summed / oversampling**2).astype(np.float32)
    return EffectivePsf(psf=psf, table=table, oversampling=oversampling)
