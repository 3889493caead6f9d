"""A few-label classifier that is one or several triplet networks: what most learners return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.models.interface import TripletNetwork
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.augmentation import dihedral_views
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.queries.interface import Opinion

__all__ = ["NetworkClassifier", "opinion_of_networks"]

_BATCH_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkClassifier:
    """Networks that judge together: the mean of their logits.

    Parameters
    ----------
    networks : tuple of TripletNetwork
        At least one, in evaluation mode; all of one input shape.
    network_config : NetworkConfig
        What they were built from; a bundle states it.
    held_out_logits : ndarray, shape (k,), float32
        For each label that was bought, in that order, the logit of networks that had not learnt
        from its object; NaN where no network held it out.
    with_dihedral_average : bool, default False
        Whether each network is averaged over the 8 flips and rotations of the stamp.

    Raises
    ------
    InvalidInputError
        If there is no network.
    """

    networks: tuple[TripletNetwork, ...]
    network_config: NetworkConfig
    held_out_logits: FloatArray
    with_dihedral_average: bool = False

    def __post_init__(self) -> None:
        """Check that there are networks."""
        if not self.networks:
            raise InvalidInputError("a classifier needs at least one network, got none")

    def judge(self, rows: CandidatePool) -> Opinion:
        """Return what the networks think of each row, independent of the other rows."""
        return opinion_of_networks(
            self.networks, rows, with_dihedral_average=self.with_dihedral_average
        )


def opinion_of_networks(
    networks: Sequence[TripletNetwork],
    rows: CandidatePool,
    *,
    with_dihedral_average: bool = False,
    batch_rows: int = _BATCH_ROWS,
) -> Opinion:
    """Return what networks think of candidates; stamps are read a batch at a time.

    Parameters
    ----------
    networks : sequence of TripletNetwork
        At least one, of the stamps' shape.
    rows : CandidatePool
        n candidates; stamps may be a memory map.
    with_dihedral_average : bool, default False
        Average over the 8 flips and rotations, at 8 times the cost.
    batch_rows : int, default 64
        Rows at a time; the result does not depend on it beyond rounding.

    Returns
    -------
    Opinion
        The mean of the logits; those of each network where there are several; as embedding the
        features that the first network's head is given.

    Examples
    --------
    >>> from skyvet.models.compact_net import CompactConfig
    >>> from skyvet.models.interface import InputShape
    >>> pool = CandidatePool(
    ...     stamps=np.zeros((5, 3, 21, 21), np.float32),
    ...     candidate_ids=np.arange(5),
    ...     object_ids=np.arange(5),
    ... )
    >>> network = CompactConfig(widths=(4, 8)).build(InputShape(stamp_px=21)).eval()
    >>> opinion = opinion_of_networks([network], pool)
    >>> opinion.logits.shape, opinion.embeddings.shape, opinion.member_logits
    ((5,), (5, 24), None)
    """
    n_features = networks[0].head.in_features
    members = np.empty((len(networks), len(rows)), dtype=np.float32)
    embeddings = np.empty((len(rows), n_features), dtype=np.float32)
    for i_network, network in enumerate(networks):
        with torch.inference_mode(), _evaluated(network), _seen_by_head(network) as seen:
            for start in range(0, len(rows), batch_rows):
                part = slice(start, start + batch_rows)
                logits, features = _judge_batch(
                    network, seen, rows=rows, part=part, averaged=with_dihedral_average
                )
                members[i_network, part] = logits
                if i_network == 0:
                    embeddings[part] = features
    return Opinion(
        logits=members.mean(axis=0, dtype=np.float64).astype(np.float32),
        member_logits=members if len(members) > 1 else None,
        embeddings=embeddings,
    )


def _judge_batch(
    network: TripletNetwork,
    seen: list[Tensor],
    *,
    rows: CandidatePool,
    part: slice,
    averaged: bool,
) -> tuple[FloatArray, FloatArray]:
    """Return logits and features of some rows, averaged over views if wanted."""
    device = next(network.parameters()).device
    stamps = torch.from_numpy(np.array(rows.stamps[part], dtype=np.float32)).to(device)
    metadata = None
    if rows.metadata is not None and network.metadata_branch is not None:
        metadata = torch.from_numpy(np.array(rows.metadata[part], dtype=np.float32)).to(device)
    views = dihedral_views(stamps) if averaged else [stamps]
    seen.clear()
    logits = [
        network(view.contiguous(memory_format=torch.channels_last), metadata).float()
        for view in views
    ]
    features = torch.stack([view.float() for view in seen]).mean(dim=0)
    return torch.stack(logits).mean(dim=0).cpu().numpy(), features.cpu().numpy()


@contextmanager
def _evaluated(network: nn.Module) -> Iterator[None]:
    """Hold a network in evaluation mode; its own mode is restored."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


@contextmanager
def _seen_by_head(network: TripletNetwork) -> Iterator[list[Tensor]]:
    """Collect what the head is given while the block runs."""
    seen: list[Tensor] = []
    handle = network.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        handle.remove()
