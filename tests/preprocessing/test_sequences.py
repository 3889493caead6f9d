"""Only objects that somebody called REAL or BOGUS train."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.embedding_store import SequenceTable
from skyvet.preprocessing.sequences import label_sequences
from skyvet.records.labels import LabelValue


@pytest.fixture
def table(labelled_sequences) -> SequenceTable:
    sequences = labelled_sequences(5).sequences
    values = (LabelValue.REAL, None, LabelValue.UNKNOWN, LabelValue.BOGUS, LabelValue.REAL)
    return SequenceTable(
        sequences=sequences,
        labels=values,
        tags=((), (), (), ("ghost",), ("uncertain",)),
        surveys=("ztf",) * 5,
        bands=("r",) * 5,
        n_unusable_frames=np.zeros(5, int),
        i_frame=np.zeros(len(sequences.values), int),
    )


def test_unknown_and_unlabelled_objects_are_left_out_and_counted(table) -> None:
    labelled, counts = label_sequences(table)
    assert labelled.labels.tolist() == [1, 0, 1]
    assert labelled.has_tag("ghost").tolist() == [0, 1, 0]
    assert (counts.n_real, counts.n_bogus, counts.n_unknown, counts.n_unlabelled) == (2, 1, 1, 1)
    assert labelled.sequences.object_ids.tolist() == table.sequences.object_ids[[0, 3, 4]].tolist()


def test_a_label_file_replaces_the_labels_of_the_data(table) -> None:
    oid = str(table.sequences.object_ids[1])
    labelled, counts = label_sequences(table, {oid: LabelValue.BOGUS})
    assert labelled.labels.tolist() == [0]
    assert counts.n_unlabelled == 4


def test_no_label_at_all_is_one_clear_error(table) -> None:
    with pytest.raises(InvalidInputError, match="none of the 5 objects"):
        label_sequences(table, {})
