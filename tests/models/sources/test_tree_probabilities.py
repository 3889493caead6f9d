"""Probabilities that respect a tree."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from tests.source_makers import TAXONOMY

from skyvet.models.sources.tree_probabilities import (
    called_classes,
    joint_logits,
    logit_of_log_probability,
    respect_tree,
)

TAGS = ("rr", "agn", "vnv", "nonvar", "puls")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_no_class_is_likelier_than_one_above_it(seed):
    raw = np.random.default_rng(seed).uniform(size=(20, len(TAGS)))
    found = dict(zip(TAGS, respect_tree(raw, TAGS, TAXONOMY).T, strict=True))
    assert (found["rr"] <= found["puls"]).all()
    assert (found["puls"] <= found["vnv"]).all()
    assert (found["agn"] <= found["vnv"]).all()
    np.testing.assert_array_equal(found["nonvar"], 1.0 - found["vnv"])


def test_probabilities_that_respect_the_tree_stay_as_they_are():
    raw = np.array([[0.2, 0.1, 0.9, 0.1, 0.5]])
    np.testing.assert_allclose(respect_tree(raw, TAGS, TAXONOMY), raw, atol=1e-15)


def test_a_class_missing_between_two_does_not_part_them():
    found = respect_tree(np.array([[0.9, 0.4]]), ("rr", "vnv"), TAXONOMY)
    assert found.tolist() == [[0.4, 0.4]]


def test_joint_probabilities_are_products_down_the_tree():
    rng = np.random.default_rng(0)
    conditional = rng.normal(size=(50, 4), scale=3)
    joint = expit(joint_logits(conditional, np.array([-1, 0, 1, 0])))
    p = expit(conditional)
    expected = np.stack(
        [p[:, 0], p[:, 0] * p[:, 1], p[:, 0] * p[:, 1] * p[:, 2], p[:, 0] * p[:, 3]], axis=1
    )
    np.testing.assert_allclose(joint, expected, rtol=1e-12)


def test_a_logit_of_a_logarithm_keeps_tiny_and_large_probabilities():
    p = np.array([1e-12, 0.3, 1 - 1e-9])
    np.testing.assert_allclose(logit_of_log_probability(np.log(p)), logit(p), rtol=1e-6)
    assert logit_of_log_probability(np.array([-2000.0]))[0] == -2000.0
    assert np.isfinite(logit_of_log_probability(np.array([0.0]))[0])


def test_a_verdict_needs_those_of_all_classes_above():
    probabilities = np.array([[0.6, 0.0, 0.9, 0.1, 0.65], [0.6, 0.0, 0.9, 0.1, 0.85]])
    found = called_classes(
        probabilities, np.array([0.5, 0.5, 0.5, 0.5, 0.8]), tags=TAGS, taxonomy=TAXONOMY
    )
    assert found[:, TAGS.index("rr")].tolist() == [False, True]
