"""One network under training: what happens in a step, whatever it learns from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from skyvet.core.arrays import FloatArray
from skyvet.models.interface import TripletNetwork
from skyvet.preprocessing.augmentation import augment
from skyvet.preprocessing.batches import TripletBatch, TripletBatches
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.configs import LoopConfig, OptimiserConfig, RateDecay, TrainConfig
from skyvet.training.losses import triplet_loss

__all__ = ["EpochBatches", "EpochModule", "TripletModule", "learning_rate_factor"]

_SEED_RANGE = 2**63
_STEP_FACTOR = 0.1


def learning_rate_factor(i_step: int, n_steps: int, config: OptimiserConfig) -> float:
    """Return the learning rate of a step, as a fraction of the peak.

    Examples
    --------
    >>> config = OptimiserConfig(warm_up_fraction=0.5, final_rate_fraction=0.0)
    >>> [round(learning_rate_factor(i, 4, config), 2) for i in range(5)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    >>> config = OptimiserConfig(warm_up_fraction=0.0, decay="steps", step_fraction=0.5)
    >>> [learning_rate_factor(i, 4, config) for i in range(4)]
    [1.0, 1.0, 0.1, 0.1]
    """
    n_warm_up = int(config.warm_up_fraction * n_steps)
    if i_step < n_warm_up:
        return (i_step + 1) / n_warm_up
    if config.decay is RateDecay.STEPS:
        n_drops = int((i_step + 1e-6) / (config.step_fraction * n_steps))
        return _STEP_FACTOR**n_drops
    done = (i_step - n_warm_up) / max(n_steps - n_warm_up, 1)
    final = config.final_rate_fraction
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class EpochBatches(Protocol):
    """Batches of one epoch after another, in an order that the epoch's number fixes."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of the current epoch."""


class EpochModule(pl.LightningModule):
    """A network, its batches and its optimiser; each kind of data says how to batch and to judge.

    The randomness of each step (augmentation, dropout) comes from the seed, the epoch, the step and
    the process alone, so that a resumed training repeats an uninterrupted one.

    Parameters
    ----------
    network : nn.Module
        Trained in place.
    config : LoopConfig
        Optimiser, epochs, seed.
    """

    def __init__(self, network: nn.Module, config: LoopConfig) -> None:
        super().__init__()
        self.network = network
        self._average = (network,)  # in a tuple: no part of this module's own state
        self.epoch_loss_sum = torch.zeros(())
        self._loop_config = config
        self._batches: EpochBatches | None = None

    @property
    def averaged_network(self) -> nn.Module:
        """The running mean of the network; the network itself where no mean is kept."""
        return self._average[0]

    def use_average(self, network: nn.Module) -> None:
        """Be told of the running mean, before training; it may serve as a teacher."""
        self._average = (network,)

    def make_batches(self, *, rank: int, world_size: int) -> EpochBatches:
        """Return a process's share of the training rows."""
        raise NotImplementedError

    def batch_loss(self, batch: Any, seed: int) -> Tensor:  # noqa: ANN401
        """Return the loss of one batch; torch's global generator is seeded for this step.

        `seed` differs for each step and serves generators of one's own.
        """
        raise NotImplementedError

    def train_dataloader(self) -> EpochBatches:
        """Return this process's share of the training rows."""
        self._batches = self.make_batches(rank=self.global_rank, world_size=self.trainer.world_size)
        return self._batches

    def on_train_start(self) -> None:
        """Choose the first epoch's order; a resumed training does not start at 0."""
        if self._batches is not None:
            self._batches.set_epoch(self.current_epoch)

    def on_train_epoch_start(self) -> None:
        """Start a new mean of the loss."""
        self.epoch_loss_sum = torch.zeros((), device=self.device)

    def on_train_epoch_end(self) -> None:
        """Choose the next epoch's order."""
        if self._batches is not None:
            self._batches.set_epoch(self.current_epoch + 1)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:  # noqa: ANN401
        """Return the loss of one batch."""
        devices = [self.device] if self.device.type == "cuda" else []
        seed = self._step_seed(batch_idx)
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed + 1)
            loss = self.batch_loss(batch, seed)
        self.epoch_loss_sum += loss.detach()
        return loss

    def _step_seed(self, i_batch: int) -> int:
        """Return an even number that differs for each seed, process, epoch and step."""
        words = (self._loop_config.seed, self.global_rank, self.current_epoch, i_batch)
        seed = 0
        for word in words:
            seed = (seed * 1_000_003 + word + 1) % (_SEED_RANGE // 4)
        return 2 * seed

    def configure_optimizers(self) -> Mapping[str, Any]:  # type: ignore[override,unused-ignore]
        """Return AdamW with warm-up and decay; biases and norms do not decay."""
        config = self._loop_config.optimiser
        parameters = list(self.network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimiser = torch.optim.AdamW(groups, lr=config.learning_rate)
        n_steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda i_step: learning_rate_factor(i_step, n_steps, config)
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class TripletModule(EpochModule):
    """A triplet network, its training rows and its optimiser.

    Parameters
    ----------
    network : TripletNetwork
        Trained in place.
    arrays : TripletArrays
        Training rows.
    config : TrainConfig
        Everything else.
    teacher_logits : ndarray, shape (n,), optional
        A teacher's logits for the training rows; NaN = none.
    """

    def __init__(
        self,
        network: TripletNetwork,
        arrays: TripletArrays,
        config: TrainConfig,
        *,
        teacher_logits: FloatArray | None = None,
    ) -> None:
        super().__init__(network, config)
        self._arrays = arrays
        self._config = config
        self._teacher_logits = teacher_logits
        self._has_masks = arrays.has_mask_planes

    def make_batches(self, *, rank: int, world_size: int) -> TripletBatches:
        """Return a process's share of the training rows."""
        return TripletBatches(
            self._arrays,
            self._config.batches,
            seed=self._config.seed,
            rank=rank,
            world_size=world_size,
            teacher_logits=self._teacher_logits,
        )

    def batch_loss(self, batch: TripletBatch, seed: int) -> Tensor:
        """Return the loss of one batch of augmented stamps."""
        generator = torch.Generator(device=self.device)
        generator.manual_seed(seed)
        stamps = augment(
            batch.stamps, self._config.augmentation, generator, has_masks=self._has_masks
        )
        return triplet_loss(
            self.network(stamps, batch.metadata),
            batch.targets,
            batch.weights,
            config=self._config.loss,
            teacher_logits=batch.teacher_logits,
        )
