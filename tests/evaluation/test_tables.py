"""Joining labels and counting what is left out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.evaluation.tables import LABEL_COLUMNS, join_labels, sample_of_table

SCORES = pa.table({"candidate_id": [3, 1, 2], "score": [0.1, 0.9, 0.5], "source": ["f"] * 3})


def test_join_keeps_every_scored_row_in_order() -> None:
    labels = pa.table({"candidate_id": [1, 3], "label": ["real", "bogus"], "source": ["me", "me"]})
    joined = join_labels(SCORES, labels)
    assert joined["candidate_id"].to_pylist() == [3, 1, 2]
    assert joined["label"].to_pylist() == ["bogus", "real", None]
    assert joined["label_source"].to_pylist() == ["me", "me", None]
    assert joined["source"].to_pylist() == ["f"] * 3
    assert set(LABEL_COLUMNS) <= set(joined.column_names)


def test_labels_without_score_are_counted() -> None:
    labels = pa.table({"candidate_id": [1, 99, 98], "label": ["real", "real", "bogus"]})
    _, counts = sample_of_table(join_labels(SCORES, labels))
    assert counts.n_labels_without_score == 2


def test_text_identifiers_of_a_label_file_fit_whole_number_scores() -> None:
    labels = pa.table({"candidate_id": ["1", "3"], "label": ["real", "bogus"]})
    assert join_labels(SCORES, labels)["label"].to_pylist() == ["bogus", "real", None]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"candidate_id": [77], "label": ["real"]}, "none of the 1 labels fits"),
        ({"candidate_id": [1, 1], "label": ["real", "bogus"]}, "settle contradictions"),
        ({"candidate_id": ["x"], "label": ["real"]}, "do not fit"),
        ({"candidate_id": [1]}, "needs the columns"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(labels: dict[str, list], words: str) -> None:
    with pytest.raises(LabelError, match=words):
        join_labels(SCORES, pa.table(labels))


def test_every_row_is_counted_once(table: pa.Table) -> None:
    sample, counts = sample_of_table(table)
    parts = (
        counts.n_real,
        counts.n_bogus,
        counts.n_unknown,
        counts.n_unlabelled,
        counts.n_without_score,
    )
    assert sum(parts) == counts.n_scored == table.num_rows
    assert len(sample) == counts.n_real + counts.n_bogus
    assert counts.n_unknown == 10
    assert counts.n_unlabelled == 10


def test_a_row_without_score_is_left_out_and_counted() -> None:
    table = pa.table({"candidate_id": [1, 2], "score": [np.nan, 0.5], "label": ["real", "bogus"]})
    sample, counts = sample_of_table(table)
    assert (len(sample), counts.n_without_score) == (1, 1)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("score", [1.2, 0.5], "apply a calibrator"),
        ("label", ["sn", "real"], "labels must be"),
        ("verdict", ["maybe", "real"], "verdicts must be"),
    ],
)
def test_values_out_of_range_are_refused(column: str, values: list, words: str) -> None:
    good = {"candidate_id": [1, 2], "score": [0.1, 0.5], "label": ["real", "bogus"]}
    with pytest.raises(InvalidInputError, match=words):
        sample_of_table(pa.table({**good, column: values}))


def test_missing_columns_become_missing_values() -> None:
    table = pa.table({"candidate_id": ["a"], "score": [0.5], "label": ["real"]})
    sample, _ = sample_of_table(table)
    assert np.isnan(sample.snr[0])
    assert sample.band[0] == ""
    assert sample.object_ids[0] == "a"
    assert sample.is_calibrated[0]


def test_large_identifiers_stay_exact() -> None:
    big = 2**62 + 1
    table = pa.table({"candidate_id": [big], "score": [0.5], "label": ["real"]})
    assert int(sample_of_table(table)[0].candidate_ids[0]) == big
