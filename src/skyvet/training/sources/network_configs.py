"""What a user chooses about networks of sources."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skyvet.models.sources.network_settings import SourceNetworkSettings
from skyvet.training.configs import LoopConfig, OptimiserConfig

__all__ = ["DenseDmdtConfig", "HierarchicalNetworkConfig", "SourceNetworkConfig"]


class SourceNetworkConfig(LoopConfig):
    """A training of networks of sources."""

    kind: str
    network: SourceNetworkSettings = SourceNetworkSettings()
    batch_size: int = Field(default=64, ge=1, description="sources a batch")
    label_frequency: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="share of a class's sources that were inspected and found to be of it; given, "
        "sources that nobody inspected are learnt from as unlabelled (Kiryo et al. 2017)",
    )
    n_epochs: int = Field(default=100, ge=1, description="epochs at most")
    patience: int = Field(
        default=20,
        ge=0,
        description="epochs without a better validation before stopping; 0 = never stop",
    )


class DenseDmdtConfig(SourceNetworkConfig):
    """One network a class, each for itself, as SCoPe's (van Roestel et al. 2021, AJ 161, 267).

    Widths, batch and number of epochs are SCoPe's; its constant learning rate is replaced by a
    warm-up and a cosine, its plateau rule by the best epoch.
    """

    kind: Literal["dense_dmdt"] = "dense_dmdt"
    optimiser: OptimiserConfig = OptimiserConfig(learning_rate=1e-3, weight_decay=0.0)


class HierarchicalNetworkConfig(SourceNetworkConfig):
    """One network for all classes whose probabilities respect the tree."""

    kind: Literal["hierarchical_network"] = "hierarchical_network"
    network: SourceNetworkSettings = SourceNetworkSettings(
        second_width=96, head_width=64, head_dropout=0.25
    )
    optimiser: OptimiserConfig = OptimiserConfig(
        learning_rate=2e-3, weight_decay=1e-2, ema_decay=0.98
    )
    n_epochs: int = Field(default=60, ge=1, description="epochs at most")
    patience: int = Field(
        default=15,
        ge=0,
        description="epochs without a better validation before stopping; 0 = never stop",
    )
