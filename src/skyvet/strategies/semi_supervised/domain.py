"""Bringing a network from one domain (a simulation, another survey) to another without labels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from skyvet.core.errors import InvalidInputError
from skyvet.models.interface import TripletNetwork
from skyvet.preprocessing.pools import CandidatePool
from skyvet.training.row_batches import stamps_tensor

__all__ = ["adapt_batch_norm", "coral_loss"]


def coral_loss(source: Tensor, target: Tensor) -> Tensor:
    """Return the distance of means and covariances of two sets of features, shape ().

    Deep CORAL (Sun & Saenko 2016) with the means beside the covariances, both in units of the
    scatter of both sets together, so that shrinking all features gains nothing.

    Parameters
    ----------
    source, target : Tensor, shape (n, d) and (m, d)
        Features of at least 2 rows each.

    Examples
    --------
    >>> features = torch.randn(50, 4)
    >>> coral_loss(features, features).item()
    0.0
    """
    source, target = source.float(), target.float()
    scale = torch.cat([source, target]).std(dim=0).detach().clamp_min(1e-3)
    first, second = source / scale, target / scale
    n_features = source.shape[1]
    means = (first.mean(dim=0) - second.mean(dim=0)).square().mean()
    gap = torch.cov(first.T) - torch.cov(second.T)
    return means + gap.square().sum() / (4 * n_features**2)


@torch.no_grad()
def adapt_batch_norm(
    network: TripletNetwork, rows: CandidatePool, *, batch_size: int = 256, seed: int = 0
) -> None:
    """Replace the statistics of the batch norms by those of another domain's rows, in place.

    AdaBN (Li et al. 2017). Weights stay.

    Parameters
    ----------
    network : TripletNetwork
        Put back into its present mode afterwards.
    rows : CandidatePool
        Unlabelled rows of the new domain, at least 2.
    batch_size : int, default 256
        Rows at a time.
    seed : int, default 0
        Of the order: batches shall be alike.

    Raises
    ------
    InvalidInputError
        If there are fewer than 2 rows.
    """
    if len(rows) < 2:
        raise InvalidInputError(f"batch norms need at least 2 rows, got {len(rows)}")
    norms = [
        part for part in network.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)
    ]
    momenta = [norm.momentum for norm in norms]
    was_training = network.training
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over batches
        norm.train()
    order = np.random.default_rng(seed).permutation(len(rows))
    for part in np.array_split(order, max(1, len(order) // batch_size)):
        metadata = None if rows.metadata is None else torch.from_numpy(rows.metadata[part]).float()
        network(stamps_tensor(rows.stamps, np.sort(part)), metadata)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(was_training)
