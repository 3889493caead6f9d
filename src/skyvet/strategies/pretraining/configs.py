"""Settings of all ways to come by first weights, behind one config union."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.preprocessing.augmentation import AugmentationConfig
from skyvet.preprocessing.batches import ClassBalance
from skyvet.preprocessing.normalization import StampConfig
from skyvet.simulation.night import NightConfig
from skyvet.strategies.pretraining.label_free_positives import PositivesConfig
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.strategies.semi_supervised.mixed_batches import MixedBatchConfig
from skyvet.training.configs import OptimiserConfig
from skyvet.training.steps import StepsConfig

__all__ = [
    "LabelFreeStart",
    "RandomStart",
    "RestoreConfig",
    "SelfSupervisedConfig",
    "SimulationStart",
    "StartConfig",
    "VicRegConfig",
    "WeightsStart",
]


class VicRegConfig(Config):
    """Two views of a candidate give one vector; vectors spread and do not repeat themselves."""

    kind: Literal["vicreg"] = "vicreg"
    steps: StepsConfig = StepsConfig(n_steps=200)
    batch_size: int = Field(default=128, ge=2, description="candidates a step, two views each")
    width: int = Field(default=256, ge=2, description="width of the layers that are compared")
    invariance: float = Field(default=25.0, ge=0, description="weight: views agree")
    variance: float = Field(default=25.0, ge=0, description="weight: candidates differ")
    covariance: float = Field(default=1.0, ge=0, description="weight: columns say different things")
    augmentation: AugmentationConfig = AugmentationConfig.strong()


class RestoreConfig(Config):
    """Restore the difference image from what is left when patches, or all of it, are hidden."""

    kind: Literal["restore"] = "restore"
    steps: StepsConfig = StepsConfig(n_steps=200)
    batch_size: int = Field(default=128, ge=2, description="candidates a step")
    width: int = Field(default=16, ge=2, description="channels of the decoder")
    patch_px: int = Field(default=6, ge=1, description="side of a patch [pixels]")
    hidden_fraction: float = Field(
        default=0.5, ge=0, lt=1, description="share of the patches that are hidden in all planes"
    )
    hidden_difference: float = Field(
        default=0.5, ge=0, le=1, description="share of candidates whose whole difference is hidden"
    )
    augmentation: AugmentationConfig = AugmentationConfig.weak()


SelfSupervisedConfig = Annotated[VicRegConfig | RestoreConfig, Field(discriminator="kind")]
"""Any self-supervised start; ``kind`` says which."""


class SimulationStart(Config):
    """A start from simulated labels, adapted to the pool's stamps."""

    kind: Literal["simulation"] = "simulation"
    night: NightConfig = Field(
        default=NightConfig(n=8000, prior=0.5), description="what is simulated"
    )
    stamps: StampConfig = Field(
        default=StampConfig.model_validate({}),
        description="preparation of the simulated stamps: that of the pool; their centre is cut "
        "out where the pool's stamps are smaller",
    )
    training: MixedTraining = Field(
        default=MixedTraining(
            steps=StepsConfig(n_steps=600),
            batches=MixedBatchConfig(
                n_labelled=64, unlabelled_ratio=0.0, balance=ClassBalance.SAMPLER
            ),
        ),
        description="training on the simulation; its network is not used. unlabelled_ratio above "
        "0 lets the pool's stamps take part (consistency, CORAL)",
    )
    with_adapted_batch_norm: bool = Field(
        default=True, description="batch norms take the statistics of the pool"
    )


class LabelFreeStart(Config):
    """A start from sources put into the pool's own stamps."""

    kind: Literal["label_free"] = "label_free"
    data: Path | None = Field(
        default=None, description="dataset whose stamps the pool was prepared from"
    )
    stamps: StampConfig = Field(
        default=StampConfig.model_validate({}),
        description="preparation of the stamps: that of the pool; their centre is cut out where "
        "the pool's stamps are smaller",
    )
    positives: PositivesConfig = PositivesConfig()
    prior: float = Field(
        default=0.3,
        gt=0,
        lt=1,
        description="fraction of REAL among the detections; a ranking needs it roughly, a verdict "
        "at probability 0.5 moves with it",
    )
    steps: StepsConfig = StepsConfig(
        n_steps=500,
        optimiser=OptimiserConfig(learning_rate=2e-3, warm_up_fraction=0.05, ema_decay=0.98),
    )
    batch_size: int = Field(default=64, ge=2, description="positives a step, and as many others")
    augmentation: AugmentationConfig = AugmentationConfig()
    held_out_fraction: float = Field(
        default=0.1, gt=0, lt=0.5, description="share of the pool that is not learnt from"
    )


class RandomStart(Config):
    """Random weights."""

    kind: Literal["random"] = "random"


class WeightsStart(Config):
    """Weights from a file."""

    kind: Literal["weights"] = "weights"
    path: Path = Field(description="safetensors file, from `write_weights`")


StartConfig = Annotated[
    RandomStart | WeightsStart | VicRegConfig | RestoreConfig | SimulationStart | LabelFreeStart,
    Field(discriminator="kind"),
]
"""Any start; ``kind`` says which."""
