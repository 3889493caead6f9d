"""Train one network on arrays of triplets."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.interface import InputShape, TripletNetwork
from skyvet.models.networks import NetworkConfig, build_network
from skyvet.models.quiet_torch import quiet_torch
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.configs import Monitor, Precision, TrainConfig
from skyvet.training.epochs import (
    CHECKPOINT_NAME,
    BestEpoch,
    EpochCheckpoint,
    EpochProgress,
    EpochRecord,
    RunningMean,
)
from skyvet.training.memory import keep_freed_memory
from skyvet.training.module import TripletModule
from skyvet.training.splits import check_no_leakage, grouped_split

__all__ = ["FittedNetwork", "fit_network", "resolve_precision"]

_LIGHTNING_LOGGERS = ("lightning.pytorch", "lightning.fabric")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedNetwork:
    """A trained network.

    Parameters
    ----------
    network_config : NetworkConfig
        Which network.
    shape : InputShape
        What it is fed.
    state_dict : dict of str to Tensor
        Weights of the best epoch, on the CPU.
    history : tuple of EpochRecord
        Every epoch that was trained.
    best_epoch : int
        Epoch of the weights, from 0.
    """

    network_config: NetworkConfig
    shape: InputShape
    state_dict: dict[str, Tensor]
    history: tuple[EpochRecord, ...]
    best_epoch: int

    def build(self) -> TripletNetwork:
        """Return the network with its weights, in evaluation mode."""
        network = self.network_config.build(self.shape)
        network.load_state_dict(self.state_dict)
        network.eval()
        return network


def fit_network(
    arrays: TripletArrays,
    config: TrainConfig,
    *,
    validation: TripletArrays | None = None,
    initial_state: Mapping[str, Tensor] | None = None,
    teacher_logits: FloatArray | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> FittedNetwork:
    """Train a network, keeping the epoch that validates best.

    Parameters
    ----------
    arrays : TripletArrays
        Rows to learn from; also to validate on where `validation` is None and the config's
        ``validation_fraction`` > 0.
    config : TrainConfig
        Network, optimiser, loss, batches, augmentation, hardware, seed.
    validation : TripletArrays, optional
        Rows to choose the epoch by. Without any, all epochs are trained and the last one is kept.
    initial_state : mapping of str to Tensor, optional
        Weights to start from, e.g. of a network trained on simulated triplets.
    teacher_logits : ndarray, shape (n,), optional
        A teacher's logits for the rows of `arrays`; NaN = none. See `LossConfig`.
    checkpoint_dir : path, optional
        A checkpoint is written there after each epoch.
    resume : bool, default False
        Go on from the checkpoint in `checkpoint_dir` if there is one: the result is that of an
        uninterrupted training.
    progress : Progress, optional
        Told of each epoch.

    Returns
    -------
    FittedNetwork

    Raises
    ------
    LeakageError
        If an object stands in training and validation.
    InvalidInputError
        If rows, weights or the checkpoint do not fit the config.
    """
    train, held_out, teacher = _split(arrays, config, validation, teacher_logits)
    _check_rows(train, held_out, config)
    shape = InputShape(
        stamp_px=arrays.stamp_px,
        n_planes=arrays.n_planes,
        n_metadata=0 if arrays.metadata is None else arrays.metadata.shape[1],
    )
    network = _start_network(config, shape, train, initial_state)
    mean = RunningMean(network, config.optimiser.ema_decay)
    best = BestEpoch(
        mean,
        config,
        validation=held_out,
        fingerprint=_fingerprint(config, network, train, held_out),
    )
    callbacks = [mean, best, EpochProgress(progress or SilentProgress(), "Training")]
    checkpoint = _checkpoint_path(checkpoint_dir, resume=resume)
    if checkpoint_dir is not None:
        callbacks.append(EpochCheckpoint(Path(checkpoint_dir)))
    keep_freed_memory()
    module = TripletModule(network, train, config, teacher_logits=teacher)
    with (
        quiet_torch(*_LIGHTNING_LOGGERS, level=logging.WARNING),
        _threads(config.hardware.n_threads),
    ):
        trainer = _make_trainer(config, callbacks)
        _run(trainer, module, checkpoint)
    return FittedNetwork(
        network_config=config.network,
        shape=shape,
        state_dict=best.best_state,
        history=tuple(best.history),
        best_epoch=best.best_epoch,
    )


def _run(trainer: pl.Trainer, module: TripletModule, checkpoint: Path | None) -> None:
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


def _split(
    arrays: TripletArrays,
    config: TrainConfig,
    validation: TripletArrays | None,
    teacher_logits: FloatArray | None,
) -> tuple[TripletArrays, TripletArrays | None, FloatArray | None]:
    """Return training rows, validation rows and the teacher's logits of the training rows."""
    if validation is not None or config.validation_fraction == 0:
        return arrays, validation, teacher_logits
    split = grouped_split(
        arrays.object_ids,
        arrays.labels,
        validation_fraction=config.validation_fraction,
        seed=config.seed,
    )
    teacher = None if teacher_logits is None else teacher_logits[split.train]
    return arrays.take(split.train), arrays.take(split.validation), teacher


def _check_rows(
    train: TripletArrays, validation: TripletArrays | None, config: TrainConfig
) -> None:
    """Refuse rows that cannot be learnt from or that leak."""
    if len(np.unique(train.labels)) < 2:
        raise InvalidInputError(
            f"training needs both REAL and BOGUS, got {len(train)} rows of one class; "
            "add labels of the other one"
        )
    if validation is None:
        return
    if validation.stamps.shape[1:] != train.stamps.shape[1:]:
        raise InvalidInputError(
            "training and validation stamps must have one shape, got "
            f"{train.stamps.shape[1:]} and {validation.stamps.shape[1:]}"
        )
    if config.monitor is Monitor.AUC and len(np.unique(validation.labels)) < 2:
        raise InvalidInputError(
            "monitor='auc' needs both classes among the validation rows; use monitor='loss'"
        )
    check_no_leakage(train.object_ids, validation.object_ids)


def _start_network(
    config: TrainConfig,
    shape: InputShape,
    arrays: TripletArrays,
    initial_state: Mapping[str, Tensor] | None,
) -> TripletNetwork:
    """Return the network with its first weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = build_network(
            config.network,
            stamp_px=shape.stamp_px,
            n_planes=shape.n_planes,
            n_metadata=shape.n_metadata,
        )
    if network.metadata_branch is not None and arrays.metadata is not None:
        network.metadata_branch.fit(torch.from_numpy(arrays.metadata))
    if initial_state is not None:
        try:
            network.load_state_dict(dict(initial_state))
        except RuntimeError as error:
            raise InvalidInputError(
                f"initial_state does not fit the network {config.network.kind!r} for {shape}: "
                f"{error}"
            ) from error
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def _make_trainer(config: TrainConfig, callbacks: list[pl.Callback]) -> pl.Trainer:
    """Return a Lightning trainer that writes and shows nothing of its own."""
    hardware = config.hardware
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


def _checkpoint_path(folder: str | Path | None, *, resume: bool) -> Path | None:
    """Return the checkpoint to go on from, if there is one."""
    if not resume:
        return None
    if folder is None:
        raise InvalidInputError("resume needs checkpoint_dir, the folder of the checkpoint")
    path = Path(folder) / CHECKPOINT_NAME
    return path if path.is_file() else None


def _fingerprint(
    config: TrainConfig,
    network: TripletNetwork,
    train: TripletArrays,
    validation: TripletArrays | None,
) -> str:
    """Return a hash of what a resumed training must share with the first one."""
    digest = hashlib.sha256(config.model_dump_json(exclude={"hardware"}).encode())
    for weights in network.state_dict().values():
        digest.update(weights.contiguous().numpy().tobytes())
    for part in (train, validation):
        if part is not None:
            digest.update(np.ascontiguousarray(part.candidate_ids).tobytes())
            digest.update(np.ascontiguousarray(part.targets).tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """Compute with so many threads meanwhile; 0 changes nothing."""
    n_before = torch.get_num_threads()
    try:
        torch.set_num_threads(n_threads or n_before)
        yield
    finally:
        torch.set_num_threads(n_before)
