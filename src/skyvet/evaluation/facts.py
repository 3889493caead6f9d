"""The facts of a report: everything on the page, frozen, and as JSON without NaN.

A figure that cannot be computed (a class missing, no rows) is None, never an invented number.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = [
    "BinFact",
    "Comparison",
    "ConfusionFacts",
    "Counts",
    "CurveFacts",
    "Estimate",
    "EvaluationResult",
    "ExampleFact",
    "ExampleGroup",
    "ExplanationFacts",
    "FrameFact",
    "GateFacts",
    "GuiltyFrameFact",
    "HeadlineFigure",
    "InjectionBin",
    "InjectionFacts",
    "KindFact",
    "Outcome",
    "PurityAtRatio",
    "ReviewFacts",
    "Slice",
    "SliceGroup",
    "View",
    "Weighted",
    "Weighting",
    "finite_or_none",
]

Outcome = Literal["PASS", "FAIL", "UNDECIDED"]
Weighting = Literal["counted", "prior"]


def finite_or_none(value: float) -> float | None:
    """Return the number, or None where it is NaN or infinite (JSON knows neither).

    Examples
    --------
    >>> finite_or_none(0.5), finite_or_none(float("nan"))
    (0.5, None)
    """
    return float(value) if math.isfinite(value) else None


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Facts):
    """A figure with its interval; all three None where it cannot be computed."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class HeadlineFigure(_Facts):
    """One row of the headline table."""

    key: str
    name: str
    weighting: Weighting | Literal["none"]
    better: Literal["higher", "lower"]
    meaning: str
    estimate: Estimate


class Comparison(_Facts):
    """The classifier and the survey's own score on the same objects."""

    survey_score_name: str
    n: int
    n_real: int
    n_bogus: int
    note: str
    figures: tuple[HeadlineFigure, ...]
    survey_figures: tuple[HeadlineFigure, ...]
    differences: tuple[HeadlineFigure, ...]
    roc: CurveFacts | None
    survey_roc: CurveFacts | None


class Counts(_Facts):
    """Where every row went; see `skyvet.evaluation.tables.TableCounts`."""

    n_scored: int
    n_unlabelled: int
    n_unknown: int
    n_without_score: int
    n_real: int
    n_bogus: int
    n_labels_without_score: int
    n_snr_missing: int
    n_not_calibrated: int
    n_objects: int


class CurveFacts(_Facts):
    """Points of one curve, thinned for the page; `x` and `y` have one length."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class ConfusionFacts(_Facts):
    """Confusion matrix at the threshold and its rates; sums of weights where weighted."""

    true_positive: float
    false_positive: float
    true_negative: float
    false_negative: float
    purity: float | None
    completeness: float | None


class BinFact(_Facts):
    """One bin of the reliability diagram."""

    low: float
    high: float
    n: int
    mean_score: float
    real_fraction: Estimate


class Weighted(_Facts):
    """What depends on the mix of classes, for one mix."""

    weighting: Weighting
    real_fraction: float
    average_precision: float | None
    ece: float | None
    precision_recall: CurveFacts | None
    confusion: ConfusionFacts
    reliability: tuple[BinFact, ...]
    histogram_edges: tuple[float, ...]
    histogram_real: tuple[float, ...]
    histogram_bogus: tuple[float, ...]


class View(_Facts):
    """Curves of the rows above one S/N cut; `note` says why there are none."""

    key: str
    title: str
    min_snr: float | None
    n: int
    n_real: int
    n_bogus: int
    note: str
    auc: Estimate
    roc: CurveFacts | None
    det: CurveFacts | None
    counted: Weighted | None
    prior: Weighted | None


class Slice(_Facts):
    """One row of a slice table; `note` says what is missing and why."""

    name: str
    n: int
    n_real: int
    n_bogus: int
    completeness: Estimate
    false_positive_rate: Estimate
    auc: Estimate
    purity_at_prior: Estimate
    note: str


class SliceGroup(_Facts):
    """Slices by one property."""

    key: str
    title: str
    about: str
    slices: tuple[Slice, ...]


class GateFacts(_Facts):
    """Answer to the requirement, in figures and in words; `min_snr` is None for no S/N cut."""

    requirement: str
    outcome: Outcome
    sentence: str
    advice: str
    prior: float
    min_snr: float | None
    threshold: float
    min_completeness: float
    min_purity: float
    confidence: float
    n_real: int
    n_bogus: int
    n_left_out: int
    completeness: Estimate
    purity: Estimate
    completeness_outcome: Outcome
    purity_outcome: Outcome
    n_more_real: int | None
    n_more_bogus: int | None


class PurityAtRatio(_Facts):
    """Purity at the threshold when `bogus_per_real` artefacts come with every real one.

    `allowed_false_positive_rate` would give the purity asked for at the completeness asked for;
    `completeness_at_it` is the largest completeness of any threshold with no more.
    """

    bogus_per_real: float
    name: str
    prior: float
    purity: Estimate
    allowed_false_positive_rate: float
    completeness_at_it: float


class ReviewFacts(_Facts):
    """How many verdicts asked for a person, and how good the others were."""

    n_verdicts: int
    n_review: int
    n_decided: int
    n_wrong: int
    review_fraction: Estimate
    error_rate: Estimate


class KindFact(_Facts):
    """Objects labelled bogus that carry one tag.

    Called bogus: the score is below the threshold. `right`: the share of these whose likeliest
    kind is one of their tags.
    """

    name: str
    n: int
    n_called_bogus: int
    called_bogus: Estimate
    right: Estimate


class GuiltyFrameFact(_Facts):
    """Share of objects with a guilty frame among their first `n_first` suspicious frames.

    `by_chance` is the share that frames drawn blindly would give; None where the number of an
    object's frames is not known.
    """

    n_first: int
    found: Estimate
    by_chance: float | None


class ExplanationFacts(_Facts):
    """How good the reasons are: kinds of artefacts that are named, and frames."""

    kinds: tuple[KindFact, ...]
    n_with_guilty_frames: int
    frames: tuple[GuiltyFrameFact, ...]


class FrameFact(_Facts):
    """One suspicious frame of an object: its number in the sequence, time [d, TAI] and evidence."""

    i_frame: int
    mjd_tai: float | None
    evidence: float | None


class ExampleFact(_Facts):
    """One candidate or object to look at; `frames` has the most suspicious frames first."""

    candidate_id: int | str
    object_id: int | str
    score: float
    survey_score: float | None
    snr: float | None
    label_source: str
    label_subclass: str
    verdict: str = ""
    n_frames: int | None = None
    subtype: str = ""
    subtype_probability: float | None = None
    frames: tuple[FrameFact, ...] = ()


class ExampleGroup(_Facts):
    """Candidates of one outcome, most or least confident first."""

    key: str
    title: str
    about: str
    n_total: int
    examples: tuple[ExampleFact, ...]


class InjectionBin(_Facts):
    """Completeness of injected sources in one bin of S/N."""

    snr_low: float
    snr_high: float
    n: int
    completeness: Estimate


class InjectionFacts(_Facts):
    """Completeness against the S/N of injected sources."""

    n: int
    note: str
    bins: tuple[InjectionBin, ...]
    snr_at_50: Estimate
    snr_at_90: Estimate


class EvaluationResult(_Facts):
    """Every fact of one report; `model_dump(mode="json")` is the file ``report.json``."""

    format_version: int = 2
    skyvet_version: str
    title: str
    subject: Literal["candidate", "object"] = "candidate"
    bundles: tuple[str, ...]
    surveys: tuple[str, ...]
    prior: float
    threshold: float
    threshold_origin: str
    confidence: float
    n_resamples: int
    seed: int
    counts: Counts
    notes: tuple[str, ...]
    gate: GateFacts
    headline: tuple[HeadlineFigure, ...]
    comparison: Comparison | None
    views: tuple[View, ...]
    purity_at_ratios: tuple[PurityAtRatio, ...]
    slices: tuple[SliceGroup, ...]
    review: ReviewFacts | None
    explanations: ExplanationFacts | None = None
    examples: tuple[ExampleGroup, ...]
    injections: InjectionFacts | None
    config: dict[str, object]
