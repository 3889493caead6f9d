"""Cut stamps from rendered canvases the way each survey does, edges and fill values included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.records.taxonomy import CandidateClass
from skyvet.simulation.measurement import Detection
from skyvet.simulation.rendering import Observation
from skyvet.simulation.scene import Scene

__all__ = ["FILL_VALUE", "StampWindow", "cut_triplet", "draw_window"]

FILL_VALUE = np.float32(-3.4028235e38)
"""What ZTF's templates hold where there was no image."""

_PSF_STAMP_PX = 41
_HALF = (_PSF_STAMP_PX - 1) // 2
_NEAREST_DETECTION_PX = 10.0
_FILL_RATE = 0.012


@dataclass(frozen=True, slots=True, kw_only=True)
class StampWindow:
    """Which canvas pixels become the stamp.

    Parameters
    ----------
    row0, row1, column0, column1 : int
        First pixel and one past the last, on the canvas; the stamp may be undersized.
    centre : tuple of int
        Row and column of the detection within the stamp.
    edge_distance_px : float
        Distance of the detection to the detector's nearest edge [pixels].
    """

    row0: int
    row1: int
    column0: int
    column1: int
    centre: tuple[int, int]
    edge_distance_px: float


def draw_window(
    scene: Scene, detection: Detection, *, stamp_px: int, name: CandidateClass
) -> StampWindow:
    """Draw a place on the detector and cut what it leaves of the stamp.

    Parameters
    ----------
    scene : Scene
        Gives detector size and randomness.
    detection : Detection
        Centre of the stamp.
    stamp_px : int
        Full stamp size [pixels].
    name : CandidateClass
        DETECTOR_EDGE always lies at an edge.

    Returns
    -------
    StampWindow
    """
    rng, side = scene.rng, scene.traits.detector_px
    place = rng.uniform(_NEAREST_DETECTION_PX, side - _NEAREST_DETECTION_PX, 2)
    if name is CandidateClass.DETECTOR_EDGE and scene.edge is not None:
        axis, sign, distance = scene.edge
        distance = abs(distance)
        place[axis] = distance if sign < 0 else side - distance
    before = (stamp_px - 1) // 2
    bounds = []
    for centre, position in ((detection.row, place[1]), (detection.column, place[0])):
        low = min(before, int(position), centre)
        high = min(stamp_px - before, int(side - position), scene.size_px - centre)
        bounds.append((centre - low, centre + high))
    (row0, row1), (column0, column1) = bounds
    return StampWindow(
        row0=row0, row1=row1, column0=column0, column1=column1,
        centre=(detection.row - row0, detection.column - column0),
        edge_distance_px=float(min(place.min(), (side - place).min())),
    )  # fmt: skip


def cut_triplet(
    scene: Scene, observation: Observation, detection: Detection, *, window: StampWindow
) -> tuple[CutoutTriplet, CandidateFlag]:
    """Cut the three stamps in the survey's convention.

    Parameters
    ----------
    scene : Scene
        Survey, sky levels and masked pixels.
    observation : Observation
        Rendered canvases.
    detection : Detection
        Its sign turns the difference where the survey does so.
    window : StampWindow
        What to cut.

    Returns
    -------
    cutouts : CutoutTriplet
    flags : CandidateFlag
        What the stamps show: edges, missing and fill pixels.
    """
    traits, conditions = scene.traits, scene.conditions
    box = slice(window.row0, window.row1), slice(window.column0, window.column1)
    turn = -1.0 if traits.flips_negative and detection.flux < 0 else 1.0
    images = {
        "science": observation.science[box] + conditions.sky,
        "template": observation.template[box] + conditions.template_sky,
        "difference": turn * observation.difference.pixels[box],
    }
    masked = scene.masked[box]
    cutouts = {}
    for name, image in images.items():
        pixels = image.astype(np.float32)
        pixels[masked] = np.nan
        cutouts[name] = pixels
    flags = CandidateFlag.MISSING_PIXELS if masked.any() else CandidateFlag.NONE
    flags |= _fill(cutouts["template"], scene)
    if window.row1 - window.row0 != window.column1 - window.column0:
        flags |= CandidateFlag.EDGE
    planes = _planes(scene, observation, box) if traits.has_planes else {}
    triplet = CutoutTriplet(
        **{
            name: Cutout(pixels=pixels, centre_row_col=window.centre, **planes.get(name, {}))
            for name, pixels in cutouts.items()
        },
        pixel_scale_arcsec=traits.pixel_scale_arcsec,
    )
    return triplet, flags


def _fill(template: FloatArray, scene: Scene) -> CandidateFlag:
    """Give a few ZTF templates a strip of fill values at a side."""
    if scene.traits.has_planes or scene.rng.random() >= _FILL_RATE:
        return CandidateFlag.NONE
    n_lines = int(scene.rng.integers(2, max(3, min(template.shape) // 3)))
    np.moveaxis(template, int(scene.rng.integers(2)), 0)[:n_lines] = FILL_VALUE
    return CandidateFlag.SENTINEL_PIXELS


def _planes(
    scene: Scene, observation: Observation, box: tuple[slice, slice]
) -> dict[str, dict[str, FloatArray]]:
    """Variance and PSF of each LSST cutout."""
    conditions = scene.conditions
    science, template = observation.science_variance, observation.template_variance
    psf = np.roll(observation.difference.psf, (_HALF, _HALF), axis=(0, 1))
    psf = psf[:_PSF_STAMP_PX, :_PSF_STAMP_PX]
    return {
        "science": {
            "variance": science[box],
            "psf": conditions.science_model.render(_PSF_STAMP_PX),
        },
        "template": {
            "variance": template[box],
            "psf": conditions.template_model.render(_PSF_STAMP_PX),
        },
        "difference": {"variance": (science + template)[box], "psf": psf},
    }
