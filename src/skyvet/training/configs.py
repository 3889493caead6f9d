"""What a user chooses about a training."""

from __future__ import annotations

import enum
from typing import Literal

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.models.compact_net import CompactConfig
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.augmentation import AugmentationConfig
from skyvet.preprocessing.batches import BatchConfig
from skyvet.training.calibrating import CalibrationConfig
from skyvet.training.losses import LossConfig

__all__ = [
    "EnsembleConfig",
    "HardwareConfig",
    "LoopConfig",
    "Monitor",
    "OptimiserConfig",
    "Precision",
    "RateDecay",
    "TrainConfig",
]


class Precision(enum.StrEnum):
    """Arithmetic of the training; scores are always computed in float32."""

    AUTO = "auto"
    FLOAT32 = "32-true"
    BFLOAT16 = "bf16-mixed"
    FLOAT16 = "16-mixed"


class Monitor(enum.StrEnum):
    """What early stopping watches on the validation rows."""

    LOSS = "loss"
    AUC = "auc"
    RB_C1000_SUM = "rb_c1000_sum"


class RateDecay(enum.StrEnum):
    """How the learning rate falls after the warm-up."""

    COSINE = "cosine"
    STEPS = "steps"


class OptimiserConfig(Config):
    """AdamW (without weight decay: Adam) with linear warm-up, then decay."""

    learning_rate: float = Field(default=1e-3, gt=0, description="peak learning rate")
    decay: RateDecay = Field(
        default=RateDecay.COSINE,
        description="how the rate falls: along a cosine, or in steps to a tenth",
    )
    step_fraction: float = Field(
        default=0.4, gt=0, le=1, description="with decay in steps: share of all steps between two"
    )
    final_rate_fraction: float = Field(
        default=0.01, ge=0, le=1, description="learning rate at the end, as a fraction of the peak"
    )
    warm_up_fraction: float = Field(
        default=0.05, ge=0, lt=1, description="share of all steps in which the rate rises from 0"
    )
    weight_decay: float = Field(default=1e-2, ge=0, description="decoupled weight decay")
    max_gradient_norm: float = Field(default=1.0, ge=0, description="gradient clipping; 0 = none")
    ema_decay: float = Field(
        default=0.0, ge=0, lt=1, description="decay of the running mean of the weights; 0 = none"
    )


class HardwareConfig(Config):
    """Where a training runs."""

    accelerator: str = Field(default="auto", description="cpu, gpu or auto, as in Lightning")
    devices: int = Field(default=1, ge=1, description="processes or GPUs")
    strategy: Literal["auto", "ddp"] = Field(
        default="auto", description="Lightning's strategy: ddp runs one copy of the script a device"
    )
    precision: Precision = Field(
        default=Precision.AUTO,
        description="auto: bfloat16 where the processor has it, else float32",
    )
    n_threads: int = Field(
        default=0,
        ge=0,
        le=512,
        description="processor threads; 0 = all. On a shared machine fewer are faster",
    )


class LoopConfig(Config):
    """What every training of a network has: optimiser, epochs, hardware, seed."""

    optimiser: OptimiserConfig = OptimiserConfig()
    hardware: HardwareConfig = HardwareConfig()
    n_epochs: int = Field(default=30, ge=1, description="epochs at most")
    patience: int = Field(
        default=10,
        ge=0,
        description="epochs without a better validation before stopping; 0 = never stop",
    )
    monitor: Monitor = Field(default=Monitor.LOSS, description="what is watched")
    validation_fraction: float = Field(
        default=0.15, ge=0, lt=1, description="share of the objects held out to choose the epoch"
    )
    seed: int = Field(default=0, ge=0, description="of weights, order, augmentation and dropout")


class TrainConfig(LoopConfig):
    """A training of one triplet network."""

    network: NetworkConfig = Field(default=CompactConfig(), description="which network")
    loss: LossConfig = LossConfig()
    batches: BatchConfig = BatchConfig()
    augmentation: AugmentationConfig = AugmentationConfig()


class EnsembleConfig(CalibrationConfig):
    """Training of all members, and what is fitted on their held-out logits."""

    member: TrainConfig = TrainConfig()
    n_members: int = Field(5, ge=2, le=50, description="folds; one network each")
    with_dihedral_average: bool = Field(
        default=False,
        description="average each network over the 8 flips and rotations, at 8 times the cost",
    )
