"""A masked auto-encoder: learns frames by filling in hidden patches; no likelihood, no prior.

After He et al. (2022), with a small convolutional network: in training, patches of the input are
hidden (their mask plane says so) and the whole frame has to be restored from what is left. The
latent is normalised to unit variance a dimension, which no dimension can escape by collapsing.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from skyvet.core.configs import Config
from skyvet.models.encoders.convolutions import ConvolutionalDecoder, make_trunk, trunk_width
from skyvet.models.encoders.interface import FrameAutoencoder, FrameShape, LatentCode
from skyvet.preprocessing.frame_scaling import FrameScalingConfig

__all__ = ["MaskedAutoencoder", "MaskedAutoencoderConfig"]


class MaskedAutoencoderConfig(Config):
    """Network and objective of the masked auto-encoder."""

    kind: Literal["masked_autoencoder"] = "masked_autoencoder"
    n_latent: int = Field(default=24, ge=1, le=512, description="latent dimensions")
    widths: tuple[int, ...] = Field(
        default=(16, 32, 64, 128), min_length=1, description="channels of the encoder"
    )
    decoder_widths: tuple[int, int, int] = Field(
        default=(48, 24, 12), description="channels of the decoder, coarse to fine"
    )
    scaling: FrameScalingConfig = FrameScalingConfig()
    max_hidden_fraction: float = Field(
        default=0.6, ge=0, lt=1, description="training: largest share of hidden patches"
    )
    patch_px: int = Field(
        default=4, ge=1, description="side of the patches that are hidden [pixels]"
    )

    @model_validator(mode="after")
    def _check_scaling(self) -> MaskedAutoencoderConfig:
        if self.scaling.n_planes < 2:
            raise ValueError("scaling must have a mask plane to hide patches in; use kind 'asinh'")
        return self

    def build(self) -> MaskedAutoencoder:
        """Return the untrained network; weights come from torch's global generator."""
        return MaskedAutoencoder(self)


class MaskedAutoencoder(FrameAutoencoder):
    """The compact encoder and decoder with a deterministic, normalised latent.

    Parameters
    ----------
    config : MaskedAutoencoderConfig
        Sizes.
    """

    has_log_variances = False

    def __init__(self, config: MaskedAutoencoderConfig) -> None:
        super().__init__(config.n_latent)
        shape = FrameShape(size_px=config.scaling.size_px, n_planes=config.scaling.n_planes)
        self.trunk = make_trunk(shape, config.widths)
        self.head = nn.Sequential(
            nn.Linear(trunk_width(shape, config.widths), config.n_latent),
            nn.BatchNorm1d(config.n_latent, affine=False),
        )
        self.decoder = ConvolutionalDecoder(
            config.n_latent, config.scaling.size_px, config.decoder_widths
        )

    def encode(self, planes: Tensor) -> LatentCode:
        """Return the latent; it has no variances."""
        return LatentCode(self.head(self.trunk(planes)), None)

    def decode(self, latent: Tensor) -> Tensor:
        """Return images in units of the scaling."""
        images: Tensor = self.decoder(latent)
        return images
