"""Which frames an evidence strip shows, and how dark each pixel is drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError

__all__ = ["ChosenFrames", "choose_frames", "stretch_frames"]

_MAX_COMPARED = 256
_FEW = 16
_FAINT_SIGMA = -3.0
_BRIGHT_SIGMA = 15.0


class ChosenFrames(NamedTuple):
    """Row numbers of the frames to show.

    Attributes
    ----------
    suspicious : ndarray, shape (k,), intp
        Largest evidence first.
    typical : ndarray, shape (m,), intp
        Nearest the object's median frame first; none of them suspicious.
    """

    suspicious: NDArray[np.intp]
    typical: NDArray[np.intp]


def choose_frames(
    frames: FloatArray, evidence: FloatArray, *, n_top: int = 10, n_typical: int = 4
) -> ChosenFrames:
    """Choose the most suspicious frames and some typical ones.

    At most a third of the frames are shown as typical, so that of a short sequence the
    suspicious ones are seen.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        Pixel values; missing pixels are NaN.
    evidence : ndarray, shape (n,)
        Larger = more suspicious; NaN = not known, never chosen as suspicious.
    n_top, n_typical : int
        At most so many of each, >= 0.

    Returns
    -------
    ChosenFrames

    Raises
    ------
    InvalidInputError
        If shapes disagree.

    Examples
    --------
    >>> frames = np.random.default_rng(1).normal(size=(6, 8, 8))
    >>> chosen = choose_frames(frames, np.array([0.0, 5.0, 1.0, np.nan, 9.0, 2.0]), n_top=2)
    >>> chosen.suspicious.tolist(), len(chosen.typical)
    ([4, 1], 2)
    """
    if frames.ndim != 3 or frames.size == 0 or evidence.shape != frames.shape[:1]:
        raise InvalidInputError(
            f"a strip needs frames of shape (n, height, width) and one evidence a frame, got "
            f"{frames.shape} and {evidence.shape}"
        )
    n_typical = min(n_typical, len(frames) // 3)
    n_top = min(n_top, len(frames) - n_typical)
    known = np.flatnonzero(np.isfinite(evidence))
    suspicious = known[np.argsort(-evidence[known], kind="stable")][:n_top]
    others = np.setdiff1d(np.arange(len(frames)), suspicious)
    others = _calm_ones(others, evidence)
    distance = _distance_from_median(frames[others])
    order = others[np.argsort(distance, kind="stable")]
    usable = np.sort(distance)[:n_typical]
    return ChosenFrames(suspicious=suspicious, typical=order[:n_typical][np.isfinite(usable)])


def _calm_ones(rows: NDArray[np.intp], evidence: FloatArray) -> NDArray[np.intp]:
    """Leave out the more suspicious half of many rows, then thin evenly to what is quick."""
    if len(rows) <= _FEW:
        return rows
    given = evidence[rows][np.isfinite(evidence[rows])]
    limit = np.median(given) if given.size else np.inf
    calm = rows[~(evidence[rows] > limit)]
    return calm[:: max(1, -(-len(calm) // _MAX_COMPARED))]


def _distance_from_median(frames: FloatArray) -> NDArray[np.float64]:
    """Mean difference of each frame, as drawn, from the median of all; inf = unusable."""
    if not len(frames):
        return np.zeros(0)
    valid = np.isfinite(frames).reshape(len(frames), -1)
    is_usable = valid.mean(axis=1) >= 0.5
    distance = np.full(len(frames), np.inf)
    if not is_usable.any():
        return distance
    usable = frames[is_usable]
    drawn = _in_noise(usable, float(np.median(_noise(usable)))).reshape(len(usable), -1)
    drawn[np.isnan(drawn)] = 0.0
    distance[is_usable] = np.abs(drawn - np.median(drawn, axis=0)).mean(axis=1)
    return distance


def stretch_frames(frames: FloatArray, reference: FloatArray) -> FloatArray:
    """Map pixels to brightness on a page, the same way for all frames of an object.

    Each frame loses its own sky (its median); then one inverse hyperbolic sine, whose width is
    the pixel noise of the reference frames, serves all, so that what is too bright in one frame
    looks so; white is at least as bright as all but 0.5 % of the reference's pixels. A frame
    with more noise than the reference is drawn with its own.

    Parameters
    ----------
    frames : ndarray, shape (n, height, width)
        Pixel values; missing pixels are NaN.
    reference : ndarray, shape (m, height, width)
        Typical frames of the object; where there is none, the frames themselves.

    Returns
    -------
    ndarray, shape (n, height, width), float64
        From 0 (black) to 1 (white); NaN = missing.

    Examples
    --------
    >>> frames = np.array([[[0.0, 1.0, 2.0], [3.0, 4.0, 1e9]]])
    >>> levels = stretch_frames(frames, frames)
    >>> float(levels.min()) >= 0.0, float(levels.max())
    (True, 1.0)
    """
    reference = reference if len(reference) else frames
    common = float(np.median(_noise(reference)))
    scaled = _in_noise(frames, common)
    usual = _in_noise(reference, common)
    usual = usual[np.isfinite(usual)]
    low, high = float(np.arcsinh(_FAINT_SIGMA)), float(np.arcsinh(_BRIGHT_SIGMA))
    if usual.size:
        high = max(high, float(np.percentile(usual, 99.5)))
    return np.asarray(np.clip((scaled - low) / (high - low), 0.0, 1.0))


def _in_noise(frames: FloatArray, common: float) -> NDArray[np.float64]:
    """Stretched excess over each frame's sky, in units of its noise or the common one."""
    noise = np.maximum(_noise(frames), common)[:, None, None]
    pixels = np.where(np.isfinite(frames), frames, np.nan).astype(np.float64)
    excess = (pixels - _sky(pixels)[:, None, None]) / noise
    return np.asarray(np.arcsinh(np.clip(excess, -1e6, 1e6)))


def _sky(pixels: FloatArray) -> NDArray[np.float64]:
    flat = pixels.reshape(len(pixels), -1)
    sky = np.zeros(len(flat))
    has_any = np.isfinite(flat).any(axis=1)
    sky[has_any] = np.nanmedian(flat[has_any], axis=1)
    return sky


def _noise(frames: FloatArray) -> NDArray[np.float64]:
    """Pixel noise of each frame from neighbouring pixels, which stars and slopes hardly move."""
    steps = np.abs(np.diff(frames.astype(np.float64), axis=2)).reshape(len(frames), -1)
    noise = np.ones(len(frames))
    has_any = np.isfinite(steps).any(axis=1)
    median = np.nanmedian(np.where(np.isfinite(steps[has_any]), steps[has_any], np.nan), axis=1)
    noise[has_any] = np.where(median > 0, 1.4826 * median / np.sqrt(2.0), 1.0)
    return noise
