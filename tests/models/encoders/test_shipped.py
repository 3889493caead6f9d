"""The encoder that ships with skyvet: small, alive, and blind neither to flux nor to artefacts."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.models.encoders.bundle import find_encoders, load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.simulation.frame_artefacts import FrameArtefact
from skyvet.simulation.frames import FrameConfig, simulate_frame_sequence


@pytest.fixture(scope="module")
def bundle():
    if "default" not in find_encoders():
        pytest.skip("no encoder is shipped as 'default'")
    return load_encoder("default")


@pytest.fixture(scope="module")
def embedder(bundle):
    return FrameEmbedder(bundle, n_threads=1)


def test_it_is_small(bundle):
    assert sum(file.stat().st_size for file in bundle.path.iterdir()) < 3_000_000


def test_three_quarters_of_its_dimensions_are_in_use(bundle):
    assert bundle.info.metrics["active_share"] >= 0.75
    assert np.mean(np.array(bundle.info.mean_variances) > 0.01) >= 0.75


def test_its_card_names_data_and_terms(bundle):
    assert "ZTF" in bundle.card
    assert bundle.info.data.licence in bundle.card


def test_brighter_source_lies_farther_from_an_empty_frame(embedder):
    rng = np.random.default_rng(1)
    row, column = np.mgrid[:28, :28] - 13
    star = np.exp(-(row**2 + column**2) / 2.0)
    flux = np.array([0.0, 100.0, 400.0, 1600.0])
    frames = rng.normal(200.0, 7.0, (4, 28, 28)) + flux[:, None, None] * star
    means = embedder.embed(frames).values[:, : embedder.n_latent]
    distance = np.linalg.norm(means - means[0], axis=1)
    assert (np.diff(distance) > 0).all()


def test_strong_tracks_and_ghosts_stand_out_from_the_other_frames(embedder):
    pytest.importorskip("numba")
    config = FrameConfig(
        seed=77, median_epochs=40, max_epochs=60, artefact_fraction=1.0, strength=20.0,
        artefacts=(FrameArtefact.TRACK, FrameArtefact.GHOST),
    )  # fmt: skip
    ranks = []
    for i_object in range(40):
        made = simulate_frame_sequence(config, i_object)
        if made.guilty_mask.sum() == 1:
            means = embedder.embed(made.sequence.frames).values[:, : embedder.n_latent]
            deviation = means - np.median(means, axis=0)
            distance = np.linalg.norm(deviation / (deviation.std(axis=0) + 0.1), axis=1)
            ranks.append(int((distance > distance[made.guilty_mask][0]).sum()))
    assert len(ranks) >= 5
    assert np.mean(np.array(ranks) < 3) >= 0.8
