"""VGG6: the network of braai (Duev et al. 2019, MNRAS 489, 3582), layer by layer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import nn

from skyvet.models.interface import InputShape, NetworkSettings, TripletNetwork

__all__ = ["Vgg6Config"]


class Vgg6Config(NetworkSettings):
    """Four unpadded 3x3 convolutions and one dense layer.

    At 63 px, three planes and the default widths it has braai's 312,081 parameters.
    """

    stamp_px_range: ClassVar[tuple[int, int]] = (20, 128)

    kind: Literal["vgg6"] = "vgg6"
    width: int = Field(
        default=16, ge=1, description="filters of the first pair; the second has twice as many"
    )
    dense_width: int = Field(default=256, ge=1, description="width of the dense layer")
    conv_dropout: float = Field(default=0.25, ge=0, lt=1, description="dropout after each pooling")
    dense_dropout: float = Field(default=0.5, ge=0, lt=1, description="dropout before the head")

    def build(self, shape: InputShape) -> TripletNetwork:
        """Return the untrained network.

        Examples
        --------
        >>> network = Vgg6Config().build(InputShape(stamp_px=63))
        >>> sum(parameter.numel() for parameter in network.parameters())
        312081
        """
        self.check_input(shape)
        side_px = ((shape.stamp_px - 4) // 2 - 4) // 4
        narrow, wide = self.width, 2 * self.width
        encoder = nn.Sequential(
            *(nn.Conv2d(shape.n_planes, narrow, 3), nn.ReLU(inplace=True)),
            *(nn.Conv2d(narrow, narrow, 3), nn.ReLU(inplace=True)),
            *(nn.MaxPool2d(2), nn.Dropout(self.conv_dropout)),
            *(nn.Conv2d(narrow, wide, 3), nn.ReLU(inplace=True)),
            *(nn.Conv2d(wide, wide, 3), nn.ReLU(inplace=True)),
            *(nn.MaxPool2d(4), nn.Dropout(self.conv_dropout), nn.Flatten()),
            *(nn.Linear(wide * side_px**2, self.dense_width), nn.ReLU(inplace=True)),
            nn.Dropout(self.dense_dropout),
        )
        return TripletNetwork(encoder, self.dense_width, shape=shape, metadata=self.metadata)
