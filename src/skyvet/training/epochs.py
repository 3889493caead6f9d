"""What happens after each epoch: averaged weights, validation, the best state, the checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Checkpoint
from scipy.special import expit
from torch import Tensor, nn

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.reproduction_metrics import rb_c1000_figures
from skyvet.training.configs import LoopConfig, Monitor
from skyvet.training.module import EpochModule

__all__ = [
    "BestEpoch",
    "EpochCheckpoint",
    "EpochProgress",
    "EpochRecord",
    "RunningMean",
    "Validate",
    "ValidationFigures",
    "figures_on_validation",
]

CHECKPOINT_NAME = "last.ckpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """Figures of one epoch.

    Parameters
    ----------
    epoch : int
        From 0.
    train_loss : float
        Mean loss over the batches of this process.
    validation_loss, validation_auc : float
        Weighted cross-entropy to the labels, and area under the ROC curve, on the validation rows;
        NaN where there are none (AUC: where one class is missing).
    validation_rb_c1000_sum : float
        Sum of RB-C1000 in percent, at most 600; NaN where it was not asked for.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_auc: float
    validation_rb_c1000_sum: float = np.nan


class ValidationFigures(NamedTuple):
    """What a network achieves on the validation rows.

    Attributes
    ----------
    loss, auc : float
        As `EpochRecord.validation_loss` and `EpochRecord.validation_auc`.
    rb_c1000_sum : float
        As `EpochRecord.validation_rb_c1000_sum`.
    """

    loss: float
    auc: float
    rb_c1000_sum: float = np.nan

    def cost(self, monitor: Monitor) -> float:
        """Return what early stopping makes small: the loss, or a figure of merit negated."""
        if monitor is Monitor.LOSS:
            return self.loss
        return -(self.auc if monitor is Monitor.AUC else self.rb_c1000_sum)


Validate = Callable[[nn.Module], ValidationFigures]
"""Judges a network on the validation rows, which it knows."""

NO_FIGURES = ValidationFigures(loss=np.nan, auc=np.nan)


class RunningMean(pl.Callback):
    """Exponential running mean of the weights.

    The mean is unbiased at the start: the decay of step t is ``min(decay, (1 + t) / (10 + t))``.

    Parameters
    ----------
    network : nn.Module
        The network under training.
    decay : float
        In [0, 1); 0 = the network itself.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network) if decay else network
        self._n_steps = 0

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        """Move the mean towards the present weights."""
        if not self.decay:
            return
        source = cast(nn.Module, pl_module.network)
        self.network.to(pl_module.device)
        self._n_steps = trainer.global_step
        decay = min(self.decay, (1 + self._n_steps) / (10 + self._n_steps))
        mean: list[Tensor] = list(self.network.parameters())
        now: list[Tensor] = list(source.parameters())
        torch._foreach_lerp_(mean, now, 1 - decay)
        for buffer, present in zip(self.network.buffers(), source.buffers(), strict=True):
            buffer.copy_(present)

    def state_dict(self) -> dict[str, Any]:
        """Return the mean for a checkpoint."""
        return {"network": self.network.state_dict()} if self.decay else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the mean from a checkpoint."""
        if self.decay:
            self.network.load_state_dict(state_dict["network"])


class BestEpoch(pl.Callback):
    """Validates after each epoch, keeps the best weights, stops when they get no better.

    Parameters
    ----------
    mean : RunningMean
        Whose network is validated and kept.
    config : LoopConfig
        Monitor and patience.
    validate : callable or None
        Judges the network on the validation rows; without it the last epoch is the best.
    fingerprint : str
        Of settings and rows; a checkpoint with another one is refused.
    """

    def __init__(
        self,
        mean: RunningMean,
        config: LoopConfig,
        *,
        validate: Validate | None,
        fingerprint: str,
    ) -> None:
        self.history: list[EpochRecord] = []
        self.best_epoch = -1
        self.best_state: dict[str, Tensor] = {}
        self._best_value = np.inf
        self._mean = mean
        self._config = config
        self._validate = validate
        self._fingerprint = fingerprint

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: EpochModule) -> None:  # type: ignore[override,unused-ignore]
        """Record the epoch; stop if patience has run out."""
        figures = NO_FIGURES if self._validate is None else self._validate(self._mean.network)
        epoch = trainer.current_epoch
        self.history.append(
            EpochRecord(
                epoch=epoch,
                train_loss=float(pl_module.epoch_loss_sum) / trainer.num_training_batches,
                validation_loss=figures.loss,
                validation_auc=figures.auc,
                validation_rb_c1000_sum=figures.rb_c1000_sum,
            )
        )
        monitor = self._config.monitor
        value = figures.cost(monitor)
        is_tie = monitor is Monitor.RB_C1000_SUM and value == self._best_value  # goes to the later
        if self._validate is None or value < self._best_value or is_tie:
            self._best_value = value
            self.best_epoch = epoch
            state = self._mean.network.state_dict()
            self.best_state = {name: part.detach().cpu().clone() for name, part in state.items()}
        patience = self._config.patience
        if self._validate is not None and patience and epoch - self.best_epoch >= patience:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {
            "fingerprint": self._fingerprint,
            "history": [asdict(record) for record in self.history],
            "best_epoch": self.best_epoch,
            "best_value": float(self._best_value),
            "best_state": self.best_state,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where the checkpoint ended."""
        if state_dict["fingerprint"] != self._fingerprint:
            raise InvalidInputError(
                "the checkpoint was written with other settings or other rows; "
                "resume with the same ones, or choose an empty checkpoint folder"
            )
        self.history = [EpochRecord(**record) for record in state_dict["history"]]
        self.best_epoch = state_dict["best_epoch"]
        self.best_state = state_dict["best_state"]
        self._best_value = state_dict["best_value"]


class EpochCheckpoint(Checkpoint):
    """Writes one checkpoint after each epoch, whole or not at all.

    Parameters
    ----------
    folder : Path
        Made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Write beside the last checkpoint, then take its place."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f"{CHECKPOINT_NAME}.part"
        trainer.save_checkpoint(fresh)
        if trainer.is_global_zero:
            fresh.replace(self._folder / CHECKPOINT_NAME)


class EpochProgress(pl.Callback):
    """Tells how many epochs are done.

    Parameters
    ----------
    progress : Progress
        Who is told.
    description : str
        Name of the stage.
    """

    def __init__(self, progress: Progress, description: str) -> None:
        self._progress = progress
        self._description = description

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Begin the stage."""
        self._progress.start(self._description, trainer.max_epochs)
        self._progress.advance(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """One epoch is done."""
        self._progress.advance()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """End the stage."""
        self._progress.finish()


def figures_on_validation(
    logits: FloatArray, labels: IntArray, weights: FloatArray, *, monitor: Monitor = Monitor.LOSS
) -> ValidationFigures:
    """Return loss and AUC of logits on the validation rows.

    Parameters
    ----------
    logits, labels, weights : ndarray, shape (n,)
        Logit of REAL, 1 = REAL or 0 = BOGUS, weight >= 0.
    monitor : Monitor, default loss
        What is watched: the Sum of RB-C1000 is computed only for it.

    Returns
    -------
    ValidationFigures

    Examples
    --------
    >>> figures_on_validation(np.zeros(2), np.array([0, 1]), np.ones(2)).auc
    0.5
    """
    wide = logits.astype(np.float64)
    losses = np.logaddexp(0.0, wide) - labels * wide
    has_both = len(np.unique(labels)) > 1
    return ValidationFigures(
        loss=float(np.average(losses, weights=weights)) if weights.sum() > 0 else np.nan,
        auc=roc_auc(logits, labels) if has_both else np.nan,
        rb_c1000_sum=(
            rb_c1000_figures(expit(wide), labels).total
            if monitor is Monitor.RB_C1000_SUM
            else np.nan
        ),
    )
