"""What a user chooses about the training of an encoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.models.encoders.compact_vae import CompactVaeConfig
from skyvet.models.encoders.encoders import EncoderConfig
from skyvet.models.encoders.masked_autoencoder import MaskedAutoencoderConfig
from skyvet.models.encoders.published_vae import PublishedVaeConfig
from skyvet.training.configs import LoopConfig, Monitor, OptimiserConfig

__all__ = [
    "EncoderOptimiserConfig",
    "EncoderTrainConfig",
    "FrameSamplingConfig",
    "Recipe",
    "recipe_config",
]

Recipe = Literal["default", "published", "published-78", "published-rotated", "masked"]
"""Names of whole recipes; see `recipe_config`."""


class FrameSamplingConfig(Config):
    """Which frames an epoch shows."""

    batch_size: int = Field(default=128, ge=2, description="frames a step")
    frames_per_object: int = Field(
        default=32, ge=1, description="frames drawn of an object in an epoch, at most"
    )
    max_frames_per_epoch: int = Field(
        default=100_000, ge=1, description="an epoch ends after so many frames"
    )
    min_source_share: float = Field(
        default=0.05,
        ge=0,
        le=0.5,
        description="a small source is repeated until it gives this share of an epoch",
    )
    with_flips: bool = Field(default=True, description="flip and turn frames by 90 degrees")
    pool_size: int = Field(
        default=8192, ge=1, description="frames that are shuffled together; memory holds them"
    )
    n_validation_frames: int = Field(
        default=4096, ge=1, description="frames of held-out objects to judge by, at most"
    )


class EncoderOptimiserConfig(OptimiserConfig):
    """AdamW as for other networks, with the rate that suits encoders."""

    learning_rate: float = Field(default=3e-3, gt=0, description="peak learning rate")


class EncoderTrainConfig(LoopConfig):
    """A training of one encoder."""

    encoder: EncoderConfig = Field(default=CompactVaeConfig(), description="which network")
    frames: FrameSamplingConfig = FrameSamplingConfig()
    optimiser: EncoderOptimiserConfig = EncoderOptimiserConfig()
    monitor: Literal[Monitor.LOSS] = Field(default=Monitor.LOSS, description="what is watched")
    n_epochs: int = Field(default=16, ge=1, description="epochs at most")
    patience: int = Field(
        default=4,
        ge=0,
        description="epochs without a better validation before stopping; 0 = never stop",
    )
    validation_fraction: float = Field(
        default=0.1, ge=0, lt=1, description="share of the objects held out to choose the epoch"
    )


_PUBLISHED_OPTIMISER = EncoderOptimiserConfig(
    learning_rate=5e-5,
    final_rate_fraction=1.0,
    warm_up_fraction=0.0,
    weight_decay=0.0,
    max_gradient_norm=0.0,
)
_PUBLISHED_FRAMES = FrameSamplingConfig(
    batch_size=256, frames_per_object=100_000, max_frames_per_epoch=10_000_000, with_flips=False
)
_PUBLISHED_VARIANTS = {
    "published": PublishedVaeConfig(),
    "published-78": PublishedVaeConfig(n_latent=78),
    "published-rotated": PublishedVaeConfig(max_rotation_deg=20),
}


def recipe_config(recipe: Recipe) -> EncoderTrainConfig:
    """Return a whole recipe: network, objective, optimiser, sampling, epochs.

    Parameters
    ----------
    recipe : str
        ``default``: the compact VAE. ``published``, ``published-78``, ``published-rotated``: the
        published VAE with 36 or 78 dimensions or with rotated frames: Adam at 5e-5, batches of
        256, all frames in each of 100 epochs, nothing held out, seed 7. ``masked``: the masked
        auto-encoder.

    Returns
    -------
    EncoderTrainConfig

    Examples
    --------
    >>> recipe_config("published").optimiser.learning_rate
    5e-05
    """
    if recipe == "default":
        return EncoderTrainConfig()
    if recipe == "masked":
        return EncoderTrainConfig(encoder=MaskedAutoencoderConfig())
    return EncoderTrainConfig(
        encoder=_PUBLISHED_VARIANTS[recipe],
        frames=_PUBLISHED_FRAMES,
        optimiser=_PUBLISHED_OPTIMISER,
        n_epochs=100,
        patience=0,
        validation_fraction=0.0,
        seed=7,
    )
