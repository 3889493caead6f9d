"""What a detector does to light: shot and read noise, column pattern, saturation, bleeding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError

__all__ = ["Detector", "coadd_noise", "column_pattern"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detector and its read-out.

    Parameters
    ----------
    gain : float
        Electrons a pixel unit, > 0.
    noise : float
        Standard deviation of a pixel without source: sky, dark and read noise [pixel unit], >= 0.
    saturation : float
        Full well above the sky [pixel unit], > 0.
    serial_echo : float, default 0
        Share of a pixel's noise that comes back with opposite sign in the next pixel of its row,
        in [0, 1).

    Raises
    ------
    InvalidInputError
        If a value lies outside its range.

    Examples
    --------
    >>> detector = Detector(gain=6.2, noise=5.0, saturation=40000.0)
    >>> image = detector.expose(np.zeros((63, 63)), rng=np.random.default_rng(0))
    >>> bool(4.5 < image.std() < 5.5)
    True
    """

    gain: float
    noise: float
    saturation: float
    serial_echo: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (
            self.gain > 0 and self.noise >= 0 and self.saturation > 0 and 0 <= self.serial_echo < 1
        ):
            raise InvalidInputError(
                "a detector needs gain > 0, noise >= 0, saturation > 0 and 0 <= serial_echo < 1, "
                f"got {self}"
            )

    def variance(self, light: FloatArray) -> FloatArray:
        """Variance of each pixel [pixel unit squared] under light above the sky."""
        return np.asarray(self.noise**2 + np.maximum(light, 0.0) / self.gain)

    def expose(self, light: FloatArray, *, rng: np.random.Generator) -> FloatArray:
        """Return a noisy exposure of the light above the sky, clipped and bled.

        Parameters
        ----------
        light : ndarray, shape (height, width)
            Expected light above the sky [pixel unit].
        rng : numpy.random.Generator
            Source of the noise.

        Returns
        -------
        ndarray, shape (height, width), float64
        """
        grain = rng.standard_normal(light.shape)
        if self.serial_echo:
            grain[:, 1:] -= self.serial_echo * grain[:, :-1]
            grain /= np.sqrt(1.0 + self.serial_echo**2)
        grain *= np.sqrt(self.variance(light))
        return self.bleed(light + grain)

    def bleed(self, image: FloatArray) -> FloatArray:
        """Spill what exceeds the full well along columns, half to each side.

        Parameters
        ----------
        image : ndarray, shape (height, width), float64
            Changed in place [pixel unit].

        Returns
        -------
        ndarray
            The same array; its sum is kept except for charge that leaves the canvas.
        """
        for column in np.flatnonzero((image > self.saturation).any(axis=0)):
            _spill(image[:, column], self.saturation, step=1)
            _spill(image[:, column], self.saturation, step=-1)
            np.minimum(image[:, column], self.saturation, out=image[:, column])
        return image


def _spill(line: FloatArray, level: float, *, step: int) -> None:
    """Carry the excess over `level` onward in one direction; half of a first excess goes there."""
    carried = 0.0
    for row in range(len(line))[::step]:
        excess = line[row] - level
        if excess > 0:
            share = 0.5 * excess if step > 0 else excess
            line[row] -= share
            carried += share
        elif carried > 0:
            room = min(carried, -excess)
            line[row] += room
            carried -= room


def coadd_noise(shape: tuple[int, int], *, noise: float, rng: np.random.Generator) -> FloatArray:
    """Noise of a stack of resampled frames: correlated between neighbours.

    Parameters
    ----------
    shape : tuple of int
        Height and width [pixels].
    noise : float
        Standard deviation after smoothing [pixel unit], >= 0.
    rng : numpy.random.Generator
        Source of the noise; the resampling phase is drawn too.

    Returns
    -------
    ndarray, shape `shape`, float64
    """
    grain = rng.standard_normal(shape)
    for axis in (0, 1):
        share = rng.uniform(0.08, 0.2)
        kernel = np.array([-0.45 * share, share, 1.0, share, -0.45 * share])
        grain = ndimage.correlate1d(grain, kernel / np.sqrt((kernel**2).sum()), axis, mode="wrap")
    return np.asarray(noise * grain)


def column_pattern(width: int, *, size: float, rng: np.random.Generator) -> FloatArray:
    """Offsets of the columns: random, with a periodic part from the read-out.

    Parameters
    ----------
    width : int
        Number of columns.
    size : float
        Standard deviation of an offset [pixel unit].
    rng : numpy.random.Generator
        Source of the offsets.

    Returns
    -------
    ndarray, shape (width,), float64
    """
    period = rng.choice((2, 2, 2, 3, 3, 4))
    comb = rng.standard_normal(period)
    comb = np.resize(comb - comb.mean(), width)
    return np.asarray(size * (0.3 * rng.standard_normal(width) + 1.2 * comb))
