"""All classifiers of frame sequences behind one fitting function."""

from __future__ import annotations

import importlib
from types import MappingProxyType

from skyvet.core.progress import Progress
from skyvet.models.sequences.interface import SequenceMember
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.training.sequences.configs import SequenceClassifierConfig

__all__ = ["fit_classifier"]

_NETWORK = "networks:fit_network_classifier"
_FITTERS = MappingProxyType({"pooled": "pooled:fit_pooled"})


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
