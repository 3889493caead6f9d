"""What a user chooses about a search for settings; apart from the search, so that help is fast."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from skyvet.core.configs import Config

__all__ = ["Choice", "FloatRange", "IntRange", "Range", "SearchConfig", "ends_of"]


class _Bounds(Config):
    """Two bounds, both of which belong to the range."""

    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    is_log: bool = Field(default=False, description="draw the logarithm evenly")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if not self.low <= self.high:
            raise ValueError(f"low must not be above high, got {self.low} and {self.high}")
        if self.is_log and self.low <= 0:
            raise ValueError(f"low must be above 0 to draw its logarithm, got {self.low}")
        return self


class FloatRange(_Bounds):
    """A real number between two bounds, both included."""

    kind: Literal["float"] = "float"


class IntRange(_Bounds):
    """A whole number between two bounds, both included."""

    kind: Literal["int"] = "int"
    low: int = Field(description="smallest value")
    high: int = Field(description="largest value")


class Choice(Config):
    """One of several values."""

    kind: Literal["choice"] = "choice"
    values: tuple[str | bool | int | float, ...] = Field(min_length=1, description="the values")


Range = Annotated[FloatRange | IntRange | Choice, Field(discriminator="kind")]


def ends_of(choice: Range) -> tuple[str | bool | int | float, ...]:
    """Return the values of a range that decide whether a setting allows all of it.

    Parameters
    ----------
    choice : Range
        Two bounds, or some values.

    Returns
    -------
    tuple
        Both bounds, or every value.

    Examples
    --------
    >>> ends_of(IntRange(low=3, high=9))
    (3, 9)
    """
    return choice.values if isinstance(choice, Choice) else (choice.low, choice.high)


class SearchConfig(Config):
    """A search over settings of some config."""

    ranges: dict[str, Range] = Field(
        default={}, description="what is searched: dotted names of settings"
    )
    n_trials: int = Field(default=30, ge=1, description="trials in all, earlier runs included")
    n_folds: int = Field(default=3, ge=2, description="validation folds of each trial, by object")
    n_trials_before_pruning: int = Field(
        default=5, ge=1, description="trials before one worse than the median is given up"
    )
    seed: int = Field(default=0, ge=0, description="of the folds and the search")
