"""Curves, confusion, reliability and histograms of the candidates above each S/N cut."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import auc_of
from skyvet.evaluation.facts import (
    BinFact,
    ConfusionFacts,
    CurveFacts,
    Estimate,
    View,
    Weighted,
    finite_or_none,
)
from skyvet.evaluation.tables import Sample
from skyvet.scoring.curves import average_precision, det_curve, precision_recall_curve, roc_curve
from skyvet.scoring.metrics import confusion_counts
from skyvet.scoring.priors import prior_weights
from skyvet.scoring.reliability import expected_calibration_error, reliability_bins

__all__ = ["curve_facts", "make_views"]

_MAX_POINTS = 240
_MAX_DEVIATE = 3.5


def make_views(sample: Sample, config: EvaluationConfig, *, threshold: float) -> tuple[View, ...]:
    """Measure the sample above every S/N cut of the config.

    Parameters
    ----------
    sample : Sample
        Labelled candidates. A candidate without S/N is above no cut.
    config : EvaluationConfig
        Cuts, prior, bins.
    threshold : float
        ``score >= threshold`` is taken for REAL.

    Returns
    -------
    tuple of View
        One a cut; a single view of everything where no candidate has an S/N.
    """
    if not np.isfinite(sample.snr).any():
        title = "all objects" if sample.subject == "object" else "all candidates (S/N not given)"
        return (_view(sample, config, threshold=threshold, key="all", title=title, cut=None),)
    return tuple(
        _view(
            sample.take(sample.snr > cut),
            config,
            threshold=threshold,
            key=f"snr{cut:g}".replace(".", "_"),
            title=f"S/N > {cut:g}",
            cut=cut,
        )
        for cut in config.snr_cuts
    )


def curve_facts(x: FloatArray, y: FloatArray) -> CurveFacts:
    """Thin a curve to what a page can show, keeping its ends.

    Points are kept at equal steps of the way travelled along the curve, so that no bend is lost.

    Parameters
    ----------
    x, y : ndarray, shape (k,)
        Finite points in order.

    Returns
    -------
    CurveFacts
        At most 240 points.

    Examples
    --------
    >>> len(curve_facts(np.linspace(0, 1, 9999), np.linspace(0, 1, 9999)).x)
    240
    """
    keep = _spaced(x, y)
    return CurveFacts(x=_rounded(x[keep]), y=_rounded(y[keep]))


def _det_facts(sample: Sample) -> CurveFacts:
    """Thin the DET curve along its own stretched axes, which show small rates."""
    curve = det_curve(sample.scores, sample.labels)
    x, y = (np.clip(d, -_MAX_DEVIATE, _MAX_DEVIATE) for d in (curve.fpr_deviate, curve.mdr_deviate))
    keep = _spaced(x, y)
    return CurveFacts(x=_rounded(curve.fpr[keep]), y=_rounded(curve.mdr[keep]))


def _spaced(x: FloatArray, y: FloatArray) -> NDArray[np.intp]:
    """Row numbers of points at equal steps of the way along a curve, both ends among them."""
    if len(x) <= _MAX_POINTS:
        return np.arange(len(x))
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    steps = np.linspace(0.0, way[-1], _MAX_POINTS)
    return np.unique(np.minimum(np.searchsorted(way, steps), len(x) - 1))


def _rounded(values: FloatArray) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)


def _view(
    sample: Sample,
    config: EvaluationConfig,
    *,
    threshold: float,
    key: str,
    title: str,
    cut: float | None,
) -> View:
    n_real = int(sample.is_real.sum())
    n_bogus = len(sample) - n_real
    note = _why_nothing(n_real, n_bogus, one=sample.subject)
    roc = None if note else roc_curve(sample.scores, sample.labels)
    return View(
        key=key,
        title=title,
        min_snr=cut,
        n=len(sample),
        n_real=n_real,
        n_bogus=n_bogus,
        note=note,
        auc=auc_of(sample, level=config.confidence) if not note else Estimate(),
        roc=None if roc is None else curve_facts(roc.fpr, roc.completeness),
        det=None if roc is None else _det_facts(sample),
        counted=None if note else _weighted(sample, config, threshold, "counted"),
        prior=None if note else _weighted(sample, config, threshold, "prior"),
    )


def _why_nothing(n_real: int, n_bogus: int, *, one: str) -> str:
    if n_real + n_bogus == 0:
        return "No labelled candidate lies above this cut, so there is nothing to draw."
    if n_bogus == 0:
        return f"All {n_real} labelled {one}s here are real; a curve needs both classes."
    if n_real == 0:
        return f"All {n_bogus} labelled {one}s here are bogus; a curve needs both classes."
    return ""


def _weighted(
    sample: Sample,
    config: EvaluationConfig,
    threshold: float,
    weighting: Literal["counted", "prior"],
) -> Weighted:
    scores, labels = sample.scores, sample.labels
    is_prior = weighting == "prior"
    weights = prior_weights(labels, prior=config.prior) if is_prior else np.ones(len(sample))
    curve = precision_recall_curve(scores, labels, weights)
    edges = np.linspace(0.0, 1.0, 2 * config.n_bins + 1)
    histogram_weights = weights / weights.sum() if is_prior else weights
    return Weighted(
        weighting=weighting,
        real_fraction=float(weights[sample.is_real].sum() / weights.sum()),
        average_precision=average_precision(scores, labels, weights),
        ece=expected_calibration_error(scores, labels, weights, n_bins=config.n_bins),
        precision_recall=curve_facts(curve.completeness, curve.purity),
        confusion=_confusion(sample, weights, threshold),
        reliability=_reliability(sample, weights, config),
        histogram_edges=_rounded(edges),
        histogram_real=_histogram(sample, histogram_weights, edges, is_real=True),
        histogram_bogus=_histogram(sample, histogram_weights, edges, is_real=False),
    )


def _confusion(sample: Sample, weights: FloatArray, threshold: float) -> ConfusionFacts:
    counts = confusion_counts(sample.scores, sample.labels, threshold=threshold, weights=weights)
    return ConfusionFacts(
        true_positive=counts.n_true_positive,
        false_positive=counts.n_false_positive,
        true_negative=counts.n_true_negative,
        false_negative=counts.n_false_negative,
        purity=finite_or_none(counts.purity),
        completeness=finite_or_none(counts.completeness),
    )


def _reliability(
    sample: Sample, weights: FloatArray, config: EvaluationConfig
) -> tuple[BinFact, ...]:
    bins = reliability_bins(
        sample.scores, sample.labels, weights, n_bins=config.n_bins, level=config.confidence
    )
    return tuple(
        BinFact(
            low=b.low,
            high=b.high,
            n=b.n,
            mean_score=b.mean_score,
            real_fraction=Estimate(
                value=b.observed_fraction, low=b.interval.low, high=b.interval.high
            ),
        )
        for b in bins
    )


def _histogram(
    sample: Sample, weights: FloatArray, edges: FloatArray, *, is_real: bool
) -> tuple[float, ...]:
    rows = sample.is_real == is_real
    heights, _ = np.histogram(sample.scores[rows], bins=edges, weights=weights[rows])
    return tuple(float(height) for height in heights)
