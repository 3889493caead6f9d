r"""Difference images by proper image subtraction (ZOGY), and the detection of their peaks.

With Fourier transforms of the images :math:`\hat N, \hat R` and of the *assumed* PSFs
:math:`\hat P_n, \hat P_r`, and noises :math:`\sigma_n, \sigma_r`,

.. math:: \hat D = \sqrt{\sigma_n^2 + \sigma_r^2}\;
    \frac{\hat P_r \hat N - \hat P_n \hat R}
    {\sqrt{\sigma_n^2 |\hat P_r|^2 + \sigma_r^2 |\hat P_n|^2}},

in flux units of the science image. Its noise is white when the assumptions hold. Rings, dipoles
and checkerboards arise because assumed and true PSFs, registration and flux scale differ. LSST's
Alard-Lupton kernel followed by a decorrelation kernel tends to the same image.

References
----------
Zackay, Ofek & Gal-Yam 2016, ApJ 830, 27 (ZOGY, used by ZTF: Masci et al. 2019, PASP 131, 018003);
Alard & Lupton 1998, ApJ 503, 325; Reiss & Lupton 2016, DMTN-021 (decorrelation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from skyvet.core.arrays import FloatArray

__all__ = ["DifferenceImage", "subtract"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DifferenceImage:
    """A difference image with what detection needs.

    Parameters
    ----------
    pixels : ndarray, shape (height, width), float64
        Science minus template [science unit].
    psf : ndarray, shape (height, width), float64
        The difference's assumed PSF, centred on pixel (0, 0) with wrap-around, sum 1.
    snr : ndarray, shape (height, width), float64
        Signed matched-filter significance of a point source at each pixel.
    flux : ndarray, shape (height, width), float64
        Signed PSF flux of a source at each pixel [science unit].
    """

    pixels: FloatArray
    psf: FloatArray
    snr: FloatArray
    flux: FloatArray


def subtract(
    science: FloatArray,
    template: FloatArray,
    *,
    psfs: tuple[FloatArray, FloatArray],
    noises: tuple[float, float],
    variance: FloatArray,
    registration_px: float = 0.0,
) -> DifferenceImage:
    """Subtract a template by ZOGY and filter the difference with its PSF.

    Parameters
    ----------
    science, template : ndarray, shape (height, width), float64
        Images without sky, on one flux scale, finite throughout.
    psfs : tuple of two ndarrays, shape (height, width), float64
        Assumed science and template PSF, centred on pixel (0, 0) with wrap-around, sum 1.
    noises : tuple of float
        Noise of a pixel without source, science and template, > 0.
    variance : ndarray, shape (height, width), float64
        Variance of each pixel of the difference, sources included.
    registration_px : float, default 0
        Registration error allowed for in the significance [pixels].

    Returns
    -------
    DifferenceImage
    """
    shape = science.shape
    noise_n, noise_r = noises
    p_n, p_r, f_n, f_r = (fft.rfft2(image) for image in (*psfs, science, template))
    denominator = np.sqrt(noise_n**2 * np.abs(p_r) ** 2 + noise_r**2 * np.abs(p_n) ** 2)
    scale = np.hypot(noise_n, noise_r) / np.maximum(denominator, 1e-9 * denominator.max())
    difference = scale * (p_r * f_n - p_n * f_r)
    p_d = scale * p_r * p_n
    psf = fft.irfft2(p_d, s=shape)
    matched = fft.irfft2(difference * np.conj(p_d), s=shape)
    # The variance of the matched image: each pixel's variance through the squared filter.
    spread = fft.irfft2(fft.rfft2(variance) * np.conj(fft.rfft2(psf**2)), s=shape)
    spread = np.maximum(spread, 1e-3 * float(np.median(spread)))
    if registration_px > 0:
        model = fft.irfft2(scale * p_n * f_r * np.conj(p_d), s=shape)
        gradient_y, gradient_x = np.gradient(model)
        spread += registration_px**2 * (gradient_x**2 + gradient_y**2)
    return DifferenceImage(
        pixels=fft.irfft2(difference, s=shape),
        psf=psf,
        snr=matched / np.sqrt(spread),
        flux=matched / float((psf**2).sum()),
    )
