"""Votes on classes from a store of labels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skyvet.core.errors import LabelError, LabelStoreError
from skyvet.io.label_store.store import open_label_store
from skyvet.io.stored_source_labels import read_stored_source_labels, source_votes
from skyvet.records.label_events import LabelAction, LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode

TREE = SourceTaxonomy(
    name="tree",
    nodes=(
        TaxonomyNode(tag="puls", name="pulsator"),
        TaxonomyNode(tag="rrlyr", name="RR Lyrae", parent="puls"),
        TaxonomyNode(tag="rrab", name="RRab", parent="rrlyr"),
        TaxonomyNode(tag="agn", name="AGN"),
    ),
)


def _event(source=7, labeller="ada", value=LabelValue.REAL, subclass="rrlyr", confidence=math.nan):
    return LabelEvent(
        survey="ztf",
        candidate_id=source,
        labeller=labeller,
        value=value,
        subclass=subclass,
        confidence=confidence,
    )


def test_a_class_implies_those_above_and_says_nothing_of_those_below():
    labels = source_votes([_event()], TREE)
    np.testing.assert_array_equal(labels.votes, [[1, 1, np.nan, 0]])


def test_confidence_is_kept_in_the_yes_and_not_in_the_no():
    labels = source_votes([_event(confidence=0.75)], TREE)
    np.testing.assert_array_equal(labels.votes, [[0.75, 0.75, np.nan, 0]])


def test_several_classes_of_a_source_are_all_yes():
    labels = source_votes([_event(subclass="rrab+agn")], TREE)
    np.testing.assert_array_equal(labels.votes, [[1, 1, 1, 1]])


def test_votes_are_means_over_those_who_said_something():
    labels = source_votes(
        [
            _event(labeller="ada", subclass="rrab"),
            _event(labeller="bo", value=LabelValue.BOGUS, subclass=""),
            _event(labeller="cy", value=LabelValue.UNKNOWN, subclass=""),
        ],
        TREE,
    )
    np.testing.assert_array_equal(labels.votes, [[0.5, 0.5, 0.5, 0.0]])
    np.testing.assert_array_equal(labels.weights, [[2, 2, 2, 2]])


def test_real_without_a_class_says_nothing_of_classes():
    assert not source_votes([_event(subclass="")], TREE).is_inspected.any()


def test_a_class_of_another_tree_is_an_error_that_names_it():
    with pytest.raises(LabelError, match="no class 'ew'"):
        source_votes([_event(subclass="ew")], TREE)


def test_labels_come_back_from_a_store_without_those_taken_back(tmp_path):
    address = tmp_path / "labels.db"
    with open_label_store(address) as store:
        first, second = _event(), _event(source=8, subclass="agn")
        undo = LabelEvent(
            survey="ztf", candidate_id=7, labeller="ada", action=LabelAction.UNDO, value=None,
            undoes=first.event_key,
        )  # fmt: skip
        with pytest.raises(LabelError, match="no label yet"):
            read_stored_source_labels(str(address), TREE)
        store.append([first, second])
        store.append([undo])
    labels = read_stored_source_labels(str(address), TREE)
    assert labels.source_ids.tolist() == [8]
    with pytest.raises(LabelStoreError):
        read_stored_source_labels(str(tmp_path / "absent.db"), TREE)
