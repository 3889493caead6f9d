"""Starts from unlabelled stamps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.strategies.dots import TINY, dot_pool, few_steps

from skyvet.core.errors import InvalidInputError
from skyvet.models.resnet import ResNetConfig
from skyvet.models.tac_cnn import TacCnnConfig
from skyvet.preprocessing.augmentation import AugmentationConfig
from skyvet.preprocessing.pools import CandidatePool
from skyvet.records.cutouts import CutoutKind
from skyvet.strategies.pretraining.configs import RestoreConfig, VicRegConfig
from skyvet.strategies.pretraining.self_supervised import (
    restore_error,
    self_supervised_state,
    vicreg_loss,
)
from skyvet.training.start import input_shape, start_network

VICREG = VicRegConfig(steps=few_steps(20), batch_size=16, width=16)
RESTORE = RestoreConfig(steps=few_steps(20), batch_size=16, width=4)


def noise(n=64, d=5, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_vicreg_is_the_sum_of_its_three_terms():
    first, second = noise(seed=1).numpy(), 0.5 * noise(seed=2).numpy()
    expected = 25 * ((first - second) ** 2).mean()
    for view in (first, second):
        spread = np.sqrt(view.var(axis=0, ddof=1) + 1e-4)
        expected += 25 * np.maximum(0, 1 - spread).mean() / 2
        covariance = np.cov(view.T)
        expected += (covariance**2)[~np.eye(5, dtype=bool)].sum() / 5
    got = vicreg_loss(torch.from_numpy(first), torch.from_numpy(second), VicRegConfig())
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_collapsed_vectors_cost_more_than_spread_ones():
    same, spread = torch.ones(64, 5), 2 * noise()
    config = VicRegConfig()
    assert vicreg_loss(same, same, config) > vicreg_loss(spread, spread, config)


def test_missing_pixels_of_the_difference_cost_nothing():
    stamps = torch.ones(2, 3, 6, 6)
    stamps[:, CutoutKind.DIFFERENCE, :3] = 0.0
    images = torch.full((2, 6, 6), 9.0)
    images[:, 3:] = 1.0
    assert restore_error(images, stamps) == 0


def test_an_empty_difference_costs_nothing():
    assert restore_error(torch.ones(2, 6, 6), torch.zeros(2, 3, 6, 6)) == 0


@pytest.mark.parametrize("config", [VICREG, RESTORE], ids=["vicreg", "restore"])
def test_the_encoder_is_trained_and_the_head_is_fresh(config):
    pool, _ = dot_pool()
    state = self_supervised_state(pool, TINY.network, config, seed=3)
    fresh = start_network(TINY.network, input_shape(pool), seed=3).state_dict()
    assert set(state) == set(fresh)
    assert torch.equal(state["head.weight"], fresh["head.weight"])
    name = "encoder.stages.0.first.weight"
    assert not torch.equal(state[name], fresh[name])
    assert all(torch.isfinite(part.float()).all() for part in state.values())


@pytest.mark.parametrize("config", [VICREG, RESTORE], ids=["vicreg", "restore"])
def test_same_seed_gives_the_same_start(config):
    pool, _ = dot_pool()
    quick = config.model_copy(update={"steps": few_steps(3)})
    first, second = (self_supervised_state(pool, TINY.network, quick, seed=3) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_views_of_one_candidate_come_closer_than_candidates():
    pool, _ = dot_pool()
    config = VICREG.model_copy(
        update={"steps": few_steps(60), "augmentation": AugmentationConfig.weak()}
    )
    state = self_supervised_state(pool, TINY.network, config, seed=3)

    def ratio(state):
        network = start_network(TINY.network, input_shape(pool), seed=3, initial_state=state).eval()
        stamps = torch.from_numpy(pool.stamps.copy())
        with torch.no_grad():
            first, second = network.features(stamps), network.features(stamps.flip(-1))
        return ((first - second).square().mean(0) / first.var(dim=0).clamp_min(1e-9)).mean()

    assert ratio(state) < ratio(None)


@pytest.mark.parametrize(
    "network",
    [ResNetConfig(width=4), TacCnnConfig()],
    ids=lambda config: config.kind,
)
def test_any_network_can_be_started(network):
    pool, _ = dot_pool(16)
    state = self_supervised_state(
        pool, network, RESTORE.model_copy(update={"steps": few_steps(1)}), seed=0
    )
    start_network(network, input_shape(pool), seed=1, initial_state=state)


def test_a_pool_with_metadata_gets_a_fresh_branch():
    pool, _ = dot_pool(16)
    rows = CandidatePool(
        stamps=pool.stamps,
        candidate_ids=pool.candidate_ids,
        object_ids=pool.object_ids,
        metadata=np.ones((16, 2), np.float32),
        metadata_names=("a", "b"),
    )
    quick = VICREG.model_copy(update={"steps": few_steps(1)})
    state = self_supervised_state(rows, TINY.network, quick, seed=0)
    start_network(TINY.network, input_shape(rows), seed=1, initial_state=state)


def test_an_empty_pool_is_refused():
    pool, _ = dot_pool(4)
    with pytest.raises(InvalidInputError, match="rows"):
        self_supervised_state(pool.take(np.arange(0)), TINY.network, VICREG, seed=0)
