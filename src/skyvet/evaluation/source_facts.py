"""The facts of a report on classes of sources, frozen, and as JSON without NaN.

A figure that cannot be computed (no source of a class) is None, never an invented number.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from skyvet.evaluation.facts import BinFact, CurveFacts, Estimate

__all__ = [
    "BandFacts",
    "ClassFacts",
    "ConfusionCell",
    "FeatureImportance",
    "SourceExample",
    "SourceExampleGroup",
    "SourceReport",
    "ThresholdRow",
]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BandFacts(_Facts):
    """Interval of a curve: `low` to `high` at each `x`."""

    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class ThresholdRow(_Facts):
    """What one threshold selects; `why` says where it comes from."""

    threshold: float
    why: str
    n_selected: int
    precision: Estimate
    recall: Estimate
    f1: float | None


class ConfusionCell(_Facts):
    """Sources of one class that are surely not of another, and the share called the other."""

    tag: str
    called: str
    n: int
    n_called: int
    share: Estimate


class FeatureImportance(_Facts):
    """By how much the log loss of a class rises [nat] when a feature is shuffled."""

    feature: str
    value: float
    spread: float


class SourceExample(_Facts):
    """One source to look at, with its highest scores of other classes and its labels."""

    source_id: int | str
    score: float
    period_d: float | None
    others: tuple[tuple[str, float], ...]
    labels: tuple[str, ...]


class SourceExampleGroup(_Facts):
    """Sources of one outcome."""

    key: str
    title: str
    about: str
    n_total: int
    examples: tuple[SourceExample, ...]


class ClassFacts(_Facts):
    """What was measured of one class.

    `note` says why there are no curves, or what is weak; empty where nothing is. `depth` counts
    the scored classes above.
    """

    tag: str
    name: str
    meaning: str
    parent: str
    depth: int
    n_positive: int
    n_negative: int
    n_undecided: int
    n_not_inspected: int
    note: str
    threshold: float
    threshold_origin: str
    precision: Estimate
    recall: Estimate
    f1: Estimate
    auc: Estimate
    average_precision: Estimate
    ece: Estimate
    brier: Estimate
    roc: CurveFacts | None
    roc_band: BandFacts | None
    precision_recall: CurveFacts | None
    precision_recall_band: BandFacts | None
    reliability: tuple[BinFact, ...]
    histogram_edges: tuple[float, ...]
    histogram_positive: tuple[float, ...]
    histogram_negative: tuple[float, ...]
    thresholds: tuple[ThresholdRow, ...]
    importances: tuple[FeatureImportance, ...]
    importance_note: str
    examples: tuple[SourceExampleGroup, ...]


class SourceReport(_Facts):
    """Every fact of one report; `model_dump(mode="json")` is the file ``report.json``."""

    format_version: int = 1
    kind: str = "sources"
    skyvet_version: str
    title: str
    bundle: str
    taxonomy: str
    protocol: str
    confidence: float
    min_vote: float
    n_resamples: int
    seed: int
    n_scored: int
    n_labelled: int
    n_labels_without_score: int
    n_without_score: int
    n_not_calibrated: int
    notes: tuple[str, ...]
    macro_f1: float | None
    macro_average_precision: float | None
    worst_ece: float | None
    classes: tuple[ClassFacts, ...]
    confusions: tuple[ConfusionCell, ...]
    config: dict[str, object]
