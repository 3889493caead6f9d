"""The circumstances of one simulated detection: band, sky, noise, seeing, registration."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from skyvet.simulation.psf import Psf
from skyvet.simulation.surveys import Band, SurveyName, SurveyTraits

__all__ = ["Conditions", "draw_conditions", "perturb_psf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Circumstances of one science exposure and its template.

    Parameters
    ----------
    band : str
        Filter.
    zero_point : float
        AB magnitude of one pixel unit of flux.
    sky, template_sky : float
        Sky level kept in the images [pixel unit].
    gradient_x, gradient_y : float
        Slope of the science sky that the pipeline left [pixel unit a pixel].
    noise, template_noise : float
        Standard deviation of a pixel without source [pixel unit].
    column_noise : float
        Standard deviation of column offsets [pixel unit].
    serial_echo : float
        See `skyvet.simulation.detector.Detector`.
    science_psf, template_psf : Psf
        The true profiles.
    science_model, template_model : Psf
        What the pipeline believes them to be.
    shift_x, shift_y : float
        Registration error of the template [pixels].
    flux_scale : float
        Template flux over science flux of a constant star; 1 is perfect.
    spike_angle_rad : float
        Orientation of diffraction spikes.
    """

    band: str
    zero_point: float
    sky: float
    template_sky: float
    gradient_x: float
    gradient_y: float
    noise: float
    template_noise: float
    column_noise: float
    serial_echo: float
    science_psf: Psf
    template_psf: Psf
    science_model: Psf
    template_model: Psf
    shift_x: float
    shift_y: float
    flux_scale: float
    spike_angle_rad: float

    def flux(self, magnitude: float) -> float:
        """Flux of a magnitude [pixel unit]."""
        return float(10.0 ** (0.4 * (self.zero_point - magnitude)))

    def magnitude(self, flux: float) -> float:
        """Magnitude of a positive flux [pixel unit]."""
        return self.zero_point - 2.5 * math.log10(flux)

    @property
    def point_noise(self) -> float:
        """White-noise error of the flux of a point source in the difference [pixel unit]."""
        # Noise-equivalent area of a Gaussian of this width, pixel included.
        sigma2 = (self.science_psf.fwhm_px / 2.355) ** 2 + 1.0 / 12.0
        area = 4.0 * math.pi * sigma2 * 1.25
        return math.sqrt(area) * math.hypot(self.noise, self.template_noise)


def perturb_psf(psf: Psf, *, width: float, shape: float, rng: np.random.Generator) -> Psf:
    """Return a PSF that is slightly wrong.

    Parameters
    ----------
    psf : Psf
        The truth.
    width : float
        Relative scatter of the width.
    shape : float
        Scatter of each distortion term, and half of it of coma.
    rng : numpy.random.Generator
        Source of the errors.
    """
    error = rng.standard_normal(6)
    return replace(
        psf,
        fwhm_px=psf.fwhm_px * math.exp(width * float(error[0])),
        beta=max(1.8, psf.beta * math.exp(3.0 * width * float(error[1]))),
        e1=float(np.clip(psf.e1 + shape * error[2], -0.5, 0.5)),
        e2=float(np.clip(psf.e2 + shape * error[3], -0.5, 0.5)),
        coma_x=float(np.clip(psf.coma_x + 0.5 * shape * error[4], -0.2, 0.2)),
        coma_y=float(np.clip(psf.coma_y + 0.5 * shape * error[5], -0.2, 0.2)),
    )


def _draw_psf(fwhm: float, scatter: float, *, e: float, rng: np.random.Generator) -> Psf:
    draws = rng.standard_normal(5)
    return Psf(
        fwhm_px=max(1.25, fwhm * math.exp(scatter * float(draws[0]))),
        beta=math.exp(float(rng.uniform(math.log(2.2), math.log(9.0)))),
        e1=float(np.clip(e * draws[1], -0.4, 0.4)),
        e2=float(np.clip(e * draws[2], -0.4, 0.4)),
        coma_x=float(np.clip(0.02 * draws[3], -0.2, 0.2)),
        coma_y=float(np.clip(0.02 * draws[4], -0.2, 0.2)),
    )


def _draw_band(traits: SurveyTraits, rng: np.random.Generator) -> Band:
    weights = np.array([band.weight for band in traits.bands])
    return traits.bands[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _draw_sky(band: Band, rng: np.random.Generator) -> tuple[float, float]:
    """Sky and noise, which rise together."""
    common, own = rng.standard_normal(2)
    noise = band.noise * math.exp(band.noise_scatter * common)
    if band.sky == 0:
        return 0.0, noise
    sky = band.sky * math.exp(band.sky_scatter * (0.7 * common + 0.7 * own))
    if band.name == "r" and rng.random() < 0.1:
        sky = 15.0 * math.exp(0.2 * own)
    return sky, noise


def draw_conditions(traits: SurveyTraits, rng: np.random.Generator) -> Conditions:
    """Draw the circumstances of one detection.

    Parameters
    ----------
    traits : SurveyTraits
        The survey's priors.
    rng : numpy.random.Generator
        Source of the draw.

    Returns
    -------
    Conditions
    """
    band = _draw_band(traits, rng)
    sky, noise = _draw_sky(band, rng)
    clouds = rng.exponential(0.6) if rng.random() < 0.08 and band.zero_point_scatter else 0.0
    science = _draw_psf(traits.fwhm_px, traits.fwhm_scatter, e=0.1, rng=rng)
    template = _draw_psf(traits.template_fwhm_px, traits.template_fwhm_scatter, e=0.06, rng=rng)
    quality = math.exp(0.6 * float(rng.standard_normal()))  # how well this field subtracts
    slope = 0.02 * noise / math.sqrt(traits.stamp_px) * rng.standard_t(3, 2)
    shift = traits.registration_px * quality * rng.standard_normal(2)
    is_ztf = traits.name is SurveyName.ZTF
    column = math.exp(0.7 * float(rng.standard_normal())) * (0.1 if is_ztf else 0.02)
    if is_ztf and rng.random() < 0.05:
        column *= 4.0
    return Conditions(
        band=band.name,
        zero_point=band.zero_point + band.zero_point_scatter * float(rng.normal()) - clouds,
        sky=sky,
        template_sky=sky + 0.04 * noise * float(rng.standard_t(3)),
        gradient_x=float(slope[0]),
        gradient_y=float(slope[1]),
        noise=noise,
        template_noise=noise * float(rng.uniform(*traits.template_noise_ratio)),
        column_noise=min(column, 1.2) * noise,
        serial_echo=float(rng.uniform(0.0, 0.12)) if is_ztf else 0.0,
        science_psf=science,
        template_psf=template,
        science_model=perturb_psf(science, width=0.02 * quality, shape=0.015 * quality, rng=rng),
        template_model=perturb_psf(template, width=0.015 * quality, shape=0.01 * quality, rng=rng),
        shift_x=float(shift[0]),
        shift_y=float(shift[1]),
        flux_scale=1.0 + 0.01 * quality * float(rng.normal()),
        spike_angle_rad=0.0 if is_ztf else float(rng.uniform(0, math.pi)),
    )
