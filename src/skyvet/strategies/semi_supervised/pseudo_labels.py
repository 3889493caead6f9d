"""Pseudo-labels that are calibrated on held-out labels before they are trusted."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.scoring.calibration import CalibrationMethod, Calibrator, fit_calibrator
from skyvet.scoring.prior_estimates import prior_by_em
from skyvet.scoring.priors import reprior_probability

__all__ = [
    "LabelSelection",
    "PseudoLabelConfig",
    "PseudoLabelReport",
    "PseudoLabels",
    "calibrated_pool",
    "make_pseudo_labels",
    "rows_for_purity",
]

_EDGE = 0.005  # a prior is kept this far from 0 and 1


class LabelSelection(enum.StrEnum):
    """How the bought labels were chosen: it says what they tell of the pool."""

    BY_SCORE = "by_score"
    BY_CLASS = "by_class"


class PseudoLabelConfig(Config):
    """Which rows get a pseudo-label, and what it says."""

    n_rounds: int = Field(default=1, ge=1, le=10, description="rounds of labelling and refitting")
    calibration: CalibrationMethod = Field(
        default=CalibrationMethod.PLATT, description="fitted on held-out logits of bought labels"
    )
    selection: LabelSelection = Field(
        default=LabelSelection.BY_SCORE,
        description="by_score: labels were bought at random or for their scores; by_class: drawn "
        "within each class, so that the pool's fraction of REAL must be estimated",
    )
    real_purity: float = Field(
        default=0.97, gt=0.5, lt=1, description="expected fraction of REAL among REAL pseudo-labels"
    )
    bogus_purity: float = Field(
        default=0.97,
        gt=0.5,
        lt=1,
        description="expected fraction of BOGUS among BOGUS pseudo-labels",
    )
    with_soft_targets: bool = Field(
        default=True, description="teach the calibrated probability instead of the class"
    )
    with_confidence_weights: bool = Field(
        default=False, description="weigh each pseudo-label by |2p - 1|"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudoLabelReport:
    """One round of pseudo-labels; precision is that of bought labels that no judge had seen.

    Parameters
    ----------
    n_real, n_bogus : int
        Pseudo-labels given to the pool.
    real_precision, bogus_precision : float
        Fraction right among held-out bought rows that pass the same thresholds; NaN where none do.
    n_real_tested, n_bogus_tested : int
        Number of these rows.
    real_threshold, bogus_threshold : float
        Least calibrated probability of the class; above 1 where nothing passes.
    prior : float
        Estimated fraction of REAL in the pool.
    """

    n_real: int
    n_bogus: int
    real_precision: float
    bogus_precision: float
    n_real_tested: int
    n_bogus_tested: int
    real_threshold: float
    bogus_threshold: float
    prior: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PseudoLabels:
    """What is taught of the pool's rows.

    Parameters
    ----------
    targets : ndarray, shape (n,), float32
        In [0, 1]; NaN = no pseudo-label.
    weights : ndarray, shape (n,), float32
        In [0, 1].
    report : PseudoLabelReport
        Numbers and held-out precision.
    """

    targets: FloatArray
    weights: FloatArray
    report: PseudoLabelReport


def rows_for_purity(confidence: FloatArray, *, purity: float) -> tuple[BoolArray, float]:
    """Return the most confident rows whose mean confidence is still `purity`, and the threshold.

    Parameters
    ----------
    confidence : ndarray, shape (n,)
        Calibrated probability of the class, in [0, 1].
    purity : float
        In (0.5, 1); no row less confident than one half is taken.

    Returns
    -------
    is_taken : ndarray, shape (n,), bool
    threshold : float
        Least confidence that is taken; infinite where no row is.

    Examples
    --------
    >>> rows_for_purity(np.array([0.99, 0.2, 0.95, 0.6]), purity=0.9)
    (array([ True, False,  True, False]), 0.95)
    """
    order = np.sort(confidence)[::-1].astype(np.float64)
    mean = np.cumsum(order) / np.arange(1, len(order) + 1)
    n_taken = int(((mean >= purity) & (order > 0.5)).sum())
    if n_taken == 0:
        return np.zeros(len(confidence), dtype=bool), math.inf
    threshold = float(order[n_taken - 1])
    return confidence >= threshold, threshold


def calibrated_pool(
    logits: FloatArray, calibrator: Calibrator, *, selection: LabelSelection, label_prior: float
) -> tuple[FloatArray, float]:
    """Return the pool's probabilities of REAL and the estimated fraction of REAL.

    Labels chosen by score leave the probability at a given score unchanged, so that the mean over
    the pool is its fraction of REAL. Labels chosen by class do not: the fraction is estimated by
    expectation maximisation and the probabilities are moved to it.

    Parameters
    ----------
    logits : ndarray, shape (n,)
        Of the pool.
    calibrator : Calibrator
        Fitted on the bought labels.
    selection : LabelSelection
        How these were chosen.
    label_prior : float
        Their fraction of REAL, in (0, 1).
    """
    probability = calibrator.probability(logits)
    if len(probability) == 0:
        return probability, _inside(label_prior)
    if selection is LabelSelection.BY_CLASS:
        prior = _inside(prior_by_em(probability, from_prior=label_prior))
        probability = reprior_probability(probability, from_prior=label_prior, to_prior=prior)
        return probability, prior
    return probability, _inside(float(probability.mean()))


def make_pseudo_labels(
    pool_logits: FloatArray,
    config: PseudoLabelConfig,
    *,
    held_out_logits: FloatArray,
    labels: IntArray,
    weights: FloatArray,
) -> PseudoLabels:
    """Choose rows of the pool by calibrated thresholds, one a class.

    Parameters
    ----------
    pool_logits : ndarray, shape (n,)
        Of rows without a label; at least one.
    config : PseudoLabelConfig
        Purities, targets, weights.
    held_out_logits : ndarray, shape (k,)
        Of the bought labels, by networks that had not seen them.
    labels : ndarray, shape (k,)
        1 = REAL, 0 = BOGUS; both must be there.
    weights : ndarray, shape (k,)
        Trust in each label.

    Returns
    -------
    PseudoLabels

    Raises
    ------
    InvalidInputError
        If a class is missing.

    Examples
    --------
    >>> logits, labels = np.array([-4.0, -3.0, 3.0, 4.0] * 50), np.array([0, 0, 1, 1] * 50)
    >>> made = make_pseudo_labels(
    ...     logits, PseudoLabelConfig(), held_out_logits=logits, labels=labels, weights=np.ones(200)
    ... )
    >>> made.report.n_real, made.report.real_precision
    (100, 1.0)
    """
    calibrator = fit_calibrator(config.calibration, held_out_logits, labels, weights=weights)
    label_prior = float(np.average(labels, weights=weights))
    probability, prior = calibrated_pool(
        pool_logits, calibrator, selection=config.selection, label_prior=label_prior
    )
    is_real, real_threshold = rows_for_purity(probability, purity=config.real_purity)
    is_bogus, bogus_threshold = rows_for_purity(1 - probability, purity=config.bogus_purity)
    told = probability if config.with_soft_targets else (probability > 0.5).astype(np.float64)
    confidence = np.abs(2 * probability - 1) if config.with_confidence_weights else 1.0
    tested = calibrator.probability(held_out_logits)
    if config.selection is LabelSelection.BY_CLASS:
        tested = reprior_probability(tested, from_prior=label_prior, to_prior=prior)
    passes_real, passes_bogus = tested >= real_threshold, 1 - tested >= bogus_threshold
    is_labelled = is_real | is_bogus
    return PseudoLabels(
        targets=np.where(is_labelled, told, np.nan).astype(np.float32),
        weights=np.where(is_labelled, confidence, 0.0).astype(np.float32),
        report=PseudoLabelReport(
            n_real=int(is_real.sum()),
            n_bogus=int(is_bogus.sum()),
            real_precision=_mean(labels[passes_real] == 1),
            bogus_precision=_mean(labels[passes_bogus] == 0),
            n_real_tested=int(passes_real.sum()),
            n_bogus_tested=int(passes_bogus.sum()),
            real_threshold=real_threshold,
            bogus_threshold=bogus_threshold,
            prior=prior,
        ),
    )


def _inside(prior: float) -> float:
    """Keep a prior clear of 0 and 1."""
    return min(max(prior, _EDGE), 1 - _EDGE)


def _mean(is_right: BoolArray) -> float:
    """Return the fraction True; NaN where there is nothing."""
    return float(is_right.mean()) if len(is_right) else math.nan
