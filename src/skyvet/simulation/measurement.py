"""Detect and measure candidates in simulated differences, as a survey's pipeline would."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from skyvet.core.arrays import FloatArray
from skyvet.simulation.difference import DifferenceImage
from skyvet.simulation.rendering import Observation
from skyvet.simulation.scene import Scene

__all__ = ["DETECTION_SNR", "Detection", "find_detection"]

DETECTION_SNR = 5.0
"""Threshold of both surveys on the matched-filter significance."""

MAGNITUDE_PER_SNR = 2.5 / math.log(10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A peak of the matched-filter image above the threshold.

    Parameters
    ----------
    row, column : int
        Its pixel on the canvas.
    x, y : float
        Its sub-pixel position (parabola through the neighbours) [pixels].
    snr : float
        Signed significance that the pipeline reports.
    flux : float
        Signed PSF flux [pixel unit].
    """

    row: int
    column: int
    x: float
    y: float
    snr: float
    flux: float


def find_detection(scene: Scene, difference: DifferenceImage) -> Detection | None:
    """Find the peak that an alert would be centred on.

    Parameters
    ----------
    scene : Scene
        Gives target, search radius, sign and masked pixels.
    difference : DifferenceImage
        The subtraction.

    Returns
    -------
    Detection or None
        None where no unmasked peak near the target reaches the threshold.
    """
    dx, dy = scene.offsets()
    near = (dx**2 + dy**2 <= scene.search_px**2) & ~scene.masked
    snr = difference.snr / scene.traits.snr_inflation
    height = np.where(near, np.abs(snr) if scene.sign == 0 else scene.sign * snr, -np.inf)
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(height)), height.shape))
    if height[row, column] < DETECTION_SNR:
        return None
    x, y = _refine(np.abs(snr), row, column)
    return Detection(
        row=row,
        column=column,
        x=x,
        y=y,
        snr=float(snr[row, column]),
        flux=float(difference.flux[row, column]),
    )


def _refine(image: FloatArray, row: int, column: int) -> tuple[float, float]:
    """Place a peak between pixels by a parabola on each axis."""
    height, width = image.shape
    if not (0 < row < height - 1 and 0 < column < width - 1):
        return float(column), float(row)
    centre = image[row, column]
    shifts = []
    for low, high in (
        (image[row, column - 1], image[row, column + 1]),
        (image[row - 1, column], image[row + 1, column]),
    ):
        bend = low + high - 2.0 * centre
        shift = 0.5 * (low - high) / bend if bend < 0 else 0.0
        shifts.append(float(np.clip(shift, -0.5, 0.5)))
    return column + shifts[0], row + shifts[1]
