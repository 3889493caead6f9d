"""All classifiers of frame sequences behind one config union and one fitting function."""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from skyvet.core.progress import Progress
from skyvet.models.sequences.interface import SequenceMember
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.training.sequences.network_configs import (
    AttentionMilConfig,
    BiGruConfig,
    GruConfig,
    GruTverskyConfig,
    LstmConfig,
    SetTransformerConfig,
)
from skyvet.training.sequences.pooled import PooledConfig

__all__ = ["SequenceClassifierConfig", "default_classifiers", "fit_classifier"]

SequenceClassifierConfig = Annotated[
    PooledConfig
    | GruConfig
    | BiGruConfig
    | LstmConfig
    | GruTverskyConfig
    | AttentionMilConfig
    | SetTransformerConfig,
    Field(discriminator="kind"),
]
"""Any classifier's config; ``kind`` says which."""

_NETWORK = "networks:fit_network_classifier"
_FITTERS = MappingProxyType({"pooled": "pooled:fit_pooled"})


def default_classifiers() -> tuple[SequenceClassifierConfig, ...]:
    """Return the members of the default classifier."""
    return (PooledConfig(),)


def fit_classifier(
    labelled: LabelledSequences,
    config: SequenceClassifierConfig,
    *,
    seed: int,
    progress: Progress | None = None,
) -> SequenceMember:
    """Train one classifier.

    Parameters
    ----------
    labelled : LabelledSequences
        Objects of both classes. Networks set some aside to choose the epoch by.
    config : SequenceClassifierConfig
        Which classifier, and its settings.
    seed : int
        Of all randomness.
    progress : Progress, optional
        Told of epochs or learners.

    Returns
    -------
    SequenceMember

    Raises
    ------
    InvalidInputError
        If a class is missing or the sequences lack what the classifier needs.
    """
    module, function = _FITTERS.get(config.kind, _NETWORK).split(":")
    fit = getattr(importlib.import_module(f"skyvet.training.sequences.{module}"), function)
    member: SequenceMember = fit(labelled, config, seed=seed, progress=progress)
    return member
