"""rbTN: the encoder of TransiNet (Sedaghat & Mahabal 2018), cut short for small stamps."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from skyvet.models.interface import InputShape, NetworkSettings, TripletNetwork

__all__ = ["RbtnConfig"]

_LAYERS = (  # name, kernel, stride, filters at width 1
    ("c1", 7, 2, 64),
    ("c2", 5, 2, 128),
    ("c3", 5, 2, 256),
    ("c3_1", 3, 1, 256),
    ("c4", 3, 2, 512),
    ("c4_1", 3, 1, 512),
)
_SMALL_STAMP_PX = 48


class RbtnConfig(NetworkSettings):
    """TransiNet's convolutions up to c3_1 (stride 8) or c4_1 (stride 16), then a global mean.

    The full encoder has stride 64: a stamp of 30 to 63 px would end as one pixel. The head that
    Rubin put on it is not public; here it is a global mean and a linear layer.
    """

    stamp_px_range: ClassVar[tuple[int, int]] = (24, 256)

    kind: Literal["rbtn"] = "rbtn"
    last_layer: Literal["auto", "c3_1", "c4_1"] = Field(
        default="auto",
        description="where the encoder ends; auto: c3_1 for stamps below 48 px, else c4_1",
    )
    width_factor: float = Field(
        default=0.25,
        gt=0,
        le=2,
        description="factor on all widths; 1 is rbTN's, 2 TransiNet's as published",
    )
    with_batch_norm: bool = Field(default=True, description="normalise after each convolution")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="dropout before the head")

    def build(self, shape: InputShape) -> TripletNetwork:
        """Return the untrained network.

        Examples
        --------
        >>> config = RbtnConfig(width_factor=1.0, with_batch_norm=False, last_layer="c4_1")
        >>> network = config.build(InputShape(stamp_px=63, n_planes=2))
        >>> network.encoder.n_features
        512
        """
        self.check_input(shape)
        last_layer = self.last_layer
        if last_layer == "auto":
            last_layer = "c3_1" if shape.stamp_px < _SMALL_STAMP_PX else "c4_1"
        encoder = _Encoder(shape.n_planes, last_layer, self)
        return TripletNetwork(encoder, encoder.n_features, shape=shape, metadata=self.metadata)


class _Encoder(nn.Module):
    """TransiNet's convolutions, a global mean and dropout."""

    def __init__(self, n_planes: int, last_layer: str, config: RbtnConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_inputs = n_planes
        for name, kernel, stride, n_filters in _LAYERS:
            width = max(1, round(n_filters * config.width_factor))
            convolution = nn.Conv2d(
                n_inputs,
                width,
                kernel,
                stride,
                padding=kernel // 2,
                bias=not config.with_batch_norm,
            )
            nn.init.kaiming_normal_(convolution.weight, a=0.1)
            layers.append(convolution)
            if config.with_batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.1, inplace=True))
            n_inputs = width
            if name == last_layer:
                break
        self.n_features = n_inputs
        self.convolutions = nn.Sequential(*layers)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, stamps: Tensor) -> Tensor:
        """Return features of shape (n, n_features)."""
        features: Tensor = self.dropout(self.convolutions(stamps).mean(dim=(2, 3)))
        return features
