"""All starts behind one function."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from tests.strategies.dots import TINY, dot_pool, few_steps, labelled_dots

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.scoring.curves import roc_auc
from skyvet.strategies.pretraining.configs import (
    RandomStart,
    SimulationStart,
    StartConfig,
    VicRegConfig,
    WeightsStart,
)
from skyvet.strategies.pretraining.simulation import simulation_state
from skyvet.strategies.pretraining.starts import start_state, write_weights
from skyvet.training.prediction import predict_logits
from skyvet.training.start import input_shape, start_network

NETWORK = TINY.network
SIMULATION = SimulationStart(training=TINY)


def started(state, pool):
    return start_network(NETWORK, input_shape(pool), seed=0, initial_state=state)


def test_a_random_start_gives_no_weights():
    pool, _ = dot_pool(8)
    assert start_state(RandomStart(), pool, NETWORK, seed=0) is None


def test_written_weights_come_back(tmp_path):
    pool, _ = dot_pool(8)
    state = start_network(NETWORK, input_shape(pool), seed=7).state_dict()
    again = start_state(write_weights(state, tmp_path / "w.safetensors"), pool, NETWORK, seed=0)
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_weights_of_an_encoder_alone_get_a_fresh_head(tmp_path):
    pool, _ = dot_pool(8)
    state = start_network(NETWORK, input_shape(pool), seed=7).state_dict()
    encoder = {name: part for name, part in state.items() if name.startswith("encoder.")}
    start = write_weights(encoder, tmp_path / "w.safetensors")
    joined = start_state(start, pool, NETWORK, seed=0)
    fresh = start_network(NETWORK, input_shape(pool), seed=0).state_dict()
    assert torch.equal(joined["head.weight"], fresh["head.weight"])


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_unreadable_weights_are_refused(tmp_path, content):
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    pool, _ = dot_pool(8)
    with pytest.raises(BundleError, match=r"w\.safetensors"):
        start_state(WeightsStart(path=path), pool, NETWORK, seed=0)


def test_weights_of_another_network_are_refused(tmp_path):
    pool, _ = dot_pool(8)
    other = start_network(CompactConfig(widths=(4, 9)), input_shape(pool), seed=0)
    start = write_weights(dict(other.state_dict()), tmp_path / "w.safetensors")
    with pytest.raises(InvalidInputError, match="does not fit"):
        start_state(start, pool, NETWORK, seed=0)


def test_a_self_supervised_start_fits_the_network():
    pool, _ = dot_pool(16)
    config = VicRegConfig(steps=few_steps(1), batch_size=8, width=8)
    started(start_state(config, pool, NETWORK, seed=0), pool)


def test_labels_of_a_simulation_reach_the_pool():
    pool, truth = dot_pool(seed=3)
    state = simulation_state(pool, NETWORK, SIMULATION, seed=1, simulated=labelled_dots(96))
    assert roc_auc(predict_logits(started(state, pool), pool.stamps), truth) > 0.95


def test_larger_simulated_stamps_are_cut_at_the_centre():
    pool, _ = dot_pool(seed=3)
    rows = labelled_dots(96)
    wide = TripletArrays(
        stamps=np.pad(rows.stamps, ((0, 0), (0, 0), (3, 3), (3, 3)), constant_values=7.0),
        labels=rows.labels,
        candidate_ids=rows.candidate_ids,
        object_ids=rows.object_ids,
        weights=rows.weights,
        targets=rows.targets,
    )
    first = simulation_state(pool, NETWORK, SIMULATION, seed=1, simulated=rows)
    second = simulation_state(pool, NETWORK, SIMULATION, seed=1, simulated=wide)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_adapted_norms_are_those_of_the_pool():
    pool, _ = dot_pool(seed=3)
    plain = SIMULATION.model_copy(update={"with_adapted_batch_norm": False})
    states = [
        simulation_state(pool, NETWORK, config, seed=1, simulated=labelled_dots(24))
        for config in (SIMULATION, plain)
    ]
    changed = {name for name in states[0] if not torch.equal(states[0][name], states[1][name])}
    assert changed
    assert all("running" in name or "num_batches" in name for name in changed)


def test_smaller_simulated_stamps_are_refused():
    pool, _ = dot_pool()
    rows = labelled_dots(24)
    small = TripletArrays(
        stamps=rows.stamps[..., 1:-1, 1:-1],
        labels=rows.labels,
        candidate_ids=rows.candidate_ids,
        object_ids=rows.object_ids,
        weights=rows.weights,
        targets=rows.targets,
    )
    with pytest.raises(InvalidInputError, match="planes"):
        simulation_state(pool, NETWORK, SIMULATION, seed=1, simulated=small)


def test_an_unknown_start_is_refused():
    with pytest.raises(ValidationError):
        TypeAdapter(StartConfig).validate_python({"kind": "wish"})
