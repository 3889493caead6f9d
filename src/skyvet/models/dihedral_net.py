"""A small network whose answer does not change when the stamp is flipped or rotated.

Group-equivariant convolutions over the 8 flips and right-angle rotations (Cohen & Welling 2016):
each filter is used in all 8 orientations, so that one label teaches what 8 would. Meant for few
labels. Features are read out at the candidate's own pixel, as a mean and as a maximum over the
stamp: whether the difference image holds a star there, and what surrounds it.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from skyvet.models.interface import InputShape, NetworkSettings, TripletNetwork

__all__ = ["DihedralNetConfig"]

N_ORIENTATIONS = 8


class DihedralNetConfig(NetworkSettings):
    """Residual network on the group of flips and right-angle rotations."""

    stamp_px_range: ClassVar[tuple[int, int]] = (21, 256)

    kind: Literal["dihedral"] = "dihedral"
    widths: tuple[int, ...] = Field(
        default=(4, 8, 16),
        min_length=1,
        description="filters of each stage, each in 8 orientations",
    )
    n_blocks: int = Field(default=1, ge=1, description="residual blocks a stage")
    dense_width: int = Field(default=64, ge=1, description="width of the dense layer")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="dropout before the head")

    def build(self, shape: InputShape) -> TripletNetwork:
        """Return the untrained network.

        Examples
        --------
        >>> network = DihedralNetConfig().build(InputShape(stamp_px=63)).eval()
        >>> stamps = torch.rand(1, 3, 63, 63)
        >>> turned = torch.rot90(stamps, dims=(2, 3))
        >>> bool(torch.allclose(network(stamps), network(turned), atol=1e-4))
        True
        """
        self.check_input(shape)
        encoder = _Encoder(shape.n_planes, self)
        return TripletNetwork(encoder, self.dense_width, shape=shape, metadata=self.metadata)


def _orient(filters: Tensor, i_orientation: int) -> Tensor:
    """Turn filters (last two axes) into one of 8 orientations: i % 4 turns, flipped if i >= 4."""
    if i_orientation >= 4:
        filters = filters.flip(-1)
    return torch.rot90(filters, i_orientation % 4, dims=(-2, -1))


def _source_orders() -> list[list[int]]:
    """Return orders[g][h]: which filter bank joins input orientation h to output orientation g.

    That is the group's inverse(g) * h, found on a square without symmetry rather than written down.
    """
    square = torch.arange(9).reshape(3, 3)
    views = [_orient(square, i).tolist() for i in range(N_ORIENTATIONS)]
    orders = []
    for g in range(N_ORIENTATIONS):
        products = [
            views.index(_orient(_orient(square, k), g).tolist()) for k in range(N_ORIENTATIONS)
        ]
        orders.append([products.index(h) for h in range(N_ORIENTATIONS)])
    return orders


class _GroupConvolution(nn.Module):
    """Convolution from planes, or from oriented features, to oriented features, and its norm.

    Oriented features have shape (n, 8 * width, h, w); the orientation varies slowest. All
    orientations of a feature share scale, offset and, in evaluation, mean and variance.
    """

    def __init__(self, n_inputs: int, n_outputs: int, *, kernel: int, is_first: bool) -> None:
        super().__init__()
        n_sources = 1 if is_first else N_ORIENTATIONS
        std = (2 / (n_sources * n_inputs * kernel**2)) ** 0.5
        self.weight = nn.Parameter(
            std * torch.randn(n_outputs, n_sources, n_inputs, kernel, kernel)
        )
        self.scale = nn.Parameter(torch.ones(n_outputs))
        self.offset = nn.Parameter(torch.zeros(n_outputs))
        self.running_mean: Tensor
        self.running_variance: Tensor
        self.register_buffer("running_mean", torch.zeros(N_ORIENTATIONS * n_outputs))
        self.register_buffer("running_variance", torch.ones(N_ORIENTATIONS * n_outputs))
        self._padding = kernel // 2
        self._orders = [[0]] * N_ORIENTATIONS if is_first else _source_orders()

    def forward(self, features: Tensor) -> Tensor:
        """Return normalised oriented features."""
        banks = [
            _orient(self.weight[:, order], g).flatten(1, 2) for g, order in enumerate(self._orders)
        ]
        convolved = functional.conv2d(features, torch.cat(banks), padding=self._padding)
        mean, variance = self.running_mean, self.running_variance
        if not self.training:
            mean, variance = _pool_orientations(mean, variance)
        return functional.batch_norm(
            convolved,
            mean,
            variance,
            self.scale.repeat(N_ORIENTATIONS),
            self.offset.repeat(N_ORIENTATIONS),
            training=self.training,
        )


def _pool_orientations(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each feature over all orientations, repeated for each."""
    means = mean.reshape(N_ORIENTATIONS, -1)
    pooled = means.mean(dim=0)
    spread = (variance.reshape(N_ORIENTATIONS, -1) + means**2).mean(dim=0) - pooled**2
    return pooled.repeat(N_ORIENTATIONS), spread.repeat(N_ORIENTATIONS)


class _Block(nn.Module):
    """Two group convolutions around which the input is carried."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _GroupConvolution(width, width, kernel=3, is_first=False)
        self.second = _GroupConvolution(width, width, kernel=3, is_first=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the block's output."""
        inner = functional.relu(self.first(features))
        return functional.relu(features + self.second(inner))


def _halve(features: Tensor) -> Tensor:
    """Halve the side by a maximum whose windows lie symmetrically."""
    window = 3 if features.shape[-1] % 2 else 2
    return functional.max_pool2d(features, window, stride=2)


class _Encoder(nn.Module):
    """Group convolutions, and a read-out that no flip or rotation changes."""

    def __init__(self, n_planes: int, config: DihedralNetConfig) -> None:
        super().__init__()
        widths = config.widths
        self.lift = _GroupConvolution(n_planes, widths[0], kernel=5, is_first=True)
        self.stages = nn.ModuleList()
        n_inputs = widths[0]
        for width in widths:
            self.stages.append(_GroupConvolution(n_inputs, width, kernel=3, is_first=False))
            self.stages.append(nn.Sequential(*(_Block(width) for _ in range(config.n_blocks))))
            n_inputs = width
        n_readouts = 2 * 3  # mean and maximum over orientations; centre, mean and maximum in space
        self.dense = nn.Linear(n_readouts * n_inputs, config.dense_width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, stamps: Tensor) -> Tensor:
        """Return features of shape (n, dense_width)."""
        features = functional.relu(self.lift(stamps))
        for i_layer in range(0, len(self.stages), 2):
            features = functional.relu(self.stages[i_layer](_halve(features)))
            features = self.stages[i_layer + 1](features)
        return functional.relu(self.dense(self.dropout(_read_out(features))))


def _read_out(features: Tensor) -> Tensor:
    """Return what oriented features say, whatever the orientation; shape (n, 6 * width)."""
    side = features.shape[-1]
    centre = slice((side - 1) // 2, side // 2 + 1)
    in_space = torch.stack(
        [
            features[:, :, centre, centre].mean(dim=(2, 3)),
            features.mean(dim=(2, 3)),
            features.amax(dim=(2, 3)),
        ],
        dim=1,
    )
    oriented = in_space.reshape(-1, 3, N_ORIENTATIONS, in_space.shape[2] // N_ORIENTATIONS)
    return torch.cat([oriented.mean(dim=2), oriented.amax(dim=2)], dim=1).flatten(1)
