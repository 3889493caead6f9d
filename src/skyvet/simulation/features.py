"""Scalar columns that a survey's pipeline measures around a detection; never from the truth.

Names follow ZTF's alert schema, the ``feature_names`` of its adapter. What a pipeline takes from
external catalogues (PS1, Gaia) is taken from the scene's constant sources with catalogue errors.
"""

from __future__ import annotations

import math

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.simulation.lsst_features import measure_lsst_features
from skyvet.simulation.measurement import DETECTION_SNR, MAGNITUDE_PER_SNR, Detection
from skyvet.simulation.rendering import Observation
from skyvet.simulation.scene import Scene

__all__ = ["measure_features"]

_PS1_LIMIT = 23.0
_GAIA_LIMIT = 20.7
_BRIGHT_LIMIT = 14.0
_CATALOGUE_RADIUS_PX = 30.0


def measure_features(
    scene: Scene, observation: Observation, detection: Detection
) -> dict[str, float]:
    """Measure one detection.

    Parameters
    ----------
    scene : Scene
        Its constant sources stand for external catalogues.
    observation : Observation
        The rendered images.
    detection : Detection
        The peak.

    Returns
    -------
    dict of str to float
        Columns of ZTF's ``candidate`` or LSST's ``diaSource``; NaN where nothing was found.
    """
    sign = 1.0 if detection.flux > 0 else -1.0
    if scene.traits.has_planes:
        return measure_lsst_features(scene, observation, detection)
    features = _photometry(scene, observation, detection, sign=sign)
    features |= _shape(scene, observation, detection, sign=sign)
    features |= _reference_match(scene, observation, detection)
    features |= _catalogue_matches(scene, detection)
    return features


def _box(image: FloatArray, detection: Detection, half: int) -> FloatArray:
    row, column = detection.row, detection.column
    return image[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1]


def _magnitude(scene: Scene, flux: float) -> float:
    return scene.conditions.magnitude(flux) if flux > 0 else math.nan


def _photometry(
    scene: Scene, observation: Observation, detection: Detection, *, sign: float
) -> dict[str, float]:
    conditions, difference = scene.conditions, observation.difference
    noise = math.hypot(conditions.noise, conditions.template_noise)
    magnitude = _magnitude(scene, abs(detection.flux))
    stamp = sign * _box(difference.pixels, detection, 4)
    psf = np.roll(difference.psf, (4, 4), axis=(0, 1))[: stamp.shape[0], : stamp.shape[1]]
    residual = stamp - abs(detection.flux) * psf
    offsets = np.arange(-4, 5)
    aperture = np.hypot(*np.meshgrid(offsets, offsets))[: stamp.shape[0], : stamp.shape[1]] <= 4
    aperture_flux = float(stamp[aperture].sum())
    aperture_magnitude = _magnitude(scene, aperture_flux)
    peak = float(stamp[4, 4]) / noise if min(stamp.shape) > 4 else math.nan
    matched = abs(detection.snr) * scene.traits.snr_inflation
    limit_flux = DETECTION_SNR * scene.traits.snr_inflation * conditions.point_noise
    limit = conditions.magnitude(limit_flux)
    return {
        "magpsf": magnitude,
        "sigmapsf": MAGNITUDE_PER_SNR / abs(detection.snr),
        "chipsf": float((residual**2).mean()) / noise**2,
        "magap": aperture_magnitude,
        "sigmagap": (
            MAGNITUDE_PER_SNR * noise * math.sqrt(float(aperture.sum())) / aperture_flux
            if aperture_flux > 0
            else math.nan
        ),
        "magdiff": aperture_magnitude - magnitude,
        "magfromlim": limit - magnitude,
        "diffmaglim": limit,
        "scorr": abs(detection.snr),
        "dsnrms": peak,
        "ssnrms": matched,
        "dsdiff": peak - matched,
        "sky": float(np.median(_box(difference.pixels, detection, 12))),
        "magzpscirms": 0.02 + 0.25 * conditions.noise / 100.0,
    }


def _shape(
    scene: Scene, observation: Observation, detection: Detection, *, sign: float
) -> dict[str, float]:
    conditions = scene.conditions
    noise = math.hypot(conditions.noise, conditions.template_noise)
    stamp = sign * _box(observation.difference.pixels, detection, 5)
    core = sign * _box(observation.difference.pixels, detection, 2)
    major, minor = _moments(stamp, threshold=1.5 * noise)
    width = _width(stamp)
    psf_width = 0.5 * (conditions.science_model.fwhm_px + conditions.template_model.fwhm_px)
    size = float(np.abs(core).sum())
    return {
        "fwhm": width,
        "seeratio": min(width / psf_width, 2.0),
        "classtar": 1.0 / (1.0 + math.exp(4.0 * (abs(math.log(width / psf_width)) - 0.9))),
        "aimage": major,
        "bimage": minor,
        "aimagerat": major / width,
        "bimagerat": minor / width,
        "elong": major / minor if minor > 0 else math.nan,
        "nneg": float((core < 0).sum()),
        "nbad": float(_box(scene.masked.astype(np.float32), detection, 2).sum()),
        "sumrat": abs(float(core.sum())) / size if size > 0 else math.nan,
    }


def _moments(stamp: FloatArray, *, threshold: float) -> tuple[float, float]:
    """Root second moments along the axes of what exceeds the threshold [pixels]."""
    rows, columns = np.nonzero(stamp > threshold)
    if len(rows) == 0:
        return math.nan, math.nan
    weights = stamp[rows, columns]
    weights = weights / weights.sum()
    dx, dy = columns - weights @ columns, rows - weights @ rows
    # 1/12 is the second moment of a pixel: a single pixel has a size, too.
    xx, yy = weights @ dx**2 + 1 / 12, weights @ dy**2 + 1 / 12
    spread = math.hypot(0.5 * (xx - yy), float(weights @ (dx * dy)))
    middle = 0.5 * (xx + yy)
    return math.sqrt(middle + spread), math.sqrt(max(middle - spread, 1e-3))


def _width(stamp: FloatArray) -> float:
    """Width of a round profile with as many pixels above half of the peak [pixels]."""
    n_above = int((stamp > 0.5 * stamp.max()).sum())
    return 2.0 * math.sqrt(max(n_above, 1) / math.pi)


def _reference_match(
    scene: Scene, observation: Observation, detection: Detection
) -> dict[str, float]:
    """Nearest peak of the template, with its magnitude and sharpness."""
    template = observation.template
    half = min(24, scene.size_px // 3)
    box = _box(template, detection, half)
    row0 = min(detection.row, half)
    column0 = min(detection.column, half)
    inner = box[1:-1, 1:-1]
    is_peak = inner > 4.5 * scene.conditions.template_noise
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)):
        is_peak &= inner >= box[1 + dy : box.shape[0] - 1 + dy, 1 + dx : box.shape[1] - 1 + dx]
    rows, columns = np.nonzero(is_peak)
    if len(rows) == 0:
        return dict.fromkeys(("distnr", "magnr", "chinr", "sharpnr"), math.nan)
    distances = np.hypot(rows + 1 - row0, columns + 1 - column0)
    nearest = int(np.argmin(distances))
    row, column = int(rows[nearest]) + 1, int(columns[nearest]) + 1
    stamp = box[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4]
    flux = float(stamp.sum())
    expected = scene.conditions.template_model.render(7)
    peak_ratio = float(box[row, column]) / max(flux, 1e-9) / float(expected.max())
    return {
        "distnr": float(distances[nearest]),
        "magnr": _magnitude(scene, flux),
        "chinr": abs(peak_ratio - 1.0) * 5.0 + 0.5,
        "sharpnr": float(np.clip(peak_ratio - 1.0, -3, 3)),
    }


def _catalogue_matches(scene: Scene, detection: Detection) -> dict[str, float]:
    conditions, scale = scene.conditions, scene.traits.pixel_scale_arcsec
    rows = [
        (star.x, star.y, star.template_flux, 0.97) for star in scene.stars if star.template_flux > 0
    ] + [(galaxy.x, galaxy.y, galaxy.flux, 0.05) for galaxy in scene.galaxies]
    nothing = dict.fromkeys(
        ("sgscore1", "distpsnr1", "neargaia", "neargaiabright", "maggaia", "maggaiabright"),
        math.nan,
    )
    if not rows:
        return nothing | {"nmtchps": 0.0}
    x, y, flux, score = np.array(rows).T
    distance = np.hypot(x - detection.x, y - detection.y)
    magnitude = conditions.zero_point - 2.5 * np.log10(flux)
    is_near = distance < _CATALOGUE_RADIUS_PX
    is_star = score > 0.5
    result = nothing | {"nmtchps": float((is_near & (magnitude < _PS1_LIMIT)).sum())}
    for choice, names, values in (
        (is_near & (magnitude < _PS1_LIMIT), ("distpsnr1", "sgscore1"), score),
        (is_star & (magnitude < _GAIA_LIMIT), ("neargaia", "maggaia"), magnitude),
        (is_star & (magnitude < _BRIGHT_LIMIT), ("neargaiabright", "maggaiabright"), magnitude),
    ):
        if choice.any():
            nearest = int(np.argmin(np.where(choice, distance, np.inf)))
            result[names[0]] = float(distance[nearest]) * scale
            result[names[1]] = float(values[nearest])
    return result
