"""All trainers of classifiers of sources behind one table; adding one is one file and one row."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from skyvet.core.errors import InvalidInputError
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
    can_start : bool, default False
        Whether it can go on from a fitted member (fine-tuning); its function then takes `start`.
    """

    title: str
    target: str
    can_start: bool = False


SOURCE_TRAINERS: Mapping[str, SourceTrainerRow] = MappingProxyType(
    {
        "boosted": SourceTrainerRow(title="boosted trees (XGBoost)", target="boosted:fit_boosted"),
        "dense_dmdt": SourceTrainerRow(
            title="one network a class on features and dm-dt images, as SCoPe's",
            target="network_member:fit_network_member",
            can_start=True,
        ),
        "hierarchical_network": SourceTrainerRow(
            title="one network for all classes that respects the tree",
            target="network_member:fit_network_member",
            can_start=True,
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
    start: SourceMember | None = None,
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
    start : SourceMember, optional
        Go on from this member (fine-tuning).
    progress : Progress, optional
        Told of classes or epochs.

    Returns
    -------
    SourceMember
        Answers for every class of `labelled`.

    Raises
    ------
    InvalidInputError
        If this learner cannot go on from a member.
    """
    row = SOURCE_TRAINERS[config.kind]
    if start is not None and not row.can_start:
        raise InvalidInputError(
            f"{row.title} cannot go on from a fitted bundle; train them anew, or name networks "
            "as learners"
        )
    module, function = row.target.split(":")
    fit = getattr(importlib.import_module(f"skyvet.training.sources.{module}"), function)
    more = {} if start is None else {"start": start}
    member: SourceMember = fit(
        labelled, config, validation=validation, seed=seed, progress=progress, **more
    )
    return member
