"""Estimates of the fraction of REAL."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.prior_estimates import prior_by_counts, prior_by_em


def balanced_probability(n, prior, seed=0):
    """Exact posteriors for equal classes, of a sample with another fraction of REAL."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < prior
    x = rng.normal(truth * 2.0, 1.0)
    return expit(2.0 * x - 2.0), truth


@pytest.mark.parametrize("prior", [0.02, 0.3, 0.5, 0.9])
def test_em_finds_the_fraction(prior):
    probability, truth = balanced_probability(20_000, prior)
    assert prior_by_em(probability, from_prior=0.5) == pytest.approx(truth.mean(), abs=0.015)


def test_em_maximises_the_likelihood():
    probability, _ = balanced_probability(2000, 0.2)
    ratio = probability / (1 - probability)

    def cost(prior):
        return -np.log(prior * ratio + 1 - prior).sum()

    best = minimize_scalar(cost, bounds=(1e-4, 1 - 1e-4), method="bounded").x
    assert prior_by_em(probability, from_prior=0.5) == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("from_prior", [0.1, 0.8])
def test_em_undoes_the_fraction_that_the_scores_were_made_for(from_prior):
    balanced, truth = balanced_probability(20_000, 0.3)
    odds = balanced / (1 - balanced) * from_prior / (1 - from_prior)
    estimate = prior_by_em(odds / (1 + odds), from_prior=from_prior)
    assert estimate == pytest.approx(truth.mean(), abs=0.015)


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 1e-5), (1.0, 1 - 1e-5, 1.0)])
def test_em_stays_inside_where_all_rows_agree(value, low, high):
    assert low <= prior_by_em(np.full(10, value), from_prior=0.3) <= high


@pytest.mark.parametrize("bad", [[], [math.nan], [1.2]])
def test_em_refuses_what_is_no_probability(bad):
    with pytest.raises(InvalidInputError):
        prior_by_em(bad, from_prior=0.5)


@pytest.mark.parametrize("prior", [0.0, 0.2, 1.0])
def test_counts_undo_the_errors(prior):
    passed = 0.8 * prior + 0.1 * (1 - prior)
    assert prior_by_counts(passed, completeness=0.8, fpr=0.1) == pytest.approx(prior)


def test_counts_outside_of_what_is_possible_are_cut():
    assert prior_by_counts(0.05, completeness=0.8, fpr=0.1) == 0.0


def test_counts_of_a_useless_threshold_are_refused():
    with pytest.raises(InvalidInputError, match="exceed"):
        prior_by_counts(0.5, completeness=0.4, fpr=0.4)
