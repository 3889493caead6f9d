"""A loaded bundle at work: stamps to calibrated scores, with NumPy and ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.bundle import Bundle, reference_stamps
from skyvet.preprocessing.normalization import prepare_stamps
from skyvet.records.scores import Verdict
from skyvet.scoring.calibrators import calibrator_from_dict
from skyvet.scoring.conformal import ConformalClassifier
from skyvet.scoring.priors import reprior_probability

__all__ = ["Assessment", "Predictor", "onnx_session"]

_MICRO_BATCH = 64  # larger batches leave the processor's cache and are slower
_REFERENCE_TOLERANCE = 1e-3  # other processors round differently, another model differs by far more
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


def onnx_session(path: str, *, n_threads: int = 0) -> ort.InferenceSession:
    """Open an ONNX graph on the CPU; 0 threads means all cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class Predictor:
    """Scores stamps with a bundle.

    Parameters
    ----------
    bundle : Bundle
        From `skyvet.models.bundle.load_bundle`.
    n_threads : int, default 0
        Threads of ONNX Runtime; 0 = all cores.

    Raises
    ------
    BundleError
        If the graph cannot be opened, or does not repeat the logits stored with it.

    Examples
    --------
    >>> from skyvet.models.bundle import load_bundle
    >>> predictor = Predictor(load_bundle("default"))
    >>> stamps = np.random.default_rng(1).normal(size=(2, 3, 63, 63)).astype(np.float32)
    >>> predictor.logits(stamps).shape
    (2,)
    """

    def __init__(self, bundle: Bundle, *, n_threads: int = 0) -> None:
        self.bundle = bundle
        try:
            self._session = onnx_session(str(bundle.onnx_path), n_threads=n_threads)
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise BundleError(f"{bundle.onnx_path} cannot be opened: {error}") from error
        info = bundle.info
        self._calibrator = calibrator_from_dict(info.calibrator)
        self._conformal = (
            None if info.conformal is None else ConformalClassifier.from_dict(info.conformal)
        )
        self._check_reference()

    def _check_reference(self) -> None:
        expected = np.asarray(self.bundle.info.reference_logits, dtype=np.float64)
        if expected.size == 0:
            return
        n_metadata = len(self.bundle.info.metadata_names)
        metadata = np.zeros((len(expected), n_metadata), np.float32) if n_metadata else None
        found = self.run(reference_stamps(self.bundle.info.stamps), metadata)
        gap = float(np.abs(found - expected).max())
        if not gap <= _REFERENCE_TOLERANCE:
            raise BundleError(
                f"{self.bundle.path} does not repeat its stored reference logits "
                f"(largest difference {gap:.2g}); it does not run correctly on this machine"
            )

    def logits(self, pixels: FloatArray, metadata: FloatArray | None = None) -> FloatArray:
        """Return the network's logit of REAL, before calibration.

        Parameters
        ----------
        pixels : ndarray, shape (n, n_raw, size, size), float32
            Stamps in the survey's unit; NaN = missing. See `prepare_stamps`.
        metadata : ndarray, shape (n, k), float32, optional
            Columns ``bundle.info.metadata_names``; NaN = missing.

        Returns
        -------
        ndarray, shape (n,), float32

        Raises
        ------
        InvalidInputError
            If the bundle wants metadata and none is given.
        """
        names = self.bundle.info.metadata_names
        if names and (metadata is None or metadata.shape != (len(pixels), len(names))):
            raise InvalidInputError(f"this bundle needs the metadata columns {', '.join(names)}")
        logits = np.empty(len(pixels), dtype=np.float32)
        for start in range(0, len(pixels), _MICRO_BATCH):
            rows = slice(start, start + _MICRO_BATCH)
            stamps = prepare_stamps(pixels[rows], self.bundle.info.stamps)
            logits[rows] = self.run(stamps, metadata[rows] if metadata is not None else None)
        return logits

    def run(self, stamps: FloatArray, metadata: FloatArray | None = None) -> FloatArray:
        """Return the logits of stamps that are already prepared (`prepare_stamps`)."""
        feed = {"stamps": stamps}
        if metadata is not None and self.bundle.info.metadata_names:
            feed["metadata"] = metadata.astype(np.float32)
        result: FloatArray = self._session.run(["logit"], feed)[0]
        return result

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
        return reprior_probability(
            score, from_prior=self.bundle.info.calibration_prior, to_prior=prior
        )

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
        native = self.bundle.info.thresholds.threshold
        if prior is None:
            return native
        restated = reprior_probability(
            native, from_prior=self.bundle.info.calibration_prior, to_prior=prior
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
        info = self.bundle.info
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
