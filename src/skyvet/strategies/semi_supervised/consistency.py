"""What unlabelled rows teach: a network should say the same of two views of one candidate.

The views are those that physics allows: a candidate is as real upside down, a pixel further on, or
under a little more noise.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from skyvet.core.configs import Config

__all__ = [
    "ConsistencyConfig",
    "FixMatchConfig",
    "MeanTeacherConfig",
    "NoConsistencyConfig",
    "align_logits",
    "confident_rows",
    "consistency_loss",
    "ramp_up",
]


class NoConsistencyConfig(Config):
    """Unlabelled rows teach by their pseudo-labels alone, if at all."""

    kind: Literal["none"] = "none"


class MeanTeacherConfig(Config):
    """Squared difference to the averaged network's probability (Tarvainen & Valpola 2017)."""

    kind: Literal["mean_teacher"] = "mean_teacher"
    weight: float = Field(default=8.0, ge=0, description="of the consistency loss")
    ramp_up_fraction: float = Field(
        default=0.3, ge=0, le=1, description="share of all steps in which the weight rises"
    )


class FixMatchConfig(Config):
    """The averaged network's confident verdicts on weakly changed rows teach the strongly changed.

    Sohn et al. 2020, for two classes, with the averaged network as teacher. Thresholds of the class
    that is learnt less far may be lower (FlexMatch, Zhang et al. 2021).
    """

    kind: Literal["fixmatch"] = "fixmatch"
    weight: float = Field(default=1.0, ge=0, description="of the consistency loss")
    threshold: float = Field(
        default=0.95, ge=0.5, lt=1, description="least probability of the likelier class"
    )
    with_class_thresholds: bool = Field(
        default=False, description="lower the threshold of the class that is learnt less far"
    )
    with_soft_targets: bool = Field(
        default=False, description="teach the teacher's probability instead of its verdict"
    )
    ramp_up_fraction: float = Field(
        default=0.1, ge=0, le=1, description="share of all steps in which the weight rises"
    )


ConsistencyConfig = Annotated[
    NoConsistencyConfig | MeanTeacherConfig | FixMatchConfig, Field(discriminator="kind")
]
"""Any consistency; ``kind`` says which."""


def ramp_up(done: float, fraction: float) -> float:
    """Return the share of a weight at a stage of the training: exp(-5 (1 - x)^2) up to 1.

    Parameters
    ----------
    done : float
        Share of the steps that are done, in [0, 1].
    fraction : float
        Share of the steps in which the weight rises; 0 = it is whole from the start.

    Examples
    --------
    >>> ramp_up(0.5, 0.5), ramp_up(0.0, 0.0), round(ramp_up(0.0, 0.5), 3)
    (1.0, 1.0, 0.007)
    """
    if done >= fraction:
        return 1.0
    return math.exp(-5.0 * (1.0 - done / fraction) ** 2)


def align_logits(logits: Tensor, *, mean_probability: Tensor, prior: float) -> Tensor:
    """Shift logits from the fraction REAL that they stand for now to the one expected.

    ReMixMatch's distribution alignment (Berthelot et al. 2020) for two classes.

    Parameters
    ----------
    logits : Tensor, shape (n,)
        Teacher's logits.
    mean_probability : Tensor, shape ()
        Running mean of the teacher's probability on unlabelled rows.
    prior : float
        Expected fraction of REAL among them, in (0, 1).

    Examples
    --------
    >>> align_logits(torch.zeros(1), mean_probability=torch.tensor(0.5), prior=0.5)
    tensor([0.])
    """
    now = torch.logit(mean_probability.float().clamp(0.01, 0.99))
    return logits.float() + (math.log(prior / (1 - prior)) - now)


def confident_rows(probability: Tensor, config: FixMatchConfig) -> Tensor:
    """Return which rows the teacher is sure enough of, shape (n,), bool.

    Examples
    --------
    >>> confident_rows(torch.tensor([0.02, 0.4, 0.97]), FixMatchConfig()).tolist()
    [True, False, True]
    """
    is_real = probability >= 0.5
    confidence = torch.where(is_real, probability, 1 - probability)
    if not config.with_class_thresholds:
        return confidence >= config.threshold
    is_sure = confidence >= config.threshold
    learnt = [
        (is_sure & of_class).sum() / of_class.sum().clamp_min(1) for of_class in (~is_real, is_real)
    ]
    progress = torch.stack(learnt)
    share = progress / progress.max().clamp_min(1e-6)
    mapped = share / (2 - share)  # FlexMatch's convex map
    low = 0.5 + (config.threshold - 0.5) * mapped
    return confidence >= torch.where(is_real, low[1], low[0])


def consistency_loss(logits: Tensor, teacher_logits: Tensor, config: ConsistencyConfig) -> Tensor:
    """Return each row's loss against the teacher, shape (n,), in float32; no gradient to it.

    Parameters
    ----------
    logits : Tensor, shape (n,)
        Of strongly changed views.
    teacher_logits : Tensor, shape (n,)
        Of weakly changed views of the same rows.
    config : ConsistencyConfig
        Which loss; the rows that it passes over have loss 0.

    Examples
    --------
    >>> consistency_loss(torch.zeros(2), torch.tensor([0.0, 9.0]), FixMatchConfig()).tolist()
    [0.0, 0.693...]
    """
    logits = logits.float()
    taught = torch.sigmoid(teacher_logits.detach().float())
    if isinstance(config, NoConsistencyConfig):
        return torch.zeros_like(logits)
    if isinstance(config, MeanTeacherConfig):
        return (torch.sigmoid(logits) - taught).square()
    target = taught if config.with_soft_targets else (taught >= 0.5).float()
    loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return loss * confident_rows(taught, config)
