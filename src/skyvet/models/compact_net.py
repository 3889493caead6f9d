"""A small residual network with three readouts, for few labels and fast scoring.

Residual stages of 3x3 convolutions (He et al. 2016), halved by maxima. What remains is read at the
candidate's own place, as a mean and as a maximum over the stamp: a source is judged at the centre,
a trail or ghost by what surrounds it. About 0.1 GFLOP a 63-px triplet at the default widths.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from skyvet.models.interface import InputShape, NetworkSettings, TripletNetwork

__all__ = ["CompactConfig"]

_N_READOUTS = 3


class CompactConfig(NetworkSettings):
    """Residual network with centre, mean and maximum readouts."""

    stamp_px_range: ClassVar[tuple[int, int]] = (16, 256)

    kind: Literal["compact"] = "compact"
    widths: tuple[int, ...] = Field(
        default=(16, 32, 64, 64), min_length=1, description="filters of each stage"
    )
    dropout: float = Field(default=0.3, ge=0, lt=1, description="dropout before the head")

    def build(self, shape: InputShape) -> TripletNetwork:
        """Return the untrained network.

        Examples
        --------
        >>> network = CompactConfig().build(InputShape(stamp_px=63))
        >>> sum(p.numel() for p in network.parameters())
        153361
        """
        self.check_input(shape)
        encoder = _Encoder(shape.n_planes, self)
        return TripletNetwork(
            encoder, _N_READOUTS * self.widths[-1], shape=shape, metadata=self.metadata
        )


class _Stage(nn.Module):
    """Two normalised convolutions beside a 1x1 projection."""

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(n_inputs, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.projection = nn.Conv2d(n_inputs, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the stage's output, at the same size."""
        inner = functional.silu(self.first_norm(self.first(features)))
        return functional.silu(self.second_norm(self.second(inner)) + self.projection(features))


class _Encoder(nn.Module):
    """Stages halved by maxima, then the three readouts."""

    def __init__(self, n_planes: int, config: CompactConfig) -> None:
        super().__init__()
        inputs = (n_planes, *config.widths[:-1])
        self.stages = nn.ModuleList(
            _Stage(n_inputs, width) for n_inputs, width in zip(inputs, config.widths, strict=True)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, stamps: Tensor) -> Tensor:
        """Return features of shape (n, 3 * widths[-1])."""
        features = stamps
        for i_stage, stage in enumerate(self.stages):
            if i_stage and features.shape[-1] > 3:
                features = functional.max_pool2d(features, 2)
            features = stage(features)
        side = features.shape[-1]
        reach = max(side // 5, 0)
        centre = slice((side - 1) // 2 - reach, side // 2 + reach + 1)
        readouts = [
            features.mean(dim=(2, 3)),
            features.amax(dim=(2, 3)),
            features[:, :, centre, centre].mean(dim=(2, 3)),
        ]
        features = torch.cat(readouts, dim=1)
        dropped: Tensor = self.dropout(features)
        return dropped
