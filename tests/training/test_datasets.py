"""Labels meet stamps by identifier; what does not fit is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.conftest import make_candidate

from skyvet.core.errors import InvalidInputError, LabelError
from skyvet.io.dataset import Dataset
from skyvet.preprocessing.normalization import StampConfig, prepare_stamps
from skyvet.training.datasets import load_labelled_rows

STAMPS = StampConfig(size_px=31)


def test_rows_carry_their_own_stamps_and_objects(dataset: Path, night_labels: Path) -> None:
    rows = load_labelled_rows(dataset, night_labels, stamps=STAMPS)
    opened = Dataset.open(dataset)
    expected = prepare_stamps(opened.stamps(np.arange(40)), STAMPS).astype(np.float16)
    np.testing.assert_array_equal(rows.arrays.stamps, expected)
    assert rows.arrays.labels.tolist() == [1, 0] * 20
    assert rows.arrays.object_ids[5] == make_candidate(5).object_id
    assert rows.surveys == ("ztf",)


def test_labels_in_any_order_and_number(dataset: Path, tmp_path: Path) -> None:
    labels = tmp_path / "some.csv"
    order = (7, 2, 30)
    lines = [f"{make_candidate(i).candidate_id},{i % 2 == 0:d}" for i in order]
    labels.write_text("candid,is_real\n" + "\n".join(lines) + "\n")
    rows = load_labelled_rows(dataset, labels, stamps=STAMPS)
    assert rows.arrays.candidate_ids.tolist() == [
        make_candidate(i).candidate_id for i in (2, 7, 30)
    ]
    assert rows.arrays.labels.tolist() == [1, 0, 1]
    assert rows.matched.n_unlabelled == 37


def test_one_class_is_refused(dataset: Path, tmp_path: Path) -> None:
    labels = tmp_path / "one.csv"
    labels.write_text(f"candid,is_real\n{make_candidate(1).candidate_id},1\n")
    with pytest.raises(LabelError):
        load_labelled_rows(dataset, labels, stamps=STAMPS)


def test_unknown_ids_alone_are_refused(dataset: Path, tmp_path: Path) -> None:
    labels = tmp_path / "foreign.csv"
    labels.write_text("candid,is_real\n5,1\n6,0\n")
    with pytest.raises(LabelError):
        load_labelled_rows(dataset, labels, stamps=STAMPS)


def test_an_unknown_feature_names_those_there_are(dataset: Path, night_labels: Path) -> None:
    with pytest.raises(InvalidInputError, match="no feature colour; it has"):
        load_labelled_rows(dataset, night_labels, stamps=STAMPS, metadata_names=("colour",))
