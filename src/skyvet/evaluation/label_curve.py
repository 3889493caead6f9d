"""What labels buy: figures of merit against the number of labels spent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.evaluation.estimates import estimate
from skyvet.evaluation.facts import Estimate
from skyvet.scoring.curves import average_precision, roc_auc
from skyvet.scoring.intervals import (
    Statistic,
    auc_interval,
    bootstrap_intervals,
    effective_trials,
    wilson_interval,
)
from skyvet.scoring.metrics import brier_score, confusion_counts, mdr_at_fpr
from skyvet.scoring.reliability import expected_calibration_error

__all__ = [
    "CURVE_FIGURES",
    "CurveFigure",
    "CurvePoint",
    "LabelCurve",
    "curve_table",
    "measure_figures",
]

_THRESHOLD = 0.5
_LEVEL = 0.95


class CurveFigure(NamedTuple):
    """One figure of merit of a label curve.

    Attributes
    ----------
    key, name : str
        In tables, and for people.
    better : {"higher", "lower"}
        Which way is better.
    """

    key: str
    name: str
    better: Literal["higher", "lower"]


CURVE_FIGURES = (
    CurveFigure("mcc", "MCC", "higher"),
    CurveFigure("auc", "ROC AUC", "higher"),
    CurveFigure("average_precision", "Average precision", "higher"),
    CurveFigure("accuracy", "Accuracy", "higher"),
    CurveFigure("precision", "Precision", "higher"),
    CurveFigure("recall", "Recall", "higher"),
    CurveFigure("f1", "F1", "higher"),
    CurveFigure("mdr_at_fpr_1", "Missed REAL at 1% false positives", "lower"),
    CurveFigure("brier", "Brier score", "lower"),
    CurveFigure("ece", "Calibration error", "lower"),
)
"""The figures, in the order in which they are shown; thresholded ones at a probability of 0.5."""


class CurvePoint(Config):
    """State after some labels.

    Parameters
    ----------
    n_labels : int
        Labels spent, UNKNOWN among them.
    n_real, n_bogus, n_unknown : int
        What they were.
    figures : mapping of str to Estimate
        By key of `CURVE_FIGURES`; empty where nothing could be learnt yet.
    """

    n_labels: int = Field(ge=0)
    n_real: int = Field(ge=0)
    n_bogus: int = Field(ge=0)
    n_unknown: int = Field(default=0, ge=0)
    figures: dict[str, Estimate] = Field(default_factory=dict)


class LabelCurve(Config):
    """Points of one run, in order of the labels spent.

    Parameters
    ----------
    name : str
        Of the run: learner, strategy.
    points : tuple of CurvePoint
        One a round.
    """

    name: str
    points: tuple[CurvePoint, ...] = ()


def measure_figures(
    probability: FloatArray,
    labels: IntArray,
    *,
    groups: NDArray[Any],
    seed: int = 0,
    n_resamples: int = 400,
) -> dict[str, Estimate]:
    """Return all figures of a curve with 95 % intervals.

    Rates have Wilson's interval at the effective number of objects, the AUC Newcombe's, the others
    the bootstrap's over objects.

    Parameters
    ----------
    probability : ndarray, shape (n,)
        Probability of REAL, in [0, 1], of candidates that nothing was learnt from.
    labels : ndarray, shape (n,)
        1 = REAL, 0 = BOGUS.
    groups : ndarray, shape (n,)
        Object of each row.
    seed : int, default 0
        Of the bootstrap.
    n_resamples : int, default 400
        Of the bootstrap.

    Returns
    -------
    dict of str to Estimate
        Without values where a figure is not defined (one class only, nothing called REAL).

    Raises
    ------
    InvalidInputError
        If arrays differ in length or are out of range.

    Examples
    --------
    >>> found = measure_figures(
    ...     np.array([0.9, 0.2, 0.7, 0.4]), np.array([1, 0, 1, 1]), groups=np.arange(4)
    ... )
    >>> found["precision"].value, round(found["recall"].value, 3)
    (1.0, 0.667)
    """
    wide, judged = probability.astype(np.float64), labels.astype(np.int8)
    figures = dict.fromkeys((figure.key for figure in CURVE_FIGURES), Estimate())
    figures |= _rates(probability, labels, groups)
    statistics = _defined(_statistics(), wide, judged)
    if len(np.unique(labels)) == 2:
        value = roc_auc(probability, labels)
        n_real, n_bogus = (len(np.unique(groups[labels == value])) for value in (1, 0))
        figures["auc"] = estimate(
            value, auc_interval(value, n_positive=n_real, n_negative=n_bogus, level=_LEVEL)
        )
    if len(np.unique(groups)) > 1 and statistics:
        intervals = bootstrap_intervals(
            statistics,
            probability,
            labels,
            rng=np.random.default_rng(seed),
            groups=groups,
            n_resamples=n_resamples,
            level=_LEVEL,
        )
        for key, statistic in statistics.items():
            figures[key] = estimate(statistic(wide, judged), intervals[key])
    return figures


def _rates(probability: FloatArray, labels: IntArray, groups: NDArray[Any]) -> dict[str, Estimate]:
    """Return figures that are fractions of rows."""
    is_real = labels == 1
    is_called = probability >= _THRESHOLD
    parts: dict[str, tuple[BoolArray, BoolArray]] = {
        "accuracy": (is_called == is_real, np.ones(len(labels), dtype=np.bool_)),
        "precision": (is_real, is_called),
        "recall": (is_called, is_real),
    }
    return {key: _rate(right[of], groups[of]) for key, (right, of) in parts.items()}


def _rate(is_right: BoolArray, groups: NDArray[Any]) -> Estimate:
    if len(is_right) == 0:
        return Estimate()
    rate = float(np.mean(is_right))
    n = effective_trials(is_right, groups)
    return estimate(rate, wilson_interval(rate * n, n, level=_LEVEL))


def _statistics() -> dict[str, Statistic]:
    return {
        "mcc": lambda p, y: confusion_counts(p, y, threshold=_THRESHOLD).mcc,
        "f1": lambda p, y: confusion_counts(p, y, threshold=_THRESHOLD).f1,
        "average_precision": average_precision,
        "mdr_at_fpr_1": lambda p, y: mdr_at_fpr(p, y, fpr=0.01),
        "brier": brier_score,
        "ece": expected_calibration_error,
    }


def _defined(
    statistics: Mapping[str, Statistic], probability: NDArray[np.float64], labels: NDArray[np.int8]
) -> dict[str, Statistic]:
    """Return the statistics that have a value on these rows."""
    if len(labels) == 0:
        return {}
    needs_both = {"average_precision", "mdr_at_fpr_1"}
    has_both = len(np.unique(labels)) == 2
    return {
        key: statistic
        for key, statistic in statistics.items()
        if (has_both or key not in needs_both) and math.isfinite(statistic(probability, labels))
    }


def curve_table(curves: Sequence[LabelCurve]) -> pa.Table:
    """Return curves as one table: a row a point and figure.

    Parameters
    ----------
    curves : sequence of LabelCurve
        Runs to be compared.

    Returns
    -------
    Table
        Columns run, round, n_labels, n_real, n_bogus, n_unknown, figure, value, low, high; value
        and ends are null where the figure is not defined.

    Examples
    --------
    >>> point = CurvePoint(n_labels=10, n_real=4, n_bogus=6, figures={"mcc": Estimate(value=0.5)})
    >>> table = curve_table([LabelCurve(name="random", points=(point,))])
    >>> table.num_rows, table["figure"][0].as_py(), table["value"][0].as_py()
    (10, 'mcc', 0.5)
    """
    rows = [
        {
            "run": curve.name,
            "round": i_round,
            **point.model_dump(include={"n_labels", "n_real", "n_bogus", "n_unknown"}),
            "figure": figure.key,
            **point.figures.get(figure.key, Estimate()).model_dump(),
        }
        for curve in curves
        for i_round, point in enumerate(curve.points)
        for figure in CURVE_FIGURES
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


_SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("round", pa.int64()),
        ("n_labels", pa.int64()),
        ("n_real", pa.int64()),
        ("n_bogus", pa.int64()),
        ("n_unknown", pa.int64()),
        ("figure", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)
