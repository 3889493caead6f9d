"""Rubin's DP1 real/bogus network ``tac_cnn``: three convolutions (RTN-095)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import nn

from skyvet.models.interface import InputShape, NetworkSettings, TripletNetwork

__all__ = ["TacCnnConfig"]


class TacCnnConfig(NetworkSettings):
    """Three 5x5 convolutions (16, 32, 64), each pooled and dropped out, and a dense layer of 32.

    The padding is not published: 'same' gives about 139,000 parameters at 51 px.
    """

    stamp_px_range: ClassVar[tuple[int, int]] = (16, 256)

    kind: Literal["tac_cnn"] = "tac_cnn"
    width: int = Field(
        default=16, ge=1, description="filters of the first convolution; then twice, 4 times"
    )
    dense_width: int = Field(default=32, ge=1, description="width of the dense layer")
    dropout: float = Field(default=0.4, ge=0, lt=1, description="dropout after each pooling")

    def build(self, shape: InputShape) -> TripletNetwork:
        """Return the untrained network.

        Examples
        --------
        >>> network = TacCnnConfig().build(InputShape(stamp_px=51))
        >>> sum(parameter.numel() for parameter in network.parameters())
        139105
        """
        self.check_input(shape)
        widths = [self.width, 2 * self.width, 4 * self.width]
        layers: list[nn.Module] = []
        n_inputs = shape.n_planes
        for width in widths:
            layers += [nn.Conv2d(n_inputs, width, 5, padding=2), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2), nn.Dropout(self.dropout)]
            n_inputs = width
        side_px = shape.stamp_px // 2**3
        layers += [nn.Flatten(), nn.Linear(widths[-1] * side_px**2, self.dense_width)]
        encoder = nn.Sequential(*layers, nn.ReLU(inplace=True))
        return TripletNetwork(encoder, self.dense_width, shape=shape, metadata=self.metadata)
