"""Small labelled triplets that a network can learn in seconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from skyvet.preprocessing.triplets import TripletArrays


def make_triplets(n_rows: int, seed: int = 0, *, stamp_px: int = 21) -> TripletArrays:
    """Noise with a star (REAL) or a hole (BOGUS) in the middle of the difference image.

    Two rows an object; object and candidate identifiers differ between seeds.
    """
    rng = np.random.default_rng(seed)
    object_ids = np.arange(n_rows) // 2
    labels = (object_ids % 2).astype(np.int8)
    stamps = rng.normal(size=(n_rows, 3, stamp_px, stamp_px)).astype(np.float32)
    distance_squared = ((np.indices((stamp_px, stamp_px)) - stamp_px // 2) ** 2).sum(axis=0)
    sign = np.where(labels > 0, 1.0, -1.0)
    stamps[:, 2] += sign[:, None, None] * 4 * np.exp(-distance_squared / 6)
    return TripletArrays(
        stamps=stamps.astype(np.float16),
        labels=labels,
        candidate_ids=1000 * seed + np.arange(n_rows),
        object_ids=1000 * seed + object_ids,
        weights=np.ones(n_rows, np.float32),
        targets=labels.astype(np.float32),
    )


@pytest.fixture(scope="session")
def triplets() -> Callable[..., TripletArrays]:
    """The maker of small labelled triplets."""
    return make_triplets
