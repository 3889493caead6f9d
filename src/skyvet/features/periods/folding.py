"""What all algorithms share that fold a light curve: points ready to be folded, and settings."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.optional import require
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.interface import FrequencyGrid, PeriodFinder
from skyvet.features.periods.phase_lanes import LANES, MAX_PHASE_BINS

__all__ = [
    "Device",
    "FoldedPoints",
    "FoldingFinder",
    "Frequencies",
    "full_lanes",
    "gpu_folding",
    "points_of",
    "torch_device",
]

Frequencies: TypeAlias = FrequencyGrid | FloatArray
"""An even grid, or any frequencies [1/d]."""

Device = Literal["auto", "cpu", "cuda"]
"""Where to fold; ``auto`` takes a GPU where there is one."""

_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


class FoldingFinder(PeriodFinder):
    """Settings that all algorithms with phase bins have.

    Parameters
    ----------
    n_phase_bins : int
        Bins of phase, 2 to 200.
    min_points : int
        Bands with fewer points are passed over.
    device : {"auto", "cpu", "cuda"}
        Fold with compiled loops on the CPU or with PyTorch on a GPU; ``auto`` takes the GPU where
        there is one. The results are the same.
    """

    n_phase_bins: int = Field(default=20, ge=2, le=MAX_PHASE_BINS)
    min_points: int = Field(default=10, ge=2)
    device: Device = "auto"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoldedPoints:
    """Points of all usable bands, one band after the other.

    Parameters
    ----------
    time_d : ndarray, shape (n,), float64
        Times since the first point of any band [d].
    magnitude, magnitude_err : ndarray, shape (n,), float64
        Magnitudes and errors [mag].
    offsets : ndarray, shape (n_bands + 1,), int64
        Band ``b`` is ``offsets[b]:offsets[b + 1]``.
    """

    time_d: FloatArray
    magnitude: FloatArray
    magnitude_err: FloatArray
    offsets: IntArray

    @property
    def n_bands(self) -> int:
        """Number of usable bands."""
        return len(self.offsets) - 1

    def slices(self) -> tuple[slice, ...]:
        """Return where each band lies."""
        return tuple(
            slice(start, stop)
            for start, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True)
        )


def points_of(series: Sequence[BandSeries], *, min_points: int) -> FoldedPoints:
    """Put the usable bands of a source one after the other, time starting at its first point.

    Parameters
    ----------
    series : sequence of BandSeries
        The source's bands.
    min_points : int
        Bands with fewer points are left out.

    Examples
    --------
    >>> band = BandSeries(
    ...     band="r", time_d=[2.0, 5.0], magnitude=[18.0, 19.0], magnitude_err=[0.1, 0.1])
    >>> points = points_of([band], min_points=2)
    >>> points.time_d.tolist(), points.offsets.tolist()
    ([0.0, 3.0], [0, 2])
    """
    used = [band for band in series if len(band) >= min_points]
    lengths = [len(band) for band in used]
    empty = np.empty(0)
    time = np.concatenate([empty, *(band.time_d for band in used)])
    return FoldedPoints(
        time_d=time - time.min() if len(time) else time,
        magnitude=np.concatenate([empty, *(band.magnitude for band in used)]),
        magnitude_err=np.concatenate([empty, *(band.magnitude_err for band in used)]),
        offsets=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
    )


def full_lanes(frequencies: FloatArray) -> FloatArray:
    """Return frequencies, the last one repeated until the number of lanes divides their number.

    Examples
    --------
    >>> len(full_lanes(np.arange(1.0, 71.0)))
    128
    """
    missing = -len(frequencies) % LANES
    return np.pad(np.asarray(frequencies, np.float64), (0, missing), mode="edge")


def torch_device(device: Device) -> str | None:
    """Return the name of PyTorch's device to fold on, or None for compiled loops on the CPU.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        What the user chose. PyTorch is imported only if there is a driver or ``cuda`` is chosen.

    Raises
    ------
    MissingDependencyError
        If ``cuda`` is chosen and PyTorch is not installed.
    InvalidInputError
        If ``cuda`` is chosen and PyTorch finds no GPU.

    Examples
    --------
    >>> torch_device("cpu") is None
    True
    """
    if device == "cpu":
        return None
    if device == "auto":
        return "cuda" if _has_gpu() else None
    if not require("torch", extra="train").cuda.is_available():
        raise InvalidInputError(
            "device 'cuda' was chosen, but PyTorch finds no GPU here; choose 'auto' or 'cpu'"
        )
    return "cuda"


def gpu_folding() -> ModuleType:
    """Return the module `skyvet.features.periods.torch_folding`, which needs PyTorch.

    Raises
    ------
    MissingDependencyError
        If PyTorch is not installed.
    """
    return require("skyvet.features.periods.torch_folding", extra="train")


@functools.cache
def _has_gpu() -> bool:
    """Return whether PyTorch is installed and sees a GPU; cheap where there is no driver."""
    if not any(Path(driver).exists() for driver in _DRIVERS):
        return False
    try:
        return bool(require("torch", extra="train").cuda.is_available())
    except ImportError:
        return False
