"""Detect and measure candidates in simulated differences, as a survey's pipeline would."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.difference import DifferenceImage
from skyvet.simulation.scene import Scene
from skyvet.simulation.surveys import SurveyName

__all__ = ["DETECTION_SNR", "Detection", "find_detection", "passes_filter"]

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


def passes_filter(scene: Scene, features: Mapping[str, float]) -> bool:
    """Say whether the survey would send an alert on what it measured.

    ZTF drops detections whose pixels cancel or whose aperture flux falls short (after Masci et
    al. 2019; the limits are the extremes seen in public packets). Its further cut on elongation
    is left out, so that columns, spikes and trails stay in the night. LSST sends all detections.

    Parameters
    ----------
    scene : Scene
        Gives the survey.
    features : mapping of str to float
        Columns of `skyvet.simulation.features.measure_features`.

    Returns
    -------
    bool
    """
    if scene.traits.name is not SurveyName.ZTF:
        return True
    return bool(
        features["sumrat"] >= 0.4 and features["nneg"] <= 13 and not features["magdiff"] > 0.75
    )
