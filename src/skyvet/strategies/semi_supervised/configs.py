"""How one network learns from labelled and unlabelled rows."""

from __future__ import annotations

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.models.compact_net import CompactConfig
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.augmentation import AugmentationConfig
from skyvet.strategies.semi_supervised.consistency import ConsistencyConfig, NoConsistencyConfig
from skyvet.strategies.semi_supervised.mixed_batches import MixedBatchConfig
from skyvet.training.losses import LossConfig
from skyvet.training.steps import StepsConfig

__all__ = ["MixedTraining"]


class MixedTraining(Config):
    """How one network learns from both kinds of rows."""

    network: NetworkConfig = Field(default=CompactConfig(), description="which network")
    steps: StepsConfig = StepsConfig()
    batches: MixedBatchConfig = MixedBatchConfig()
    loss: LossConfig = LossConfig()
    consistency: ConsistencyConfig = Field(
        default=NoConsistencyConfig(), description="how unlabelled rows teach beside pseudo-labels"
    )
    pseudo_label_weight: float = Field(
        default=1.0, ge=0, description="of the loss against pseudo-labels"
    )
    coral_weight: float = Field(
        default=0.0,
        ge=0,
        description="of the distance between features of labelled and unlabelled rows: for labels "
        "of another survey or a simulation",
    )
    with_alignment: bool = Field(
        default=True,
        description="keep the teacher's mean verdict at the expected fraction of REAL, if known",
    )
    labelled_augmentation: AugmentationConfig = AugmentationConfig(max_shift_px=2)
    weak_augmentation: AugmentationConfig = AugmentationConfig.weak()
    strong_augmentation: AugmentationConfig = AugmentationConfig.strong()
