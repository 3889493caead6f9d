"""Rendering of frame sequences: an unchanging field under changing nights (needs numba)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import fft

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.simulation.conditions import Conditions
from skyvet.simulation.detector import Detector, column_pattern
from skyvet.simulation.frame_artefacts import Exposure, Painter
from skyvet.simulation.frame_nights import FrameNights
from skyvet.simulation.kernels import paint_points, paint_sersic
from skyvet.simulation.psf import EffectivePsf, tabulate_psf
from skyvet.simulation.scene import Scene
from skyvet.simulation.surveys import SurveyTraits

__all__ = ["render_frames"]

_PAD_PX = 10


class _Renderer:
    """Paints the unchanging field at any seeing and offset; keeps what epochs share."""

    def __init__(self, scene: Scene, conditions: Conditions) -> None:
        self._scene = scene
        self._conditions = conditions
        self._shape = (scene.size_px + 2 * _PAD_PX,) * 2
        self._psfs: dict[float, EffectivePsf] = {}
        self._galaxies: dict[float, FloatArray] = {}
        self._galaxy_transform = self._paint_galaxies() if scene.galaxies else None
        self._x = np.array([scene.target_x, *(star.x for star in scene.stars)])
        self._y = np.array([scene.target_y, *(star.y for star in scene.stars)])
        self._flux = np.array([0.0, *(star.science_flux for star in scene.stars)])

    def psf(self, fwhm_px: float) -> EffectivePsf:
        """Tabulated PSF of one width, made once."""
        if fwhm_px not in self._psfs:
            base = replace(self._conditions.science_psf, fwhm_px=fwhm_px)
            self._psfs[fwhm_px] = tabulate_psf(base)
        return self._psfs[fwhm_px]

    def light(
        self, fwhm_px: float, offset: tuple[float, float], *, target: float, scale: float,
        floor: float,
    ) -> FloatArray:  # fmt: skip
        """Light above the sky: object, stars and galaxies."""
        light = self._galaxy_light(fwhm_px, offset) * scale
        flux = self._flux * scale
        flux[0] = target
        sources = (self._x + offset[0], self._y + offset[1], flux)
        paint_points(light, sources, psf=self.psf(fwhm_px), floor=floor)
        return light

    def _paint_galaxies(self) -> FloatArray:
        canvas = np.zeros(self._shape)
        for galaxy in self._scene.galaxies:
            paint_sersic(
                canvas, galaxy.x + _PAD_PX, galaxy.y + _PAD_PX,
                flux=galaxy.flux, radius_px=galaxy.radius_px, index=galaxy.index,
                axis_ratio=galaxy.axis_ratio, angle_rad=galaxy.angle_rad,
            )  # fmt: skip
        return np.asarray(fft.rfft2(canvas))

    def _galaxy_light(self, fwhm_px: float, offset: tuple[float, float]) -> FloatArray:
        size = self._scene.size_px
        if self._galaxy_transform is None:
            return np.zeros((size, size))
        if fwhm_px not in self._galaxies:
            grid = fft.fftfreq(self._shape[0], 1.0 / self._shape[0])
            kernel = self.psf(fwhm_px).psf.surface_brightness(grid[None, :], grid[:, None])
            self._galaxies[fwhm_px] = self._galaxy_transform * fft.rfft2(kernel / kernel.sum())
        fx = fft.rfftfreq(self._shape[1])[None, :]
        fy = fft.fftfreq(self._shape[0])[:, None]
        shift = np.exp(-2j * np.pi * (fx * offset[0])) * np.exp(-2j * np.pi * (fy * offset[1]))
        image = fft.irfft2(self._galaxies[fwhm_px] * shift, s=self._shape)
        return np.ascontiguousarray(image[_PAD_PX : _PAD_PX + size, _PAD_PX : _PAD_PX + size])


def render_frames(
    scene: Scene,
    nights: FrameNights,
    target: FloatArray,
    *,
    painter: Painter | None,
    guilty: BoolArray,
) -> FloatArray:
    """Render all epochs of one object.

    Parameters
    ----------
    scene : Scene
        Stars and galaxies of the field; the object lies at its target.
    nights : FrameNights
        Circumstances of the epochs.
    target : ndarray, shape (n_epochs,)
        Flux of the object [ADU].
    painter : callable, optional
        Spoils an exposure; None for a clean object.
    guilty : ndarray, shape (n_epochs,), bool
        Which exposures it spoils.

    Returns
    -------
    ndarray, shape (n_epochs, size_px, size_px), float32
        Frames with sky [ADU]; missing pixels are NaN.
    """
    renderer = _Renderer(scene, nights.conditions)
    frames = np.empty((len(target), scene.size_px, scene.size_px), dtype=np.float32)
    for i in range(len(target)):
        rng = np.random.default_rng(int(nights.seed[i]))
        offset = (float(nights.offset_px[i, 0]), float(nights.offset_px[i, 1]))
        fwhm, noise = float(nights.fwhm_px[i]), float(nights.noise[i])
        scale = 10 ** (0.4 * (nights.zero_point_mag[i] - nights.conditions.zero_point))
        exposure = Exposure(
            light=renderer.light(
                fwhm, offset, target=float(target[i]), scale=float(scale), floor=0.05 * noise
            ),
            missing_mask=np.zeros((scene.size_px, scene.size_px), dtype=bool),
            psf=renderer.psf(fwhm).psf,
            noise=noise,
            centre_x=scene.target_x + offset[0],
            centre_y=scene.target_y + offset[1],
            rng=rng,
        )
        if painter is not None and guilty[i]:
            painter(exposure)
        frames[i] = _expose(exposure, scene.traits, float(nights.sky[i]))
    return frames


def _expose(exposure: Exposure, traits: SurveyTraits, sky: float) -> FloatArray:
    detector = Detector(gain=traits.gain, noise=exposure.noise, saturation=traits.saturation)
    image = detector.expose(exposure.light, rng=exposure.rng)
    width = image.shape[1]
    image += column_pattern(width, size=0.15 * exposure.noise, rng=exposure.rng)
    image += sky
    image[exposure.missing_mask] = np.nan
    return image
