"""Batches of scaled frames, epoch after epoch, with flat memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.training.encoders.configs import FrameSamplingConfig
from skyvet.training.encoders.frame_pool import FramePool

__all__ = ["FrameBatches", "draw_validation_frames"]

_VALIDATION_STREAM = 0x76616C
_FRAME_STREAM = 0x66726D
_MOST_REPEATS = 50


class FrameBatches:
    """Batches of frames of some objects, in an order that seed and epoch fix.

    An epoch goes through the objects in random order, draws frames of each, and shuffles them in
    pools; small sources are gone through several times.

    Parameters
    ----------
    pool : FramePool
        Where the frames are.
    objects : ndarray of int
        Numbers of the objects to show.
    config : FrameSamplingConfig
        Sizes.
    seed : int
        Of the order.
    rank, world_size : int
        This process's number and how many share an epoch.
    """

    def __init__(
        self,
        pool: FramePool,
        objects: IntArray,
        config: FrameSamplingConfig,
        *,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._pool = pool
        self._visits = _repeat_small_sources(pool, objects, config)
        self._config = config
        self._seed = seed
        self._rank, self._world_size = rank, world_size
        self._epoch = 0
        n_each = np.minimum(pool.n_frames[self._visits], config.frames_per_object)
        n_frames = min(int(np.sum(n_each)), config.max_frames_per_epoch) // world_size
        self._n_batches = max(n_frames // config.batch_size, 1)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return self._n_batches

    def __iter__(self) -> Iterator[Tensor]:
        """Yield tensors of shape (batch_size, n_planes, size_px, size_px), float32."""
        size = self._config.batch_size
        n_left = self._n_batches
        for planes in self._pools():
            for start in range(0, len(planes) - size + 1, size):
                yield torch.from_numpy(planes[start : start + size])
                n_left -= 1
                if not n_left:
                    return

    def _pools(self) -> Iterator[FloatArray]:
        """Yield shuffled frames without end, at least one batch at a time."""
        config = self._config
        rng = np.random.default_rng([self._seed, self._epoch, self._rank, _FRAME_STREAM])
        n_wanted = max(min(config.pool_size, len(self) * config.batch_size), config.batch_size)
        waiting: list[FloatArray] = []
        n_waiting = n_empty = 0
        for i_object in self._endless_visits():
            drawn = self._pool.draw(
                int(i_object), config.frames_per_object, rng, with_flips=config.with_flips
            )
            n_empty = 0 if len(drawn) else n_empty + 1
            if n_empty > len(self._visits):
                raise InvalidInputError(
                    "no frame of the training objects is usable: all are blank, constant or missing"
                )
            waiting.append(drawn)
            n_waiting += len(drawn)
            if n_waiting >= n_wanted:
                planes = np.concatenate(waiting)
                yield planes[rng.permutation(len(planes))]
                waiting, n_waiting = [], 0

    def _endless_visits(self) -> Iterator[int]:
        """Yield the objects of this process, of one order that all share, again and again."""
        rng = np.random.default_rng([self._seed, self._epoch])
        while True:
            order = rng.permutation(self._visits)
            yield from order[self._rank % len(order) :: self._world_size]


def draw_validation_frames(
    pool: FramePool, objects: IntArray, config: FrameSamplingConfig, *, seed: int
) -> FloatArray:
    """Draw the frames by which epochs are judged, the same every time.

    Parameters
    ----------
    pool : FramePool
        Where the frames are.
    objects : ndarray of int
        Numbers of the objects that are held out.
    config : FrameSamplingConfig
        Sizes.
    seed : int
        Of the draw.

    Returns
    -------
    ndarray, shape (n, n_planes, size_px, size_px), float32

    Raises
    ------
    InvalidInputError
        If the objects have no usable frame.
    """
    rng = np.random.default_rng([seed, _VALIDATION_STREAM])
    n_each = max(1, min(config.frames_per_object, -(-config.n_validation_frames // len(objects))))
    drawn: list[FloatArray] = []
    for i_object in rng.permutation(objects):
        drawn.append(pool.draw(int(i_object), n_each, rng))
        if sum(map(len, drawn)) >= config.n_validation_frames:
            break
    planes = np.concatenate(drawn)[: config.n_validation_frames]
    if not len(planes):
        raise InvalidInputError("no frame of the held-out objects is usable; give more objects")
    return planes


def _repeat_small_sources(
    pool: FramePool, objects: IntArray, config: FrameSamplingConfig
) -> IntArray:
    """Return the objects of an epoch; those of small sources stand there several times."""
    n_each = np.minimum(pool.n_frames[objects], config.frames_per_object)
    sources = pool.source_of[objects]
    total = float(np.sum(n_each))
    visits = []
    for i_source in np.unique(sources):
        own = objects[sources == i_source]
        share = float(np.sum(n_each[sources == i_source])) / max(total, 1.0)
        n_repeats = int(np.ceil(config.min_source_share / max(share, 1e-9)))
        visits.append(np.tile(own, min(max(n_repeats, 1), _MOST_REPEATS)))
    return np.concatenate(visits)
