"""Scalar columns of an LSST ``diaSource``, measured around a detection; never from the truth."""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.measurement import Detection
from skyvet.simulation.rendering import Observation
from skyvet.simulation.scene import Scene

__all__ = ["measure_lsst_features"]

_HALF_PX = 10
_APERTURE_PX = 12.0


def measure_lsst_features(
    scene: Scene, observation: Observation, detection: Detection
) -> dict[str, float]:
    """Measure one detection.

    Parameters
    ----------
    scene : Scene
        Masked pixels and PSF models.
    observation : Observation
        The rendered images.
    detection : Detection
        The peak.

    Returns
    -------
    dict of str to float
        Columns of ``diaSource`` [nJy, pixels]. Columns of fits that are not simulated (trail fit,
        dipole angle and others) are NaN, as where LSST's own fit failed.
    """
    features = dict.fromkeys(_NOT_FITTED, math.nan)
    features |= dict.fromkeys(_NEVER_FLAGGED, 0.0)
    features |= _fluxes(observation, detection)
    features |= _moments(observation, detection)
    features |= _psf_moments(scene)
    features |= _mask_flags(scene, observation, detection)
    return features


_NOT_FITTED = (
    "dipoleMeanFlux", "dipoleFluxDiff", "dipoleLength", "dipoleAngle", "dipoleChi2",
    "dipoleNdata", "trailFlux", "trailLength", "trailAngle", "trailChi2", "trailNdata",
)  # fmt: skip
_NEVER_FLAGGED = (
    "isDipole", "dipoleFitAttempted", "glint_trail", "centroid_flag", "apFlux_flag",
    "psfFlux_flag", "psfFlux_flag_noGoodPixels", "shape_flag", "trail_flag_edge",
    "pixelFlags_bad", "pixelFlags_cr", "pixelFlags_crCenter", "pixelFlags_offimage",
    "pixelFlags_interpolated", "pixelFlags_interpolatedCenter", "pixelFlags_suspect",
    "pixelFlags_suspectCenter", "pixelFlags_streak", "pixelFlags_streakCenter",
)  # fmt: skip


def _box(image: FloatArray, detection: Detection) -> FloatArray:
    rows = slice(max(detection.row - _HALF_PX, 0), detection.row + _HALF_PX + 1)
    columns = slice(max(detection.column - _HALF_PX, 0), detection.column + _HALF_PX + 1)
    return image[rows, columns]


def _distance(detection: Detection, shape: tuple[int, ...]) -> FloatArray:
    """Distance of each pixel of a box from the detection [pixels]."""
    rows = np.arange(shape[0]) - min(detection.row, _HALF_PX)
    columns = np.arange(shape[1]) - min(detection.column, _HALF_PX)
    return np.asarray(np.hypot(rows[:, None], columns[None, :]))


def _fluxes(observation: Observation, detection: Detection) -> dict[str, float]:
    difference = observation.difference
    stamp = _box(difference.pixels, detection)
    variance = _box(observation.science_variance + observation.template_variance, detection)
    in_aperture = _distance(detection, stamp.shape) <= _APERTURE_PX
    shift = min(detection.row, _HALF_PX), min(detection.column, _HALF_PX)
    psf = np.roll(difference.psf, shift, axis=(0, 1))[: stamp.shape[0], : stamp.shape[1]]
    flux_err = abs(detection.flux / detection.snr)
    features = {
        "snr": abs(detection.snr),
        "psfFlux": detection.flux,
        "psfFluxErr": flux_err,
        "psfChi2": float(((stamp - detection.flux * psf) ** 2 / variance).sum()),
        "psfNdata": float(stamp.size),
        "apFlux": float(stamp[in_aperture].sum()),
        "apFluxErr": math.sqrt(float(variance[in_aperture].sum())),
    }
    power = float((psf**2).sum())
    for name, image, noise2 in (
        ("science", observation.science, observation.science_variance),
        ("template", observation.template, observation.template_variance),
    ):
        box = _box(image, detection)
        features[f"{name}Flux"] = float((box * psf).sum()) / power
        spread = float((_box(noise2, detection) * psf**2).sum())
        features[f"{name}FluxErr"] = math.sqrt(spread) / power
    return features


def _moments(observation: Observation, detection: Detection) -> dict[str, float]:
    stamp = _box(observation.difference.pixels, detection)
    stamp = stamp if detection.flux > 0 else -stamp
    noise = math.sqrt(float(np.median(observation.science_variance)))
    rows, columns = np.nonzero(stamp > 1.5 * noise)
    if len(rows) == 0:
        return dict.fromkeys(("ixx", "iyy", "ixy", "bboxSize", "extendedness"), math.nan)
    weights = stamp[rows, columns] / stamp[rows, columns].sum()
    dx, dy = columns - weights @ columns, rows - weights @ rows
    return {
        "ixx": float(weights @ dx**2),
        "iyy": float(weights @ dy**2),
        "ixy": float(weights @ (dx * dy)),
        "bboxSize": float(max(np.ptp(rows), np.ptp(columns)) + 1),
        "extendedness": math.nan,
    }


def _psf_moments(scene: Scene) -> dict[str, float]:
    psf = scene.conditions.science_model
    sigma2 = (psf.fwhm_px / 2.355) ** 2
    return {
        "ixxPSF": sigma2 * (1 + psf.e1),
        "iyyPSF": sigma2 * (1 - psf.e1),
        "ixyPSF": sigma2 * psf.e2,
    }


def _mask_flags(scene: Scene, observation: Observation, detection: Detection) -> dict[str, float]:
    masked = _box(scene.masked.astype(np.float32), detection) > 0
    full = _box(observation.science, detection) >= 0.98 * scene.traits.saturation
    centre = _distance(detection, masked.shape) <= 1.5
    flags = {
        "pixelFlags_edge": bool(scene.edge),
        "pixelFlags_nodata": bool(masked.any()),
        "pixelFlags_saturated": bool(full.any()),
        "pixelFlags_saturatedCenter": bool((full & centre).any()),
    }
    flags["pixelFlags"] = any(flags.values())
    return {name: float(value) for name, value in flags.items()}
