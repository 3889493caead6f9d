"""What a user chooses about a search; apart from the search, so that help is fast."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skyvet.core.configs import Config
from skyvet.training.configs import TrainConfig

__all__ = ["Choice", "FloatRange", "IntRange", "Range", "TuneConfig"]


class FloatRange(Config):
    """A real number between two bounds."""

    kind: Literal["float"] = "float"
    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    is_log: bool = Field(default=False, description="draw the logarithm evenly")


class IntRange(Config):
    """A whole number between two bounds, both included."""

    kind: Literal["int"] = "int"
    low: int = Field(description="smallest value")
    high: int = Field(description="largest value")
    is_log: bool = Field(default=False, description="draw the logarithm evenly")


class Choice(Config):
    """One of several values."""

    kind: Literal["choice"] = "choice"
    values: tuple[str | bool | int | float, ...] = Field(min_length=1, description="the values")


Range = Annotated[FloatRange | IntRange | Choice, Field(discriminator="kind")]

_DEFAULT_RANGES: dict[str, Range] = {
    "optimiser.learning_rate": FloatRange(low=1e-4, high=1e-2, is_log=True),
    "optimiser.weight_decay": FloatRange(low=1e-4, high=1e-1, is_log=True),
    "loss.label_smoothing": FloatRange(low=0.0, high=0.2),
    "augmentation.noise_rate": FloatRange(low=0.0, high=0.8),
}


class TuneConfig(Config):
    """A search over settings of `TrainConfig`."""

    train: TrainConfig = Field(default=TrainConfig(), description="settings that are not searched")
    ranges: dict[str, Range] = Field(
        default=_DEFAULT_RANGES,
        description="what is searched: dotted names of settings, e.g. optimiser.learning_rate",
    )
    n_trials: int = Field(default=30, ge=1, description="trials in all, earlier runs included")
    n_folds: int = Field(default=3, ge=2, description="validation folds of each trial, by object")
    n_trials_before_pruning: int = Field(
        default=5, ge=1, description="trials before one worse than the median is given up"
    )
    seed: int = Field(default=0, ge=0, description="of the folds and the search")
