"""A scene in the making: stars, galaxies and light that classes add before it is rendered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.simulation.conditions import Conditions
from skyvet.simulation.surveys import SurveyTraits

__all__ = ["Galaxy", "ImageStep", "Scene", "Star", "draw_field", "draw_galaxy"]

ImageStep = Callable[[FloatArray, np.random.Generator], None]
"""Changes an image above the sky in place, after noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Star:
    """A point source.

    Parameters
    ----------
    x, y : float
        Position on the canvas [pixels].
    science_flux, template_flux : float
        Flux in each image [pixel unit].
    """

    x: float
    y: float
    science_flux: float
    template_flux: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Galaxy:
    """A Sersic galaxy, the same in both images.

    Parameters
    ----------
    x, y : float
        Centre on the canvas [pixels].
    flux : float
        Total flux [pixel unit].
    radius_px : float
        Half-light radius [pixels].
    index : float
        Sersic index.
    axis_ratio : float
        Minor over major axis.
    angle_rad : float
        Direction of the major axis.
    """

    x: float
    y: float
    flux: float
    radius_px: float
    index: float
    axis_ratio: float
    angle_rad: float


@dataclass(slots=True, kw_only=True, eq=False)
class Scene:
    """What a class prepares and rendering turns into images; belongs to one item alone.

    Parameters
    ----------
    traits : SurveyTraits
        The survey.
    conditions : Conditions
        Circumstances; a class may replace them.
    size_px : int
        Side of the canvas [pixels], larger than the stamp.
    rng : numpy.random.Generator
        The item's own source of randomness.
    stars, galaxies : list
        Sources.
    science_light, template_light : ndarray, shape (size_px, size_px)
        Further light above the sky, before noise [pixel unit].
    science_steps, template_steps : list of ImageStep
        What happens to the images after noise.
    masked : ndarray, shape (size_px, size_px), bool
        True = no data in all three images.
    target_x, target_y : float
        Where the class puts its detection [pixels].
    search_px : float
        How far from the target the detected peak may lie [pixels].
    sign : int
        Sign of the peak: 1, -1, or 0 for either.
    injected_flux : float
        Flux put in at the target [pixel unit]; NaN where the class injects none.
    host : str
        What the source sits on: ``galaxy``, ``star`` or empty.
    solar_system_magnitude : float
        Predicted magnitude of a Solar System object; NaN where there is none.
    edge : tuple or None
        Axis (0 x, 1 y), side (-1 low, 1 high) and distance [pixels] of a detector edge that the
        class puts near the target.
    """

    traits: SurveyTraits
    conditions: Conditions
    size_px: int
    rng: np.random.Generator
    stars: list[Star] = field(default_factory=list)
    galaxies: list[Galaxy] = field(default_factory=list)
    science_light: FloatArray = field(init=False)
    template_light: FloatArray = field(init=False)
    science_steps: list[ImageStep] = field(default_factory=list)
    template_steps: list[ImageStep] = field(default_factory=list)
    masked: BoolArray = field(init=False)
    target_x: float = field(init=False)
    target_y: float = field(init=False)
    search_px: float = 2.5
    sign: int = 1
    injected_flux: float = math.nan
    host: str = ""
    solar_system_magnitude: float = math.nan
    edge: tuple[int, int, float] | None = None

    def __post_init__(self) -> None:
        """Make empty canvases and put the target near the middle, anywhere in its pixel."""
        shape = (self.size_px, self.size_px)
        self.science_light = np.zeros(shape)
        self.template_light = np.zeros(shape)
        self.masked = np.zeros(shape, dtype=bool)
        middle = (self.size_px - 1) // 2
        offset = self.rng.uniform(-0.5, 0.5, 2)
        self.target_x, self.target_y = middle + float(offset[0]), middle + float(offset[1])

    def offsets(self) -> tuple[FloatArray, FloatArray]:
        """Offsets of every pixel from the target: dx, shape (1, n), and dy, shape (n, 1)."""
        pixels = np.arange(self.size_px, dtype=float)
        return (pixels - self.target_x)[None, :], (pixels - self.target_y)[:, None]

    def add_star(
        self, science_flux: float, template_flux: float, *, dx: float = 0.0, dy: float = 0.0
    ) -> None:
        """Add a star at an offset from the target [pixels]."""
        self.stars.append(
            Star(
                x=self.target_x + dx, y=self.target_y + dy,
                science_flux=science_flux, template_flux=template_flux,
            )
        )  # fmt: skip

    def draw_detection_flux(
        self, *, median_snr: float = 15.0, scatter: float = 0.7, bright_share: float = 0.0
    ) -> float:
        """Draw the flux of a detection [pixel unit].

        Parameters
        ----------
        median_snr : float, default 15
            Median of the log-normal of the S/N that the pipeline reports, cut at 5.
        scatter : float, default 0.7
            Width of that log-normal.
        bright_share : float, default 0
            Share of sources that are brighter by a factor of order ten.
        """
        snr = 0.0
        while not 5.2 < snr < 5000:
            snr = median_snr * math.exp(scatter * float(self.rng.standard_normal()))
            if self.rng.random() < bright_share:
                snr *= math.exp(float(self.rng.normal(2.5, 1.0)))
        return snr * self.traits.snr_inflation * self.conditions.point_noise


def _star_magnitudes(scene: Scene, n_stars: int) -> FloatArray:
    """Draw magnitudes whose counts rise by 10**0.22 a magnitude."""
    brightest, faintest = scene.traits.star_magnitudes
    slope = 0.22 * math.log(10.0)
    u = scene.rng.random(n_stars)
    low, high = math.exp(slope * brightest), math.exp(slope * faintest)
    return np.asarray(np.log(low + u * (high - low)) / slope)


def draw_field(scene: Scene, *, crowding: float = 1.0) -> None:
    """Add field stars and small galaxies all over the canvas.

    Parameters
    ----------
    scene : Scene
        Changed in place.
    crowding : float, default 1
        Factor on the number of stars.
    """
    rng, traits = scene.rng, scene.traits
    area = (scene.size_px / traits.stamp_px) ** 2
    n_mean = crowding * traits.stars_median * math.exp(traits.stars_scatter * float(rng.normal()))
    n_stars = min(int(rng.poisson(n_mean * area)), 400)
    positions = rng.uniform(-5, scene.size_px + 5, (2, n_stars))
    for x, y, magnitude in zip(*positions, _star_magnitudes(scene, n_stars), strict=True):
        flux = scene.conditions.flux(float(magnitude))
        scene.stars.append(Star(x=float(x), y=float(y), science_flux=flux, template_flux=flux))
    for _ in range(min(int(rng.poisson(1.2)), 4)):
        x, y = rng.uniform(0, scene.size_px, 2)
        magnitude = float(traits.star_magnitudes[1] - rng.exponential(1.5))
        scene.galaxies.append(draw_galaxy(scene, x=float(x), y=float(y), magnitude=magnitude))


def draw_galaxy(scene: Scene, *, x: float, y: float, magnitude: float) -> Galaxy:
    """Draw a galaxy of a magnitude; brighter ones are larger.

    Parameters
    ----------
    scene : Scene
        Gives scales and randomness; not changed.
    x, y : float
        Centre [pixels].
    magnitude : float
        Total magnitude.

    Returns
    -------
    Galaxy
    """
    rng = scene.rng
    radius_arcsec = 2.2 * 10 ** (-0.13 * (magnitude - 18.5)) * math.exp(0.4 * float(rng.normal()))
    return Galaxy(
        x=x,
        y=y,
        flux=scene.conditions.flux(magnitude),
        radius_px=float(np.clip(radius_arcsec / scene.traits.pixel_scale_arcsec, 0.4, 30.0)),
        index=float(np.clip(rng.choice((1.0, 1.0, 2.0, 4.0)) + 0.3 * rng.normal(), 0.6, 5.0)),
        axis_ratio=float(rng.uniform(0.25, 1.0)),
        angle_rad=float(rng.uniform(0, math.pi)),
    )
