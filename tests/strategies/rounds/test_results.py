"""What a run says of itself: a classifier that learnt nothing is called that."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.evaluation.label_curve import CurvePoint, LabelCurve, measure_figures
from skyvet.strategies.rounds.loop import RoundsResult
from skyvet.strategies.rounds.records import RoundRecord
from skyvet.strategies.rounds.results import learning_warning, round_rows

LABELS = np.arange(200) % 2
NOTHING = RoundsResult(records=(), curve=LabelCurve(name="run"), n_missing=0, bundle=None)


def result_of(probability, labels=LABELS, *, has_bundle=False, n_unknown=0):
    groups = np.arange(len(labels))
    figures = measure_figures(probability, labels, groups=groups, n_resamples=20)
    point = CurvePoint(n_labels=9, n_real=4, n_bogus=5, n_unknown=n_unknown, figures=figures)
    record = RoundRecord(
        i_round=1,
        point=point,
        judged_on="test",
        n_asked=0,
        asked_by="random",
        has_bundle=has_bundle,
        seconds=1.0,
    )
    curve = LabelCurve(name="run", points=(point,))
    return RoundsResult(records=(record,), curve=curve, n_missing=0, bundle=None)


def test_a_classifier_that_learnt_raises_no_warning():
    assert learning_warning(result_of(np.where(LABELS, 0.9, 0.1))) == ""


def test_a_run_without_figures_raises_no_warning():
    assert learning_warning(NOTHING) == ""


@pytest.mark.parametrize("has_bundle", [True, False])
def test_a_classifier_at_chance_is_called_that(has_bundle):
    probability = np.random.default_rng(0).random(200)
    warning = learning_warning(result_of(probability, has_bundle=has_bundle))
    assert "round 1 learnt nothing" in warning
    assert ("do not use its bundle" in warning) == has_bundle


@pytest.mark.parametrize(
    ("probability", "labels", "reason"),
    [
        (np.full(200, 0.3), LABELS, "nothing was called REAL"),
        (np.full(200, 0.8), LABELS, "every candidate got the same verdict"),
        (np.full(200, 0.8), np.ones(200, dtype=int), "all of one class"),
    ],
)
def test_a_figure_without_a_value_has_its_reason(probability, labels, reason):
    warning = learning_warning(result_of(probability, labels))
    assert reason in warning
    assert "MCC" in warning


def test_unknown_labels_have_a_column_only_where_there_are_any():
    for n_unknown in (0, 2):
        headings, rows = round_rows(result_of(np.where(LABELS, 0.9, 0.1), n_unknown=n_unknown))
        assert ("unknown" in headings) == bool(n_unknown)
        assert {len(row) for row in rows} == {len(headings)}
