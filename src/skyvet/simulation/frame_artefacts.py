"""What spoils single frames of a sequence: eight kinds, named as in the SNAD knowledge base.

Each kind draws its fixed properties once an object (`draw_painter`) and returns a painter that
spoils one exposure in place. They differ from the artefacts of difference images: here the object
itself stays where it is and the same defect may come back at every visit.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.simulation.psf import Psf

__all__ = ["Exposure", "FrameArtefact", "Painter", "draw_painter", "persistence"]


class FrameArtefact(enum.StrEnum):
    """Kinds of artefacts in frames; the values are the tags of the SNAD knowledge base."""

    GHOST = "ghost"
    TRACK = "track"
    COLUMN = "column"
    BRIGHT_STAR = "bright_star"
    SPIKE = "spike"
    DEFOCUSING = "defocusing"
    FRAME_EDGE = "frame_edge"
    COSMIC_RAY = "cosmic"


@dataclass(slots=True, kw_only=True, eq=False)
class Exposure:
    """One frame in the making.

    Parameters
    ----------
    light : ndarray, shape (size, size), float64
        Expected light above the sky [ADU]; painters change it in place.
    missing_mask : ndarray, shape (size, size), bool
        True = no data; painters change it in place.
    psf : Psf
        The exposure's profile.
    noise : float
        Standard deviation of a pixel without source [ADU].
    centre_x, centre_y : float
        Where the object lies [pixels].
    rng : Generator
        Source of what differs from exposure to exposure.
    """

    light: FloatArray
    missing_mask: BoolArray
    psf: Psf
    noise: float
    centre_x: float
    centre_y: float
    rng: np.random.Generator

    def offsets(self, dx: float = 0.0, dy: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Offsets of all pixels from a point beside the object: shapes (1, size), (size, 1)."""
        pixels = np.arange(len(self.light), dtype=float)
        return (pixels - self.centre_x - dx)[None, :], (pixels - self.centre_y - dy)[:, None]


Painter = Callable[[Exposure], None]

_PERSISTENCE = {
    FrameArtefact.GHOST: 0.5,
    FrameArtefact.TRACK: 0.0,
    FrameArtefact.COLUMN: 0.6,
    FrameArtefact.BRIGHT_STAR: 1.0,
    FrameArtefact.SPIKE: 0.7,
    FrameArtefact.DEFOCUSING: 0.0,
    FrameArtefact.FRAME_EDGE: 0.5,
    FrameArtefact.COSMIC_RAY: 0.0,
}


def persistence(kind: FrameArtefact) -> float:
    """Return the chance that an artefact of this kind comes back at many visits.

    Examples
    --------
    >>> persistence(FrameArtefact.TRACK)
    0.0
    """
    return _PERSISTENCE[kind]


def draw_painter(
    kind: FrameArtefact, size_px: int, *, strength: float, rng: np.random.Generator
) -> Painter:
    """Draw an artefact of one kind near the object.

    Parameters
    ----------
    kind : FrameArtefact
        What.
    size_px : int
        Side of the frames [pixels].
    strength : float
        Typical excess in units of the sky noise of a pixel, > 0; a bright star and a defocused
        or cut frame do not need it.
    rng : Generator
        Source of the fixed properties.

    Returns
    -------
    callable
        Spoils one `Exposure` in place.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> exposure = Exposure(light=np.zeros((28, 28)), missing_mask=np.zeros((28, 28), bool),
    ...     psf=Psf(fwhm_px=2.0), noise=5.0, centre_x=14.0, centre_y=14.0, rng=rng)
    >>> draw_painter(FrameArtefact.TRACK, 28, strength=10.0, rng=rng)(exposure)
    >>> bool(exposure.light.max() > 20.0)
    True
    """
    return _DRAW[kind](size_px, strength, rng)


def _draw_ghost(size_px: int, strength: float, rng: np.random.Generator) -> Painter:
    """Out-of-focus reflection: a ring or disc much larger than the PSF, edges soft."""
    radius = rng.uniform(0.3, 1.2) * size_px
    angle = rng.uniform(0, 2 * math.pi)
    distance = radius + rng.uniform(-3.0, 3.0) if rng.random() < 0.6 else rng.uniform(0, radius)
    hole = rng.uniform(0.2, 0.5) * radius
    x, y = distance * math.cos(angle), distance * math.sin(angle)
    softness = rng.uniform(0.7, 2.0)

    def paint(exposure: Exposure) -> None:
        jitter = exposure.rng.normal(0.0, 1.5, 2)
        dx, dy = exposure.offsets(x + jitter[0], y + jitter[1])
        r = np.hypot(dx, dy)
        level = strength * exposure.noise * math.exp(0.3 * exposure.rng.standard_normal())
        disc = _step((radius - r) / softness) * (0.35 + 0.65 * _step((r - hole) / softness))
        exposure.light += 0.7 * level * disc

    return paint


def _draw_track(size_px: int, strength: float, rng: np.random.Generator) -> Painter:
    """Satellite or aeroplane: a line, PSF-wide or wider, each time another one."""
    width_factor = rng.uniform(0.9, 1.6)

    def paint(exposure: Exposure) -> None:
        angle = exposure.rng.uniform(0, math.pi)
        miss = exposure.rng.normal(0.0, 1.5)
        dx, dy = exposure.offsets()
        across = math.cos(angle) * dy - math.sin(angle) * dx - miss
        along = math.cos(angle) * dx + math.sin(angle) * dy
        sigma = width_factor * exposure.psf.fwhm_px / 2.355
        level = 2.0 * strength * exposure.noise
        line = np.exp(-0.5 * (across / sigma) ** 2)
        if exposure.rng.random() < 0.2:  # it begins or ends inside the frame
            line = line * _step((along + exposure.rng.uniform(0, 0.4) * size_px) / sigma)
        exposure.light += level * line

    return paint


def _draw_column(size_px: int, strength: float, rng: np.random.Generator) -> Painter:
    """Hot or dead columns: sharp, over the whole height or from one row on."""
    n_columns = int(rng.choice((1, 1, 1, 2, 3)))
    place = rng.normal(0.0, 1.5)
    sign = 1.0 if rng.random() < 0.75 else -1.0
    start = int(rng.integers(-size_px, size_px // 2))

    def paint(exposure: Exposure) -> None:
        first = round(exposure.centre_x + place)
        columns = slice(max(first, 0), max(first + n_columns, 0))
        level = sign * strength * exposure.noise * math.exp(0.2 * exposure.rng.standard_normal())
        exposure.light[max(start, 0) :, columns] += level

    return paint


def _draw_bright_star(size_px: int, strength: float, rng: np.random.Generator) -> Painter:
    """Saturated star at the frame's border: halo, wings and bleeding follow the seeing."""
    angle = rng.uniform(0, 2 * math.pi)
    distance = rng.uniform(0.25, 0.6) * size_px
    x, y = distance * math.cos(angle), distance * math.sin(angle)
    flux = 10 ** rng.uniform(5.8, 7.0)
    halo_share = rng.uniform(0.002, 0.01)
    halo_scale = rng.uniform(6.0, 15.0)
    wobble = 0.02 * min(strength, 10.0)

    def paint(exposure: Exposure) -> None:
        dx, dy = exposure.offsets(x, y)
        level = flux * math.exp(wobble * exposure.rng.standard_normal())
        exposure.light += level * exposure.psf.surface_brightness(dx, dy)
        halo = np.exp(-np.hypot(dx, dy) / halo_scale) / (2 * math.pi * halo_scale**2)
        exposure.light += halo_share * level * halo

    return paint


def _draw_spike(size_px: int, strength: float, rng: np.random.Generator) -> Painter:
    """Diffraction spike of a star outside the frame: a thin ray that fades outwards."""
    angle = float(rng.choice((0.0, 0.5))) * math.pi + rng.normal(0.0, 0.06)
    miss = rng.normal(0.0, 1.2)
    length = rng.uniform(0.7, 3.0) * size_px

    def paint(exposure: Exposure) -> None:
        dx, dy = exposure.offsets()
        drift = miss + 0.6 * exposure.rng.standard_normal()
        across = math.cos(angle) * dy - math.sin(angle) * dx - drift
        along = math.cos(angle) * dx + math.sin(angle) * dy + size_px
        sigma = 0.45 * exposure.psf.fwhm_px
        level = 1.5 * strength * exposure.noise * math.exp(0.3 * exposure.rng.standard_normal())
        ray = np.exp(-0.5 * (across / sigma) ** 2 - np.abs(along - size_px) / length)
        exposure.light += level * ray

    return paint


def _draw_defocusing(size_px: int, strength: float, rng: np.random.Generator) -> Painter:  # noqa: ARG001
    """Exposure out of focus: every source becomes a ring, the mirror's shadow in it."""
    radius = rng.uniform(2.5, 6.0)

    def paint(exposure: Exposure) -> None:
        from scipy import ndimage  # noqa: PLC0415 - slow to import, and needed here alone

        outer = radius * math.exp(0.1 * exposure.rng.standard_normal())
        reach = math.ceil(outer) + 1
        grid = np.arange(-reach, reach + 1)
        r = np.hypot(grid[None, :], grid[:, None])
        kernel = _step((outer - r) / 0.4) * _step((r - 0.5 * outer) / 0.4)
        exposure.light[...] = ndimage.convolve(
            exposure.light, kernel / kernel.sum(), mode="nearest"
        )

    return paint


def _draw_frame_edge(size_px: int, strength: float, rng: np.random.Generator) -> Painter:
    """End the detector near the object: no data beyond, a glow in the last rows."""
    side = int(rng.integers(4))
    reach = rng.uniform(1.5, 7.0)
    glow = strength * rng.uniform(0.5, 1.5)

    def paint(exposure: Exposure) -> None:
        centre = exposure.centre_x if side < 2 else exposure.centre_y
        pixels = np.arange(size_px) - centre
        beyond = (pixels if side % 2 == 0 else -pixels) - reach - exposure.rng.normal(0.0, 1.0)
        rising = np.where(beyond < 0, glow * exposure.noise * np.exp(beyond / 1.5), 0.0)
        shape = (1, size_px) if side < 2 else (size_px, 1)
        exposure.light += rising.reshape(shape)
        exposure.missing_mask |= np.broadcast_to((beyond >= 0).reshape(shape), (size_px, size_px))

    return paint


def _draw_cosmic_ray(size_px: int, strength: float, rng: np.random.Generator) -> Painter:  # noqa: ARG001
    """Charged particle: a few sharp pixels or a short worm on the object, never PSF-shaped."""

    def paint(exposure: Exposure) -> None:
        n_steps = int(exposure.rng.choice((1, 2, 3, 4, 6, 9)))
        angle = exposure.rng.uniform(0, 2 * math.pi)
        x = exposure.centre_x + exposure.rng.normal(0.0, 1.5)
        y = exposure.centre_y + exposure.rng.normal(0.0, 1.5)
        level = 4.0 * strength * exposure.noise
        for i_step in range(n_steps):
            column = round(x + i_step * math.cos(angle))
            row = round(y + i_step * math.sin(angle))
            if 0 <= row < size_px and 0 <= column < size_px:
                exposure.light[row, column] += level * exposure.rng.uniform(0.6, 1.4)

    return paint


def _step(values: FloatArray) -> FloatArray:
    """Smooth step from 0 to 1."""
    return np.asarray(0.5 * (1.0 + np.tanh(values)))


_DRAW: dict[FrameArtefact, Callable[[int, float, np.random.Generator], Painter]] = {
    FrameArtefact.GHOST: _draw_ghost,
    FrameArtefact.TRACK: _draw_track,
    FrameArtefact.COLUMN: _draw_column,
    FrameArtefact.BRIGHT_STAR: _draw_bright_star,
    FrameArtefact.SPIKE: _draw_spike,
    FrameArtefact.DEFOCUSING: _draw_defocusing,
    FrameArtefact.FRAME_EDGE: _draw_frame_edge,
    FrameArtefact.COSMIC_RAY: _draw_cosmic_ray,
}
