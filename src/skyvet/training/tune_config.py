"""What a user chooses about a search for settings of triplet trainings."""

from __future__ import annotations

from pydantic import Field

from skyvet.training.configs import TrainConfig
from skyvet.training.search_config import FloatRange, Range, SearchConfig

__all__ = ["TuneConfig"]

_DEFAULT_RANGES: dict[str, Range] = {
    "optimiser.learning_rate": FloatRange(low=1e-4, high=1e-2, is_log=True),
    "optimiser.weight_decay": FloatRange(low=1e-4, high=1e-1, is_log=True),
    "loss.label_smoothing": FloatRange(low=0.0, high=0.2),
    "augmentation.noise_rate": FloatRange(low=0.0, high=0.8),
}


class TuneConfig(SearchConfig):
    """A search over settings of `TrainConfig`."""

    train: TrainConfig = Field(default=TrainConfig(), description="settings that are not searched")
    ranges: dict[str, Range] = Field(
        default=_DEFAULT_RANGES,
        description="what is searched: dotted names of settings, e.g. optimiser.learning_rate",
    )
