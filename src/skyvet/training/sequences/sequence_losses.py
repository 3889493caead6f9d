"""Losses of sequence classifiers: cross-entropy, Tversky, kinds of artefacts beside."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from skyvet.core.configs import Config
from skyvet.models.sequences.network_interface import SequenceOutput
from skyvet.training.losses import LossConfig, triplet_loss

__all__ = ["SequenceLossConfig", "sequence_loss", "tversky_loss"]


class SequenceLossConfig(Config):
    """What the network is punished for."""

    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each target that is replaced by one half"
    )
    tversky_weight: float = Field(
        default=0.0, ge=0, description="of the Tversky loss beside cross-entropy"
    )
    tversky_alpha: float = Field(default=0.3, ge=0, description="its weight of false negatives")
    tversky_beta: float = Field(default=0.7, ge=0, description="its weight of false positives")
    tversky_smooth: float = Field(default=1.0, gt=0, description="added above and below the line")
    subtype_weight: float = Field(
        default=0.3, ge=0, description="of the loss of kinds of artefacts, where there are any"
    )


def tversky_loss(
    class_logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    config: SequenceLossConfig,
) -> Tensor:
    r"""One minus the Tversky index of both classes together (Salehi et al. 2017).

    .. math:: 1 - \frac{TP + s}{TP + \alpha\, FN + \beta\, FP + s}

    Each class has its own sigmoid, as in Semenikhin (2024); sums run over objects and classes.

    Parameters
    ----------
    class_logits : Tensor, shape (n, 2)
        Logits of BOGUS and REAL.
    targets, weights : Tensor, shape (n,)
        1 = REAL, 0 = BOGUS; weight >= 0.
    config : SequenceLossConfig
        Its ``tversky_`` settings.

    Returns
    -------
    Tensor, shape ()
        In [0, 1).

    Examples
    --------
    >>> sure = torch.tensor([[30.0, -30.0], [-30.0, 30.0]])
    >>> config = SequenceLossConfig()
    >>> float(tversky_loss(sure, torch.tensor([0.0, 1.0]), torch.ones(2), config=config))
    0.0
    """
    found = torch.sigmoid(class_logits.float())
    true = torch.stack([1.0 - targets, targets], dim=1)
    weight = weights[:, None]
    hits = (weight * found * true).sum()
    misses = (weight * (1.0 - found) * true).sum()
    alarms = (weight * found * (1.0 - true)).sum()
    smooth = config.tversky_smooth
    wrong = config.tversky_alpha * misses + config.tversky_beta * alarms
    return 1.0 - (hits + smooth) / (hits + wrong + smooth)


def sequence_loss(
    output: SequenceOutput,
    targets: Tensor,
    weights: Tensor,
    *,
    subtypes: Tensor,
    config: SequenceLossConfig,
) -> Tensor:
    """Weighted cross-entropy of REAL and BOGUS, with what the config adds.

    Parameters
    ----------
    output : SequenceOutput
        Of n objects.
    targets, weights : Tensor, shape (n,)
        1 = REAL, 0 = BOGUS; weight >= 0.
    subtypes : Tensor, shape (n, n_subtypes)
        1 where an object shows that kind of artefact; n_subtypes may be 0.
    config : SequenceLossConfig
        Which losses.

    Returns
    -------
    Tensor, shape ()
    """
    plain = LossConfig(label_smoothing=config.label_smoothing)
    loss = triplet_loss(output.logit, targets, weights, config=plain)
    if config.tversky_weight:
        tversky = tversky_loss(output.class_logits, targets, weights, config=config)
        loss = loss + config.tversky_weight * tversky
    if subtypes.shape[1] and config.subtype_weight:
        repeated = weights[:, None].expand_as(subtypes)
        beside = triplet_loss(
            output.subtype_logits.flatten(),
            subtypes.flatten(),
            repeated.flatten(),
            config=LossConfig(),
        )
        loss = loss + config.subtype_weight * beside
    return loss
