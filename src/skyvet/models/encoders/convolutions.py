"""The small convolutional encoder and decoder that skyvet's own frame encoders share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from skyvet.models.encoders.interface import FrameShape

__all__ = ["ConvolutionalDecoder", "make_trunk", "trunk_width"]

_SLOPE = 0.1
_UPSAMPLING = 4


def make_trunk(shape: FrameShape, widths: tuple[int, ...]) -> nn.Sequential:
    """Return convolutions of stride 2, one a width, and a flattening.

    Parameters
    ----------
    shape : FrameShape
        Input.
    widths : tuple of int
        Channels after each convolution.

    Returns
    -------
    nn.Sequential
        Gives shape (n, `trunk_width`).
    """
    layers: list[nn.Module] = []
    for n_in, n_out in zip((shape.n_planes, *widths[:-1]), widths, strict=True):
        conv = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(n_out), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, nn.Flatten())


def trunk_width(shape: FrameShape, widths: tuple[int, ...]) -> int:
    """Return the length of the vector that `make_trunk` gives.

    Examples
    --------
    >>> trunk_width(FrameShape(size_px=28), (16, 32, 64, 128))
    512
    """
    side = shape.size_px
    for _ in widths:
        side = math.ceil(side / 2)
    return widths[-1] * side * side


class ConvolutionalDecoder(nn.Module):
    """Latent vectors to images of any side, by two doublings.

    Parameters
    ----------
    n_latent : int
        Length of the latent vector.
    size_px : int
        Side of the images [pixels].
    widths : tuple of int
        Channels at a quarter, at half and at full resolution.
    """

    def __init__(self, n_latent: int, size_px: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        coarse, middle, fine = widths
        side = math.ceil(size_px / _UPSAMPLING)
        self.size_px = size_px
        self.layers = nn.Sequential(
            nn.Linear(n_latent, coarse * side * side),
            nn.Unflatten(1, (coarse, side, side)),
            nn.BatchNorm2d(coarse),
            nn.LeakyReLU(_SLOPE),
            *_doubling(coarse, middle),
            *_doubling(middle, fine),
            nn.Conv2d(fine, 1, 3, padding=1),
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Return images, shape (n, size_px, size_px)."""
        images: Tensor = self.layers(latent)
        return torch.narrow(torch.narrow(images[:, 0], 1, 0, self.size_px), 2, 0, self.size_px)


def _doubling(n_in: int, n_out: int) -> list[nn.Module]:
    up = nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
    return [up, nn.BatchNorm2d(n_out), nn.LeakyReLU(_SLOPE)]
