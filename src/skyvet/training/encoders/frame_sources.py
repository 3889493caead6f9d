"""Where an encoder's training frames come from: stores, alert datasets, simulation.

A source gives the frames of one object at a time, straight from disk where they are on disk, so
that a training may see more frames than fit into memory.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.progress import Progress, SilentProgress
from skyvet.io.dataset import Dataset
from skyvet.io.frame_store import FrameStore
from skyvet.records.cutouts import CutoutKind
from skyvet.simulation.frames import FrameConfig, SimulatedFrames, simulate_frame_sequences
from skyvet.simulation.workers import simulate_in_order

__all__ = ["FrameSource", "SimulatedSource", "StampSource", "StoreSource"]

_BLOCK = 16


class FrameSource(Protocol):
    """Objects with frames; object `i` is always the same."""

    @property
    def object_ids(self) -> NDArray[Any]:
        """Identifiers as text, shape (n_objects,)."""

    @property
    def n_frames(self) -> IntArray:
        """Frames of each object, shape (n_objects,)."""

    def read(self, i_object: int, rows: IntArray) -> FloatArray:
        """Return some frames of an object, shape (len(rows), height, width), NaN = missing."""


class StoreSource:
    """Frames of a frame store, read from its memory-mapped arrays.

    Parameters
    ----------
    store : FrameStore
        Opened; an unfinished one gives what it has.
    """

    def __init__(self, store: FrameStore) -> None:
        self._store = store
        objects = store.objects()
        self.object_ids: NDArray[Any] = np.array(objects["object_id"].to_pylist(), dtype=np.str_)
        self.n_frames: IntArray = objects["n_frames"].to_numpy().astype(np.int64)

    def read(self, i_object: int, rows: IntArray) -> FloatArray:
        """Return some frames of an object."""
        return np.asarray(self._store.raw_frames(i_object)[rows], dtype=np.float32)


class StampSource:
    """Science cutouts of an ingested alert dataset; alerts of one object are its frames.

    Parameters
    ----------
    dataset : Dataset
        Opened.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        ids = np.array([str(name) for name in dataset.table["object_id"].to_pylist()], np.str_)
        self.object_ids: NDArray[Any]
        self.object_ids, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
        self.n_frames: IntArray = counts.astype(np.int64)
        self._rows = np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])

    def read(self, i_object: int, rows: IntArray) -> FloatArray:
        """Return some science cutouts of an object."""
        stamps = self._dataset.stamps(self._rows[i_object][rows])
        science: FloatArray = stamps[:, CutoutKind.SCIENCE]
        return science


class SimulatedSource:
    """Frames simulated on the spot and kept in half precision.

    Parameters
    ----------
    config : FrameConfig
        What to simulate; few epochs an object give more different objects.
    n_objects : int
        How many.
    n_workers : int, default 1
        Processes.
    progress : Progress, optional
        Told of every object.

    Raises
    ------
    MissingDependencyError
        If numba (extra ``simulate``) is not installed.
    """

    def __init__(
        self,
        config: FrameConfig,
        n_objects: int,
        *,
        n_workers: int = 1,
        progress: Progress | None = None,
    ) -> None:
        progress = progress or SilentProgress()
        progress.start("simulating frames", n_objects)
        self._frames: list[NDArray[np.float16]] = []
        ids = []
        make = partial(simulate_frame_sequences, config)
        made: SimulatedFrames
        for made in simulate_in_order(make, (0, n_objects), n_workers=n_workers, block_size=_BLOCK):
            self._frames.append(np.clip(made.sequence.frames, -65504, 65504).astype(np.float16))
            ids.append(str(made.sequence.object_id))
            progress.advance()
        progress.finish()
        self.object_ids: NDArray[Any] = np.array(ids, dtype=np.str_)
        self.n_frames: IntArray = np.array([len(frames) for frames in self._frames], np.int64)

    def read(self, i_object: int, rows: IntArray) -> FloatArray:
        """Return some frames of an object."""
        return self._frames[i_object][rows].astype(np.float32)
