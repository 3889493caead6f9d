"""Labels from files and stores through one door."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from tests.conftest import make_candidate

from skyvet.core.errors import LabelError, LabelStoreError
from skyvet.io.label_files import match_labels
from skyvet.io.label_sources import is_label_store, majority_labels, read_label_source
from skyvet.io.label_store.store import open_label_store
from skyvet.preprocessing.normalization import StampConfig
from skyvet.records.label_events import LabelAction, LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.training.datasets import load_labelled_rows


def label(candidate_id, value, by="ada", **changes):
    values = {"survey": "ztf", "candidate_id": candidate_id, "labeller": by}
    return LabelEvent(**{**values, "value": LabelValue(value), **changes})


def store_of(path, events):
    with open_label_store(path) as store:
        store.append(events)
    return path


@pytest.mark.parametrize("votes", list(itertools.product(["real", "bogus", "unknown"], repeat=3)))
def test_most_labellers_decide_and_a_tie_is_unknown(votes):
    table = majority_labels(label(7, value, by=f"l{i}") for i, value in enumerate(votes))
    counts = Counter(votes)
    if counts["real"] == counts["bogus"]:
        expected = "unknown"
    else:
        expected = max("real", "bogus", key=lambda value: counts[value])
    assert table["label"].to_pylist() == [expected]


def test_ties_are_counted_in_the_log_and_left_out_of_training(caplog):
    held = [label(7, "real"), label(7, "bogus", by="bo"), label(8, "real"), label(9, "bogus")]
    table = majority_labels(held)
    assert "1 candidates count as unknown" in caplog.text
    matched = match_labels(table, [7, 8, 9])
    assert (matched.n_real, matched.n_bogus, matched.n_unknown) == (1, 1, 1)


def test_subclass_object_and_labellers_come_along():
    table = majority_labels(
        [
            label(7, "bogus", by="bo", subclass="dipole", object_id="a"),
            label(7, "bogus", by="ada"),
            label(7, "real", by="cy", subclass="supernova"),
            label(8, "bogus", by="ada", subclass="trail"),
            label(8, "bogus", by="bo", subclass="ghost"),
        ]
    )
    assert table.to_pylist() == [
        {
            "candidate_id": 7, "label": "bogus", "object_id": "a", "subclass": "dipole",
            "source": "ada, bo, cy",
        },
        {
            "candidate_id": 8, "label": "bogus", "object_id": None, "subclass": None,
            "source": "ada, bo",
        },
    ]  # fmt: skip


def test_candidate_of_two_surveys_is_refused_and_read_when_one_is_named(tmp_path):
    path = store_of(tmp_path / "labels.db", [label(7, "real"), label(7, "bogus", survey="lsst")])
    with pytest.raises(LabelError, match="candidate 7 is in several surveys"):
        read_label_source(path)
    assert read_label_source(path, survey="lsst")["label"].to_pylist() == ["bogus"]


def test_label_that_was_taken_back_is_not_read(tmp_path):
    event = label(7, "real")
    undo = LabelEvent(
        survey="ztf", candidate_id=7, labeller="ada", value=None, action=LabelAction.UNDO,
        undoes=event.event_key,
    )  # fmt: skip
    path = store_of(tmp_path / "labels.db", [event, undo, label(8, "bogus")])
    assert read_label_source(path)["candidate_id"].to_pylist() == [8]


def test_files_and_stores_are_told_apart_by_content(tmp_path):
    path = store_of(tmp_path / "labels.sqlite", [label(7, "real")])
    csv = tmp_path / "labels.csv"
    csv.write_text("candid,label\n7,real\n")
    assert is_label_store(path)
    assert is_label_store(f"sqlite:///{path}")
    assert not is_label_store(csv)
    assert not is_label_store(tmp_path / "absent")
    for source in (path, str(path), f"sqlite:///{path}", csv):
        assert read_label_source(source)["label"].to_pylist() == ["real"]


def test_store_without_labels_or_without_a_store_is_told(tmp_path):
    path = store_of(tmp_path / "labels.db", [])
    with pytest.raises(LabelError, match="holds no label yet"):
        read_label_source(path)
    with pytest.raises(LabelError, match="holds no label of survey lsst"):
        read_label_source(store_of(path, [label(7, "real")]), survey="lsst")
    with pytest.raises(LabelStoreError, match="there is no label store"):
        read_label_source(f"sqlite:///{tmp_path}/absent.db")
    with pytest.raises(LabelError, match="does not exist"):
        read_label_source(tmp_path / "absent.csv")


def test_training_takes_the_same_rows_from_a_store_as_from_a_file(dataset, night_labels, tmp_path):
    events = [
        label(make_candidate(i).candidate_id, "bogus" if i % 2 else "real") for i in range(40)
    ]
    others = [label(event.candidate_id, "bogus", survey="lsst") for event in events]
    path = store_of(tmp_path / "labels.db", [*events, *others])
    from_store, from_file = (
        load_labelled_rows(dataset, source, stamps=StampConfig(size_px=31))
        for source in (str(path), night_labels)
    )
    assert from_store.matched.n_real == 20
    assert (from_store.arrays.labels == from_file.arrays.labels).all()
    assert (from_store.arrays.candidate_ids == from_file.arrays.candidate_ids).all()
