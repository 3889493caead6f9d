"""The threshold of a report and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.estimates import effective_counts, estimate
from skyvet.evaluation.facts import PurityAtRatio
from skyvet.evaluation.tables import Sample
from skyvet.scoring.metrics import mdr_at_fpr
from skyvet.scoring.priors import (
    max_fpr,
    prior_from_ratio,
    purity_at_prior,
    purity_interval_at_prior,
)
from skyvet.scoring.thresholds import (
    OperatingPoint,
    threshold_for_completeness,
    threshold_for_fpr,
    threshold_for_purity,
    threshold_for_workload,
)

__all__ = ["WorkingPoint", "choose_threshold", "purity_at_ratios"]

_RATIOS = (1.0, 4.0, 9.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingPoint:
    """A threshold, in words that say how it was found, and what to warn of.

    Parameters
    ----------
    threshold : float
        ``score >= threshold`` is taken for REAL.
    origin : str
        How it was chosen.
    warning : str
        Empty where nothing is doubtful.
    """

    threshold: float
    origin: str
    warning: str = ""


def choose_threshold(sample: Sample, config: EvaluationConfig) -> WorkingPoint:
    """Take the config's threshold or find the one that reaches its target.

    Parameters
    ----------
    sample : Sample
        Labelled candidates; a target needs both classes, else the config's threshold is taken.
    config : EvaluationConfig
        Threshold or target.

    Returns
    -------
    WorkingPoint
    """
    n_real = int(sample.is_real.sum())
    origin = "given" if "threshold" in config.model_fields_set else "the default, none was given"
    if config.target == "none":
        return WorkingPoint(threshold=config.threshold, origin=origin)
    if n_real in (0, len(sample)):
        return WorkingPoint(
            threshold=config.threshold,
            origin=origin,
            warning=(
                f"A threshold for {config.target} {config.target_value:g} needs both classes; "
                f"the threshold {config.threshold:g} was used ({origin})."
            ),
        )
    point = _point_for_target(sample, config)
    warning = "" if point.is_reached else "No threshold reaches the target; this is the nearest."
    return WorkingPoint(
        threshold=min(max(point.threshold, 0.0), 1.0),
        origin=f"chosen on these labels for {config.target} {config.target_value:g}",
        warning=(
            f"{warning} The threshold was chosen on the labels that judge it here, so its purity "
            "and completeness are somewhat optimistic; check them on other labels."
        ).strip(),
    )


def _point_for_target(sample: Sample, config: EvaluationConfig) -> OperatingPoint:
    scores, labels = sample.scores, sample.labels
    value, prior = config.target_value, config.prior
    if config.target == "completeness":
        return threshold_for_completeness(scores, labels, completeness=value, prior=prior)
    if config.target == "fpr":
        return threshold_for_fpr(scores, labels, fpr=value, prior=prior)
    if config.target == "workload":
        return threshold_for_workload(scores, labels, fraction=value, prior=prior)
    return threshold_for_purity(scores, labels, purity=value, prior=prior)


def purity_at_ratios(
    sample: Sample, config: EvaluationConfig, *, threshold: float
) -> tuple[PurityAtRatio, ...]:
    """Purity at the threshold for 1, 4 and 9 bogus per real, and the sample's own ratio.

    Parameters
    ----------
    sample : Sample
        Labelled candidates.
    config : EvaluationConfig
        Confidence level and the purity that is asked for.
    threshold : float
        ``score >= threshold`` is taken for REAL.

    Returns
    -------
    tuple of PurityAtRatio
        Empty where a class is missing.
    """
    counts = effective_counts(sample, threshold=threshold)
    if counts is None:
        return ()
    n_real = int(sample.is_real.sum())
    own = (len(sample) - n_real) / n_real
    rows = [(ratio, "") for ratio in _RATIOS] + [(own, "as counted here")]
    found = []
    for ratio, name in sorted(rows):
        prior = prior_from_ratio(ratio)
        value = purity_at_prior(counts.completeness, counts.fpr, prior=prior)
        interval = purity_interval_at_prior(counts, prior=prior, level=config.confidence)
        allowed = max_fpr(config.min_completeness, config.min_purity, prior=prior)
        missed = mdr_at_fpr(sample.scores, sample.labels, fpr=allowed)
        found.append(
            PurityAtRatio(
                bogus_per_real=ratio,
                name=name,
                prior=prior,
                purity=estimate(value, interval),
                allowed_false_positive_rate=allowed,
                completeness_at_it=1.0 - missed,
            )
        )
    return tuple(found)
