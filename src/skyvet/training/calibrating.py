"""What is fitted on held-out logits: calibrator, conformal classifier, threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.models.classifier_info import OperatingThresholds
from skyvet.scoring.calibration import CalibrationMethod, select_calibrator
from skyvet.scoring.calibrators import Calibrator
from skyvet.scoring.conformal import ConformalClassifier, fit_conformal
from skyvet.scoring.thresholds import OperatingPoint, threshold_for_purity

__all__ = ["CalibrationConfig", "CalibrationFit", "fit_calibration"]


class CalibrationConfig(Config):
    """How held-out logits become probabilities and verdicts."""

    calibration: tuple[CalibrationMethod, ...] = Field(
        (CalibrationMethod.TEMPERATURE, CalibrationMethod.PLATT, CalibrationMethod.BETA),
        min_length=1,
        description="calibration methods to choose from, by cross-validated log loss",
    )
    target_purity: float = Field(
        0.95, gt=0, lt=1, description="purity that the threshold is chosen for"
    )
    target_prior: float = Field(
        0.1, gt=0, lt=1, description="fraction of REAL at which that purity is meant"
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibrationFit:
    """The fitted state.

    Parameters
    ----------
    calibrator : Calibrator
        Logit to probability.
    method : CalibrationMethod
        Chosen among those of the config.
    prior : float
        Weighted fraction of REAL among the labelled rows.
    conformal : ConformalClassifier
        Fitted on the held-out probabilities.
    operating_point : OperatingPoint
        Threshold on the probability for the config's target.
    """

    calibrator: Calibrator
    method: CalibrationMethod
    prior: float
    conformal: ConformalClassifier
    operating_point: OperatingPoint

    def thresholds(self, config: CalibrationConfig) -> OperatingThresholds:
        """Return the threshold as a bundle states it."""
        point = self.operating_point
        reached = "" if point.is_reached else " (not reached: the purest threshold was taken)"
        return OperatingThresholds(
            threshold=min(max(point.threshold, 0.0), 1.0),
            target=f"purity {config.target_purity:g}{reached}",
            prior=config.target_prior,
        )


def fit_calibration(
    logits: FloatArray,
    labels: IntArray,
    config: CalibrationConfig,
    *,
    weights: FloatArray,
    groups: NDArray[Any],
    seed: int,
    threshold_weights: FloatArray | None = None,
) -> CalibrationFit:
    """Fit on logits of rows that the model had not seen.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Held-out logits.
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS.
    config : CalibrationConfig
        Methods and target.
    weights : ndarray, shape (n,)
        Sample weights.
    groups : ndarray, shape (n,)
        Objects; methods are compared on folds that keep them whole.
    seed : int
        Of these folds.
    threshold_weights : ndarray, shape (n,), optional
        Sample weights for the threshold: rows that were not drawn at random stand for others.

    Raises
    ------
    InvalidInputError
        If a class is missing.
    """
    choice = select_calibrator(
        logits,
        labels,
        rng=np.random.default_rng(seed),
        groups=groups,
        methods=config.calibration,
        weights=weights,
    )
    probability = choice.calibrator.probability(logits)
    return CalibrationFit(
        calibrator=choice.calibrator,
        method=choice.method,
        prior=float(np.average(labels, weights=weights)),
        conformal=fit_conformal(probability, labels),
        operating_point=threshold_for_purity(
            probability,
            labels,
            purity=config.target_purity,
            prior=config.target_prior,
            weights=threshold_weights,
        ),
    )
