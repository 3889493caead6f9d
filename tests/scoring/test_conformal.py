"""Conformal verdicts: coverage, small samples, and the definition by counting."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.records.scores import Verdict
from skyvet.scoring.conformal import ConformalClassifier, fit_conformal

score_lists = st.lists(st.integers(0, 10).map(lambda n: n / 10), min_size=1, max_size=30)
levels = st.floats(0.01, 0.99)


def fitted_on(real, bogus) -> ConformalClassifier:
    return fit_conformal([*real, *bogus], [1] * len(real) + [0] * len(bogus))


@given(score_lists, score_lists, st.integers(-1, 11).map(lambda n: n / 10))
def test_p_values_are_those_of_counting(real, bogus, score):
    p_real, p_bogus = fitted_on(real, bogus).p_values([score])
    assert p_real[0] == (sum(r <= score for r in real) + 1) / (len(real) + 1)
    assert p_bogus[0] == (sum(b >= score for b in bogus) + 1) / (len(bogus) + 1)


@given(score_lists, score_lists, levels, st.lists(st.floats(-1, 2), min_size=1))
def test_the_review_band_gives_the_same_sets(real, bogus, alpha, scores):
    fitted = fitted_on(real, bogus)
    sets = fitted.predict_sets(scores, alpha=alpha)
    real_from, bogus_to = fitted.review_band(alpha=alpha)
    np.testing.assert_array_equal(sets.holds_real, np.array(scores) >= real_from)
    np.testing.assert_array_equal(sets.holds_bogus, np.array(scores) <= bogus_to)


@given(score_lists, score_lists, levels, levels)
def test_a_stricter_level_never_shrinks_a_set(real, bogus, first, second):
    fitted, scores = fitted_on(real, bogus), np.linspace(-1, 2, 40)
    strict = fitted.predict_sets(scores, alpha=min(first, second))
    loose = fitted.predict_sets(scores, alpha=max(first, second))
    assert (strict.holds_real >= loose.holds_real).all()
    assert (strict.holds_bogus >= loose.holds_bogus).all()


@given(score_lists, score_lists)
def test_a_higher_score_is_never_less_real(real, bogus):
    p_real, p_bogus = fitted_on(real, bogus).p_values(np.linspace(-1, 2, 60))
    assert (np.diff(p_real) >= 0).all()
    assert (np.diff(p_bogus) <= 0).all()


@pytest.mark.parametrize("n", [19, 60, 400])
@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_either_class_is_missed_no_more_often_than_alpha(n, alpha):
    rng = np.random.default_rng(4)
    n_trials = 3000 if n < 100 else 300
    errors = np.zeros(2)
    for _ in range(n_trials):
        fitted = fitted_on(rng.normal(1, 1, n), rng.normal(-1, 1, n))
        errors[0] += np.mean(~fitted.predict_sets(rng.normal(1, 1, 50), alpha=alpha).holds_real)
        errors[1] += np.mean(~fitted.predict_sets(rng.normal(-1, 1, 50), alpha=alpha).holds_bogus)
    errors /= n_trials
    assert (errors <= alpha + 0.005).all()  # simulation noise
    assert (errors >= alpha - 1 / (n + 1) - 0.005).all()  # not needlessly cautious


def test_too_few_labels_send_everything_to_review():
    fitted = fitted_on(np.linspace(0.8, 1, 10), np.linspace(0, 0.2, 10))
    assert fitted.smallest_alpha == pytest.approx(1 / 11)
    sets = fitted.predict_sets([-5.0, 0.5, 5.0], alpha=0.05)
    assert set(sets.verdicts) == {Verdict.REVIEW}
    assert fitted.review_band(alpha=0.05) == (-math.inf, math.inf)
    assert fitted.predict_sets([-5.0, 5.0], alpha=0.1).verdicts == (Verdict.BOGUS, Verdict.REAL)


def test_a_p_value_equal_to_alpha_excludes():
    fitted = fitted_on(np.linspace(0.5, 1, 9), np.linspace(0, 0.5, 9))
    assert fitted.smallest_alpha == 0.1
    assert fitted.predict_sets([-1.0, 2.0], alpha=0.1).verdicts == (Verdict.BOGUS, Verdict.REAL)


def test_a_candidate_unlike_either_class_goes_to_review():
    fitted = fitted_on(np.full(50, 0.9), np.full(50, 0.1))
    sets = fitted.predict_sets([0.5], alpha=0.1)
    assert not sets.holds_real[0]
    assert not sets.holds_bogus[0]
    assert sets.verdicts == (Verdict.REVIEW,)


@given(score_lists, score_lists)
def test_json_brings_the_very_same_classifier_back(real, bogus):
    fitted = fitted_on(real, bogus)
    assert ConformalClassifier.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"real_scores": [1.0]},
        {"real_scores": [], "bogus_scores": [0.0]},
        {"real_scores": [1.0, 0.5], "bogus_scores": [0.0]},
        {"real_scores": [math.nan], "bogus_scores": [0.0]},
        {"real_scores": [1.0], "bogus_scores": ["low"]},
        {"real_scores": [1.0], "bogus_scores": 0.0},
    ],
)
def test_a_damaged_document_is_refused(document):
    with pytest.raises(InvalidInputError):
        ConformalClassifier.from_dict(document)


def test_bad_arguments_are_refused():
    fitted = fitted_on([0.9], [0.1])
    with pytest.raises(InvalidInputError, match="alpha"):
        fitted.predict_sets([0.5], alpha=0.0)
    with pytest.raises(InvalidInputError, match="finite"):
        fitted.predict_sets([math.nan])
    with pytest.raises(InvalidInputError, match="both classes"):
        fit_conformal([0.1, 0.2], [0, 0])
