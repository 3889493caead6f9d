"""The variational auto-encoder of RB_ZTF, layer by layer.

Semenikhin et al. (2024, Systems and Means of Informatics 34, 1): 28 x 28 px frames, each scaled to
[0, 1], become 36 means and 36 log-variances. Trained with log-cosh and 8e-5 times the
Kullback-Leibler divergence, most of the latent collapses to the prior; it is kept as it was, to
compare with. The paper says five convolutions of stride 2; its code has the four and the 1 x 1 one
used here.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.models.encoders.interface import FrameAutoencoder, FrameShape, LatentCode
from skyvet.preprocessing.frame_scaling import FrameScalingConfig

__all__ = ["PublishedVae", "PublishedVaeConfig"]

_SIZE_PX = 28
_WIDTHS = (32, 64, 128, 256)
_N_WIDE = 512
_SLOPE = 0.01


class PublishedVaeConfig(Config):
    """The published network; both variants by their options."""

    kind: Literal["published_vae"] = "published_vae"
    n_latent: Literal[36, 78] = Field(default=36, description="latent dimensions: 36 or 78")
    max_rotation_deg: Literal[0, 20] = Field(
        default=0, description="training: rotate frames by up to so many degrees: 0 or 20"
    )
    scaling: FrameScalingConfig = FrameScalingConfig(kind="minmax", size_px=_SIZE_PX)
    kl_weight: float = Field(default=8e-5, ge=0, description="weight of the divergence")

    def build(self) -> PublishedVae:
        """Return the untrained network; weights come from torch's global generator."""
        return PublishedVae(self)


class PublishedVae(FrameAutoencoder):
    """Four convolutions of stride 2 and a 1 x 1 one; 667,944 parameters in the encoder at 36.

    Parameters
    ----------
    config : PublishedVaeConfig
        Which variant.

    Raises
    ------
    InvalidInputError
        If the scaling gives anything but one plane of 28 px.
    """

    def __init__(self, config: PublishedVaeConfig) -> None:
        super().__init__(config.n_latent)
        shape = FrameShape(size_px=config.scaling.size_px, n_planes=config.scaling.n_planes)
        if shape != FrameShape(size_px=_SIZE_PX, n_planes=1):
            raise InvalidInputError(
                f"the published VAE takes one plane of {_SIZE_PX} px, got {shape}; use scaling "
                "kind 'minmax' and 28 px, or the encoder 'compact_vae'"
            )
        layers: list[nn.Module] = []
        for n_in, n_out in zip((1, *_WIDTHS[:-1]), _WIDTHS, strict=True):
            conv = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(n_out), nn.LeakyReLU(_SLOPE)]
        layers += [nn.Conv2d(_WIDTHS[-1], _N_WIDE, 1, bias=False), nn.BatchNorm2d(_N_WIDE)]
        layers += [nn.LeakyReLU(_SLOPE), nn.Flatten(), nn.Linear(4 * _N_WIDE, 2 * config.n_latent)]
        self.encoder = nn.Sequential(*layers)
        self.decoder = _decoder(config.n_latent)

    def encode(self, planes: Tensor) -> LatentCode:
        """Return means and log-variances."""
        means, log_variances = self.encoder(planes).chunk(2, dim=1)
        return LatentCode(means, log_variances)

    def decode(self, latent: Tensor) -> Tensor:
        """Return images, not negative."""
        images: Tensor = self.decoder(latent)
        return images[:, 0]


def _decoder(n_latent: int) -> nn.Sequential:
    """1 -> 2 -> 4 -> 8 -> 16 -> 32 px, then 7 x 7 without full padding to 28 px."""
    widths = (*_WIDTHS[::-1], _WIDTHS[0])
    layers: list[nn.Module] = [nn.Linear(n_latent, _N_WIDE), nn.Unflatten(1, (_N_WIDE, 1, 1))]
    for n_in, n_out in zip((_N_WIDE, *widths[:-1]), widths, strict=True):
        up = nn.ConvTranspose2d(n_in, n_out, 3, stride=2, padding=1, output_padding=1, bias=False)
        layers += [up, nn.BatchNorm2d(n_out), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, nn.Conv2d(_WIDTHS[0], 1, 7, padding=1), nn.ReLU())
