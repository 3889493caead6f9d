"""The network that a training starts from."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.models.interface import InputShape, TripletNetwork
from skyvet.models.networks import NetworkConfig, build_network
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.triplets import TripletArrays

__all__ = ["input_shape", "start_network", "transferred_state"]


def start_network(
    config: NetworkConfig,
    shape: InputShape,
    *,
    seed: int,
    metadata: FloatArray | None = None,
    initial_state: Mapping[str, Tensor] | None = None,
) -> TripletNetwork:
    """Return a network with its first weights.

    Parameters
    ----------
    config : NetworkConfig
        Which network.
    shape : InputShape
        What it is fed.
    seed : int
        Of random weights; torch's global generator is left alone.
    metadata : ndarray, shape (n, k), optional
        Scalar features of the training rows, whose mean and scatter the network takes.
    initial_state : mapping of str to Tensor, optional
        Weights to start from instead of random ones.

    Raises
    ------
    InvalidInputError
        If the weights do not fit the network.

    Examples
    --------
    >>> from skyvet.models.compact_net import CompactConfig
    >>> start_network(CompactConfig(), InputShape(stamp_px=31), seed=1).shape.stamp_px
    31
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(
            config,
            stamp_px=shape.stamp_px,
            n_planes=shape.n_planes,
            n_metadata=shape.n_metadata,
        )
    if network.metadata_branch is not None and metadata is not None:
        network.metadata_branch.fit(torch.from_numpy(metadata))
    if initial_state is not None:
        try:
            network.load_state_dict(dict(initial_state))
        except RuntimeError as error:
            raise InvalidInputError(
                f"initial_state does not fit the network {config.kind!r} for {shape}: {error}"
            ) from error
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def input_shape(rows: CandidatePool | TripletArrays) -> InputShape:
    """Return what a network for these rows is fed."""
    return InputShape(
        stamp_px=rows.stamp_px,
        n_planes=rows.n_planes,
        n_metadata=0 if rows.metadata is None else rows.metadata.shape[1],
    )


def transferred_state(
    state: Mapping[str, Tensor], config: NetworkConfig, pool: CandidatePool, *, seed: int
) -> dict[str, Tensor]:
    """Return weights of a whole network: those given, and fresh ones for the rest.

    Parameters
    ----------
    state : mapping of str to Tensor
        Some of the weights, e.g. those of an encoder; names that the network lacks are refused.
    config : NetworkConfig
        Which network.
    pool : CandidatePool
        What it is fed.
    seed : int
        Of the fresh weights.

    Raises
    ------
    InvalidInputError
        If a weight does not fit the network.
    """
    fresh = start_network(config, input_shape(pool), seed=seed, metadata=pool.metadata)
    joined = {**fresh.state_dict(), **state}
    whole = start_network(config, input_shape(pool), seed=seed, initial_state=joined)
    return dict(whole.state_dict())
