"""Votes laid on features: by identifier, completed by the tree, counted."""

from __future__ import annotations

import numpy as np
import pytest
from tests.source_makers import TAXONOMY, make_labelled_sources

from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.preprocessing.sources import LabelledSources, label_sources
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_labels import SourceLabels


def _table(ids, **columns):
    return FeatureTable(
        source_ids=np.asarray(ids),
        names=("a",),
        values=np.arange(float(len(ids)))[:, None],
        columns=columns,
    )


def _labels(ids, votes):
    return SourceLabels(source_ids=np.asarray(ids), tags=("rr",), votes=np.array(votes)[:, None])


def test_rows_and_labels_meet_by_identifier_and_add_up():
    labels = _labels([3, 1, 9, 4], [1.0, 0.0, 1.0, np.nan])
    labelled, match = label_sources(_table([1, 2, 3, 4]), labels, TAXONOMY)
    assert labelled.table.source_ids.tolist() == [1, 3]
    assert labelled.votes[:, labelled.column("rr")].tolist() == [0.0, 1.0]
    assert match.n_rows == match.n_labelled + match.n_unlabelled == 4
    assert match.n_absent == 1


def test_a_source_of_several_rows_gives_each_its_votes():
    table = _table([11, 12, 13], object_id=np.array(["x", "y", "x"]))
    labels = _labels(["x"], [1.0])
    labelled, match = label_sources(
        table, labels, TAXONOMY, label_ids=table.columns["object_id"], groups=np.array([0, 1, 0])
    )
    assert labelled.table.source_ids.tolist() == [11, 13]
    assert labelled.groups.tolist() == [0, 0]
    assert match.n_absent == 0


def test_classes_above_come_first_and_have_what_follows():
    labelled, _ = label_sources(_table([1]), _labels([1], [1.0]), TAXONOMY)
    assert labelled.tags.index("vnv") < labelled.tags.index("puls") < labelled.tags.index("rr")
    assert labelled.votes[0, labelled.column("vnv")] == 1.0


def test_labels_of_other_sources_are_refused():
    with pytest.raises(LabelError, match="none of 1 labelled sources"):
        label_sources(_table([1]), _labels([2], [1.0]), TAXONOMY)


def test_selected_classes_keep_their_order_down_the_tree():
    labelled = make_labelled_sources(30)
    few = labelled.select(("rr", "vnv"))
    assert few.tags == ("vnv", "rr")
    np.testing.assert_array_equal(few.votes[:, 1], labelled.votes[:, labelled.column("rr")])


def test_votes_of_another_shape_are_refused():
    labelled = make_labelled_sources(30)
    with pytest.raises(InvalidInputError, match="votes and weights"):
        LabelledSources(
            table=labelled.table,
            taxonomy=TAXONOMY,
            tags=("rr",),
            votes=labelled.votes,
            weights=labelled.weights,
            groups=labelled.groups,
        )
