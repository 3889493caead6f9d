"""ResNet-18 and ResNet-50 (He et al. 2016), with a stem for small stamps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from skyvet.models.interface import InputShape, NetworkSettings, TripletNetwork

__all__ = ["ResNetConfig"]

_N_BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


class ResNetConfig(NetworkSettings):
    """Residual network.

    The 'small' stem is one 3x3 convolution of stride 2 without pooling; 'imagenet' is the 7x7
    convolution of stride 2 with pooling of Rubin's rbResnet50, which was fed 256 px.
    """

    stamp_px_range: ClassVar[tuple[int, int]] = (16, 256)

    kind: Literal["resnet"] = "resnet"
    depth: Literal[18, 50] = Field(default=18, description="18 (basic blocks) or 50 (bottlenecks)")
    width: int = Field(default=64, ge=1, description="filters of the first stage")
    stem: Literal["small", "imagenet"] = Field(default="small", description="first layers")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="dropout before the head")
    resized_px: int | None = Field(
        default=None,
        ge=16,
        le=512,
        description="stamps are first resized to this side (bilinear, corners aligned); RB-C1000 "
        "feeds 63 px as 224",
    )

    def build(self, shape: InputShape) -> TripletNetwork:
        """Return the untrained network.

        Examples
        --------
        >>> network = ResNetConfig(depth=50, stem="imagenet").build(InputShape(stamp_px=63))
        >>> sum(parameter.numel() for parameter in network.parameters())
        23510081
        """
        self.check_input(shape)
        expansion = 4 if self.depth == 50 else 1
        layers: list[nn.Module] = []
        if self.resized_px is not None:
            size = (self.resized_px, self.resized_px)
            layers.append(nn.Upsample(size, mode="bilinear", align_corners=True))
        layers += _stem(shape.n_planes, self.width, self.stem)
        n_inputs = self.width
        for i_stage, n_blocks in enumerate(_N_BLOCKS[self.depth]):
            width = self.width * 2**i_stage
            for i_block in range(n_blocks):
                stride = 2 if i_stage and not i_block else 1
                layers.append(_Block(n_inputs, width, stride=stride, expansion=expansion))
                n_inputs = width * expansion
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(self.dropout)]
        encoder = nn.Sequential(*layers)
        return TripletNetwork(encoder, n_inputs, shape=shape, metadata=self.metadata)


def _stem(n_planes: int, width: int, kind: str) -> list[nn.Module]:
    """Return the first layers."""
    if kind == "small":
        return [*_convolution(n_planes, width, kernel=3, stride=2), nn.ReLU(inplace=True)]
    convolution = _convolution(n_planes, width, kernel=7, stride=2)
    return [*convolution, nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)]


def _convolution(
    n_inputs: int, n_outputs: int, *, kernel: int, stride: int = 1
) -> Sequence[nn.Module]:
    """Return a convolution without bias and its batch norm."""
    layer = nn.Conv2d(n_inputs, n_outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer, nn.BatchNorm2d(n_outputs)


class _Block(nn.Module):
    """Basic block (expansion 1) or bottleneck (expansion 4)."""

    def __init__(self, n_inputs: int, width: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        n_outputs = width * expansion
        if expansion == 1:
            layers = [
                *_convolution(n_inputs, width, kernel=3, stride=stride),
                nn.ReLU(inplace=True),
                *_convolution(width, width, kernel=3),
            ]
        else:
            layers = [
                *_convolution(n_inputs, width, kernel=1),
                nn.ReLU(inplace=True),
                *_convolution(width, width, kernel=3, stride=stride),
                nn.ReLU(inplace=True),
                *_convolution(width, n_outputs, kernel=1),
            ]
        self.residual = nn.Sequential(*layers)
        last_norm = layers[-1]
        if isinstance(last_norm, nn.BatchNorm2d):
            nn.init.zeros_(last_norm.weight)  # a block begins as the identity (Goyal et al. 2017)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_inputs != n_outputs:
            self.shortcut = nn.Sequential(
                *_convolution(n_inputs, n_outputs, kernel=1, stride=stride)
            )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's output."""
        result: Tensor = self.activation(self.residual(features) + self.shortcut(features))
        return result
