"""Calibrators: laws for every method, and scikit-learn or SciPy as the independent fit."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.calibration import (
    CalibrationMethod,
    calibrator_from_dict,
    fit_calibrator,
    select_calibrator,
)
from skyvet.scoring.metrics import log_loss
from skyvet.scoring.priors import prior_weights
from skyvet.scoring.reliability import expected_calibration_error

METHODS = list(CalibrationMethod)


def sample(seed: int, n: int, *, slope: float = 0.4, shift: float = -1.0):
    """Logits whose true probability is expit(slope * logit + shift)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, n)
    return logits, (rng.random(n) < expit(slope * logits + shift)).astype(int)


def smoothed(labels):
    n_real, n_bogus = labels.sum(), (1 - labels).sum()
    return np.where(labels == 1, (n_real + 1) / (n_real + 2), 1 / (n_bogus + 2))


@st.composite
def labelled_logits(draw: st.DrawFn):
    n = draw(st.integers(2, 30))
    numbers = st.floats(-50, 50) | st.integers(-3, 3).map(float)
    logits = draw(st.lists(numbers, min_size=n, max_size=n))
    labels = draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))
    return np.array(logits), np.array([True, False, *labels]).astype(int)


@settings(deadline=None)
@given(labelled_logits(), st.sampled_from(METHODS), st.lists(st.floats(-1e9, 1e9), min_size=2))
def test_no_method_reverses_a_ranking_or_leaves_the_unit_interval(data, method, new):
    fitted = fit_calibrator(method, *data)
    logits = np.sort(np.r_[new, data[0]])
    probabilities = fitted.probability(logits)
    assert probabilities.dtype == np.float64
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (np.diff(probabilities) >= -1e-15).all()  # expit itself is right to the last place


@settings(deadline=None)
@given(labelled_logits(), st.sampled_from(METHODS))
def test_json_brings_the_very_same_calibrator_back(data, method):
    fitted = fit_calibrator(method, *data)
    back = calibrator_from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert back == fitted
    np.testing.assert_array_equal(back.probability(data[0]), fitted.probability(data[0]))


@settings(deadline=None)
@given(labelled_logits(), st.sampled_from(METHODS))
def test_order_of_rows_changes_nothing_that_matters(data, method):
    logits, labels = data
    first = fit_calibrator(method, logits, labels).probability(logits)
    second = fit_calibrator(method, logits[::-1], labels[::-1]).probability(logits)
    np.testing.assert_allclose(first, second, atol=1e-6)  # stopping point of the Newton steps


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_weight_equals_repeated_rows(method):
    logits, labels = sample(3, 120)
    times = np.arange(120) % 3 + 1
    weighted = fit_calibrator(method, logits, labels, weights=times)
    repeated = fit_calibrator(method, np.repeat(logits, times), np.repeat(labels, times))
    np.testing.assert_allclose(
        weighted.probability(logits), repeated.probability(logits), atol=1e-9
    )


def test_platt_equals_that_of_scikit_learn():
    logits, labels = sample(0, 400)
    theirs = _SigmoidCalibration().fit(logits, labels).predict(logits)
    ours = fit_calibrator("platt", logits, labels).probability(logits)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)  # theirs stops at a loose gradient


def test_temperature_equals_unpenalised_logistic_regression_on_smoothed_targets():
    logits, labels = sample(1, 300, shift=0.0)
    targets = smoothed(labels)
    both = np.r_[logits, logits][:, None]
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
    model.fit(both, np.r_[np.ones(300), np.zeros(300)], sample_weight=np.r_[targets, 1 - targets])
    fitted = fit_calibrator("temperature", logits, labels)
    assert fitted.slope == pytest.approx(float(model.coef_[0, 0]), rel=1e-5)  # their tolerance


@pytest.mark.parametrize("seed", range(6))
def test_beta_equals_a_bounded_search_of_scipy(seed):
    logits, labels = sample(seed, 80, slope=0.3 * seed - 0.5)  # some seeds point the wrong way
    features = np.column_stack([log_expit(logits), -log_expit(-logits), np.ones(80)])
    targets = smoothed(labels)

    def loss(parameters):
        activation = features @ parameters
        return np.sum(np.logaddexp(0, activation) - targets * activation)

    bounds = [(0, None), (0, None), (None, None)]
    best = min(
        (
            minimize(loss, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15})
            for start in ([0.0, 0.0, 0.0], [1.0, 1.0, 0.0])
        ),
        key=lambda found: found.fun,
    )
    fitted = fit_calibrator("beta", logits, labels)
    ours = loss([fitted.slope_low, fitted.slope_high, fitted.intercept])
    assert ours == pytest.approx(best.fun, abs=1e-5)  # its finite-difference gradient
    assert ours <= best.fun + 1e-9  # never worse


def test_isotonic_equals_that_of_scikit_learn():
    logits, labels = sample(2, 300)
    logits = np.round(logits, 1)  # ties
    model = IsotonicRegression(out_of_bounds="clip").fit(logits, smoothed(labels))
    new = np.linspace(-15, 15, 1001)
    fitted = fit_calibrator("isotonic", logits, labels)
    np.testing.assert_allclose(fitted.probability(new), model.predict(new), atol=1e-12)


@pytest.mark.parametrize("method", [m for m in METHODS if m != CalibrationMethod.IDENTITY])
def test_many_labels_bring_back_the_true_probabilities(method):
    logits, labels = sample(5, 40_000, shift=0.0)
    fitted = fit_calibrator(method, logits, labels)
    new = np.linspace(-6, 6, 50)
    np.testing.assert_allclose(fitted.probability(new), expit(0.4 * new), atol=0.04)  # sampling


@pytest.mark.parametrize("method", METHODS[1:])
def test_twenty_perfectly_separated_labels_do_not_give_certainty(method):
    logits = np.r_[np.linspace(1, 5, 10), np.linspace(-5, -1, 10)]
    fitted = fit_calibrator(method, logits, np.r_[np.ones(10), np.zeros(10)])
    probabilities = fitted.probability([-5.0, 5.0])
    assert 0.0 < probabilities[0] < 0.3
    assert 0.7 < probabilities[1] < 1.0
    assert np.isfinite(fitted.probability([-1e30, 1e30])).all()


@pytest.mark.parametrize("method", METHODS[1:])
def test_logits_that_point_the_wrong_way_are_flattened(method):
    logits, labels = sample(6, 500, slope=-2.0, shift=0.0)
    probabilities = fit_calibrator(method, logits, labels).probability([-8.0, 8.0])
    assert probabilities[1] - probabilities[0] < 0.1
    assert 0.35 < probabilities[0] < 0.6


@pytest.mark.parametrize("method", METHODS)
def test_constant_logits_give_one_probability(method):
    labels = np.array([1, 0, 0, 0] * 5)
    probability = fit_calibrator(method, np.full(20, 2.0), labels).probability([2.0])[0]
    assert 0 < probability < 1
    if method in ("platt", "beta", "isotonic"):
        assert probability == pytest.approx(smoothed(labels).mean(), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_is_refused(method, label):
    with pytest.raises(InvalidInputError, match="both classes"):
        fit_calibrator(method, [1.0, 2.0], [label, label])


def test_prior_weights_calibrate_for_that_prior():
    rng = np.random.default_rng(7)
    labels = np.arange(20_000) % 2
    logits = rng.normal(2.0 * labels - 1.0, 1.0)  # at prior 1/2 the log odds are 2 * logit
    fitted = fit_calibrator("platt", logits, labels, weights=prior_weights(labels, prior=0.1))
    expected = expit(2 * 0.5 + math.log(0.1 / 0.9))
    assert fitted.probability([0.5])[0] == pytest.approx(expected, abs=0.01)  # sampling


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(method, bad):
    fitted = fit_calibrator(method, *sample(8, 30))
    with pytest.raises(InvalidInputError, match="1 NaN or infinite of 2"):
        fitted.probability([0.0, bad])


@pytest.mark.parametrize("method", METHODS)
def test_shape_is_kept_and_empty_is_fine(method):
    fitted = fit_calibrator(method, *sample(9, 30))
    assert fitted.probability(np.zeros((2, 3), dtype=np.float32)).shape == (2, 3)
    assert fitted.probability([]).shape == (0,)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"method": "magic"},
        {"method": "temperature"},
        {"method": "temperature", "slope": -1.0},
        {"method": "temperature", "slope": "steep"},
        {"method": "temperature", "slope": 1.0, "extra": 2.0},
        {"method": "platt", "slope": 1.0, "intercept": math.nan},
        {"method": "isotonic", "knot_logits": [1.0, 0.0], "knot_probabilities": [0.1, 0.2]},
        {"method": "isotonic", "knot_logits": [0.0, 1.0], "knot_probabilities": [0.2, 0.1]},
        {"method": "isotonic", "knot_logits": [], "knot_probabilities": []},
    ],
)
def test_a_damaged_document_is_refused(document):
    with pytest.raises(InvalidInputError):
        calibrator_from_dict(document)


def test_an_unknown_method_is_named_with_the_choices():
    with pytest.raises(InvalidInputError, match="identity, temperature, platt, beta, isotonic"):
        fit_calibrator("histogram", *sample(0, 20))


def test_calibration_lowers_the_error_on_new_data():
    logits, labels = sample(10, 600)
    new_logits, new_labels = sample(11, 4000)
    raw = expected_calibration_error(expit(new_logits), new_labels)
    for method in ("platt", "beta", "isotonic"):
        fitted = fit_calibrator(method, logits, labels).probability(new_logits)
        assert expected_calibration_error(fitted, new_labels) < raw / 2


def test_the_chooser_prefers_the_method_that_made_the_data():
    logits, labels = sample(12, 2000)
    choice = select_calibrator(logits, labels, rng=np.random.default_rng(0))
    losses = choice.log_losses
    assert choice.method in ("platt", "beta")
    assert losses[CalibrationMethod.PLATT] < losses[CalibrationMethod.TEMPERATURE]
    assert choice.calibrator == fit_calibrator(choice.method, logits, labels)
    assert losses[choice.method] == min(losses.values())


def test_the_chooser_keeps_objects_whole():
    # Each object's rows share one logit and one random label: only memory can use the logit.
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 20)
    logits, labels = np.repeat(rng.normal(0, 4, 60), 20), np.repeat(rng.integers(0, 2, 60), 20)
    split = {
        name: select_calibrator(
            logits, labels, groups=used, methods=["isotonic"], rng=np.random.default_rng(2)
        ).log_losses[CalibrationMethod.ISOTONIC]
        for name, used in {"objects": groups, "rows": None}.items()
    }
    assert split["objects"] > split["rows"]


def test_the_choosers_loss_is_that_of_held_out_rows():
    logits, labels = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1])
    choice = select_calibrator(
        logits, labels, methods=["identity"], rng=np.random.default_rng(0), n_folds=2
    )
    expected = log_loss(expit(logits), labels)
    assert choice.log_losses[CalibrationMethod.IDENTITY] == pytest.approx(expected)
    assert choice.n_folds == 2


@settings(deadline=None, max_examples=50)
@given(labelled_logits(), st.integers(2, 8), st.integers(0, 1000))
def test_the_chooser_never_meets_a_training_part_of_one_class(data, n_groups, seed):
    logits, labels = data
    groups = np.random.default_rng(seed).integers(0, n_groups, len(labels))
    objects = [len(np.unique(groups[labels == label])) for label in (0, 1)]
    rng = np.random.default_rng(seed)
    if min(objects) < 2:
        with pytest.raises(InvalidInputError, match="2 objects of each class"):
            select_calibrator(logits, labels, groups=groups, rng=rng, methods=["platt"])
    else:
        choice = select_calibrator(logits, labels, groups=groups, rng=rng, methods=["platt"])
        assert math.isfinite(choice.log_losses[CalibrationMethod.PLATT])


@pytest.mark.parametrize("seed", range(20))
def test_an_object_of_both_classes_stays_apart_from_the_only_other_real_one(seed):
    labels = np.array([1, 1, 0, 0, 0, 0])
    groups = np.array(["real", "both", "both", "b1", "b2", "b3"])
    choice = select_calibrator(
        np.arange(6.0), labels, groups=groups, methods=["platt"], rng=np.random.default_rng(seed)
    )
    assert choice.n_folds == 2


@pytest.mark.parametrize("methods", [["identity", "temperature"], ["temperature", "identity"]])
def test_equal_losses_go_to_the_method_named_first(methods):
    choice = select_calibrator(
        np.zeros(40), np.arange(40) % 2, methods=methods, rng=np.random.default_rng(3)
    )
    assert choice.method == methods[0]


def test_choosing_among_nothing_is_refused():
    logits, labels = sample(13, 40)
    with pytest.raises(InvalidInputError, match="at least 1 method"):
        select_calibrator(logits, labels, methods=[], rng=np.random.default_rng(3))
