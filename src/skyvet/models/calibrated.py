"""From a model's logits to calibrated scores and verdicts, the same for every saved model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import BundleError
from skyvet.models.classifier_info import ClassifierInfo
from skyvet.records.scores import Verdict
from skyvet.scoring.calibrators import calibrator_from_dict
from skyvet.scoring.conformal import ConformalClassifier
from skyvet.scoring.priors import reprior_probability

__all__ = ["Assessment", "CalibratedScorer"]

_VERDICT_OF_RANK = (Verdict.BOGUS, Verdict.REVIEW, Verdict.REAL)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """Scores of many candidates.

    Parameters
    ----------
    score : ndarray, shape (n,), float64
        Probability of REAL in [0, 1] at the prior asked for.
    verdict : tuple of Verdict
        REVIEW where the evidence does not decide, or the bundle does not know the survey.
    is_calibrated : ndarray, shape (n,), bool
        False where the survey is not one the bundle was calibrated on.
    """

    score: FloatArray
    verdict: tuple[Verdict, ...]
    is_calibrated: BoolArray


class CalibratedScorer:
    """Turns logits into probabilities and verdicts.

    Parameters
    ----------
    fitted : ClassifierInfo
        The content of ``bundle.json``.

    Raises
    ------
    BundleError
        If its calibration is broken.
    """

    def __init__(self, fitted: ClassifierInfo) -> None:
        self._fitted = fitted
        conformal = fitted.conformal
        try:
            self._calibrator = calibrator_from_dict(fitted.calibrator)
            self._conformal = (
                None if conformal is None else ConformalClassifier.from_dict(conformal)
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise BundleError(f"the bundle's calibration cannot be used: {error}") from error

    def probability(self, logits: FloatArray, *, prior: float | None = None) -> FloatArray:
        """Return the calibrated probability of REAL.

        Parameters
        ----------
        logits : ndarray, shape (n,)
            From `logits`.
        prior : float, optional
            Fraction of REAL among the candidates, in (0, 1), to which the probability refers;
            default the bundle's ``calibration_prior``.

        Returns
        -------
        ndarray, shape (n,), float64
        """
        score = self._calibrator.probability(logits)
        if prior is None:
            return score
        return reprior_probability(score, from_prior=self._fitted.calibration_prior, to_prior=prior)

    def threshold(self, *, prior: float | None = None, override: float | None = None) -> float:
        """Return the score from which on a candidate is called REAL.

        Parameters
        ----------
        prior : float, optional
            As for `probability`: the bundle's own threshold is restated for it.
        override : float, optional
            A threshold on the score asked for, in place of the bundle's.
        """
        if override is not None:
            return override
        native = self._fitted.thresholds.threshold
        if prior is None:
            return native
        restated = reprior_probability(
            native, from_prior=self._fitted.calibration_prior, to_prior=prior
        )
        return float(restated)

    def assess(
        self,
        logits: FloatArray,
        surveys: Sequence[str],
        *,
        prior: float | None = None,
        threshold: float | None = None,
        alpha: float = 0.05,
    ) -> Assessment:
        """Turn logits into scores and verdicts.

        Parameters
        ----------
        logits : ndarray, shape (n,)
            From `logits`.
        surveys : sequence of str
            Survey of each candidate.
        prior : float, optional
            See `probability`.
        threshold : float, optional
            Score from which on a candidate is called REAL; default the bundle's own.
        alpha : float, default 0.05
            A verdict is withheld (REVIEW) unless the score is on its side of the threshold and
            its opposite is ruled out at this error level by class-conditional conformal
            prediction: at most this share of the REAL is called BOGUS, and the reverse. Verdicts
            never fall as the score rises. 0 never withholds.

        Returns
        -------
        Assessment
        """
        info = self._fitted
        native = self._calibrator.probability(logits)
        score = self.probability(logits, prior=prior)
        is_real = native >= info.thresholds.threshold if threshold is None else score >= threshold
        is_calibrated = np.isin(np.asarray(surveys, dtype=str), np.array(info.surveys, dtype=str))
        may_be_real, may_be_bogus = self._possible(native, alpha)
        called_real = is_calibrated & is_real & ~may_be_bogus
        called_bogus = is_calibrated & ~is_real & ~may_be_real
        rank = 1 + called_real.astype(int) - called_bogus.astype(int)
        return Assessment(
            score=score,
            verdict=tuple(_VERDICT_OF_RANK[i] for i in rank.tolist()),
            is_calibrated=is_calibrated,
        )

    def _possible(self, native: FloatArray, alpha: float) -> tuple[BoolArray, BoolArray]:
        """Say which classes conformal prediction leaves open; none where it was not asked."""
        if self._conformal is None or alpha <= 0:
            closed = np.zeros(len(native), dtype=np.bool_)
            return closed, closed
        sets = self._conformal.predict_sets(native, alpha=alpha)
        return sets.holds_real, sets.holds_bogus
