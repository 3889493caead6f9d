"""What every network that compresses frames has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["FrameAutoencoder", "FrameShape", "LatentCode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameShape:
    """What an encoder is fed.

    Parameters
    ----------
    size_px : int
        Side of the planes [pixels].
    n_planes : int
        Planes of a frame: the image first, then its mask where the scaling makes one.
    """

    size_px: int = 28
    n_planes: int = 2


class LatentCode(NamedTuple):
    """What an encoder says of each frame.

    Attributes
    ----------
    means : Tensor, shape (n, n_latent)
        The embedding.
    log_variances : Tensor, shape (n, n_latent), or None
        Natural logarithm of the variance that the encoder gives each mean; None where it is
        deterministic.
    """

    means: Tensor
    log_variances: Tensor | None


class FrameAutoencoder(nn.Module, ABC):
    """A network with an encoder, which is kept, and a decoder, which trains it.

    Parameters
    ----------
    n_latent : int
        Numbers that a frame becomes.
    """

    has_log_variances: bool = True

    def __init__(self, n_latent: int) -> None:
        super().__init__()
        self.n_latent = n_latent

    @abstractmethod
    def encode(self, planes: Tensor) -> LatentCode:
        """Return the latent code of scaled planes, shape (n, n_planes, size_px, size_px)."""

    @abstractmethod
    def decode(self, latent: Tensor) -> Tensor:
        """Return images, shape (n, size_px, size_px), of latent vectors, shape (n, n_latent)."""
