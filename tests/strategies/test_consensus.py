"""Dawid and Skene's consensus against brute force and labellers of known error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from skyvet.core.errors import InvalidInputError
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.strategies.consensus import Ratings, dawid_skene, ratings_of
from skyvet.strategies.consensus_configs import DawidSkeneConfig


def ratings(labels):
    labels = np.asarray(labels, dtype=int)
    return Ratings(
        candidates=tuple(("ztf", i) for i in range(labels.shape[0])),
        labellers=tuple(f"l{k}" for k in range(labels.shape[1])),
        labels=labels,
    )


def simulated(n, *, right_of_bogus, right_of_real, seed=0, gaps=0.2, prevalence=0.4):
    """Labels of labellers who are right with these probabilities, and the truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < prevalence).astype(int)
    right = np.where(truth[:, None] == 1, right_of_real, right_of_bogus)
    labels = np.where(rng.random(right.shape) < right, truth[:, None], 1 - truth[:, None])
    labels[rng.random(right.shape) < gaps] = -1
    return labels, truth


def log_posterior(labels, confusions, prevalence, smoothing):
    """Sum over both classes of every candidate, written out."""
    total = 0.0
    for row in labels:
        if (row < 0).all():
            continue
        likelihood = 0.0
        for truth, share in ((0, 1 - prevalence), (1, prevalence)):
            said = [confusions[k][truth][b] for k, b in enumerate(row) if b >= 0]
            likelihood += share * np.prod(said)
        total += np.log(likelihood)
    for table in confusions:
        total += smoothing * (2 * np.log(table[0][0]) + np.log(table[0][1]))
        total += smoothing * (np.log(table[1][0]) + 2 * np.log(table[1][1]))
    return total + smoothing * (np.log(prevalence) + np.log(1 - prevalence))


def test_em_finds_the_maximum_that_a_general_optimiser_finds():
    labels, _ = simulated(
        60, right_of_bogus=[0.9, 0.8, 0.7], right_of_real=[0.85, 0.75, 0.9], seed=1
    )
    config = DawidSkeneConfig(smoothing=0.5, tolerance=1e-12, n_iterations=5000)
    found = dawid_skene(ratings(labels), config)

    def loss(free):
        right = expit(free[1:]).reshape(3, 2)
        tables = [[[a, 1 - a], [1 - b, b]] for a, b in right]
        return -log_posterior(labels, tables, expit(free[0]), 0.5)

    best = minimize(loss, np.r_[0.0, np.full(6, 1.5)], tol=1e-10)
    assert found.log_posterior[-1] == pytest.approx(-best.fun, abs=1e-5)
    right = expit(best.x[1:]).reshape(3, 2)
    np.testing.assert_allclose(found.confusions[:, [0, 1], [0, 1]], right, atol=2e-3)
    assert found.prevalence == pytest.approx(expit(best.x[0]), abs=2e-3)


def test_every_round_of_em_climbs():
    labels, _ = simulated(80, right_of_bogus=[0.7, 0.6, 0.9], right_of_real=[0.8, 0.7, 0.6])
    found = dawid_skene(ratings(labels))
    assert found.is_converged
    assert (np.diff(found.log_posterior) > -1e-9).all()
    assert len(found.log_posterior) > 3


def test_labellers_of_known_error_are_recovered():
    right_of_bogus, right_of_real = [0.95, 0.8, 0.7, 0.6], [0.9, 0.85, 0.6, 0.95]
    labels, truth = simulated(
        6000, right_of_bogus=right_of_bogus, right_of_real=right_of_real, seed=2
    )
    found = dawid_skene(ratings(labels))
    np.testing.assert_allclose(found.confusions[:, 0, 0], right_of_bogus, atol=0.03)
    np.testing.assert_allclose(found.confusions[:, 1, 1], right_of_real, atol=0.03)
    assert found.prevalence == pytest.approx(truth.mean(), abs=0.02)
    # A probability means what it says: among candidates near p, a share p is real.
    near = (found.probability_real > 0.6) & (found.probability_real < 0.9)
    assert truth[near].mean() == pytest.approx(found.probability_real[near].mean(), abs=0.06)


def test_consensus_beats_the_majority_where_labellers_differ_in_skill():
    skill = [0.97, 0.6, 0.6, 0.6, 0.6]
    labels, truth = simulated(3000, right_of_bogus=skill, right_of_real=skill, gaps=0.0, seed=3)
    majority = (labels.mean(axis=1) > 0.5).astype(int)
    found = dawid_skene(ratings(labels)).labels
    assert (found == truth).mean() > (majority == truth).mean() + 0.1


def test_labeller_who_is_mostly_wrong_is_read_the_other_way_round():
    skill = [0.9, 0.9, 0.1]
    labels, truth = simulated(2000, right_of_bogus=skill, right_of_real=skill, gaps=0.0, seed=4)
    found = dawid_skene(ratings(labels))
    assert found.confusions[2, 0, 0] < 0.2
    assert (found.labels == truth).mean() > 0.95


def test_one_labeller_is_followed():
    found = dawid_skene(ratings([[1], [0], [0], [-1], [0]]))
    assert found.labels.tolist() == [1, 0, 0, -1, 0]


def test_unknown_says_nothing_of_candidate_or_labeller():
    labels, _ = simulated(50, right_of_bogus=[0.9, 0.8], right_of_real=[0.8, 0.9])
    alone = dawid_skene(ratings(labels))
    silent = np.c_[labels, np.full(50, -1)]
    more = dawid_skene(ratings(np.r_[silent, np.full((3, 3), -1)]))
    np.testing.assert_allclose(more.probability_real[:50], alone.probability_real, atol=1e-9)
    assert np.isnan(more.probability_real[50:]).all()
    np.testing.assert_allclose(more.confusions[2], [[2 / 3, 1 / 3], [1 / 3, 2 / 3]])


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_alone_stays_that_class(value):
    found = dawid_skene(ratings(np.full((6, 3), value)))
    assert (found.labels == value).all()
    assert np.isfinite(found.log_posterior).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (3, 2)])
def test_nothing_said_gives_nothing(shape):
    found = dawid_skene(ratings(np.full(shape, -1)))
    assert np.isnan(found.probability_real).all()
    assert found.confusions.shape == (shape[1], 2, 2)
    assert found.is_converged


def test_result_does_not_depend_on_the_order_of_labellers_and_candidates():
    labels, _ = simulated(70, right_of_bogus=[0.9, 0.7, 0.8], right_of_real=[0.7, 0.9, 0.6])
    rows, columns = np.random.default_rng(0).permutation(70), [2, 0, 1]
    found, other = dawid_skene(ratings(labels)), dawid_skene(ratings(labels[rows][:, columns]))
    np.testing.assert_allclose(other.probability_real, found.probability_real[rows], atol=1e-6)
    np.testing.assert_allclose(other.confusions, found.confusions[columns], atol=1e-6)


def test_ratings_are_laid_out_by_candidate_and_labeller():
    def event(candidate_id, labeller, value, survey="ztf"):
        return LabelEvent(survey=survey, candidate_id=candidate_id, labeller=labeller, value=value)

    found = ratings_of(
        [
            event(7, "bo", LabelValue.REAL),
            event("7", "ada", LabelValue.BOGUS),
            event(7, "ada", LabelValue.REAL, survey="lsst"),
            event(8, "cy", LabelValue.UNKNOWN),
        ]
    )
    assert found.candidates == (("ztf", 7), ("lsst", 7), ("ztf", 8))
    assert found.labellers == ("ada", "bo", "cy")
    assert found.labels.tolist() == [[0, 1, -1], [1, -1, -1], [-1, -1, -1]]


def test_ratings_of_another_shape_or_value_are_refused():
    with pytest.raises(InvalidInputError, match="labels must be"):
        Ratings(candidates=(("ztf", 1),), labellers=("a",), labels=np.array([[2]]))
    with pytest.raises(InvalidInputError, match="labels must be"):
        Ratings(candidates=(), labellers=("a",), labels=np.array([[1]]))
