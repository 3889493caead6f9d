"""Which classes and features a training of sources learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.sources import LabelledSources
from skyvet.training.sources.configs import NotInspected, SourceTrainConfig

__all__ = ["choose_classes", "sources_to_train"]

_EVEN = 0.5
_FEWEST_NEGATIVES = 2


def choose_classes(
    labelled: LabelledSources, config: SourceTrainConfig
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the classes that can be trained, and why others cannot.

    Parameters
    ----------
    labelled : LabelledSources
        Rows with votes.
    config : SourceTrainConfig
        Its `min_positives` and `not_inspected`.

    Returns
    -------
    tags : tuple of str
        Those above before those below; opposites of others are derived, not trained.
    left_out : dict of str to str
        Tag to reason.
    """
    _, i_group = np.unique(labelled.groups, return_inverse=True)
    kept, left_out = [], {}
    for i_class, tag in enumerate(labelled.tags):
        votes = labelled.votes[:, i_class]
        n_yes, n_no = (len(np.unique(i_group[rows])) for rows in (votes >= _EVEN, votes < _EVEN))
        if labelled.taxonomy.node(tag).complement_of:
            continue
        if n_yes < config.min_positives:
            left_out[tag] = f"{n_yes} sources of this class; {config.min_positives} are needed"
        elif n_no < _FEWEST_NEGATIVES and config.not_inspected is NotInspected.IGNORE:
            left_out[tag] = (
                f"{n_no} sources are known not to be of this class; train with not_inspected "
                "'negative' or 'positive_unlabelled'"
            )
        else:
            kept.append(tag)
    return tuple(kept), left_out


def sources_to_train(
    labelled: LabelledSources, config: SourceTrainConfig
) -> tuple[LabelledSources, dict[str, str]]:
    """Return the rows with the features asked for and the classes that can be trained.

    Parameters
    ----------
    labelled : LabelledSources
        Rows with votes.
    config : SourceTrainConfig
        Features, and what a class needs.

    Returns
    -------
    chosen : LabelledSources
        The same rows.
    left_out : dict of str to str
        Tag to reason; see `choose_classes`.

    Raises
    ------
    InvalidInputError
        If no class can be trained, or a feature is not there.
    """
    tags, left_out = choose_classes(labelled, config)
    if not tags:
        reasons = "; ".join(f"{tag}: {why}" for tag, why in [*left_out.items()][:3])
        raise InvalidInputError(f"no class can be trained ({reasons}); lower min_positives")
    return _with_features(labelled.select(tags), config), left_out


def _with_features(labelled: LabelledSources, config: SourceTrainConfig) -> LabelledSources:
    """Return the rows with the features that are asked for."""
    if not config.features:
        return labelled
    missing = [name for name in config.features if name not in labelled.table.names]
    if missing:
        raise InvalidInputError(
            f"the table has no feature {', '.join(missing[:3])}; it has "
            f"{len(labelled.table.names)}, such as {', '.join(labelled.table.names[:3])}"
        )
    return replace(labelled, table=labelled.table.select(config.features))
