"""Train networks of sources and pack them as one member."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.onnx_export import export_graph
from skyvet.models.sources.network_inputs import SourceInputs
from skyvet.models.sources.network_member import NetworkSourceMember, NetworkSourceSettings
from skyvet.models.sources.source_network import SourceNetwork, SourceShape
from skyvet.training.epochs import Validate, ValidationFigures
from skyvet.training.loop import train_epochs, training_fingerprint
from skyvet.training.module import EpochModule
from skyvet.training.sources.network_configs import DenseDmdtConfig, SourceNetworkConfig
from skyvet.training.sources.network_losses import non_negative_risk, vote_loss
from skyvet.training.sources.source_batches import SourceBatch, SourceBatches, SourceRows
from skyvet.training.splits import check_no_leakage

__all__ = ["SourceModule", "fit_source_networks", "pack_source_networks"]

_SEED_STRIDE = 7919
_ROWS_AT_ONCE = 4096
_N_REFERENCE = 64
_LARGEST_PRIOR = 0.95


def fit_source_networks(
    train: SourceRows,
    config: SourceNetworkConfig,
    *,
    parents: Sequence[int],
    validation: SourceRows | None = None,
    initial_states: Sequence[dict[str, Tensor]] | None = None,
    checkpoint_dir: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> tuple[SourceNetwork, ...]:
    """Train one network for all classes, or one a class, as the config says.

    Parameters
    ----------
    train : SourceRows
        Sources to learn from.
    config : SourceNetworkConfig
        `DenseDmdtConfig` trains one network a class, which knows no tree.
    parents : sequence of int
        For each class the place of its parent, -1 at the top; parents stand before their children.
    validation : SourceRows, optional
        Sources to choose the epoch by; without any the last epoch is kept.
    initial_states : sequence of state dictionaries, optional
        Weights of an earlier training to go on from (fine-tuning), one a network.
    checkpoint_dir, resume, progress
        As for `skyvet.training.loop.train_epochs`.

    Returns
    -------
    tuple of SourceNetwork
        On the CPU, in evaluation mode.

    Raises
    ------
    LeakageError
        If a source stands in training and validation.
    InvalidInputError
        If a class has only positives or no positive, or initial weights do not fit.
    """
    _check(train, validation)
    is_apart = isinstance(config, DenseDmdtConfig)
    n_networks = len(parents) if is_apart else 1
    networks = []
    for i_network in range(n_networks):
        own = config.model_copy(update={"seed": config.seed + _SEED_STRIDE * i_network})
        network = _fit_one(
            train.of_class(i_network) if is_apart else train,
            own,
            parents=(-1,) if is_apart else tuple(parents),
            validation=_validation_of(validation, i_network if is_apart else None),
            initial_state=None if initial_states is None else initial_states[i_network],
            checkpoint_dir=None if checkpoint_dir is None else _folder(checkpoint_dir, i_network),
            resume=resume,
            progress=progress,
        )
        networks.append(network)
    return tuple(networks)


class SourceModule(EpochModule):
    """A network of sources and its training rows.

    Parameters
    ----------
    network : SourceNetwork
        Trained in place.
    rows : SourceRows
        Training sources.
    config : SourceNetworkConfig
        Everything else.
    """

    def __init__(
        self, network: SourceNetwork, rows: SourceRows, config: SourceNetworkConfig
    ) -> None:
        super().__init__(network, config)
        self._rows = rows
        self._config = config
        self._priors = _class_priors(rows.votes, config.label_frequency)

    def make_batches(self, *, rank: int, world_size: int) -> SourceBatches:
        """Return a process's share of the training sources."""
        return SourceBatches(
            self._rows,
            size=self._config.batch_size,
            seed=self._config.seed,
            rank=rank,
            world_size=world_size,
        )

    def batch_loss(self, batch: SourceBatch, seed: int) -> Tensor:  # noqa: ARG002
        """Return the loss of one batch."""
        logits = self.network(batch.features, batch.images).float()
        return _loss(logits, batch.votes, batch.weights, priors=self._priors)


def pack_source_networks(
    networks: Sequence[SourceNetwork],
    inputs: SourceInputs,
    config: SourceNetworkConfig,
    *,
    classes: Sequence[str],
    reference: SourceRows,
) -> NetworkSourceMember:
    """Export trained networks to one member that scores without PyTorch.

    Parameters
    ----------
    networks : sequence of SourceNetwork
        From `fit_source_networks`.
    inputs : SourceInputs
        How their sources were prepared.
    config : SourceNetworkConfig
        Of their training.
    classes : sequence of str
        Tags in the order of the logits.
    reference : SourceRows
        The first of them must score the same as with PyTorch.

    Raises
    ------
    BundleError
        If ONNX Runtime differs from PyTorch by more than 1e-4.
    """
    rows = reference.take(np.arange(min(len(reference), _N_REFERENCE)))
    tensors = {"features": torch.from_numpy(np.ascontiguousarray(rows.features, np.float32))}
    if rows.images is not None:
        tensors["images"] = torch.from_numpy(np.ascontiguousarray(rows.images, np.float32))
    export = export_graph(_SideBySide(networks), tensors, output_names=("logits",))
    settings = NetworkSourceSettings(
        name=config.kind,
        classes=tuple(classes),
        feature_names=inputs.names,
        image_names=inputs.image_names,
        network=config.network.model_dump(mode="json"),
    )
    weights = {
        f"{i_network}.{name}": tensor.numpy()
        for i_network, network in enumerate(networks)
        for name, tensor in network.state_dict().items()
    }
    return NetworkSourceMember(export.content, inputs, settings, weights=weights)


class _SideBySide(nn.Module):
    """Networks of one class each, or one of all, as one graph."""

    def __init__(self, networks: Sequence[SourceNetwork]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, features: Tensor, images: Tensor | None = None) -> Tensor:
        return torch.cat([network(features, images) for network in self.networks], dim=1)


def _fit_one(
    train: SourceRows,
    config: SourceNetworkConfig,
    *,
    parents: tuple[int, ...],
    validation: SourceRows | None,
    initial_state: dict[str, Tensor] | None,
    checkpoint_dir: Path | None,
    resume: bool,
    progress: Progress | None,
) -> SourceNetwork:
    """Train one network, keeping the epoch that validates best."""
    network = _start_network(train, config, parents, initial_state)
    best = train_epochs(
        SourceModule(network, train, config),
        config,
        validate=None if validation is None else _judge_on(validation, config),
        fingerprint=training_fingerprint(config, network, _identity(train, validation)),
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        progress=progress,
    )
    network.load_state_dict(best.best_state)
    return network.cpu().eval()


def _start_network(
    train: SourceRows,
    config: SourceNetworkConfig,
    parents: tuple[int, ...],
    initial_state: dict[str, Tensor] | None,
) -> SourceNetwork:
    """Return the network with its first weights."""
    shape = SourceShape(
        n_features=train.features.shape[1],
        n_images=0 if train.images is None else train.images.shape[1],
        parents=parents,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = SourceNetwork(config.network, shape)
    if initial_state is not None:
        try:
            network.load_state_dict(initial_state)
        except RuntimeError as error:
            raise InvalidInputError(
                f"the weights to start from do not fit these features, images and classes: {error}"
            ) from error
    return network


def _judge_on(rows: SourceRows, config: SourceNetworkConfig) -> Validate:
    """Return what judges a network by its loss on other sources."""
    priors = _class_priors(rows.votes, config.label_frequency)
    votes, weights = (torch.tensor(part) for part in (rows.votes, rows.weights))

    def judge(network: nn.Module) -> ValidationFigures:
        logits = torch.from_numpy(_predict(network, rows))
        loss = _loss(logits, votes, weights, priors=priors)
        return ValidationFigures(loss=float(loss), auc=np.nan)

    return judge


def _loss(
    logits: Tensor, votes: Tensor, weights: Tensor, *, priors: NDArray[np.float64] | None
) -> Tensor:
    """Return the loss on votes, or the risk where priors of what was not inspected are given."""
    if priors is None:
        return vote_loss(logits, votes, weights)
    return non_negative_risk(logits, votes, weights, priors=torch.from_numpy(priors).to(logits))


@torch.inference_mode()
def _predict(network: nn.Module, rows: SourceRows) -> NDArray[np.float64]:
    """Return logits in evaluation mode, shape (n, n_classes)."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    logits = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        images = None
        if rows.images is not None:
            images = torch.from_numpy(np.ascontiguousarray(rows.images[part])).to(device)
        features = torch.from_numpy(np.ascontiguousarray(rows.features[part])).to(device)
        logits.append(network(features, images).double().cpu().numpy())
    network.train(was_training)
    return np.concatenate(logits)


def _class_priors(votes: FloatArray, label_frequency: float | None) -> NDArray[np.float64] | None:
    r"""Return the share of each class among sources that were not inspected; None where not asked.

    With a share c of the sources of a class found by inspection there are
    :math:`n_p (1 - c) / c` more among those not inspected.
    """
    if label_frequency is None:
        return None
    is_known = np.isfinite(votes)
    n_found = np.where(is_known, votes, 0.0).sum(axis=0)
    n_left = (~is_known).sum(axis=0)
    hidden = n_found * (1 - label_frequency) / label_frequency
    return np.asarray(np.clip(hidden / np.maximum(n_left, 1), 1e-6, _LARGEST_PRIOR))


def _check(train: SourceRows, validation: SourceRows | None) -> None:
    """Refuse sources that cannot be learnt from or that leak."""
    is_of = np.where(np.isfinite(train.votes), train.votes, 0.0) > 0.5
    if not is_of.any(axis=0).all():
        empty = np.flatnonzero(~is_of.any(axis=0)).tolist()
        raise InvalidInputError(
            f"classes {empty} have no positive among the training sources; leave them out"
        )
    if validation is not None:
        check_no_leakage(train.source_ids, validation.source_ids)


def _validation_of(rows: SourceRows | None, i_class: int | None) -> SourceRows | None:
    """Return validation rows of one class, or of all; None where the class was never inspected."""
    if rows is None or i_class is None:
        return rows
    own = rows.of_class(i_class)
    return own if np.isfinite(own.votes).any() else None


def _identity(train: SourceRows, validation: SourceRows | None) -> list[NDArray[Any]]:
    """Return what identifies the rows of a training."""
    parts = [part for part in (train, validation) if part is not None]
    return [array for part in parts for array in (part.source_ids, part.votes)]


def _folder(checkpoint_dir: str | Path, i_network: int) -> Path:
    """Return the folder of one network's checkpoint."""
    return Path(checkpoint_dir) / f"network-{i_network}"
