"""From labelled sources to a network member: inputs, training, export."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.sources.network_inputs import SourceInputs, fit_source_inputs
from skyvet.models.sources.network_member import NetworkSourceMember
from skyvet.preprocessing.sources import LabelledSources
from skyvet.training.sources.network_configs import SourceNetworkConfig
from skyvet.training.sources.networks import fit_source_networks, pack_source_networks
from skyvet.training.sources.source_batches import SourceRows

__all__ = ["fit_network_member"]


def fit_network_member(
    labelled: LabelledSources,
    config: SourceNetworkConfig,
    *,
    validation: LabelledSources | None = None,
    seed: int,
    start: NetworkSourceMember | None = None,
    progress: Progress | None = None,
) -> NetworkSourceMember:
    """Train networks on labelled sources and return the member that scores.

    Parameters
    ----------
    labelled : LabelledSources
        What to learn from.
    config : SourceNetworkConfig
        Which networks; its seed is replaced by `seed`.
    validation : LabelledSources, optional
        Sources to choose the epoch by.
    seed : int
        Of weights, order and dropout.
    start : NetworkSourceMember, optional
        Go on from its weights, on inputs scaled as its own (fine-tuning).
    progress : Progress, optional
        Told of each epoch.

    Returns
    -------
    NetworkSourceMember

    Raises
    ------
    InvalidInputError
        If `start` has other classes or another network, or a class has no positive.
    LeakageError
        If a source stands in training and validation.
    """
    if start is None:
        inputs = fit_source_inputs(
            labelled.table, labelled.table.names, with_dmdt=config.network.with_dmdt
        )
    else:
        _check_start(start, labelled, config)
        inputs = start.inputs
    rows = _rows_of(labelled, inputs)
    own = config.model_copy(update={"seed": seed})
    networks = fit_source_networks(
        rows,
        own,
        parents=tuple(int(place) for place in labelled.taxonomy.parent_among(labelled.tags)),
        validation=None if validation is None else _rows_of(validation, inputs),
        initial_states=None if start is None else _states_of(start),
        progress=progress,
    )
    return pack_source_networks(networks, inputs, own, classes=labelled.tags, reference=rows)


def _rows_of(labelled: LabelledSources, inputs: SourceInputs) -> SourceRows:
    """Return sources as a network takes them."""
    return SourceRows(
        features=inputs.features(labelled.table),
        images=inputs.images(labelled.table),
        votes=labelled.votes,
        weights=labelled.weights,
        source_ids=labelled.groups,
    )


def _check_start(
    start: NetworkSourceMember, labelled: LabelledSources, config: SourceNetworkConfig
) -> None:
    """Refuse a member whose networks answer for something else."""
    if start.classes != labelled.tags or start.settings.name != config.kind:
        raise InvalidInputError(
            f"the weights to start from are a {start.settings.name!r} of the classes "
            f"{', '.join(start.classes)}; this training is a {config.kind!r} of "
            f"{', '.join(labelled.tags)}: choose the same"
        )


def _states_of(member: NetworkSourceMember) -> list[dict[str, Tensor]]:
    """Return the weights of each network of a member."""
    states: dict[int, dict[str, Tensor]] = {}
    for key, array in member.weights.items():
        number, _, name = key.partition(".")
        states.setdefault(int(number), {})[name] = torch.from_numpy(np.array(array))
    return [states[number] for number in sorted(states)]
