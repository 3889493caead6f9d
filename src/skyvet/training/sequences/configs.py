"""What a user chooses about a classifier of frame sequences."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skyvet.core.configs import MAX_SEED
from skyvet.training.calibrating import CalibrationConfig
from skyvet.training.sequences.network_configs import (
    AttentionMilConfig,
    BiGruConfig,
    GruConfig,
    GruTverskyConfig,
    LstmConfig,
    SetTransformerConfig,
)
from skyvet.training.sequences.pooled_config import PooledConfig

__all__ = ["SequenceClassifierConfig", "SequenceTrainConfig", "default_classifiers"]

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


def default_classifiers() -> tuple[SequenceClassifierConfig, ...]:
    """Return the members of the default classifier."""
    return (PooledConfig(),)


class SequenceTrainConfig(CalibrationConfig):
    """A training of all members, and what is fitted on their held-out logits."""

    classifiers: tuple[SequenceClassifierConfig, ...] = Field(
        default_factory=default_classifiers,
        min_length=1,
        description="members; their logits are averaged",
    )
    n_inner_folds: int = Field(
        default=3, ge=2, le=20, description="folds whose held-out logits calibrate"
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="of folds and members")
