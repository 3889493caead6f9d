"""What every triplet network has in common: its input, its settings, its assembly.

A network is an encoder of stamps, optionally joined by a branch for scalar metadata, and one linear
head that gives the logit of REAL. A new network is one file with a settings class and an encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.models.metadata_branch import MetadataBranch, MetadataBranchConfig

__all__ = ["InputShape", "NetworkSettings", "TripletNetwork"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputShape:
    """What a network is fed.

    Parameters
    ----------
    stamp_px : int
        Side of the square stamps [pixels].
    n_planes : int
        Input planes: 3 cutouts, and 3 validity masks and 3 variances where given.
    n_metadata : int
        Scalar features beside the stamps; 0 = none.
    """

    stamp_px: int
    n_planes: int = 3
    n_metadata: int = 0


class NetworkSettings(Config):
    """Settings that all networks share."""

    stamp_px_range: ClassVar[tuple[int, int]] = (8, 512)

    kind: str
    metadata: MetadataBranchConfig = Field(
        default=MetadataBranchConfig(),
        description="branch for scalar features, where there are any",
    )

    def check_input(self, shape: InputShape) -> None:
        """Refuse an input that this network was not made for.

        Raises
        ------
        InvalidInputError
            If the stamp size lies outside `stamp_px_range` or a count is impossible.
        """
        low, high = self.stamp_px_range
        if not low <= shape.stamp_px <= high:
            raise InvalidInputError(
                f"network {self.kind!r} takes stamps of {low} to {high} px, got {shape.stamp_px}; "
                "choose another network or stamp size"
            )
        if shape.n_planes < 1 or shape.n_metadata < 0:
            raise InvalidInputError(f"n_planes must be > 0 and n_metadata >= 0, got {shape}")

    def build(self, shape: InputShape) -> TripletNetwork:
        """Return the untrained network; each network's settings class says how."""
        raise NotImplementedError


class TripletNetwork(nn.Module):
    """Encoder of stamps, optional metadata branch, linear head.

    Parameters
    ----------
    encoder : nn.Module
        Maps ``(n, n_planes, size, size)`` to ``(n, n_features)``.
    n_features : int
        Width of the encoder's output.
    shape : InputShape
        What the network is fed.
    metadata : MetadataBranchConfig
        Used where ``shape.n_metadata`` > 0.
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_features: int,
        *,
        shape: InputShape,
        metadata: MetadataBranchConfig,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = encoder
        self.metadata_branch: MetadataBranch | None = None
        if shape.n_metadata:
            self.metadata_branch = MetadataBranch(shape.n_metadata, metadata)
            n_features += metadata.width
        self.head = nn.Linear(n_features, 1)

    def forward(self, stamps: Tensor, metadata: Tensor | None = None) -> Tensor:
        """Return the logit of REAL.

        Parameters
        ----------
        stamps : Tensor, shape (n, n_planes, size, size)
            From `skyvet.preprocessing.normalization.prepare_stamps`.
        metadata : Tensor, shape (n, n_metadata), optional
            NaN = missing; needed exactly if the network has a metadata branch.

        Returns
        -------
        Tensor, shape (n,)

        Raises
        ------
        InvalidInputError
            If planes, stamp size or metadata are not those the network was built for.
        """
        logit: Tensor = self.head(self.features(stamps, metadata))
        return logit.squeeze(1)

    def features(self, stamps: Tensor, metadata: Tensor | None = None) -> Tensor:
        """Return what the head reads, shape (n, n_features); arguments as for `forward`."""
        self._check(stamps, metadata)
        features: Tensor = self.encoder(stamps)
        if self.metadata_branch is not None:
            features = torch.cat([features, self.metadata_branch(metadata)], dim=1)
        return features

    def _check(self, stamps: Tensor, metadata: Tensor | None) -> None:
        """Refuse what the network was not built for."""
        shape = self.shape
        expected = (shape.n_planes, shape.stamp_px, shape.stamp_px)
        if stamps.ndim != 4 or tuple(stamps.shape[1:]) != expected:
            raise InvalidInputError(
                f"stamps must have shape (n, {', '.join(map(str, expected))}), "
                f"got {tuple(stamps.shape)}; prepare them with the network's own StampConfig"
            )
        n_metadata = 0 if metadata is None else metadata.shape[1]
        if n_metadata != shape.n_metadata:
            raise InvalidInputError(
                f"the network takes {shape.n_metadata} metadata columns, got {n_metadata}"
            )
