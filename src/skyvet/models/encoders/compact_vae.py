"""A small variational auto-encoder whose latent stays alive; skyvet's default encoder of frames.

Against the collapse of the published one: pixels come in units of the object's noise, so that the
likelihood has its natural weight against the divergence; every dimension has free bits (Kingma et
al. 2016, sec. 2.2): below that divergence it costs nothing; the divergence is switched on slowly.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from skyvet.core.configs import Config
from skyvet.models.encoders.convolutions import ConvolutionalDecoder, make_trunk, trunk_width
from skyvet.models.encoders.interface import FrameAutoencoder, FrameShape, LatentCode
from skyvet.preprocessing.frame_scaling import FrameScalingConfig

__all__ = ["CompactVae", "CompactVaeConfig"]

_LOG_VARIANCE_LIMIT = 12.0


class CompactVaeConfig(Config):
    """Network and objective of the compact VAE."""

    kind: Literal["compact_vae"] = "compact_vae"
    n_latent: int = Field(default=24, ge=1, le=512, description="latent dimensions")
    widths: tuple[int, ...] = Field(
        default=(16, 32, 64, 128), min_length=1, description="channels of the encoder"
    )
    decoder_widths: tuple[int, int, int] = Field(
        default=(48, 24, 12), description="channels of the decoder, coarse to fine"
    )
    scaling: FrameScalingConfig = FrameScalingConfig()
    kl_weight: float = Field(default=1.0, ge=0, description="weight of the divergence")
    free_bits: float = Field(
        default=0.2, ge=0, description="divergence of a dimension that costs nothing [nats]"
    )
    warm_up_fraction: float = Field(
        default=0.2, ge=0, le=1, description="share of the steps in which the divergence sets in"
    )

    def build(self) -> CompactVae:
        """Return the untrained network; weights come from torch's global generator."""
        return CompactVae(self)


class CompactVae(FrameAutoencoder):
    """Four convolutions of stride 2 in the encoder, two doublings in the decoder.

    Parameters
    ----------
    config : CompactVaeConfig
        Sizes.
    """

    def __init__(self, config: CompactVaeConfig) -> None:
        super().__init__(config.n_latent)
        shape = FrameShape(size_px=config.scaling.size_px, n_planes=config.scaling.n_planes)
        self.trunk = make_trunk(shape, config.widths)
        self.head = nn.Linear(trunk_width(shape, config.widths), 2 * config.n_latent)
        self.decoder = ConvolutionalDecoder(
            config.n_latent, config.scaling.size_px, config.decoder_widths
        )

    def encode(self, planes: Tensor) -> LatentCode:
        """Return means and log-variances."""
        means, log_variances = self.head(self.trunk(planes)).chunk(2, dim=1)
        return LatentCode(means, log_variances.clamp(-_LOG_VARIANCE_LIMIT, _LOG_VARIANCE_LIMIT))

    def decode(self, latent: Tensor) -> Tensor:
        """Return images in units of the scaling."""
        images: Tensor = self.decoder(latent)
        return images
