"""Files into a label store and out of it: nothing lost, nothing twice, faults by row."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError, LabelError
from skyvet.io.label_files import read_labels
from skyvet.io.label_store.event_tables import is_event_file, read_event_file, write_event_file
from skyvet.io.label_store.exchange import (
    ImportDefaults,
    KnownCandidates,
    export_history,
    import_labels,
)
from skyvet.io.label_store.store import open_label_store
from skyvet.records.label_events import LabelAction, LabelEvent, Shown
from skyvet.records.labels import LabelValue

NOW = dt.datetime(2026, 3, 1, 22, 0, tzinfo=dt.UTC)
DEFAULTS = ImportDefaults(now=NOW, survey="ztf", labeller="ada")
KNOWN = KnownCandidates.of_table(
    pa.table(
        {"survey": ["ztf"] * 3, "candidate_id": ["7", "8", "9"], "object_id": ["a", "a", None]}
    )
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with open_label_store(tmp_path / "labels.db") as opened:
        yield opened


def varied_events():
    first = LabelEvent(
        survey="ztf", candidate_id=2**63 - 1, object_id="ZTF1", labeller="ada",
        value=LabelValue.REAL, subclass="supernova", confidence=0.1,
        comment='two "quoted",\r\nlines  ', labelled_at=NOW, time_taken_s=1 / 3,
        shown=Shown(bundle="b", score=2 / 3, is_score_hidden=True, page_version="1", strategy="x"),
    )  # fmt: skip
    return [
        first,
        LabelEvent(
            survey="lsst", candidate_id="007", labeller="bo", value=LabelValue.UNKNOWN,
            labelled_at=NOW,
        ),
        replace(first, value=LabelValue.BOGUS, event_key="second"),
        replace(
            first, action=LabelAction.UNDO, value=None, undoes="second", event_key="third",
            labelled_at=NOW + dt.timedelta(microseconds=1),
        ),
    ]  # fmt: skip


def plain(events):
    return [repr(replace(e, labelled_at=e.labelled_at.astimezone(dt.UTC))) for e in events]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_history_goes_out_and_into_another_store_without_loss(store, tmp_path, suffix):
    events = varied_events()
    store.append(events)
    path = tmp_path / f"history{suffix}"
    assert export_history(store, path) == 4
    with open_label_store(tmp_path / "other.db") as other:
        done = import_labels(other, path, defaults=DEFAULTS)
        assert (done.n_rows, done.n_new, done.n_known) == (4, 4, 0)
        assert plain(e.event for e in other.history()) == plain(events)
        again = import_labels(other, path, defaults=DEFAULTS)
        assert (again.n_new, again.n_known) == (0, 4)
        assert plain(other.current()) == plain(store.current())


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_empty_history_goes_out_and_in(store, tmp_path, suffix):
    path = tmp_path / f"history{suffix}"
    assert export_history(store, path) == 0
    assert is_event_file(path)
    assert import_labels(store, path, defaults=DEFAULTS).n_rows == 0


def test_export_of_one_survey_or_labeller(store, tmp_path):
    store.append(varied_events())
    assert export_history(store, tmp_path / "a.csv", survey="lsst") == 1
    assert export_history(store, tmp_path / "b.csv", labeller="ada") == 3


def test_export_elsewhere_than_csv_or_parquet_is_refused(store, tmp_path):
    with pytest.raises(InvalidInputError, match=r"\.csv or \.parquet"):
        export_history(store, tmp_path / "labels.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DatasetError):
        export_history(store, tmp_path / "folder.csv")


def test_two_stores_that_grew_apart_are_joined(store, tmp_path):
    """Both labelled one candidate; the other one took its first label back."""
    first = replace(varied_events()[0], event_key="shared")
    store.append([first, replace(first, value=LabelValue.BOGUS, event_key="here")])
    path = tmp_path / "there.csv"
    with open_label_store(tmp_path / "other.db") as other:
        taken_back = replace(
            first, action=LabelAction.UNDO, value=None, undoes="shared", event_key="there"
        )
        other.append([first, taken_back])
        export_history(other, path)
    assert import_labels(store, path, defaults=DEFAULTS).n_new == 1
    assert [event.value for event in store.current()] == [LabelValue.BOGUS]


def test_two_who_import_one_file_at_once_store_its_labels_once(store, tmp_path):
    rows = "".join(f"{i},real\n" for i in range(1000))
    path = csv_file(tmp_path, f"candid,label\n{rows}")
    start = threading.Barrier(3)

    def bring_in(_):
        with open_label_store(tmp_path / "labels.db") as own:
            start.wait()
            return import_labels(own, path, defaults=DEFAULTS).n_new

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(bring_in, range(3))) == [0, 0, 1000]
    assert len(store.history()) == 1000


def csv_file(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def test_label_file_becomes_events_and_is_imported_once(store, tmp_path):
    path = csv_file(
        tmp_path,
        "candid,label,source,subclass,confidence,comment\n"
        "7,real,tns,sn,0.5,sure\n8,0,,,,\n8,0,,,,\n",
    )
    done = import_labels(store, path, defaults=DEFAULTS)
    assert (done.n_rows, done.n_new, done.n_known) == (3, 2, 1)
    first, second = store.current()
    assert (first.survey, first.candidate_id, first.labeller) == ("ztf", 7, "tns")
    assert (first.subclass, first.confidence, first.comment) == ("sn", 0.5, "sure")
    assert first.labelled_at == NOW
    assert (second.labeller, second.value) == ("ada", LabelValue.BOGUS)
    assert import_labels(store, path, defaults=DEFAULTS).n_new == 0


def test_corrected_file_brings_new_labels_and_the_first_file_brings_them_back(store, tmp_path):
    for label in ("real", "bogus", "real"):
        path = csv_file(tmp_path, f"candid,label\n7,{label}\n8,real\n")
        import_labels(store, path, defaults=DEFAULTS)
        assert [e.value.value for e in store.current() if e.candidate_id == 7] == [label]
    assert len(store.history()) == 4


def test_parquet_label_file_is_read_like_csv(store, tmp_path):
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"candid": [7, 8], "is_real": [True, False]}), path)
    assert import_labels(store, path, defaults=DEFAULTS).n_new == 2


def test_several_labellers_in_one_file_may_disagree(store, tmp_path):
    path = csv_file(tmp_path, "candid,label,labeller\n7,real,ada\n7,bogus,bo\n")
    assert import_labels(store, path, defaults=DEFAULTS).n_new == 2


def refusal(store, path, **options):
    with pytest.raises(LabelError) as caught:
        import_labels(store, path, **{"defaults": DEFAULTS, **options})
    assert store.history() == []
    return str(caught.value)


def test_every_wrong_row_is_told_with_its_reason_and_nothing_is_stored(store, tmp_path):
    path = csv_file(
        tmp_path,
        "candid,label,confidence,comment\n7,real,1,\n8,maybe,,\n1.5,real,,\n9,real,2,\n"
        "10,real,,\n10,bogus,,\n,real,,\n",
    )
    told = refusal(store, path)
    assert "5 rows are wrong" in told
    for row, reason in [
        (2, "label 'maybe'"), (3, "identifier '1.5'"), (4, "confidence '2'"),
        (6, "ada says something else in data row 5"), (7, "identifier is empty"),
    ]:  # fmt: skip
        assert f"data row {row}: " in told
        assert reason in told


def test_wrong_rows_of_a_history_are_told_with_their_reasons(store, tmp_path):
    path = tmp_path / "history.csv"
    events = [replace(e, event_key=f"k{i}") for i, e in enumerate(varied_events()[:2] * 3)]
    write_event_file(events, path)
    text = path.read_bytes()
    for old, new in [
        (b"k1,lsst", b"k1,"),
        (b"k3,lsst,007,text", b"k3,lsst,007,float"),
        (b"k5,lsst,007,text,,,bo,label,unknown", b"k5,lsst,007,text,,,bo,label,"),
    ]:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_bytes(text)
    told = refusal(store, path)
    assert "data row 2: a label event needs a survey" in told
    assert "data row 4: type 'float'" in told
    assert "data row 6: an event is a LABEL with a value" in told


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("yesterday", "is no time"),
        ("2026-03-01T22:00:00", "lacks its time zone"),
        ("", "no time"),
        ("9999-12-31T23:59:59-12:00", "labelled_at"),
        ("0001-01-01T00:00:00+12:00", "labelled_at"),
        ("1969-12-31T23:59:59+00:00", "before 1970"),
        ("2026-03-02T22:00:01+00:00", "in the future"),
    ],
)
def test_time_that_cannot_be_is_refused_with_its_row(store, tmp_path, time, reason):
    path = csv_file(
        tmp_path,
        "event_key,survey,candidate_id,labeller,action,label,labelled_at\n"
        f"k,ztf,7,ada,label,real,{time}\n",
    )
    told = refusal(store, path)
    assert reason in told
    assert "data row 1" in told


def test_time_of_another_clock_that_runs_ahead_by_hours_is_taken(store, tmp_path):
    event = replace(varied_events()[0], labelled_at=NOW + dt.timedelta(hours=23))
    write_event_file([event], tmp_path / "history.csv")
    assert import_labels(store, tmp_path / "history.csv", defaults=DEFAULTS).n_new == 1


def test_label_of_an_unknown_candidate_is_refused_with_its_row(store, tmp_path):
    path = csv_file(tmp_path, "candid,label\n7,real\n99,real\n8,bogus\n98,bogus\n")
    told = refusal(store, path, known=KNOWN)
    assert "data row 2: candidate 99 of survey ztf is not in the dataset" in told
    assert "data row 4: candidate 98" in told
    write_event_file(varied_events()[:1], tmp_path / "history.csv")
    assert "is not in the dataset" in refusal(store, tmp_path / "history.csv", known=KNOWN)


def test_dataset_says_survey_object_and_type_of_the_identifiers(store, tmp_path):
    path = csv_file(tmp_path, "candid,label\n7,real\n9,real\n")
    import_labels(store, path, defaults=replace(DEFAULTS, survey=""), known=KNOWN)
    found = [(e.survey, e.candidate_id, e.object_id) for e in store.current()]
    assert found == [("ztf", "7", "a"), ("ztf", "9", None)]


@pytest.mark.parametrize("name", ["survey", "labeller"])
def test_file_that_leaves_survey_or_labeller_unsaid_is_refused(store, tmp_path, name):
    path = csv_file(tmp_path, "candid,label\n7,real\n")
    assert f"--{name}" in refusal(store, path, defaults=replace(DEFAULTS, **{name: ""}))


def test_key_of_another_event_is_told_with_its_row(store, tmp_path):
    event = varied_events()[1]
    store.append([event])
    path = tmp_path / "history.csv"
    write_event_file([varied_events()[0], replace(event, value=LabelValue.REAL)], path)
    with pytest.raises(LabelError, match=r"data row 2: event key .* another event"):
        import_labels(store, path, defaults=DEFAULTS)
    assert len(store.history()) == 1


def test_history_file_is_also_a_label_file_where_labellers_agree(store, tmp_path):
    """A person who trains on an exported history gets its labels, or a clear refusal."""
    store.append(varied_events()[:2])
    path = tmp_path / "history.csv"
    export_history(store, path)
    assert read_labels(path)["label"].to_pylist() == ["real", "unknown"]
    assert read_event_file(path)[0].candidate_id == 2**63 - 1
