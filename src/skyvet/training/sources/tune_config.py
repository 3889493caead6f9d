"""What a user chooses about a search for settings of learners of sources."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from pydantic import Field

from skyvet.training.search_config import FloatRange, IntRange, Range, SearchConfig
from skyvet.training.sources.configs import SourceTrainConfig

__all__ = ["SourceGoal", "SourceTuneConfig", "default_source_ranges"]


class SourceGoal(enum.StrEnum):
    """What a search for settings of learners of sources looks for."""

    LOG_LOSS = "log_loss"
    AVERAGE_PRECISION = "average_precision"


_NETWORK_RANGES: dict[str, Range] = {
    "optimiser.learning_rate": FloatRange(low=1e-4, high=1e-2, is_log=True),
    "network.first_width": IntRange(low=64, high=512, is_log=True),
    "network.second_width": IntRange(low=16, high=256, is_log=True),
    "network.dropout": FloatRange(low=0.0, high=0.5),
    "network.head_dropout": FloatRange(low=0.0, high=0.6),
}

_DEFAULT_RANGES: Mapping[str, dict[str, Range]] = {
    "boosted": {
        "learning_rate": FloatRange(low=0.02, high=0.3, is_log=True),
        "max_depth": IntRange(low=3, high=9),
        "min_child_weight": FloatRange(low=0.5, high=20.0, is_log=True),
        "row_fraction": FloatRange(low=0.5, high=1.0),
        "column_fraction": FloatRange(low=0.2, high=1.0),
    },
    "dense_dmdt": _NETWORK_RANGES,
    "hierarchical_network": {
        **_NETWORK_RANGES,
        "optimiser.weight_decay": FloatRange(low=1e-4, high=1e-1, is_log=True),
    },
}


def default_source_ranges(train: SourceTrainConfig) -> dict[str, Range]:
    """Return what is searched where no range is named: the main settings of every learner.

    Parameters
    ----------
    train : SourceTrainConfig
        Its learners.

    Returns
    -------
    dict of str to Range
        By dotted name; learners are counted from 0.

    Examples
    --------
    >>> default_source_ranges(SourceTrainConfig())["learners.0.max_depth"].high
    9
    """
    return {
        f"learners.{i}.{name}": choice
        for i, learner in enumerate(train.learners)
        for name, choice in _DEFAULT_RANGES[learner.kind].items()
    }


class SourceTuneConfig(SearchConfig):
    """A search over settings of the learners of a `SourceTrainConfig`."""

    train: SourceTrainConfig = Field(
        default=SourceTrainConfig(), description="settings that are not searched"
    )
    ranges: dict[str, Range] = Field(
        default={},
        description="what is searched: dotted names of learners' settings, the first learner being "
        "0, e.g. learners.0.max_depth; none named = the main settings of every learner",
    )
    goal: SourceGoal = Field(
        default=SourceGoal.LOG_LOSS,
        description="mean over classes on held-out sources, before calibration: log_loss (frequent "
        "classes count most) or average_precision (every class alike, ranking alone)",
    )
    n_folds: int = Field(default=3, ge=2, description="validation folds of each trial, by source")
