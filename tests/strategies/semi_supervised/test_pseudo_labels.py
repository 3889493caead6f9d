"""Pseudo-labels, their thresholds and their report."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.semi_supervised.pseudo_labels import (
    LabelSelection,
    PseudoLabelConfig,
    make_pseudo_labels,
    rows_for_purity,
)

PLAIN = PseudoLabelConfig()


def scored(n, *, prior=0.3, seed=0, distance=3.0):
    """Logits that are right as they are: two normals in log likelihood ratio, and their truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < prior).astype(int)
    x = rng.normal(truth * distance, 1.0)
    logits = distance * x - distance**2 / 2 + math.log(prior / (1 - prior))
    return logits, truth


def made(config=PLAIN, *, n_labels=400, over=1.0, **options):
    pool, truth = scored(20_000, seed=1, **options)
    logits, labels = scored(n_labels, seed=2, **options)
    result = make_pseudo_labels(
        over * pool,
        config,
        held_out_logits=over * logits,
        labels=labels,
        weights=np.ones(n_labels),
    )
    return result, truth


@pytest.mark.parametrize("over", [0.3, 1.0, 8.0])
def test_thresholds_reach_their_purity_however_overconfident_the_network(over):
    result, truth = made(over=over, n_labels=2000)
    taught = result.targets
    assert truth[taught > 0.5].mean() == pytest.approx(0.97, abs=0.02)
    assert 1 - truth[taught < 0.5].mean() == pytest.approx(0.97, abs=0.02)


def test_held_out_precision_is_that_of_the_pool():
    result, truth = made(n_labels=4000)
    report = result.report
    assert report.real_precision == pytest.approx(truth[result.targets > 0.5].mean(), abs=0.03)
    assert report.n_real == (result.targets > 0.5).sum()
    assert report.n_bogus == (result.targets < 0.5).sum()


def test_each_class_has_its_own_threshold():
    config = PseudoLabelConfig(real_purity=0.99, bogus_purity=0.9)
    result, truth = made(config, n_labels=4000, distance=1.5)
    report = result.report
    assert report.real_threshold > report.bogus_threshold
    assert report.real_precision > report.bogus_precision
    assert report.n_real_tested / 4000 == pytest.approx(report.n_real / len(truth), abs=0.02)
    assert report.n_bogus_tested / 4000 == pytest.approx(report.n_bogus / len(truth), abs=0.05)


def test_rows_between_the_thresholds_get_nothing():
    result, _ = made(distance=1.0)
    is_given = ~np.isnan(result.targets)
    assert 0 < is_given.mean() < 1
    assert (result.weights[~is_given] == 0).all()


def test_hard_targets_are_classes_and_confidence_weights_fall_towards_one_half():
    config = PseudoLabelConfig(with_soft_targets=False, with_confidence_weights=True)
    result, _ = made(config)
    soft, _ = made()
    given = ~np.isnan(result.targets)
    assert set(np.unique(result.targets[given])) == {0.0, 1.0}
    expected = np.abs(2 * soft.targets[given] - 1)
    np.testing.assert_allclose(result.weights[given], expected, rtol=1e-5)


def test_labels_bought_for_their_score_do_not_bias_the_fraction_of_real():
    logits, labels = scored(30_000, seed=3)
    near = np.argsort(np.abs(logits))[:400]  # least confident: half of them REAL
    spread = np.random.default_rng(0).choice(30_000, 200, replace=False)
    bought = np.union1d(near, spread)
    result = make_pseudo_labels(
        logits,
        PseudoLabelConfig(),
        held_out_logits=logits[bought],
        labels=labels[bought],
        weights=np.ones(len(bought)),
    )
    assert labels[bought].mean() > 0.4
    assert result.report.prior == pytest.approx(labels.mean(), abs=0.03)


def test_labels_drawn_by_class_have_the_fraction_estimated():
    config = PseudoLabelConfig(selection=LabelSelection.BY_CLASS)
    pool, truth = scored(20_000, seed=1, prior=0.1)
    held_out, labels = scored(3000, seed=2, prior=0.5)
    result = make_pseudo_labels(
        pool + math.log(9.0),  # what a network trained on balanced labels says
        config,
        held_out_logits=held_out,
        labels=labels,
        weights=np.ones(3000),
    )
    assert result.report.prior == pytest.approx(truth.mean(), abs=0.02)
    assert truth[result.targets > 0.5].mean() == pytest.approx(0.97, abs=0.02)


def test_purity_counts_the_mean_of_what_is_taken():
    confidence = expit(np.random.default_rng(0).normal(0, 3, 1000))
    taken, threshold = rows_for_purity(confidence, purity=0.9)
    assert confidence[taken].mean() >= 0.9
    one_more = np.sort(confidence[~taken])[-1]
    assert np.append(confidence[taken], one_more).mean() < 0.9
    assert confidence[taken].min() == threshold


@pytest.mark.parametrize("confidence", [np.zeros(0), np.full(5, 0.5), np.full(5, 0.8)])
def test_no_row_is_taken_where_none_is_pure(confidence):
    taken, threshold = rows_for_purity(confidence, purity=0.95)
    assert not taken.any()
    assert threshold == math.inf


def test_precision_is_nan_where_no_label_is_tested():
    logits = np.array([0.1, -0.1, 0.2, -0.2])
    result = make_pseudo_labels(
        logits,
        PseudoLabelConfig(),
        held_out_logits=logits,
        labels=np.array([0, 1, 1, 0]),
        weights=np.ones(4),
    )
    assert math.isnan(result.report.real_precision)
    assert np.isnan(result.targets).all()


def test_an_empty_pool_gets_no_pseudo_labels():
    logits, labels = scored(50)
    result = make_pseudo_labels(
        np.zeros(0),
        PseudoLabelConfig(),
        held_out_logits=logits,
        labels=labels,
        weights=np.ones(50),
    )
    assert len(result.targets) == 0
    assert result.report.prior == pytest.approx(labels.mean())


def test_one_class_of_labels_is_refused():
    with pytest.raises(InvalidInputError):
        make_pseudo_labels(
            np.zeros(3),
            PseudoLabelConfig(),
            held_out_logits=np.zeros(2),
            labels=np.ones(2, int),
            weights=np.ones(2),
        )
