"""All trainers of classifiers of sources behind one table; adding one is one file and one row."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from skyvet.core.progress import Progress
from skyvet.models.sources.interface import SourceMember
from skyvet.preprocessing.sources import LabelledSources
from skyvet.training.sources.configs import SourceLearnerConfig

__all__ = ["SOURCE_TRAINERS", "SourceTrainerRow", "fit_source_member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTrainerRow:
    """One trainer of the table.

    Parameters
    ----------
    title : str
        For people.
    target : str
        Where its function stands: ``"boosted:fit_boosted"`` below `skyvet.training.sources`.
    """

    title: str
    target: str


SOURCE_TRAINERS: Mapping[str, SourceTrainerRow] = MappingProxyType(
    {
        "boosted": SourceTrainerRow(title="boosted trees (XGBoost)", target="boosted:fit_boosted"),
        "dense_dmdt": SourceTrainerRow(
            title="one network a class on features and dm-dt images, as SCoPe's",
            target="network_member:fit_network_member",
        ),
        "hierarchical_network": SourceTrainerRow(
            title="one network for all classes that respects the tree",
            target="network_member:fit_network_member",
        ),
    }
)
"""The trainers by the ``kind`` of their config."""


def fit_source_member(
    labelled: LabelledSources,
    config: SourceLearnerConfig,
    *,
    validation: LabelledSources | None,
    seed: int,
    progress: Progress | None = None,
) -> SourceMember:
    """Train one member.

    Parameters
    ----------
    labelled : LabelledSources
        Rows to learn from; a class's vote is its soft target, NaN takes no part.
    config : SourceLearnerConfig
        Which learner, and its settings.
    validation : LabelledSources or None
        Rows of other sources that may stop the training, and teach it once that is known.
    seed : int
        Of all randomness.
    progress : Progress, optional
        Told of classes or epochs.

    Returns
    -------
    SourceMember
        Answers for every class of `labelled`.
    """
    module, function = SOURCE_TRAINERS[config.kind].target.split(":")
    fit = getattr(importlib.import_module(f"skyvet.training.sources.{module}"), function)
    member: SourceMember = fit(
        labelled, config, validation=validation, seed=seed, progress=progress
    )
    return member
