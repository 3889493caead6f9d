"""What a user chooses about a network of frame sequences; the published ones have their names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.models.sequences.attention_mil import AttentionMilSettings
from skyvet.models.sequences.frame_inputs import FrameInputConfig
from skyvet.models.sequences.recurrent import RecurrentSettings
from skyvet.models.sequences.set_transformer import SetTransformerSettings
from skyvet.training.configs import LoopConfig, OptimiserConfig
from skyvet.training.sequences.sequence_losses import SequenceLossConfig

__all__ = [
    "AttentionMilConfig",
    "BiGruConfig",
    "GruConfig",
    "GruTverskyConfig",
    "LstmConfig",
    "NetworkClassifierConfig",
    "SequenceBatchConfig",
    "SetTransformerConfig",
    "published_recipe",
]

SequenceSettings = Annotated[
    RecurrentSettings | AttentionMilSettings | SetTransformerSettings, Field(discriminator="kind")
]

_FRAME_INPUTS = FrameInputConfig(log_variances=True, robust_z=True, deviations=True, steps=True)
_SET_INPUTS = _FRAME_INPUTS.model_copy(update={"context": True})
_TVERSKY = SequenceLossConfig(tversky_weight=0.01)


class SequenceBatchConfig(Config):
    """How objects become batches; each epoch draws other frames of them."""

    size: int = Field(default=64, ge=1, description="objects a batch, of about equal length")
    max_frames: int | None = Field(
        default=128, ge=1, description="longest subsequence that is drawn; none = no limit"
    )
    least_share: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="an object shows between this share and all of its frames, drawn each epoch",
    )


class NetworkClassifierConfig(LoopConfig):
    """A training of one network, or of several whose logits are averaged."""

    kind: str
    network: SequenceSettings
    inputs: FrameInputConfig = FrameInputConfig()
    batches: SequenceBatchConfig = SequenceBatchConfig()
    loss: SequenceLossConfig = SequenceLossConfig()
    n_networks: int = Field(
        default=1,
        ge=1,
        le=50,
        description="networks averaged; each holds out other objects to choose its epoch",
    )
    n_views: int = Field(
        default=4, ge=1, description="strided subsequences averaged in scoring a long sequence"
    )
    subtypes: tuple[str, ...] = Field(
        default=(), description="tags whose probability is learnt beside; none by default"
    )


class GruConfig(NetworkClassifierConfig):
    """GRU over frames (Semenikhin 2024), without its padding fault.

    The network is the published one. Its inputs and recipe are not: it sees each frame beside the
    object's own median, and learns from 128 frames of each object at a tenth of the steps.
    `published_recipe` gives the published ones.
    """

    kind: Literal["gru"] = "gru"
    network: RecurrentSettings = RecurrentSettings()
    inputs: FrameInputConfig = _FRAME_INPUTS
    optimiser: OptimiserConfig = OptimiserConfig(
        learning_rate=3e-3, weight_decay=0.0, warm_up_fraction=0.2, ema_decay=0.98
    )
    n_epochs: int = Field(default=12, ge=1, description="epochs at most")
    patience: int = Field(default=0, ge=0, description="0 = never stop")


class BiGruConfig(GruConfig):
    """Bidirectional GRU with weight decay (Semenikhin 2024), without its padding fault."""

    kind: Literal["bigru"] = "bigru"  # type: ignore[assignment]
    network: RecurrentSettings = RecurrentSettings(is_bidirectional=True)
    optimiser: OptimiserConfig = OptimiserConfig(
        learning_rate=3e-3, weight_decay=1e-2, warm_up_fraction=0.2, ema_decay=0.98
    )


class LstmConfig(GruConfig):
    """LSTM over frames (Semenikhin 2024), without its padding fault."""

    kind: Literal["lstm"] = "lstm"  # type: ignore[assignment]
    network: RecurrentSettings = RecurrentSettings(cell="lstm")


class GruTverskyConfig(GruConfig):
    """GRU with 0.01 x Tversky loss (Semenikhin 2024), without its padding fault."""

    kind: Literal["gru_tversky"] = "gru_tversky"  # type: ignore[assignment]
    loss: SequenceLossConfig = _TVERSKY


class AttentionMilConfig(NetworkClassifierConfig):
    """Gated attention over frames: says which frames are guilty."""

    kind: Literal["attention_mil"] = "attention_mil"
    network: AttentionMilSettings = AttentionMilSettings()
    inputs: FrameInputConfig = _SET_INPUTS
    batches: SequenceBatchConfig = SequenceBatchConfig(size=48, max_frames=200, least_share=0.3)
    loss: SequenceLossConfig = SequenceLossConfig(label_smoothing=0.03)
    optimiser: OptimiserConfig = OptimiserConfig(
        learning_rate=2e-3, weight_decay=2e-2, warm_up_fraction=0.2, ema_decay=0.99
    )
    n_epochs: int = Field(default=12, ge=1, description="epochs at most")
    patience: int = Field(default=0, ge=0, description="0 = never stop")
    n_networks: int = Field(
        default=3,
        ge=1,
        le=50,
        description="networks averaged; each holds out other objects to choose its epoch",
    )


class SetTransformerConfig(NetworkClassifierConfig):
    """Set transformer: frames look at each other through inducing points."""

    kind: Literal["set_transformer"] = "set_transformer"
    network: SetTransformerSettings = SetTransformerSettings()
    inputs: FrameInputConfig = _SET_INPUTS
    batches: SequenceBatchConfig = SequenceBatchConfig(size=48, max_frames=200, least_share=0.3)
    loss: SequenceLossConfig = SequenceLossConfig(label_smoothing=0.03)
    optimiser: OptimiserConfig = OptimiserConfig(
        learning_rate=2e-3, weight_decay=2e-2, warm_up_fraction=0.2, ema_decay=0.99
    )
    n_epochs: int = Field(default=12, ge=1, description="epochs at most")
    patience: int = Field(default=0, ge=0, description="0 = never stop")


def published_recipe(config: GruConfig) -> GruConfig:
    """Return a recurrent classifier with the inputs and the recipe of the publication.

    Latent means alone, all frames, batches of 32, 500 epochs at a rate of 1e-4, the last one kept;
    hours on a processor. Weight decay is decoupled here; there it was part of the gradient.

    Parameters
    ----------
    config : GruConfig
        One of the four published networks.

    Returns
    -------
    GruConfig
        Of the same kind.

    Examples
    --------
    >>> published_recipe(BiGruConfig()).optimiser.weight_decay
    1e-05
    """
    optimiser = OptimiserConfig(
        learning_rate=1e-4,
        final_rate_fraction=1.0,
        warm_up_fraction=0.0,
        weight_decay=1e-5 if config.optimiser.weight_decay else 0.0,
        max_gradient_norm=0.0,
    )
    return config.model_copy(
        update={
            "inputs": FrameInputConfig(),
            "batches": SequenceBatchConfig(size=32, max_frames=None),
            "optimiser": optimiser,
            "n_epochs": 500,
            "validation_fraction": 0.0,
        }
    )
