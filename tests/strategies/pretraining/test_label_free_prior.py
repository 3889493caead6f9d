"""The fraction of positives from positives and unlabelled rows."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.strategies.pretraining.label_free_prior import prior_by_best_bin


def scores(prior, *, gap, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    n_real = round(prior * n)
    mixed = np.concatenate([rng.normal(gap, 1, n_real), rng.normal(-gap, 1, n - n_real)])
    return rng.normal(gap, 1, 2000), mixed


@pytest.mark.parametrize("prior", [0.05, 0.3, 0.7, 1.0])
def test_it_finds_the_fraction_of_a_mixture(prior):
    assert prior_by_best_bin(*scores(prior, gap=2.0)) == pytest.approx(prior, abs=0.05)


def test_it_is_a_bound_from_above_where_the_classes_overlap():
    found = prior_by_best_bin(*scores(0.2, gap=0.3))
    assert 0.2 < found < 0.7


def test_no_positive_at_all_gives_nearly_none():
    positive, mixed = scores(0.0, gap=3.0)
    assert prior_by_best_bin(positive, mixed) < 0.02


def test_it_depends_on_the_order_of_scores_alone():
    positive, mixed = scores(0.3, gap=1.0)
    warped = prior_by_best_bin(np.exp(positive), np.exp(mixed))
    assert warped == prior_by_best_bin(positive, mixed)


def test_positives_more_alike_than_real_ones_make_it_too_small():
    rng = np.random.default_rng(0)
    mixed = np.concatenate([rng.normal(2, 1.5, 1200), rng.normal(-4, 1, 2800)])
    assert prior_by_best_bin(rng.normal(2, 0.2, 2000), mixed) < 0.25


@pytest.mark.parametrize(
    ("positive", "unlabelled", "confidence"),
    [([], [1.0], 0.9), ([1.0], [], 0.9), ([1.0], [np.nan], 0.9), ([1.0], [0.0], 1.0)],
)
def test_what_cannot_be_used_is_refused(positive, unlabelled, confidence):
    with pytest.raises(InvalidInputError):
        prior_by_best_bin(positive, unlabelled, confidence=confidence)
