"""Turn a scene into science, template and difference images (needs numba)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import fft

from skyvet.core.arrays import FloatArray
from skyvet.simulation.detector import Detector, coadd_noise, column_pattern
from skyvet.simulation.difference import DifferenceImage, subtract
from skyvet.simulation.kernels import paint_points, paint_sersic, paint_spikes
from skyvet.simulation.psf import EffectivePsf, Psf, tabulate_psf
from skyvet.simulation.scene import Scene, Star

__all__ = ["Observation", "observe"]

_SPIKE_FLUX_IN_NOISE = 2500.0
_PSF_RADIUS_PX = 18
_ALLOWED_REGISTRATION = 0.3
# Pipelines see the pixel scatter of the smoothed coadd, less than its noise at long wavelengths.
_ASSUMED_TEMPLATE_NOISE = 0.5
_AUREOLE_SHARE = 0.02
_SPIKE_ANGLES = np.array([0.0, 0.5, 0.17, 0.33, 0.67, 0.83]) * math.pi
_SPIKE_STRENGTHS = np.array([4e-4, 3e-5, 3e-5, 3e-5, 3e-5, 3e-5])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observation:
    """Rendered canvases of one scene, all of shape (size_px, size_px).

    Parameters
    ----------
    science, template : ndarray
        Images above the sky [pixel unit].
    science_variance, template_variance : ndarray
        Variance of each pixel [pixel unit squared].
    difference : DifferenceImage
        The subtraction.
    """

    science: FloatArray
    template: FloatArray
    science_variance: FloatArray
    template_variance: FloatArray
    difference: DifferenceImage


def observe(scene: Scene) -> Observation:
    """Render both exposures of a scene and subtract them.

    Parameters
    ----------
    scene : Scene
        Its random generator moves on.

    Returns
    -------
    Observation
    """
    science_light, template_light = _render_light(scene)
    conditions, traits = scene.conditions, scene.traits
    detector = Detector(
        gain=traits.gain,
        noise=conditions.noise,
        saturation=traits.saturation,
        serial_echo=conditions.serial_echo,
    )
    science = detector.expose(science_light, rng=scene.rng)
    science += column_pattern(scene.size_px, size=conditions.column_noise, rng=scene.rng)
    science += _gradient(scene)
    coadd = Detector(
        gain=traits.gain * (conditions.noise / conditions.template_noise) ** 2,
        noise=conditions.template_noise,
        saturation=traits.saturation,
    )
    template_variance = coadd.variance(template_light)
    template = template_light + coadd_noise(template_light.shape, noise=1.0, rng=scene.rng) * (
        np.sqrt(template_variance)
    )
    coadd.bleed(template)
    for image, steps in ((science, scene.science_steps), (template, scene.template_steps)):
        for step in steps:
            step(image, scene.rng)
        image[scene.masked] = 0.0
    science_variance = detector.variance(science_light)
    return Observation(
        science=science,
        template=template,
        science_variance=science_variance,
        template_variance=template_variance,
        difference=_subtract(scene, science, template, science_variance + template_variance),
    )


def _subtract(
    scene: Scene, science: FloatArray, template: FloatArray, variance: FloatArray
) -> DifferenceImage:
    conditions = scene.conditions
    return subtract(
        science,
        template,
        psfs=(
            _psf_on_canvas(conditions.science_model, scene.size_px),
            _psf_on_canvas(conditions.template_model, scene.size_px),
        ),
        noises=(conditions.noise, _ASSUMED_TEMPLATE_NOISE * conditions.template_noise),
        variance=variance,
        registration_px=_ALLOWED_REGISTRATION * scene.traits.registration_px,
    )


def _psf_on_canvas(psf: Psf, size_px: int) -> FloatArray:
    """Pixel-integrated PSF of sum 1 with its centre at pixel (0, 0), wrapped around."""
    middle = size_px // 2
    canvas = np.zeros((size_px, size_px))
    centre = np.array([float(middle)])
    paint_points(canvas, (centre, centre, np.ones(1)), psf=tabulate_psf(psf), floor=1e-6)
    return np.asarray(np.roll(canvas, (-middle, -middle), axis=(0, 1)) / canvas.sum())


def _gradient(scene: Scene) -> FloatArray:
    ramp = np.arange(scene.size_px) - 0.5 * scene.size_px
    conditions = scene.conditions
    return np.asarray(conditions.gradient_x * ramp[None, :] + conditions.gradient_y * ramp[:, None])


def _render_light(scene: Scene) -> tuple[FloatArray, FloatArray]:
    conditions = scene.conditions
    science, template = _render_galaxies(scene)
    _paint_stars(science, scene, psf=conditions.science_psf, is_template=False)
    _paint_stars(template, scene, psf=conditions.template_psf, is_template=True)
    science += scene.science_light
    template += scene.template_light
    return science, template


def _paint_stars(canvas: FloatArray, scene: Scene, *, psf: Psf, is_template: bool) -> None:
    conditions = scene.conditions
    shift_x, shift_y = (conditions.shift_x, conditions.shift_y) if is_template else (0.0, 0.0)
    scale = conditions.flux_scale if is_template else 1.0
    noise = conditions.template_noise if is_template else conditions.noise
    xs = np.array([star.x + shift_x for star in scene.stars])
    ys = np.array([star.y + shift_y for star in scene.stars])
    fluxes = np.array([_flux(star, is_template=is_template) * scale for star in scene.stars])
    if len(fluxes) == 0:
        return
    paint_points(canvas, (xs, ys, fluxes), psf=tabulate_psf(psf), floor=0.05 * noise)
    _paint_aureoles(canvas, scene, sources=(xs, ys, fluxes))
    for x, y, flux in zip(xs, ys, fluxes, strict=True):
        if flux > _SPIKE_FLUX_IN_NOISE * conditions.noise:
            _paint_spikes(canvas, scene, star=(x, y, flux), width_px=0.4 * psf.fwhm_px)


def _paint_aureoles(
    canvas: FloatArray, scene: Scene, *, sources: tuple[FloatArray, FloatArray, FloatArray]
) -> None:
    """Add the shallow outer wings that bright stars show, beyond any Moffat core."""
    xs, ys, fluxes = sources
    is_bright = fluxes > _SPIKE_FLUX_IN_NOISE * scene.conditions.noise
    if is_bright.any():
        wings = _wings(3.0 * scene.traits.fwhm_px)
        bright = xs[is_bright], ys[is_bright], _AUREOLE_SHARE * fluxes[is_bright]
        paint_points(canvas, bright, psf=wings, floor=0.02 * scene.conditions.noise)


@cache
def _wings(fwhm_px: float) -> EffectivePsf:
    return tabulate_psf(Psf(fwhm_px=fwhm_px, beta=1.6))


def _flux(star: Star, *, is_template: bool) -> float:
    return star.template_flux if is_template else star.science_flux


def _paint_spikes(
    canvas: FloatArray, scene: Scene, *, star: tuple[float, float, float], width_px: float
) -> None:
    x, y, flux = star
    is_seen = flux * _SPIKE_STRENGTHS > 0.2 * scene.conditions.noise
    paint_spikes(
        canvas, x, y,
        flux=flux,
        angles_rad=scene.conditions.spike_angle_rad + _SPIKE_ANGLES[is_seen],
        strengths=_SPIKE_STRENGTHS[is_seen],
        width_px=width_px,
        length_px=4.0 * scene.traits.fwhm_px,
    )  # fmt: skip


def _render_galaxies(scene: Scene) -> tuple[FloatArray, FloatArray]:
    size = scene.size_px
    if not scene.galaxies:
        return np.zeros((size, size)), np.zeros((size, size))
    canvas = np.zeros((size, size))
    for galaxy in scene.galaxies:
        paint_sersic(
            canvas, galaxy.x, galaxy.y,
            flux=galaxy.flux, radius_px=galaxy.radius_px, index=galaxy.index,
            axis_ratio=galaxy.axis_ratio, angle_rad=galaxy.angle_rad,
        )  # fmt: skip
    transform = fft.rfft2(canvas)
    conditions = scene.conditions
    science = _convolve(transform, conditions.science_psf, size, shift=(0.0, 0.0))
    template = _convolve(
        transform, conditions.template_psf, size, shift=(conditions.shift_x, conditions.shift_y)
    )
    return science, template * conditions.flux_scale


def _convolve(
    transform: FloatArray, psf: Psf, size: int, *, shift: tuple[float, float]
) -> FloatArray:
    """Convolve with the PSF itself: the galaxy is integrated over pixels already."""
    radius = min(_PSF_RADIUS_PX, (size - 1) // 2)
    offsets = np.arange(-radius, radius + 1.0)
    stamp = psf.surface_brightness(offsets[None, :] - shift[0], offsets[:, None] - shift[1])
    kernel = np.zeros((size, size))
    kernel[: 2 * radius + 1, : 2 * radius + 1] = stamp / stamp.sum()
    kernel = np.roll(kernel, (-radius, -radius), axis=(0, 1))
    return np.asarray(fft.irfft2(transform * fft.rfft2(kernel), s=(size, size)))
