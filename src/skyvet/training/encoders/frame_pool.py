"""Objects of several sources as one numbered list of frames, scaled as for embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.frame_scaling import (
    FrameScalingConfig,
    find_usable_frames,
    fit_frames,
    object_noise,
    scale_usable_frames,
)
from skyvet.training.encoders.frame_sources import FrameSource

__all__ = ["FramePool"]


class FramePool:
    """Gives scaled frames of numbered objects.

    An object's sky and noise are found over all its usable frames when it is first read, and kept.

    Parameters
    ----------
    sources : sequence of FrameSource
        Where the frames are.
    scaling : FrameScalingConfig
        That of the encoder.

    Raises
    ------
    InvalidInputError
        If the sources have no frame.
    """

    def __init__(self, sources: Sequence[FrameSource], scaling: FrameScalingConfig) -> None:
        counts = [len(source.object_ids) for source in sources]
        if not sum(int(np.sum(source.n_frames)) for source in sources):
            raise InvalidInputError("there is no frame to train on; give a store that has some")
        self.scaling = scaling
        self._sources = list(sources)
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self.source_of: IntArray = np.repeat(np.arange(len(counts)), counts)
        self.n_frames: IntArray = np.concatenate([source.n_frames for source in sources])
        self.object_ids: NDArray[Any] = np.concatenate([source.object_ids for source in sources])
        self._sky_and_noise = np.full((len(self.object_ids), 2), np.nan)

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.object_ids)

    def draw(
        self, i_object: int, n_frames: int, rng: np.random.Generator, *, with_flips: bool = False
    ) -> FloatArray:
        """Draw usable frames of an object without repetition.

        Parameters
        ----------
        i_object : int
            Which object.
        n_frames : int
            How many at most.
        rng : Generator
            Source of the draw.
        with_flips : bool, default False
            Flip or turn them, all alike.

        Returns
        -------
        ndarray, shape (n, n_planes, size_px, size_px), float32
            n may be 0 where no frame is usable.
        """
        i_source = int(self.source_of[i_object])
        i_own = i_object - int(self._starts[i_source])
        n_all = int(self.n_frames[i_object])
        chosen = np.sort(rng.choice(n_all, min(n_frames, n_all), replace=False))
        if np.isnan(self._sky_and_noise[i_object, 0]):
            everything = self._read(i_source, i_own, np.arange(n_all))
            everything = everything[find_usable_frames(everything)]
            self._sky_and_noise[i_object] = object_noise(everything)
        frames = self._read(i_source, i_own, chosen)
        frames = frames[find_usable_frames(frames)]
        sky, noise = self._sky_and_noise[i_object]
        planes = scale_usable_frames(frames, self.scaling, sky_and_noise=(sky, noise))
        return _turned(planes, int(rng.integers(8))) if with_flips else planes

    def _read(self, i_source: int, i_own: int, rows: IntArray) -> FloatArray:
        return fit_frames(self._sources[i_source].read(i_own, rows), self.scaling)


def _turned(planes: FloatArray, i_turn: int) -> FloatArray:
    """Return one of the eight flips and turns; 0 changes nothing."""
    turned = np.rot90(planes, i_turn % 4, axes=(2, 3))
    return turned[..., ::-1] if i_turn >= 4 else turned
