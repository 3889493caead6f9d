"""Losses for few and doubtful labels: soft targets, weights, a teacher."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from skyvet.core.configs import Config

__all__ = ["LossConfig", "triplet_loss"]


class LossConfig(Config):
    """What the network is punished for."""

    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each target that is replaced by one half"
    )
    focal_gamma: float = Field(
        default=0.0, ge=0, description="focal exponent: > 0 plays down easy rows (Lin et al. 2017)"
    )
    teacher_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the teacher in the loss of rows that have one",
    )
    teacher_temperature: float = Field(
        default=1.0, gt=0, description="softening of teacher and student (Hinton et al. 2015)"
    )


def triplet_loss(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    config: LossConfig,
    teacher_logits: Tensor | None = None,
) -> Tensor:
    r"""Weighted mean binary cross-entropy, softened as the config says.

    .. math::
        L = (1 - a) H(y, p) + a T^2 H(\sigma(t / T), \sigma(s / T))

    with student logit s, teacher logit t, share a and temperature T.

    Parameters
    ----------
    logits, targets, weights : Tensor, shape (n,)
        Logit of REAL, target in [0, 1], weight >= 0.
    config : LossConfig
        Smoothing, focal exponent, teacher's share.
    teacher_logits : Tensor, shape (n,), optional
        NaN where the teacher says nothing: that row learns from its target alone.

    Returns
    -------
    Tensor, shape ()
        Weighted mean; 0 where all weights are 0.

    Examples
    --------
    >>> triplet_loss(torch.zeros(2), torch.ones(2), torch.ones(2), config=LossConfig())
    tensor(0.6931)
    """
    logits = logits.float()
    smooth = targets * (1 - config.label_smoothing) + config.label_smoothing / 2
    loss = functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")
    if config.focal_gamma:
        loss = loss * (torch.sigmoid(logits) - targets).abs() ** config.focal_gamma
    if teacher_logits is not None:
        taught = _teacher_loss(logits, teacher_logits, config.teacher_temperature)
        has_teacher = ~torch.isnan(teacher_logits)
        share = config.teacher_share
        loss = torch.where(has_teacher, (1 - share) * loss + share * taught, loss)
    return (loss * weights).sum() / weights.sum().clamp_min(1e-12)


def _teacher_loss(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Cross-entropy to the softened teacher; 0 where there is none."""
    known = torch.nan_to_num(teacher_logits, nan=0.0)
    soft = torch.sigmoid(known / temperature)
    student = logits / temperature
    loss = functional.binary_cross_entropy_with_logits(student, soft, reduction="none")
    return loss * temperature**2
