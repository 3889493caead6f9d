"""What a user chooses about a network of sources; light, so that help is fast."""

from __future__ import annotations

from pydantic import Field

from skyvet.core.configs import Config

__all__ = ["SourceNetworkSettings"]


class SourceNetworkSettings(Config):
    """Dense layers on features, separable convolutions on dm-dt images, one head.

    The defaults are the layers of SCoPe's networks (van Roestel et al. 2021, AJ 161, 267).
    """

    first_width: int = Field(default=256, ge=1, description="width of the first dense layer")
    second_width: int = Field(default=32, ge=1, description="width of the second dense layer")
    dropout: float = Field(default=0.25, ge=0, lt=1, description="in both branches")
    first_filters: int = Field(default=16, ge=1, description="filters of the first convolutions")
    second_filters: int = Field(default=32, ge=1, description="filters of the last convolutions")
    head_dropout: float = Field(default=0.4, ge=0, lt=1, description="where the branches meet")
    head_width: int = Field(default=16, ge=1, description="width of the layer before the classes")
    with_dmdt: bool = Field(default=True, description="look at dm-dt images where there are any")
