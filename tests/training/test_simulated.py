"""Simulated training rows equal the candidates they come from."""

from __future__ import annotations

import numpy as np

from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.preprocessing.stamps import place_triplet, quantise_stamps, restore_stamps
from skyvet.simulation.night import NightConfig, simulate_candidate
from skyvet.training.simulated import simulated_triplets


def test_rows_are_those_of_the_night() -> None:
    night, stamps = NightConfig(n=6, prior=0.5, seed=4), StampConfig(size_px=41)
    arrays = simulated_triplets(night, stamps)
    for i in range(6):
        made = simulate_candidate(night, i)
        placed = place_triplet(made.candidate, size_px=41)
        restored = restore_stamps(quantise_stamps(placed.pixels[None]))
        expected = prepare_stamps(restored, stamps)[0].astype(np.float16)
        np.testing.assert_array_equal(arrays.stamps[i], expected)
        assert arrays.labels[i] == (made.truth.label.value == "real")
        assert str(made.candidate.candidate_id) == arrays.candidate_ids[i]
