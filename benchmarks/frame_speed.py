"""Speed of pooling, of embedding and of scoring one long object."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from skyvet.features.pooled_frames import pool_frames
from skyvet.features.pooled_space import fit_pooled_space
from skyvet.models.encoders.bundle import load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.records.sequences import EmbeddedSequences

_LONG = 455
_N_FRAMES = 8192


def best_seconds(work: Callable[[], object], *, n_rounds: int = 3) -> float:
    """Return the shortest time of several rounds [s]."""
    times = []
    for _ in range(n_rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def pooled_frames_per_second(sequences: EmbeddedSequences) -> float:
    """Return how many frames a second become pooled statistics."""
    space = fit_pooled_space(sequences)
    return len(sequences.values) / best_seconds(lambda: pool_frames(sequences, space))


def show_speed(sequences: EmbeddedSequences) -> None:
    """Print speeds on this machine."""
    embedder = FrameEmbedder(load_encoder("default"))
    frames = np.random.default_rng(0).normal(100.0, 5.0, (_N_FRAMES, 28, 28)).astype(np.float32)
    seconds = best_seconds(lambda: embedder.embed(frames))
    print(f"\nencoder: {_N_FRAMES / seconds:.0f} frames/s (scaling included)")
    print(f"pooled statistics: {pooled_frames_per_second(sequences):.0f} frames/s")
