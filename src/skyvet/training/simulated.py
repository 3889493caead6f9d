"""Simulated triplets straight to training arrays, for pre-training without any packet on disk."""

from __future__ import annotations

from functools import partial

import numpy as np

from skyvet.core.progress import Progress, SilentProgress
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.stamps import place_triplet, quantise_stamps, restore_stamps
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.records.labels import LabelValue
from skyvet.simulation.night import NightConfig, simulate_candidate
from skyvet.simulation.workers import simulate_in_order

__all__ = ["simulated_triplets"]

_BLOCK = 128
_Row = tuple[np.ndarray, int, str, str]


def _make_block(config: NightConfig, stamps: StampConfig, start: int, stop: int) -> list[_Row]:
    """Return prepared stamps (float16), label and identifiers of a run of candidates."""
    pixels, rows = [], []
    for i_candidate in range(start, stop):
        made = simulate_candidate(config, i_candidate)
        placed = place_triplet(
            made.candidate,
            size_px=stamps.size_px,
            centring=stamps.centring,
            with_variance=stamps.with_variance_planes,
        )
        pixels.append(placed.pixels)
        is_real = made.truth.candidate_class.label is LabelValue.REAL
        rows.append((int(is_real), str(made.truth.candidate_id), str(made.truth.object_id)))
    restored = restore_stamps(quantise_stamps(np.stack(pixels)))
    prepared = prepare_stamps(restored, stamps).astype(np.float16)
    return [(prepared[i], *row) for i, row in enumerate(rows)]


def simulated_triplets(
    config: NightConfig,
    stamps: StampConfig,
    *,
    n_workers: int = 1,
    progress: Progress | None = None,
) -> TripletArrays:
    """Simulate labelled triplets; the same for any number of workers.

    Parameters
    ----------
    config : NightConfig
        The night: survey, number, prior, seed, rates.
    stamps : StampConfig
        Preparation of the stamps.
    n_workers : int, default 1
        Processes.
    progress : Progress, optional
        Told of every triplet.

    Returns
    -------
    TripletArrays
        One row a candidate, in the night's order.

    Raises
    ------
    MissingDependencyError
        If numba (extra ``simulate``) is not installed.
    """
    progress = progress or SilentProgress()
    shape = (config.n, stamps.n_planes, stamps.size_px, stamps.size_px)
    prepared = np.empty(shape, dtype=np.float16)
    rows: list[tuple[int, str, str]] = []
    progress.start("simulating triplets", config.n)
    made = simulate_in_order(
        partial(_make_block, config, stamps), (0, config.n), n_workers=n_workers, block_size=_BLOCK
    )
    for i_row, (stamp, label, candidate_id, object_id) in enumerate(made):
        prepared[i_row] = stamp
        rows.append((label, candidate_id, object_id))
        progress.advance()
    progress.finish()
    labels = np.array([label for label, _, _ in rows], dtype=np.int8)
    return TripletArrays(
        stamps=prepared,
        labels=labels,
        candidate_ids=np.array([identifier for _, identifier, _ in rows]),
        object_ids=np.array([f"simulated-{identifier}" for _, _, identifier in rows]),
        weights=np.ones(len(rows), dtype=np.float32),
        targets=labels.astype(np.float32),
    )
