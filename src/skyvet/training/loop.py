"""The one training loop: epochs of any module, the best one kept, resumed where it was stopped."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.quiet_torch import quiet_torch
from skyvet.training.configs import HardwareConfig, LoopConfig, Precision
from skyvet.training.epochs import (
    CHECKPOINT_NAME,
    BestEpoch,
    EpochCheckpoint,
    EpochProgress,
    RunningMean,
    Validate,
)
from skyvet.training.memory import keep_freed_memory
from skyvet.training.module import EpochModule

__all__ = ["resolve_precision", "train_epochs", "training_fingerprint"]

_LIGHTNING_LOGGERS = ("lightning.pytorch", "lightning.fabric")


def train_epochs(
    module: EpochModule,
    config: LoopConfig,
    *,
    validate: Validate | None,
    fingerprint: str,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> BestEpoch:
    """Train a module's network and return the epoch that validates best.

    Parameters
    ----------
    module : EpochModule
        Network, batches, loss.
    config : LoopConfig
        Optimiser, epochs, patience, hardware, seed.
    validate : callable or None
        Judges the network after each epoch. Without it all epochs are trained, the last is kept.
    fingerprint : str
        From `training_fingerprint`; a checkpoint of another training is refused.
    checkpoint_dir : path, optional
        A checkpoint is written there after each epoch.
    resume : bool, default False
        Go on from the checkpoint in `checkpoint_dir` if there is one: the result is that of an
        uninterrupted training.
    progress : Progress, optional
        Told of each epoch.

    Returns
    -------
    BestEpoch
        Its `best_state`, `best_epoch` and `history`.

    Raises
    ------
    InvalidInputError
        If the checkpoint is of another training, `resume` has no folder, or no epoch could be
        judged because the training diverged.
    """
    mean = RunningMean(module.network, config.optimiser.ema_decay)
    module.use_average(mean.network)
    best = BestEpoch(mean, config, validate=validate, fingerprint=fingerprint)
    callbacks = [mean, best, EpochProgress(progress or SilentProgress(), "Training")]
    checkpoint = _checkpoint_path(checkpoint_dir, resume=resume)
    if checkpoint_dir is not None:
        callbacks.append(EpochCheckpoint(Path(checkpoint_dir)))
    keep_freed_memory()
    with (
        quiet_torch(*_LIGHTNING_LOGGERS, level=logging.WARNING),
        _threads(config.hardware.n_threads),
    ):
        trainer = _make_trainer(config, callbacks)
        _run(trainer, module, checkpoint)
    if not best.best_state:
        raise InvalidInputError(
            f"the {config.monitor.value} on the validation rows was never a number: the training "
            "diverged, or no validation row has a weight; choose a smaller learning rate or other "
            "validation rows"
        )
    return best


def training_fingerprint(
    config: LoopConfig, network: nn.Module, arrays: Sequence[NDArray[Any]]
) -> str:
    """Return a hash of what a resumed training must share with the first one.

    Parameters
    ----------
    config : LoopConfig
        Its hardware may change.
    network : nn.Module
        With its first weights.
    arrays : sequence of ndarray
        What identifies the rows, e.g. their identifiers and targets.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.
    """
    digest = hashlib.sha256(config.model_dump_json(exclude={"hardware"}).encode())
    for weights in network.state_dict().values():
        digest.update(weights.contiguous().numpy().tobytes())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def resolve_precision(precision: Precision, accelerator: str) -> Precision:
    """Return the arithmetic that ``auto`` stands for on this machine.

    Examples
    --------
    >>> resolve_precision(Precision.FLOAT32, "cpu").value
    '32-true'
    """
    if precision is not Precision.AUTO:
        return precision
    if accelerator != "cpu" and torch.cuda.is_available():
        has_bfloat16 = torch.cuda.is_bf16_supported()
    else:
        has_bfloat16 = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return Precision.BFLOAT16 if has_bfloat16 else Precision.FLOAT32


def _run(trainer: pl.Trainer, module: EpochModule, checkpoint: Path | None) -> None:
    """Train; an interrupt stays an interrupt, where Lightning would end the whole process."""
    on_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if on_main_thread else None
    try:
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as end:
        raise KeyboardInterrupt from end
    finally:
        if on_main_thread:
            signal.signal(signal.SIGINT, handler)


def _make_trainer(config: LoopConfig, callbacks: list[pl.Callback]) -> pl.Trainer:
    """Return a Lightning trainer that writes and shows nothing of its own."""
    hardware = config.hardware
    _check_devices(hardware)
    return pl.Trainer(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        strategy=hardware.strategy,
        precision=cast(Any, resolve_precision(hardware.precision, hardware.accelerator).value),
        max_epochs=config.n_epochs,
        gradient_clip_val=config.optimiser.max_gradient_norm or None,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=any(isinstance(part, EpochCheckpoint) for part in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


def _check_devices(hardware: HardwareConfig) -> None:
    """Refuse more processes than the machine has processors."""
    n_cores = max(os.cpu_count() or 1, 2)
    if not torch.cuda.is_available() and hardware.devices > n_cores:
        raise InvalidInputError(
            f"devices is {hardware.devices}, but this machine has no GPU and {n_cores} processor "
            "cores; choose no more than these"
        )


def _checkpoint_path(folder: str | Path | None, *, resume: bool) -> Path | None:
    """Return the checkpoint to go on from, if there is one."""
    if not resume:
        return None
    if folder is None:
        raise InvalidInputError("resume needs checkpoint_dir, the folder of the checkpoint")
    path = Path(folder) / CHECKPOINT_NAME
    return path if path.is_file() else None


@contextlib.contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """Compute with so many threads meanwhile; 0 changes nothing."""
    n_before = torch.get_num_threads()
    try:
        torch.set_num_threads(n_threads or n_before)
        yield
    finally:
        torch.set_num_threads(n_before)
