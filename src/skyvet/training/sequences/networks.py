"""Train networks of frame sequences and pack them as one member."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.sequences.frame_inputs import (
    PreparedSequences,
    fit_frame_inputs,
    strided_views,
)
from skyvet.models.sequences.network_export import export_member
from skyvet.models.sequences.network_interface import SequenceNetwork, SequenceShape
from skyvet.models.sequences.network_member import NetworkMember, NetworkMemberSettings
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.training.configs import Monitor
from skyvet.training.epochs import (
    EpochRecord,
    Validate,
    ValidationFigures,
    figures_on_validation,
)
from skyvet.training.loop import train_epochs, training_fingerprint
from skyvet.training.module import EpochModule
from skyvet.training.sequences.network_configs import NetworkClassifierConfig
from skyvet.training.sequences.sequence_batches import (
    SequenceBatch,
    SequenceBatches,
    SequenceRows,
    pad_frames,
)
from skyvet.training.sequences.sequence_losses import sequence_loss
from skyvet.training.splits import check_no_leakage, grouped_split

__all__ = [
    "FittedSequenceNetwork",
    "SequenceModule",
    "fit_network_classifier",
    "fit_sequence_network",
    "predict_sequence_logits",
]

_SEED_STRIDE = 7919


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedSequenceNetwork:
    """A trained network.

    Parameters
    ----------
    network : SequenceNetwork
        With the weights of the best epoch, on the CPU, in evaluation mode.
    history : tuple of EpochRecord
        Every epoch that was trained.
    best_epoch : int
        Epoch of the weights, from 0.
    """

    network: SequenceNetwork
    history: tuple[EpochRecord, ...]
    best_epoch: int


def fit_network_classifier(
    labelled: LabelledSequences,
    config: NetworkClassifierConfig,
    *,
    validation: LabelledSequences | None = None,
    seed: int | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> NetworkMember:
    """Train a network, or several, and return the member that scores their mean.

    Parameters
    ----------
    labelled : LabelledSequences
        Objects to learn from; also to choose epochs by where `validation` is None and the config's
        ``validation_fraction`` > 0.
    config : NetworkClassifierConfig
        Network, inputs, loss, batches, optimiser.
    validation : LabelledSequences, optional
        Objects to choose the epoch by.
    seed : int, optional
        Instead of the config's.
    checkpoint_dir : path, optional
        Each network's training writes a checkpoint below it after each epoch.
    resume : bool, default False
        Go on from these checkpoints: the result is that of an uninterrupted training.
    progress : Progress, optional
        Told of each epoch.

    Returns
    -------
    NetworkMember
        Scores with NumPy and ONNX Runtime alone.

    Raises
    ------
    LeakageError
        If an object stands in training and validation.
    InvalidInputError
        If a class is missing, or a checkpoint does not fit.
    BundleError
        If the exported network differs from the trained one.
    """
    first_seed = config.seed if seed is None else seed
    inputs = fit_frame_inputs(labelled.sequences, config.inputs)
    rows = SequenceRows.of(labelled, inputs, config.subtypes)
    apart = None if validation is None else SequenceRows.of(validation, inputs, config.subtypes)
    networks = []
    for i_network in range(config.n_networks):
        own = config.model_copy(update={"seed": first_seed + _SEED_STRIDE * i_network})
        train, held_out = _split(rows, apart, own)
        fitted = fit_sequence_network(
            train,
            own,
            validation=held_out,
            checkpoint_dir=_subfolder(checkpoint_dir, i_network),
            resume=resume,
            progress=progress,
        )
        networks.append(fitted.network)
    longest = labelled.sequences.take(np.array([np.argmax(labelled.sequences.n_frames)]))
    return export_member(networks, inputs, _member_settings(config), reference=longest)


def fit_sequence_network(
    train: SequenceRows,
    config: NetworkClassifierConfig,
    *,
    validation: SequenceRows | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> FittedSequenceNetwork:
    """Train one network, keeping the epoch that validates best.

    Parameters
    ----------
    train : SequenceRows
        Objects to learn from.
    config : NetworkClassifierConfig
        Network, loss, batches, optimiser, seed.
    validation : SequenceRows, optional
        Objects to choose the epoch by; without any the last epoch is kept.
    checkpoint_dir, resume, progress
        As in `fit_network_classifier`.

    Returns
    -------
    FittedSequenceNetwork

    Raises
    ------
    LeakageError
        If an object stands in training and validation.
    InvalidInputError
        If a class is missing, or a checkpoint does not fit.
    """
    _check_rows(train, validation, config)
    network = _start_network(train, config)
    best = train_epochs(
        SequenceModule(network, train, config),
        config,
        validate=None if validation is None else _judge_on(validation, config),
        fingerprint=training_fingerprint(config, network, _identity(train, validation)),
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        progress=progress,
    )
    network.load_state_dict(best.best_state)
    return FittedSequenceNetwork(
        network=network.cpu().eval(), history=tuple(best.history), best_epoch=best.best_epoch
    )


class SequenceModule(EpochModule):
    """A sequence network and its training objects.

    Parameters
    ----------
    network : SequenceNetwork
        Trained in place.
    rows : SequenceRows
        Training objects.
    config : NetworkClassifierConfig
        Everything else.
    """

    def __init__(
        self, network: SequenceNetwork, rows: SequenceRows, config: NetworkClassifierConfig
    ) -> None:
        super().__init__(network, config)
        self._rows = rows
        self._config = config

    def make_batches(self, *, rank: int, world_size: int) -> SequenceBatches:
        """Return a process's share of the training objects."""
        return SequenceBatches(
            self._rows,
            self._config.batches,
            seed=self._config.seed,
            rank=rank,
            world_size=world_size,
        )

    def batch_loss(self, batch: SequenceBatch, seed: int) -> Tensor:  # noqa: ARG002
        """Return the loss of one batch."""
        return sequence_loss(
            self.network(batch.frames, batch.valid_mask, batch.context),
            batch.targets,
            batch.weights,
            subtypes=batch.subtypes,
            config=self._config.loss,
        )


@torch.inference_mode()
def predict_sequence_logits(
    network: nn.Module,
    prepared: PreparedSequences,
    objects: IntArray,
    *,
    max_frames: int | None = None,
    batch_size: int = 32,
) -> NDArray[np.float64]:
    """Return the logit of REAL of some objects, in evaluation mode and float32.

    Parameters
    ----------
    network : SequenceNetwork
        Its training mode is restored afterwards.
    prepared : PreparedSequences
        Many objects.
    objects : ndarray of int
        Which of them.
    max_frames : int, optional
        Of longer objects only the first of their `strided_views` is seen.
    batch_size : int, default 32
        Objects at a time, of about equal length.

    Returns
    -------
    ndarray, shape (len(objects),), float64
    """
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    logits = np.empty(len(objects))
    by_length = np.argsort(prepared.n_frames[objects], kind="stable")
    for part in np.split(by_length, range(batch_size, len(objects), batch_size)):
        chosen = objects[part]
        rows = [
            start + strided_views(n_frames, max_frames=max_frames, n_views=1)[0]
            for start, n_frames in zip(
                prepared.offsets[chosen], prepared.n_frames[chosen], strict=True
            )
        ]
        frames, valid_mask = pad_frames(prepared.frames, rows)
        context = torch.from_numpy(prepared.context[chosen])
        output = network(frames.to(device), valid_mask.to(device), context.to(device))
        logits[part] = output.logit.double().cpu().numpy()
    network.train(was_training)
    return logits


def _split(
    rows: SequenceRows, validation: SequenceRows | None, config: NetworkClassifierConfig
) -> tuple[SequenceRows, SequenceRows | None]:
    """Return training and validation objects."""
    if validation is not None or config.validation_fraction == 0:
        return rows, validation
    split = grouped_split(
        rows.object_ids,
        rows.labels,
        validation_fraction=config.validation_fraction,
        seed=config.seed,
    )
    return rows.choose(split.train), rows.choose(split.validation)


def _check_rows(
    train: SequenceRows, validation: SequenceRows | None, config: NetworkClassifierConfig
) -> None:
    """Refuse objects that cannot be learnt from or that leak."""
    if len(np.unique(train.labels[train.chosen])) < 2:
        raise InvalidInputError(
            f"training needs both REAL and BOGUS, got {len(train)} objects of one class; "
            "add labels of the other one"
        )
    if validation is None:
        return
    has_both = len(np.unique(validation.labels[validation.chosen])) == 2
    if config.monitor is Monitor.AUC and not has_both:
        raise InvalidInputError(
            "monitor='auc' needs both classes among the validation objects; use monitor='loss'"
        )
    check_no_leakage(*(part.object_ids[part.chosen] for part in (train, validation)))


def _start_network(train: SequenceRows, config: NetworkClassifierConfig) -> SequenceNetwork:
    """Return the network with its first weights."""
    shape = SequenceShape(
        n_inputs=train.prepared.frames.shape[1],
        n_context=train.prepared.context.shape[1],
        n_subtypes=train.subtypes.shape[1],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return config.network.build(shape)


def _judge_on(rows: SequenceRows, config: NetworkClassifierConfig) -> Validate:
    """Return what judges a network on these objects."""
    labels, weights = rows.labels[rows.chosen], rows.weights[rows.chosen]

    def judge(network: nn.Module) -> ValidationFigures:
        max_frames = _scored_frames(config)
        logits = predict_sequence_logits(network, rows.prepared, rows.chosen, max_frames=max_frames)
        return figures_on_validation(logits, labels, weights)

    return judge


def _identity(train: SequenceRows, validation: SequenceRows | None) -> list[NDArray[Any]]:
    """Return what identifies the objects of a training."""
    parts = [part for part in (train, validation) if part is not None]
    return [array[part.chosen] for part in parts for array in (part.object_ids, part.labels)]


def _scored_frames(config: NetworkClassifierConfig) -> int | None:
    """Return the longest subsequence in scoring; networks that judge frames see all of them."""
    return None if config.network.has_evidence else config.batches.max_frames


def _member_settings(config: NetworkClassifierConfig) -> NetworkMemberSettings:
    """Return what the member must know beside its graph."""
    return NetworkMemberSettings(
        name=config.kind,
        network=config.network.model_dump(mode="json"),
        inputs=config.inputs,
        max_frames=_scored_frames(config),
        n_views=config.n_views,
        has_evidence=config.network.has_evidence,
        subtype_names=config.subtypes,
    )


def _subfolder(checkpoint_dir: str | Path | None, i_network: int) -> Path | None:
    """Return the folder of one network's checkpoint."""
    return None if checkpoint_dir is None else Path(checkpoint_dir) / f"network-{i_network}"
