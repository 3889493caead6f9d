"""What a user chooses about a classifier of sources."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import Field

from skyvet.core.configs import MAX_SEED, Config
from skyvet.scoring.calibration import CalibrationMethod
from skyvet.training.sources.network_configs import DenseDmdtConfig, HierarchicalNetworkConfig

__all__ = [
    "BoostedConfig",
    "NotInspected",
    "SourceLearnerConfig",
    "SourceSplitConfig",
    "SourceThresholdConfig",
    "SourceTrainConfig",
    "default_source_learners",
]


class NotInspected(enum.StrEnum):
    """What the absence of a vote means to the training."""

    IGNORE = "ignore"
    NEGATIVE = "negative"
    POSITIVE_UNLABELLED = "positive_unlabelled"


class BoostedConfig(Config):
    """Boosted trees (XGBoost): one binary classifier a class, or one given the class above."""

    kind: Literal["boosted"] = "boosted"
    structure: Literal["independent", "hierarchical"] = Field(
        default="hierarchical",
        description="independent: each class against all others, as SCoPe; hierarchical: each "
        "among sources of the class above, multiplied down the tree",
    )
    max_rounds: int = Field(default=600, ge=1, description="most trees of a class")
    patience: int = Field(default=30, ge=1, description="rounds without gain before it stops")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="weight of a tree")
    max_depth: int = Field(default=5, ge=1, le=16, description="most branches one after another")
    min_child_weight: float = Field(default=1.0, ge=0, description="least information of a leaf")
    l2: float = Field(default=1.0, ge=0, description="penalty on leaf values")
    row_fraction: float = Field(default=0.8, gt=0, le=1, description="rows that a tree sees")
    column_fraction: float = Field(default=0.6, gt=0, le=1, description="features a tree sees")
    max_bins: int = Field(default=128, ge=2, le=65536, description="thresholds tried a feature")
    balance: float | None = Field(
        default=20.0, gt=0, description="negatives kept a positive, weighted up again; none = all"
    )
    class_weight: Literal["none", "balanced"] = Field(
        default="none", description="balanced: positives together weigh as much as negatives"
    )
    refit: bool = Field(
        default=True, description="train again with the rows that chose the number of trees"
    )
    n_bags: int = Field(default=1, ge=1, description="models averaged, of other seeds")
    n_workers: int = Field(
        default=1, ge=0, description="classes trained at once; 0 = all cores; changes no result"
    )


SourceLearnerConfig = Annotated[
    BoostedConfig | DenseDmdtConfig | HierarchicalNetworkConfig, Field(discriminator="kind")
]
"""Any learner's config; ``kind`` says which."""


def default_source_learners() -> tuple[SourceLearnerConfig, ...]:
    """Return the members of the default classifier."""
    return (BoostedConfig(),)


class SourceSplitConfig(Config):
    """What is kept whole when rows are split, so that no star stands on both sides."""

    group_column: str = Field(
        default="", description="column of the table that names the source of each row"
    )
    same_source_arcsec: float = Field(
        default=1.5, ge=0, description="rows nearer than this are one source; 0 = not looked at"
    )
    sky_block_deg: float = Field(
        default=0.0, ge=0, le=90, description="side of sky blocks that stay whole [deg]; 0 = none"
    )


class SourceThresholdConfig(Config):
    """How a class's probability becomes a verdict."""

    target: Literal["f1", "purity", "completeness"] = Field(
        default="f1", description="f1: largest harmonic mean of purity and completeness"
    )
    value: float = Field(
        default=0.9, gt=0, lt=1, description="purity or completeness that is asked for"
    )


class SourceTrainConfig(Config):
    """A training of all members, and what is fitted on their held-out logits."""

    learners: tuple[SourceLearnerConfig, ...] = Field(
        default_factory=default_source_learners,
        min_length=1,
        description="members; their logits are averaged",
    )
    features: tuple[str, ...] = Field(
        default=(), description="features to learn from; none named = all of the table"
    )
    not_inspected: NotInspected = Field(
        default=NotInspected.IGNORE,
        description="rows without a vote on a class: ignore; negative; positive_unlabelled: "
        "negative or positive with the probability that Elkan and Noto (2008) estimate",
    )
    min_positives: int = Field(
        default=20, ge=2, description="sources that a class needs; others are left out"
    )
    n_inner_folds: int = Field(
        default=3, ge=2, le=20, description="folds whose held-out logits calibrate"
    )
    validation_fraction: float = Field(
        default=0.15, gt=0, lt=0.5, description="part of a training set that stops the training"
    )
    calibration: tuple[CalibrationMethod, ...] = Field(
        default=(
            CalibrationMethod.TEMPERATURE,
            CalibrationMethod.PLATT,
            CalibrationMethod.BETA,
            CalibrationMethod.ISOTONIC,
        ),
        min_length=1,
        description="calibration methods to choose from, by cross-validated log loss",
    )
    threshold: SourceThresholdConfig = SourceThresholdConfig()
    split: SourceSplitConfig = SourceSplitConfig()
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="of folds and members")
