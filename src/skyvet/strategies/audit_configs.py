"""What a user chooses about an audit of labels."""

from __future__ import annotations

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.preprocessing.batches import BatchConfig, ClassBalance
from skyvet.preprocessing.normalization import StampConfig
from skyvet.strategies.audit import SuspicionMethod
from skyvet.training.configs import OptimiserConfig, TrainConfig

__all__ = [
    "AuditBatchConfig",
    "AuditConfig",
    "AuditOptimiserConfig",
    "AuditStampConfig",
    "AuditTrainConfig",
]


class AuditStampConfig(StampConfig):
    """What the networks of an audit see: the middle of the stamps, which is four times as fast."""

    size_px: int = Field(31, ge=8, le=512, description="side of the stamps [pixels]")
    with_mask_planes: bool = Field(
        default=False, description="add one plane a cutout that is 1 where the pixel is valid"
    )


class AuditOptimiserConfig(OptimiserConfig):
    """Fast and averaged, as the training is short."""

    learning_rate: float = Field(default=3e-3, gt=0, description="peak learning rate")
    warm_up_fraction: float = Field(
        default=0.1, ge=0, lt=1, description="share of all steps in which the rate rises from 0"
    )
    ema_decay: float = Field(
        default=0.95, ge=0, lt=1, description="decay of the running mean of the weights; 0 = none"
    )


class AuditBatchConfig(BatchConfig):
    """Classes as they come, so that the probabilities fit the labels' own class ratio."""

    balance: ClassBalance = Field(
        default=ClassBalance.NONE,
        description="even out classes: none, by weights in the loss, or by drawing both alike",
    )
    min_epoch_rows: int = Field(
        default=1000,
        ge=0,
        description="an epoch passes over few rows several times, until it has so many",
    )


class AuditTrainConfig(TrainConfig):
    """Training of one network of an audit: short, and without rows set apart to stop by."""

    n_epochs: int = Field(default=10, ge=1, description="epochs at most")
    patience: int = Field(
        default=0,
        ge=0,
        description="epochs without a better validation before stopping; 0 = never stop",
    )
    validation_fraction: float = Field(
        default=0.0, ge=0, lt=1, description="share of the objects held out to choose the epoch"
    )
    optimiser: AuditOptimiserConfig = AuditOptimiserConfig()
    batches: AuditBatchConfig = AuditBatchConfig()
    seed: int = Field(default=1, ge=0, description="of weights, order, augmentation and dropout")


class AuditConfig(Config):
    """How labels are cross-validated and ranked.

    `stamps` is for callers that start from a dataset; arrays come prepared.
    """

    n_repeats: int = Field(
        default=2, ge=1, description="cross-validations, each with folds of its own"
    )
    n_folds: int = Field(default=5, ge=2, description="parts, split by object")
    distrusted_weight: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="weight of labels that the repeats before contradict; 1 = trust all alike",
    )
    with_dihedral_average: bool = Field(
        default=True, description="average each network over the 8 flips and rotations"
    )
    method: SuspicionMethod = Field(
        default=SuspicionMethod.SELF_CONFIDENCE, description="what is ranked by"
    )
    group_by_object: bool = Field(
        default=False, description="keep the candidates of an object together in the ranking"
    )
    stamps: AuditStampConfig = AuditStampConfig.model_validate({})
    member: AuditTrainConfig = AuditTrainConfig()
