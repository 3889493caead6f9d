"""Pixels without data: boxes around saturated stars, dead columns."""

from __future__ import annotations

from skyvet.simulation.scene import Scene

__all__ = ["mask_box", "mask_field"]

_MASKED_STAR_SHARE = 0.7
_STRAY_MASK_RATE = 0.03


def mask_box(scene: Scene, *, x: float, y: float, half_px: float) -> None:
    """Mask a box around a position; chipped corners as often as not.

    Parameters
    ----------
    scene : Scene
        Its ``masked`` changes in place.
    x, y : float
        Centre on the canvas [pixels]; may lie outside.
    half_px : float
        Half of the box's side [pixels].
    """
    low_x, high_x = max(round(x - half_px), 0), max(round(x + half_px) + 1, 0)
    low_y, high_y = max(round(y - half_px), 0), max(round(y + half_px) + 1, 0)
    scene.masked[low_y:high_y, low_x:high_x] = True
    if scene.rng.random() < 0.3:
        tall = round(half_px * float(scene.rng.uniform(1.0, 2.5)))
        low, high = max(round(x - 0.6 * half_px), 0), max(round(x + 0.6 * half_px) + 1, 0)
        scene.masked[max(round(y) - tall, 0) : max(round(y) + tall, 0), low:high] = True


def mask_field(scene: Scene) -> None:
    """Mask saturated field stars and now and then a stray box or column, never the target.

    Parameters
    ----------
    scene : Scene
        Its ``masked`` changes in place; detection pixels stay.
    """
    rng, fwhm = scene.rng, scene.conditions.science_psf.fwhm_px
    well = scene.traits.saturation * fwhm**2
    for star in scene.stars:
        half = float(rng.uniform(3.0, 5.5)) * fwhm if star.template_flux > well else 0.0
        clear = max(abs(star.x - scene.target_x), abs(star.y - scene.target_y)) > half + 3
        if half and clear and rng.random() < _MASKED_STAR_SHARE:
            mask_box(scene, x=star.x, y=star.y, half_px=half)
    if rng.random() < _STRAY_MASK_RATE:
        _mask_stray(scene)


def _mask_stray(scene: Scene) -> None:
    rng, size = scene.rng, scene.size_px
    if rng.random() < 0.3:
        column = int(rng.integers(size))
        width = int(rng.integers(1, 8))
        if abs(column + width / 2 - scene.target_x) > width / 2 + 3:
            scene.masked[:, column : column + width] = True
        return
    x, y = rng.uniform(-5, size + 5, 2)
    half = float(rng.uniform(3, 10))
    if max(abs(x - scene.target_x), abs(y - scene.target_y)) > half + 3:
        mask_box(scene, x=float(x), y=float(y), half_px=half)
