"""Train one encoder of frames."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.encoders.interface import FrameAutoencoder
from skyvet.training.encoders.configs import EncoderTrainConfig
from skyvet.training.encoders.frame_batches import FrameBatches, draw_validation_frames
from skyvet.training.encoders.frame_pool import FramePool
from skyvet.training.encoders.frame_sources import FrameSource
from skyvet.training.encoders.objectives import encoder_loss
from skyvet.training.epochs import EpochRecord, Validate, ValidationFigures
from skyvet.training.loop import train_epochs, training_fingerprint
from skyvet.training.module import EpochModule

__all__ = ["FittedEncoder", "fit_encoder"]

_SPLIT_STREAM = 0x73706C
_VALIDATION_SEED = 20_240_301
_VALIDATION_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedEncoder:
    """A trained encoder with its decoder.

    Parameters
    ----------
    config : EncoderTrainConfig
        How it was trained.
    network : FrameAutoencoder
        Weights of the best epoch, in evaluation mode, on the CPU.
    history : tuple of EpochRecord
        Every epoch that was trained.
    best_epoch : int
        Epoch of the weights, from 0.
    frames : ndarray, shape (n, n_planes, size_px, size_px), float32
        Scaled frames of held-out objects (of training objects where none were held out), to judge
        the encoder by.
    n_objects, n_frames : int
        Objects and frames trained on.
    object_ids_sha256 : str
        Hash of the sorted identifiers of these objects.
    """

    config: EncoderTrainConfig
    network: FrameAutoencoder
    history: tuple[EpochRecord, ...]
    best_epoch: int
    frames: FloatArray
    n_objects: int
    n_frames: int
    object_ids_sha256: str


class _EncoderModule(EpochModule):
    """An autoencoder, the frames of its training objects and its objective."""

    def __init__(
        self,
        network: FrameAutoencoder,
        pool: FramePool,
        objects: IntArray,
        config: EncoderTrainConfig,
    ) -> None:
        super().__init__(network, config)
        self._pool = pool
        self._objects = objects
        self._config = config

    def make_batches(self, *, rank: int, world_size: int) -> FrameBatches:
        """Return a process's share of the training frames."""
        config = self._config
        return FrameBatches(
            self._pool, self._objects, config.frames, seed=config.seed, rank=rank,
            world_size=world_size,
        )  # fmt: skip

    def batch_loss(self, batch: Tensor, seed: int) -> Tensor:
        """Return the loss of one batch of scaled frames."""
        generator = torch.Generator(device=self.device)
        generator.manual_seed(seed)
        return encoder_loss(
            cast(FrameAutoencoder, self.network),
            batch.contiguous(memory_format=torch.channels_last),
            self._config.encoder,
            generator=generator,
            warm_up=self._warm_up(),
        )

    def _warm_up(self) -> float:
        """Return how far the divergence has set in, from 0 to 1."""
        share = getattr(self._config.encoder, "warm_up_fraction", 0.0)
        n_steps = share * float(self.trainer.estimated_stepping_batches)
        return min(1.0, (self.trainer.global_step + 1) / n_steps) if n_steps else 1.0


def fit_encoder(
    sources: Sequence[FrameSource],
    config: EncoderTrainConfig,
    *,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> FittedEncoder:
    """Train an encoder, keeping the epoch that validates best on held-out objects.

    Parameters
    ----------
    sources : sequence of FrameSource
        Where the frames are.
    config : EncoderTrainConfig
        Network, objective, optimiser, sampling, hardware, seed.
    checkpoint_dir : path, optional
        A checkpoint is written there after each epoch.
    resume : bool, default False
        Go on from the checkpoint in `checkpoint_dir` if there is one: the result is that of an
        uninterrupted training.
    progress : Progress, optional
        Told of each epoch.

    Returns
    -------
    FittedEncoder

    Raises
    ------
    InvalidInputError
        If there is no usable frame, nothing is left to train on, the training diverged, or the
        checkpoint is of another training.
    """
    pool = FramePool(sources, config.encoder.scaling)
    train, held_out = _split_objects(pool, config)
    network = _start_network(config)
    frames = draw_validation_frames(
        pool, held_out if len(held_out) else train, config.frames, seed=config.seed
    )
    identity = [np.char.encode(pool.object_ids, "utf-8"), pool.n_frames]
    best = train_epochs(
        _EncoderModule(network, pool, train, config),
        config,
        validate=_judge_on(frames, config) if len(held_out) else None,
        fingerprint=training_fingerprint(config, network, identity),
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        progress=progress,
    )
    network.load_state_dict(best.best_state)
    network.cpu().eval()
    names = "\n".join(sorted(set(pool.object_ids[train].tolist())))
    return FittedEncoder(
        config=config,
        network=network,
        history=tuple(best.history),
        best_epoch=best.best_epoch,
        frames=frames,
        n_objects=len(train),
        n_frames=int(np.sum(pool.n_frames[train])),
        object_ids_sha256=hashlib.sha256(names.encode()).hexdigest(),
    )


def _split_objects(pool: FramePool, config: EncoderTrainConfig) -> tuple[IntArray, IntArray]:
    """Hold out a share of the objects; one name stands on one side, in whatever source."""
    names, inverse = np.unique(pool.object_ids, return_inverse=True)
    n_held_out = round(config.validation_fraction * len(names))
    if config.validation_fraction and not 0 < n_held_out < len(names):
        raise InvalidInputError(
            f"cannot hold out {config.validation_fraction:g} of {len(names)} objects; give more "
            "objects, or set validation_fraction to 0"
        )
    order = np.random.default_rng([config.seed, _SPLIT_STREAM]).permutation(len(names))
    is_held_out = np.isin(inverse, order[:n_held_out])
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def _start_network(config: EncoderTrainConfig) -> FrameAutoencoder:
    """Return the network with its first weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = config.encoder.build()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _judge_on(frames: FloatArray, config: EncoderTrainConfig) -> Validate:
    """Return a function that gives the mean loss on held-out frames, with the same noise."""
    batches = torch.split(torch.from_numpy(frames), _VALIDATION_BATCH)

    def judge(network: nn.Module) -> ValidationFigures:
        device = next(network.parameters()).device
        generator = torch.Generator(device=device).manual_seed(_VALIDATION_SEED)
        was_training = network.training
        network.eval()
        total = 0.0
        with torch.inference_mode():
            for batch in batches:
                loss = encoder_loss(
                    cast(FrameAutoencoder, network),
                    batch.to(device),
                    config.encoder,
                    generator=generator,
                )
                total += float(loss) * len(batch)
        network.train(was_training)
        return ValidationFigures(loss=total / len(frames), auc=float("nan"))

    return judge
