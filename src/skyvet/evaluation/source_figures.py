"""What is measured of one class of sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.evaluation.estimates import NO_ESTIMATE, estimate
from skyvet.evaluation.facts import BinFact, Estimate, finite_or_none
from skyvet.evaluation.source_configs import SourceReportConfig
from skyvet.evaluation.source_facts import BandFacts, ThresholdRow
from skyvet.evaluation.source_resampling import CurveBand, ResampledClass, resample_class
from skyvet.evaluation.source_sample import ScoredClass
from skyvet.evaluation.views import curve_facts
from skyvet.scoring.curves import (
    average_precision,
    cumulative_counts,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from skyvet.scoring.intervals import auc_interval, wilson_interval
from skyvet.scoring.metrics import brier_score, confusion_counts
from skyvet.scoring.reliability import expected_calibration_error, reliability_bins

__all__ = ["measure_class", "n_resamples_of", "threshold_rows"]

_MAX_ROWS_DRAWN = 5_000_000
_MIN_RESAMPLES = 100
_ROUND_THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.9)


def n_resamples_of(n_sources: int, config: SourceReportConfig) -> int:
    """Return how often to resample: fewer for large samples, whose intervals are narrow anyway."""
    affordable = max(_MAX_ROWS_DRAWN // max(n_sources, 1), _MIN_RESAMPLES)
    return min(config.n_resamples, affordable)


def measure_class(
    scored: ScoredClass, config: SourceReportConfig, *, threshold: float, seed_offset: int
) -> dict[str, Any]:
    """Measure one class.

    Parameters
    ----------
    scored : ScoredClass
        Sources that surely are or are not of the class.
    config : SourceReportConfig
        Resamples, bins, confidence.
    threshold : float
        ``score >= threshold`` is called the class.
    seed_offset : int
        Keeps the draws of two classes apart.

    Returns
    -------
    dict of str to object
        Fields of `skyvet.evaluation.source_facts.ClassFacts` that rest on scores and labels.
    """
    scores, labels = scored.scores, scored.labels
    n_positive = int(labels.sum())
    n_negative = len(labels) - n_positive
    has_both = min(n_positive, n_negative) > 0
    resampled = None
    if min(n_positive, n_negative) >= config.min_positives:
        resampled = resample_class(
            scores,
            labels,
            threshold=threshold,
            rng=np.random.default_rng((config.seed, seed_offset)),
            n_resamples=n_resamples_of(len(labels), config),
            n_bins=config.n_bins,
            level=config.confidence,
        )
    return {
        "n_positive": n_positive,
        "n_negative": n_negative,
        "n_undecided": scored.n_undecided,
        "n_not_inspected": scored.n_not_inspected,
        "note": _note(n_positive, n_negative, config),
        "threshold": threshold,
        **_rates(scores, labels, threshold, resampled, config),
        **_areas(scores, labels, resampled, config, has_both=has_both),
        **_curves(scores, labels, resampled, has_both=has_both),
        "reliability": _reliability(scores, labels, config),
        **_histograms(scores, labels, config),
        "thresholds": threshold_rows(scores, labels, config, threshold=threshold),
    }


def _note(n_positive: int, n_negative: int, config: SourceReportConfig) -> str:
    if n_positive + n_negative == 0:
        return "No source has both a score and a sure label on this class."
    if n_positive == 0:
        return f"None of the {n_negative:,} labelled sources is of this class: nothing to find."
    if n_negative == 0:
        return f"All {n_positive:,} labelled sources are of this class: nothing to mistake."
    few = min(n_positive, n_negative)
    if few < config.min_positives:
        which = "of this class" if few == n_positive else "not of it"
        return (
            f"Only {few} {'source is' if few == 1 else 'sources are'} {which}: too few for "
            "intervals, and no figure here can be relied on."
        )
    return ""


def _with(value: float, key: str, resampled: ResampledClass | None) -> Estimate:
    if resampled is None:
        return Estimate(value=finite_or_none(value))
    return estimate(value, resampled.intervals[key])


def _share(n: float, of: float, level: float) -> Estimate:
    return NO_ESTIMATE if of <= 0 else estimate(n / of, wilson_interval(n, of, level=level))


def _rates(
    scores: FloatArray,
    labels: NDArray[np.int8],
    threshold: float,
    resampled: ResampledClass | None,
    config: SourceReportConfig,
) -> dict[str, Estimate]:
    counts = confusion_counts(scores, labels, threshold=threshold)
    n_hits, level = counts.n_true_positive, config.confidence
    f1 = NO_ESTIMATE if counts.n_positive == 0 else _with(counts.f1, "f1", resampled)
    return {
        "precision": _share(n_hits, counts.n_selected, level),
        "recall": _share(n_hits, counts.n_positive, level),
        "f1": f1,
    }


def _areas(
    scores: FloatArray,
    labels: NDArray[np.int8],
    resampled: ResampledClass | None,
    config: SourceReportConfig,
    *,
    has_both: bool,
) -> dict[str, Estimate]:
    if len(scores) == 0:
        return dict.fromkeys(("auc", "average_precision", "ece", "brier"), NO_ESTIMATE)
    ece = expected_calibration_error(scores, labels, n_bins=config.n_bins)
    found = {
        "auc": NO_ESTIMATE,
        "average_precision": NO_ESTIMATE,
        "ece": _with(ece, "ece", resampled),
        "brier": _with(brier_score(scores, labels), "brier", resampled),
    }
    if has_both:
        area = average_precision(scores, labels)
        found["average_precision"] = _with(area, "average_precision", resampled)
        found["auc"] = _auc(scores, labels, resampled, config)
    return found


def _auc(
    scores: FloatArray,
    labels: NDArray[np.int8],
    resampled: ResampledClass | None,
    config: SourceReportConfig,
) -> Estimate:
    """Where no resample differs (perfect separation), take the analytic interval."""
    value = roc_auc(scores, labels)
    found = _with(value, "auc", resampled)
    if resampled is None or found.low != found.high:
        return found
    n_positive = int(labels.sum())
    interval = auc_interval(
        value,
        n_positive=n_positive,
        n_negative=len(labels) - n_positive,
        level=config.confidence,
    )
    return estimate(value, interval)


def _curves(
    scores: FloatArray,
    labels: NDArray[np.int8],
    resampled: ResampledClass | None,
    *,
    has_both: bool,
) -> dict[str, Any]:
    if not has_both:
        names = ("roc", "roc_band", "precision_recall", "precision_recall_band")
        return dict.fromkeys(names)
    roc, pr = roc_curve(scores, labels), precision_recall_curve(scores, labels)
    return {
        "roc": curve_facts(roc.fpr, roc.completeness),
        "roc_band": None if resampled is None else _band(resampled.roc),
        "precision_recall": curve_facts(pr.completeness, pr.purity),
        "precision_recall_band": None if resampled is None else _band(resampled.precision_recall),
    }


def _band(band: CurveBand) -> BandFacts:
    def rounded(values: FloatArray) -> tuple[float, ...]:
        return tuple(round(float(value), 5) for value in values)

    return BandFacts(x=rounded(band.x), low=rounded(band.low), high=rounded(band.high))


def _reliability(
    scores: FloatArray, labels: NDArray[np.int8], config: SourceReportConfig
) -> tuple[BinFact, ...]:
    if len(scores) == 0:
        return ()
    bins = reliability_bins(scores, labels, n_bins=config.n_bins, level=config.confidence)
    return tuple(
        BinFact(
            low=b.low,
            high=b.high,
            n=b.n,
            mean_score=b.mean_score,
            real_fraction=estimate(b.observed_fraction, b.interval),
        )
        for b in bins
    )


def _histograms(
    scores: FloatArray, labels: NDArray[np.int8], config: SourceReportConfig
) -> dict[str, tuple[float, ...]]:
    edges = np.linspace(0.0, 1.0, 2 * config.n_bins + 1)
    counted = [np.histogram(scores[labels == side], bins=edges)[0] for side in (1, 0)]
    return {
        "histogram_edges": tuple(float(edge) for edge in edges.round(6)),
        "histogram_positive": tuple(float(n) for n in counted[0]),
        "histogram_negative": tuple(float(n) for n in counted[1]),
    }


def threshold_rows(
    scores: FloatArray,
    labels: NDArray[np.int8],
    config: SourceReportConfig,
    *,
    threshold: float,
) -> tuple[ThresholdRow, ...]:
    """Return precision and recall at the class's own threshold, round ones, and the best F1.

    Parameters
    ----------
    scores, labels : ndarray, shape (n,)
        Of one class.
    config : SourceReportConfig
        Confidence level.
    threshold : float
        The class's own.

    Returns
    -------
    tuple of ThresholdRow
        In rising order; empty without a source of the class.
    """
    if not labels.any():
        return ()
    why = dict.fromkeys(_ROUND_THRESHOLDS, "")
    best = _best_f1(scores, labels)
    why[best] = "best F1 on these very labels"
    why[threshold] = "in use" + (", and the best F1 on these labels" if best == threshold else "")
    return tuple(_threshold_row(scores, labels, config, t, why[t]) for t in sorted(why))


def _best_f1(scores: FloatArray, labels: NDArray[np.int8]) -> float:
    counts = cumulative_counts(scores, labels)
    hits = counts.n_true_positive
    f1 = 2 * hits / (hits + counts.n_false_positive + counts.n_positive)
    return float(counts.thresholds[1:][np.argmax(f1[1:])])


def _threshold_row(
    scores: FloatArray,
    labels: NDArray[np.int8],
    config: SourceReportConfig,
    threshold: float,
    why: str,
) -> ThresholdRow:
    counts = confusion_counts(scores, labels, threshold=threshold)
    hits: Sequence[float] = (counts.n_true_positive, counts.n_selected, counts.n_positive)
    return ThresholdRow(
        threshold=threshold,
        why=why,
        n_selected=int(counts.n_selected),
        precision=_share(hits[0], hits[1], config.confidence),
        recall=_share(hits[0], hits[2], config.confidence),
        f1=finite_or_none(counts.f1),
    )
