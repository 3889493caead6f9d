"""Votes on classes, and what follows from them in the tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.source_makers import TAXONOMY

from skyvet.core.errors import InvalidInputError
from skyvet.records.source_labels import (
    SourceLabels,
    count_contradictions,
    imply_labels,
    labels_of_classes,
)

NAN = np.nan


def _labels(tags, *rows):
    return SourceLabels(source_ids=np.arange(len(rows)), tags=tags, votes=np.array(rows))


@pytest.mark.parametrize("vote", [-0.1, 1.1, np.inf])
def test_votes_outside_their_range_are_refused(vote):
    with pytest.raises(InvalidInputError, match="votes must lie in"):
        _labels(("rr",), [vote])


def test_a_source_stands_once():
    with pytest.raises(InvalidInputError, match="stands twice"):
        SourceLabels(source_ids=np.array([1, 1]), tags=("rr",), votes=np.zeros((2, 1)))


def test_negative_weights_are_refused():
    with pytest.raises(InvalidInputError, match="weights"):
        SourceLabels(
            source_ids=np.array([1]), tags=("rr",), votes=np.zeros((1, 1)), weights=-np.ones((1, 1))
        )


def test_a_yes_goes_up_and_a_no_goes_down():
    implied = imply_labels(_labels(("rr", "vnv"), [0.75, NAN], [NAN, 0.0], [NAN, NAN]), TAXONOMY)
    by_tag = dict(zip(implied.tags, implied.votes.T, strict=True))
    assert by_tag["puls"][0] == by_tag["vnv"][0] == 0.75
    assert np.isnan(by_tag["agn"][0])
    assert [by_tag[tag][1] for tag in ("puls", "rr", "agn")] == [0.0, 0.0, 0.0]
    assert np.isnan(implied.votes[2]).all()


def test_a_no_to_a_kind_says_nothing_of_the_class_above():
    implied = imply_labels(_labels(("rr",), [0.0], [0.25]), TAXONOMY)
    assert np.isnan(implied.column("puls")).all()


def test_opposites_have_opposite_votes():
    implied = imply_labels(_labels(("nonvar",), [1.0], [0.25]), TAXONOMY)
    assert implied.column("vnv").tolist() == [0.0, 0.75]
    assert implied.column("rr")[0] == 0.0


def test_the_finer_class_wins_a_contradiction_and_it_is_counted():
    torn = _labels(("puls", "rr"), [0.0, 1.0], [0.0, 0.0])
    assert count_contradictions(torn, TAXONOMY) == 1
    assert imply_labels(torn, TAXONOMY).column("puls").tolist() == [1.0, 0.0]


def test_an_implied_vote_weighs_as_the_one_it_follows_from():
    labels = SourceLabels(
        source_ids=np.array([1]),
        tags=("rr",),
        votes=np.array([[1.0]]),
        weights=np.array([[0.3]]),
    )
    implied = imply_labels(labels, TAXONOMY)
    assert implied.weights[0, implied.tags.index("vnv")] == 0.3


def test_classes_that_the_tree_lacks_are_refused():
    with pytest.raises(InvalidInputError, match="no class 'comet'"):
        imply_labels(_labels(("comet",), [1.0]), TAXONOMY)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([NAN, 0.0, 0.25, 0.5, 0.75, 1.0]), min_size=5, max_size=5),
        min_size=1,
        max_size=6,
    )
)
def test_implied_votes_respect_the_tree_and_do_not_change_again(rows):
    implied = imply_labels(_labels(TAXONOMY.tags, *rows), TAXONOMY)
    for tag in TAXONOMY.tags:
        for above in TAXONOMY.ancestors(tag):
            child, parent = implied.column(tag), implied.column(above)
            assert not (child > 0.5)[~(parent >= child)].any()
            assert not (parent < 0.5)[~(child <= parent)].any()
    again = imply_labels(implied, TAXONOMY)
    np.testing.assert_array_equal(again.votes, implied.votes)


def test_one_class_a_source_is_a_no_to_all_others():
    labels, unknown = labels_of_classes(
        np.array([1, 2, 3]), ["pulsating_rr", "quiet", "comet"], TAXONOMY
    )
    assert labels.source_ids.tolist() == [1, 2]
    assert dict(zip(labels.tags, labels.votes[0], strict=True)) == {
        "vnv": 1.0, "puls": 1.0, "rr": 1.0, "agn": 0.0, "nonvar": 0.0
    }  # fmt: skip
    assert dict(zip(labels.tags, labels.votes[1], strict=True)) == {
        "vnv": 0.0, "puls": 0.0, "rr": 0.0, "agn": 0.0, "nonvar": 1.0
    }  # fmt: skip
    assert unknown == {"comet": 1}


def test_a_coarse_class_leaves_its_kinds_open():
    labels, _ = labels_of_classes(np.array([1]), ["puls"], TAXONOMY)
    assert np.isnan(labels.column("rr")).all()
    assert labels.column("agn").tolist() == [0.0]


def test_sources_are_found_across_numbers_and_text():
    labels = _labels(("rr",), [1.0], [0.0])
    assert labels.of_sources(np.array(["1", "0", "7"])).tolist() == [1, 0, -1]


def test_zeros_can_mean_that_nobody_looked():
    found = _labels(("rr",), [0.0], [0.25]).without_zeros().votes[:, 0]
    np.testing.assert_array_equal(found, [NAN, 0.25])
