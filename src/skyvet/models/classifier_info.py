"""What every saved classifier says of itself, whatever it looks at."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from skyvet.core.configs import Config

__all__ = ["ClassifierInfo", "DataFingerprint", "OperatingThresholds"]


class DataFingerprint(Config):
    """What the bundle was trained on, without the data."""

    description: str
    licence: str = Field(description="terms of the training data")
    n_real: int
    n_bogus: int
    n_objects: int
    candidate_ids_sha256: str = Field(description="hash of the sorted candidate ids")


class OperatingThresholds(Config):
    """Where a probability becomes a verdict, and how that was chosen."""

    threshold: float = Field(ge=0, le=1, description="REAL at or above this probability")
    target: str = Field(description="what the threshold was chosen for")
    prior: float = Field(gt=0, lt=1, description="fraction of REAL that the target refers to")


class ClassifierInfo(Config):
    """Name, calibration, thresholds, figures and data of a saved classifier."""

    name: str
    version: str
    summary: str
    created_utc: str
    skyvet_version: str
    surveys: tuple[str, ...] = Field(description="surveys whose scores are calibrated")
    training: dict[str, Any] = Field(description="config of the training")
    calibrator: dict[str, Any] = Field(
        description="document of `skyvet.scoring.calibrators.calibrator_from_dict`"
    )
    calibration_prior: float = Field(
        gt=0, lt=1, description="fraction of REAL at which scores are probabilities"
    )
    conformal: dict[str, Any] | None = Field(
        default=None, description="document of `ConformalClassifier.from_dict`"
    )
    thresholds: OperatingThresholds
    metrics: dict[str, float | int | str | None]
    data: DataFingerprint
    reference_logits: tuple[float, ...] = Field(
        default=(), description="logits that a loaded bundle must repeat"
    )
