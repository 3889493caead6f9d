"""A simulated ZTF-like pool in RB-C1000's proportions, kept on disk: 13,000 real, 30,000 bogus.

The night runs until both classes are full, so that the counts are exact and everything follows from
the seed. Stamps are kept in the dataset's own form (half precision around each plane's median);
`SimulatedPool.raw` gives what RB-C1000 feeds its network (pixels, missing ones 0),
`SimulatedPool.prepared` skyvet's own normalisation. The pool is simulated, so a contender may use
its stamps and the labels that it buys, and no other simulation.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.core.progress import Progress, SilentProgress
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.stamps import (
    QuantisedStamps,
    fit_stamps,
    place_triplet,
    quantise_stamps,
    restore_stamps,
    valid_pixels,
)
from skyvet.records.labels import LabelValue
from skyvet.simulation.night import NightConfig, simulate_candidate
from skyvet.simulation.workers import simulate_in_order

__all__ = ["PoolConfig", "SimulatedPool", "open_pool"]

_BLOCK = 128
_N_AT_A_TIME = 512
_PARTS = ("values", "offset", "scale")
_Row = tuple[np.ndarray, np.ndarray, np.ndarray, bool, str, str, float]


class PoolConfig(Config):
    """What the pool holds."""

    n_real: int = Field(default=13_000, ge=1, description="candidates that are REAL")
    n_bogus: int = Field(default=30_000, ge=1, description="candidates that are BOGUS")
    stamp_px: int = Field(default=63, ge=21, le=256, description="side of the stamps [pixels]")
    seed: int = Field(default=1000, ge=0, description="of the simulated night")

    @property
    def n_candidates(self) -> int:
        """Number of candidates."""
        return self.n_real + self.n_bogus

    def night(self) -> NightConfig:
        """Return the night whose first candidates fill the pool."""
        return NightConfig(
            n=3 * self.n_candidates + 1000,
            prior=self.n_real / self.n_candidates,
            seed=self.seed,
            stamp_px=self.stamp_px,
        )

    @property
    def key(self) -> str:
        """Name of the pool's folder."""
        return "pool-" + hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedPool:
    """The pool with its truth.

    Parameters
    ----------
    stamps : QuantisedStamps
        Memory-mapped.
    labels : ndarray, shape (n,), int8
        The truth: 1 = REAL, 0 = BOGUS.
    subclasses, candidate_ids : ndarray, shape (n,), str
        What was simulated, and its identifier.
    """

    stamps: QuantisedStamps
    labels: IntArray
    subclasses: np.ndarray
    candidate_ids: np.ndarray

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.labels)

    def take(self, rows: IntArray) -> SimulatedPool:
        """Return the given rows, in the given order, in memory."""
        stamps = self.stamps
        return SimulatedPool(
            stamps=QuantisedStamps(
                values=stamps.values[rows], offset=stamps.offset[rows], scale=stamps.scale[rows]
            ),
            labels=self.labels[rows],
            subclasses=self.subclasses[rows],
            candidate_ids=self.candidate_ids[rows],
        )

    def raw(self, size_px: int) -> CandidatePool:
        """Return the central pixels as RB-C1000 feeds them: survey's unit, missing ones 0."""

        def raw_pixels(pixels: FloatArray) -> FloatArray:
            central = fit_stamps(pixels, size_px)
            return np.where(valid_pixels(central), central, np.float32(0))

        return self._pool(np.float32, (3, size_px, size_px), raw_pixels)

    def prepared(self, config: StampConfig, size_px: int) -> CandidatePool:
        """Return the central pixels of the stamps that `config` prepares."""

        def central(pixels: FloatArray) -> FloatArray:
            return fit_stamps(prepare_stamps(pixels, config), size_px)

        return self._pool(np.float16, (config.n_planes, size_px, size_px), central)

    def _pool(
        self, dtype: type, shape: tuple[int, ...], prepare: Callable[[FloatArray], FloatArray]
    ) -> CandidatePool:
        """Apply a preparation block by block."""
        stamps = np.empty((len(self), *shape), dtype=dtype)
        for start in range(0, len(self), _N_AT_A_TIME):
            rows = slice(start, start + _N_AT_A_TIME)
            part = QuantisedStamps(
                values=self.stamps.values[rows],
                offset=self.stamps.offset[rows],
                scale=self.stamps.scale[rows],
            )
            stamps[rows] = prepare(restore_stamps(part))
        return CandidatePool(
            stamps=stamps, candidate_ids=self.candidate_ids, object_ids=self.candidate_ids
        )


def open_pool(
    config: PoolConfig, cache: Path, *, n_workers: int = 1, progress: Progress | None = None
) -> SimulatedPool:
    """Return the pool from the cache, simulated first if it is not there."""
    folder = cache / config.key
    if not folder.is_dir():
        _simulate(config, folder, n_workers=n_workers, progress=progress or SilentProgress())
    table = pq.read_table(folder / "truth.parquet")
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    return SimulatedPool(
        stamps=QuantisedStamps(
            **{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _PARTS}
        ),
        labels=columns["label"].astype(np.int8),
        subclasses=columns["subclass"].astype(str),
        candidate_ids=columns["candidate_id"].astype(str),
    )


def _simulate(config: PoolConfig, folder: Path, *, n_workers: int, progress: Progress) -> None:
    """Write the pool's folder, whole or not at all."""
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    shape = (config.n_candidates, 3)
    arrays = {
        "values": np.lib.format.open_memmap(
            part / "values.npy", "w+", np.float16, (*shape, config.stamp_px, config.stamp_px)
        ),
        "offset": np.empty(shape, np.float32),
        "scale": np.empty(shape, np.float32),
    }
    rows = []
    progress.start("simulating the pool", config.n_candidates)
    for i_row, (*stamps, is_real, subclass, identifier, snr) in enumerate(
        _wanted(config, n_workers)
    ):
        for array, values in zip(arrays.values(), stamps, strict=True):
            array[i_row] = values
        rows.append((int(is_real), subclass, identifier, snr))
        progress.advance()
    progress.finish()
    arrays["values"].flush()
    np.save(part / "offset.npy", arrays["offset"])
    np.save(part / "scale.npy", arrays["scale"])
    names = ("label", "subclass", "candidate_id", "snr")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    pq.write_table(
        pa.table({name: list(column) for name, column in columns.items()}), part / "truth.parquet"
    )
    part.replace(folder)


def _wanted(config: PoolConfig, n_workers: int) -> Iterator[_Row]:
    """Yield candidates of the night until both classes are full."""
    n_missing = {True: config.n_real, False: config.n_bogus}
    night = config.night()
    made = simulate_in_order(
        partial(_make_block, night), (0, night.n), n_workers=n_workers, block_size=_BLOCK
    )
    for row in made:
        is_real = row[3]
        if n_missing[is_real]:
            n_missing[is_real] -= 1
            yield row
        if not any(n_missing.values()):
            return


def _make_block(night: NightConfig, start: int, stop: int) -> list[_Row]:
    """Return stamps and truth of a run of candidates."""
    made = [simulate_candidate(night, i_candidate) for i_candidate in range(start, stop)]
    placed = [place_triplet(item.candidate, size_px=night.stamp_px or 63).pixels for item in made]
    stamps = quantise_stamps(np.stack(placed))
    return [
        (
            stamps.values[i],
            stamps.offset[i],
            stamps.scale[i],
            item.truth.label is LabelValue.REAL,
            item.truth.candidate_class.value,
            str(item.truth.candidate_id),
            float(item.truth.snr),
        )
        for i, item in enumerate(made)
    ]
