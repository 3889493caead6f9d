"""First weights of a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skyvet.core.errors import InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.models.interface import InputShape
from skyvet.preprocessing.pools import CandidatePool
from skyvet.training.start import input_shape, start_network, transferred_state

NETWORK = CompactConfig(widths=(4, 8))
SHAPE = InputShape(stamp_px=17)


def pool(n_metadata=0):
    return CandidatePool(
        stamps=np.zeros((4, 3, 17, 17), np.float32),
        candidate_ids=np.arange(4),
        object_ids=np.arange(4),
        metadata=np.arange(4.0 * n_metadata, dtype=np.float32).reshape(4, -1)
        if n_metadata
        else None,
        metadata_names=tuple("abc"[:n_metadata]),
    )


def test_weights_follow_from_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = (start_network(NETWORK, SHAPE, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_given_weights_are_taken():
    state = start_network(NETWORK, SHAPE, seed=1).state_dict()
    again = start_network(NETWORK, SHAPE, seed=2, initial_state=state).state_dict()
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_weights_of_another_network_are_refused():
    state = start_network(CompactConfig(widths=(4, 9)), SHAPE, seed=1).state_dict()
    with pytest.raises(InvalidInputError, match="does not fit"):
        start_network(NETWORK, SHAPE, seed=2, initial_state=state)


def test_the_branch_takes_mean_and_scatter_of_the_metadata():
    rows = pool(2)
    network = start_network(NETWORK, input_shape(rows), seed=1, metadata=rows.metadata)
    np.testing.assert_allclose(network.metadata_branch.mean, rows.metadata.mean(axis=0))


def test_part_of_the_weights_is_filled_up_with_fresh_ones():
    state = start_network(NETWORK, SHAPE, seed=1).state_dict()
    encoder = {name: part for name, part in state.items() if name.startswith("encoder.")}
    whole = transferred_state(encoder, NETWORK, pool(2), seed=3)
    assert torch.equal(
        whole["encoder.stages.0.first.weight"], state["encoder.stages.0.first.weight"]
    )
    start_network(NETWORK, input_shape(pool(2)), seed=0, initial_state=whole)


def test_weights_that_the_network_lacks_are_refused():
    with pytest.raises(InvalidInputError, match="does not fit"):
        transferred_state({"encoder.nothing": torch.zeros(1)}, NETWORK, pool(), seed=3)
