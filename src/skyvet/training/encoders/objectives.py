"""What each kind of encoder is trained for.

An objective takes the network, scaled planes, a random generator and how far the divergence has set
in (0 to 1), and returns the loss of a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from skyvet.models.encoders.compact_vae import CompactVaeConfig
from skyvet.models.encoders.encoders import EncoderConfig
from skyvet.models.encoders.interface import FrameAutoencoder
from skyvet.models.encoders.masked_autoencoder import MaskedAutoencoderConfig
from skyvet.models.encoders.published_vae import PublishedVaeConfig

__all__ = ["encoder_loss", "kl_divergence", "log_cosh", "reconstruction_error"]

_LOG_2 = math.log(2.0)


def log_cosh(residual: Tensor) -> Tensor:
    """Return ``log(cosh(residual))``: half the square near 0, the size less log 2 far off.

    Examples
    --------
    >>> log_cosh(torch.tensor([0.0, 100.0])).tolist()
    [0.0, 99.306...]
    """
    size = residual.abs()
    return size + functional.softplus(-2.0 * size) - _LOG_2


def kl_divergence(means: Tensor, log_variances: Tensor) -> Tensor:
    """Return the divergence from the standard normal prior, dimension by dimension [nats].

    Parameters
    ----------
    means, log_variances : Tensor, shape (n, n_latent)
        What an encoder says of n frames.

    Returns
    -------
    Tensor, shape (n, n_latent)
        Not negative.

    Examples
    --------
    >>> kl_divergence(torch.tensor([[1.0]]), torch.tensor([[0.0]])).item()
    0.5
    """
    return 0.5 * (means.square() + log_variances.exp() - 1.0 - log_variances)


def reconstruction_error(images: Tensor, planes: Tensor) -> Tensor:
    """Return the mean log-cosh over the valid pixels of each frame, shape (n,).

    Parameters
    ----------
    images : Tensor, shape (n, size_px, size_px)
        What a decoder gave.
    planes : Tensor, shape (n, n_planes, size_px, size_px)
        Image and, where there is one, mask.
    """
    errors = log_cosh(images.float() - planes[:, 0].float())
    if planes.shape[1] < 2:
        return errors.mean(dim=(1, 2))
    valid = planes[:, 1].float()
    return (errors * valid).sum(dim=(1, 2)) / valid.sum(dim=(1, 2)).clamp(min=1.0)


def encoder_loss(
    network: FrameAutoencoder,
    planes: Tensor,
    config: EncoderConfig,
    *,
    generator: torch.Generator,
    warm_up: float = 1.0,
) -> Tensor:
    """Return the loss of one batch.

    Parameters
    ----------
    network : FrameAutoencoder
        Under training, or judged.
    planes : Tensor, shape (n, n_planes, size_px, size_px)
        Scaled frames.
    config : EncoderConfig
        Of the network; says which objective.
    generator : torch.Generator
        Source of latent noise, hidden patches and rotations; on the device of `planes`.
    warm_up : float, default 1
        Share of the weight of the divergence, from 0 to 1.

    Returns
    -------
    Tensor
        One number.
    """
    objective = _OBJECTIVES[type(config)]
    loss: Tensor = objective(network, planes, config, generator, warm_up)
    return loss


def _published(
    network: FrameAutoencoder,
    planes: Tensor,
    config: PublishedVaeConfig,
    generator: torch.Generator,
    warm_up: float,  # noqa: ARG001 - published without one
) -> Tensor:
    """Mean log-cosh of all pixels plus the weighted divergence; training only: rotation."""
    if config.max_rotation_deg and network.training:
        planes = _rotated(planes, math.radians(config.max_rotation_deg), generator)
    code = network.encode(planes)
    assert code.log_variances is not None
    means, log_variances = code.means.float(), code.log_variances.float()
    images = network.decode(_sample(means, log_variances, generator))
    divergence = kl_divergence(means, log_variances).sum(dim=1).mean()
    return reconstruction_error(images, planes).mean() + config.kl_weight * divergence


def _compact(
    network: FrameAutoencoder,
    planes: Tensor,
    config: CompactVaeConfig,
    generator: torch.Generator,
    warm_up: float,
) -> Tensor:
    """Bound on the evidence a pixel, with free bits; pixels are in units of the noise."""
    code = network.encode(planes)
    assert code.log_variances is not None
    means, log_variances = code.means.float(), code.log_variances.float()
    images = network.decode(_sample(means, log_variances, generator))
    divergence = kl_divergence(means, log_variances).mean(dim=0)
    paid = divergence.clamp(min=config.free_bits).sum()
    n_pixels = planes.shape[-1] * planes.shape[-2]
    weight = warm_up * config.kl_weight / n_pixels
    return reconstruction_error(images, planes).mean() + weight * paid


def _masked(
    network: FrameAutoencoder,
    planes: Tensor,
    config: MaskedAutoencoderConfig,
    generator: torch.Generator,
    warm_up: float,  # noqa: ARG001 - there is no divergence
) -> Tensor:
    """Restore whole frames of which random patches were hidden."""
    size = planes.shape[-1]
    n_patches = math.ceil(size / config.patch_px)
    draw = partial(torch.rand, generator=generator, device=planes.device)
    share = config.max_hidden_fraction * draw((len(planes), 1, 1, 1))
    is_shown = (draw((len(planes), 1, n_patches, n_patches)) >= share).float()
    shown = functional.interpolate(is_shown, scale_factor=config.patch_px)[..., :size, :size]
    images = network.decode(network.encode(planes * shown).means)
    return reconstruction_error(images, planes).mean()


def _sample(means: Tensor, log_variances: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.randn(means.shape, generator=generator, device=means.device)
    return means + noise * (0.5 * log_variances).exp()


def _rotated(planes: Tensor, max_angle_rad: float, generator: torch.Generator) -> Tensor:
    """Turn each frame by its own angle; what comes in from outside is 0."""
    draw = torch.rand(len(planes), generator=generator, device=planes.device)
    angle = (2.0 * draw - 1.0) * max_angle_rad
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = [torch.stack([cosine, -sine, zero], dim=1), torch.stack([sine, cosine, zero], dim=1)]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(planes.shape), align_corners=False)
    return functional.grid_sample(planes, grid, align_corners=False)


_OBJECTIVES: dict[type, Callable[..., Any]] = {
    PublishedVaeConfig: _published,
    CompactVaeConfig: _compact,
    MaskedAutoencoderConfig: _masked,
}
