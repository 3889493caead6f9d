"""What an encoder does with frames: dimensions in use, images restored, what each one means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.models.encoders.interface import FrameAutoencoder
from skyvet.training.encoders.objectives import kl_divergence, reconstruction_error

__all__ = [
    "ACTIVE_VARIANCE",
    "LatentFigures",
    "latent_figures",
    "reconstruct",
    "traverse_latent",
]

ACTIVE_VARIANCE = 0.01
"""A dimension is active if its mean varies by more than this over frames (Burda et al. 2016)."""

_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LatentFigures:
    """Figures of an encoder on frames.

    Parameters
    ----------
    mean_variance : ndarray, shape (n_latent,)
        Variance of each dimension's mean over the frames.
    kl_nats : ndarray, shape (n_latent,)
        Mean divergence of each dimension from the prior [nats]; NaN where the encoder is
        deterministic.
    active_mask : ndarray, shape (n_latent,), bool
        True where the dimension carries something of the frame.
    reconstruction : float
        Mean log-cosh of the residual a valid pixel [units of the scaling].
    blank_reconstruction : float
        The same for the mean of all frames in place of each reconstruction: what no latent gives.
    """

    mean_variance: FloatArray
    kl_nats: FloatArray
    active_mask: BoolArray
    reconstruction: float
    blank_reconstruction: float

    @property
    def n_active(self) -> int:
        """Active dimensions."""
        return int(np.count_nonzero(self.active_mask))


def latent_figures(network: FrameAutoencoder, frames: FloatArray) -> LatentFigures:
    """Measure an encoder on scaled frames.

    Parameters
    ----------
    network : FrameAutoencoder
        On the CPU, in evaluation mode.
    frames : ndarray, shape (n, n_planes, size_px, size_px), float32
        Scaled frames that it was not trained on; n >= 2.

    Returns
    -------
    LatentFigures

    Raises
    ------
    InvalidInputError
        If there are fewer than two frames.
    """
    if len(frames) < 2:
        raise InvalidInputError(f"an encoder is judged on at least 2 frames, got {len(frames)}")
    means, divergences, errors = [], [], []
    blank = torch.from_numpy(frames[:, 0].mean(axis=0))
    blank_errors = []
    with torch.inference_mode():
        for planes in _batches(frames):
            code = network.encode(planes)
            means.append(code.means)
            if code.log_variances is not None:
                divergences.append(kl_divergence(code.means, code.log_variances))
            errors.append(reconstruction_error(network.decode(code.means), planes))
            blank_errors.append(reconstruction_error(blank.expand(len(planes), -1, -1), planes))
    variance = torch.cat(means).double().var(dim=0).numpy()
    kl_nats: FloatArray = np.full(len(variance), np.nan)
    if divergences:
        kl_nats = torch.cat(divergences).double().mean(dim=0).numpy()
    return LatentFigures(
        mean_variance=variance,
        kl_nats=kl_nats,
        active_mask=variance > ACTIVE_VARIANCE,
        reconstruction=float(torch.cat(errors).mean()),
        blank_reconstruction=float(torch.cat(blank_errors).mean()),
    )


def reconstruct(network: FrameAutoencoder, frames: FloatArray) -> FloatArray:
    """Return what the decoder makes of the latent means, shape (n, size_px, size_px)."""
    with torch.inference_mode():
        images = [network.decode(network.encode(planes).means) for planes in _batches(frames)]
    restored: FloatArray = torch.cat(images).numpy()
    return restored


def traverse_latent(
    network: FrameAutoencoder,
    frames: FloatArray,
    *,
    i_frame: int,
    steps: FloatArray,
) -> FloatArray:
    """Decode one frame's latent with each dimension moved in turn.

    Parameters
    ----------
    network : FrameAutoencoder
        On the CPU, in evaluation mode.
    frames : ndarray, shape (n, n_planes, size_px, size_px), float32
        Scaled frames; they give the scale of each dimension.
    i_frame : int
        The frame to start from.
    steps : ndarray, shape (n_steps,)
        Displacements in units of the standard deviation of the dimension over the frames.

    Returns
    -------
    ndarray, shape (n_latent, n_steps, size_px, size_px)
    """
    with torch.inference_mode():
        means = torch.cat([network.encode(planes).means for planes in _batches(frames)])
        moves = torch.from_numpy(np.asarray(steps, dtype=np.float32))[:, None]
        images = []
        for i_latent, scale in enumerate(means.std(dim=0)):
            latent = means[i_frame].repeat(len(moves), 1)
            latent[:, i_latent] += moves[:, 0] * scale
            images.append(network.decode(latent))
    traversal: FloatArray = torch.stack(images).numpy()
    return traversal


def _batches(frames: FloatArray) -> tuple[Tensor, ...]:
    return torch.split(torch.from_numpy(np.ascontiguousarray(frames)), _BATCH)
