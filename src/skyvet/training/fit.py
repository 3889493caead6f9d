"""Train one network on arrays of triplets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.interface import InputShape, TripletNetwork
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.configs import Monitor, TrainConfig
from skyvet.training.prediction import predict_logits
from skyvet.training.splits import check_no_leakage, grouped_split
from skyvet.training.start import start_network

if TYPE_CHECKING:
    from skyvet.training.epochs import EpochRecord, Validate, ValidationFigures

__all__ = ["FittedNetwork", "fit_network"]


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
    from skyvet.training.loop import train_epochs, training_fingerprint  # noqa: PLC0415 - loads lightning
    from skyvet.training.module import TripletModule  # noqa: PLC0415 - loads lightning

    train, held_out, teacher = _split(arrays, config, validation, teacher_logits)
    _check_rows(train, held_out, config)
    shape = InputShape(
        stamp_px=arrays.stamp_px,
        n_planes=arrays.n_planes,
        n_metadata=0 if arrays.metadata is None else arrays.metadata.shape[1],
    )
    network = start_network(
        config.network,
        shape,
        seed=config.seed,
        metadata=train.metadata,
        initial_state=initial_state,
    )
    best = train_epochs(
        TripletModule(network, train, config, teacher_logits=teacher),
        config,
        validate=None if held_out is None else _judge_on(held_out, config.monitor),
        fingerprint=training_fingerprint(config, network, _identity(train, held_out)),
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        progress=progress,
    )
    return FittedNetwork(
        network_config=config.network,
        shape=shape,
        state_dict=best.best_state,
        history=tuple(best.history),
        best_epoch=best.best_epoch,
    )


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


def _judge_on(rows: TripletArrays, monitor: Monitor) -> Validate:
    """Return what judges a network on these rows."""
    from skyvet.training.epochs import figures_on_validation  # noqa: PLC0415 - loads lightning

    def judge(network: nn.Module) -> ValidationFigures:
        logits = predict_logits(network, rows.stamps, rows.metadata)
        return figures_on_validation(logits, rows.labels, rows.weights, monitor=monitor)

    return judge


def _identity(train: TripletArrays, validation: TripletArrays | None) -> list[NDArray[Any]]:
    """Return what identifies the rows of a training."""
    parts = [part for part in (train, validation) if part is not None]
    return [array for part in parts for array in (part.candidate_ids, part.targets)]
