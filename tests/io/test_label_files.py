"""Label files: what is accepted, what is refused and how labels meet candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import LabelError
from skyvet.io.label_files import match_labels, read_labels

CANDID = 1095578115815010002  # float64 would round it to ...010000


def write_csv(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def write_parquet(folder: Path, **columns) -> Path:
    path = folder / "labels.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_real_labels_are_read_whole(shared_data):
    path = shared_data / "ztf_triplets" / "labels.parquet"
    table = read_labels(path)
    raw = pq.read_table(path, columns=["candid", "objectId", "label"])
    assert table.num_rows == 519
    assert table["candidate_id"].type == pa.int64()
    assert table["candidate_id"].to_pylist() == raw["candid"].to_pylist()
    assert table["object_id"].to_pylist() == raw["objectId"].to_pylist()
    matched = match_labels(table, raw["candid"].to_numpy()[::-1])
    assert (matched.n_real, matched.n_bogus) == (447, 72)
    assert matched.n_absent == matched.n_unlabelled == matched.n_unknown == 0
    expected = [label == "real" for label in raw["label"].to_pylist()]
    np.testing.assert_array_equal(matched.labels, np.array(expected, dtype=int)[::-1])
    assert set(table["source"].to_pylist()) == {
        "ephemeris",
        "transient_catalogue",
        "variable_catalogue",
        "visual_inspection",
    }


@pytest.mark.parametrize("id_name", ["candidate_id", "candid", "diaSourceId"])
@pytest.mark.parametrize("label_name", ["label", "is_real"])
def test_every_accepted_column_name_works_in_both_formats(tmp_path, id_name, label_name):
    from_csv = read_labels(
        write_csv(tmp_path, f"note,{id_name},{label_name}\nx,{CANDID},1\ny,7,0\n")
    )
    from_parquet = read_labels(
        write_parquet(tmp_path, **{id_name: [CANDID, 7], label_name: [True, False], "n": [1, 2]})
    )
    assert from_csv.equals(from_parquet)
    assert from_csv.to_pylist() == [
        {"candidate_id": CANDID, "label": "real"},
        {"candidate_id": 7, "label": "bogus"},
    ]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("real", "real"),
        ("Real", "real"),
        ("1", "real"),
        ("true", "real"),
        ("TRUE", "real"),
        ("bogus", "bogus"),
        ("0", "bogus"),
        ("False", "bogus"),
        ("unknown", "unknown"),
        (" real ", "real"),
    ],
)
def test_csv_values_become_labels(tmp_path, value, label):
    table = read_labels(write_csv(tmp_path, f"candid,label\n7,{value}\n"))
    assert table["label"].to_pylist() == [label]


@pytest.mark.parametrize("value", ["", "2", "-1", "maybe", "1.0", "yes", "nan"])
def test_any_other_csv_value_is_refused_with_its_row(tmp_path, value):
    path = write_csv(tmp_path, f"candid,label\n7,real\n8,{value}\n")
    with pytest.raises(LabelError, match=f"data row 2: label '{value}' is none of"):
        read_labels(path)


def test_all_wrong_rows_are_told_at_once_with_their_reasons(tmp_path):
    path = write_csv(
        tmp_path, "candid,label,weight\n7,real,1\n1.5e3,maybe,1\n9,bogus,-1\n,real,1\n"
    )
    with pytest.raises(LabelError) as caught:
        read_labels(path)
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("3 rows are wrong")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "data row 2", "data row 3", "data row 4",
    ]  # fmt: skip
    assert "identifier '1.5e3'" in lines[1]
    assert "label 'maybe'" in lines[1]


def test_of_very_many_wrong_rows_the_first_are_told(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("candidate_id,label\n" + "1,perhaps\n" * 500)
    with pytest.raises(LabelError, match="500 rows are wrong") as told:
        read_labels(path)
    lines = str(told.value).splitlines()
    assert len(lines) == 22
    assert lines[-1].endswith("... and 480 more")


def test_torn_rows_are_told_with_their_numbers(tmp_path):
    path = write_csv(tmp_path, "candid,label\n7,real\n8\n9,bogus\n10,real,x,y\n")
    with pytest.raises(LabelError, match=r"data row 2 has 1 cells, expected 2") as caught:
        read_labels(path)
    assert "data row 4 has 4 cells, expected 2: 10,real,x,y" in str(caught.value)


@pytest.mark.parametrize("values", [[1.0, 0.0], [1, None], [1, 2], [b"real", b"bogus"]])
def test_other_parquet_values_are_refused(tmp_path, values):
    with pytest.raises(LabelError, match="data row"):
        read_labels(write_parquet(tmp_path, candid=[1, 2], label=values))


def test_a_float_identifier_column_is_refused(tmp_path):
    path = write_parquet(tmp_path, candid=[float(CANDID)], label=["real"])
    with pytest.raises(LabelError, match=r"'candid' .* holds floats, .* write it as int64"):
        read_labels(path)


def test_a_float_object_column_is_refused(tmp_path):
    path = write_parquet(tmp_path, candid=[1], label=["real"], objectId=[2.0])
    with pytest.raises(LabelError, match="'objectId'"):
        read_labels(path)


@pytest.mark.parametrize(
    "value", ["1095578115815010002.0", "1.0955781158150100e+18", "1E+18", ".5"]
)
def test_a_float_identifier_in_csv_is_refused_with_its_row(tmp_path, value):
    path = write_csv(tmp_path, f"candid,label\n7,real\n{value},real\n")
    with pytest.raises(LabelError, match="data row 2: identifier"):
        read_labels(path)


@given(st.integers(-(2**63), 2**63 - 1))
def test_identifiers_keep_every_digit(tmp_path_factory, identifier):
    folder = tmp_path_factory.mktemp("ids")
    table = read_labels(write_csv(folder, f"candid,label\n{identifier},real\n"))
    assert table["candidate_id"].to_pylist() == [identifier]


@pytest.mark.parametrize(
    "text", ["007", "ZTF23ablfrsg", "12e5", "2018e", "nana", str(2**63), "a b"]
)
def test_identifiers_that_are_no_int64_stay_text(tmp_path, text):
    table = read_labels(write_csv(tmp_path, f"candid,label\n{text},real\n8,bogus\n"))
    assert table["candidate_id"].to_pylist() == [text, "8"]


@pytest.mark.parametrize(
    "text",
    ["1e18", "2E3", "-1e18", "1e-3", "nan", "NaN", "None", "null", "NULL", "NA", "N/A", "<NA>",
     "inf", "-Infinity", "0x10", "0XfF"],
)  # fmt: skip
@pytest.mark.parametrize("column", ["candid", "objectId"])
def test_identifier_that_was_a_float_or_nothing_is_refused(tmp_path, text, column):
    ids = {"candid": "8", "objectId": "ZTF1", column: text}
    path = write_csv(
        tmp_path, f"candid,objectId,label\n7,,real\n{ids['candid']},{ids['objectId']},bogus\n"
    )
    with pytest.raises(LabelError, match=f"data row 2: identifier '{text}'"):
        read_labels(path)


@pytest.mark.parametrize(
    ("rows", "i_row"),
    [
        ('1,real,"oops\n2,bogus,x\n3,real,y\n', 1),
        ('1,real,x\n\n2,bogus,"oops', 2),
        ('1,real,"a\nb"\n2,bogus,"oops\n3,real,"y"\n', 2),
        ('1,real,"oops\n' + "2,bogus,x\n" * 20000, 1),
    ],
)
def test_quote_that_is_never_closed_swallows_no_labels(tmp_path, rows, i_row):
    path = write_csv(tmp_path, f"candid,label,comment\n{rows}")
    with pytest.raises(LabelError, match=f"data row {i_row} .*quote"):
        read_labels(path)


@pytest.mark.parametrize("cell", ['"a ""b"", c"', 'a 5" lens', '"two\nlines"', "''", '""'])
def test_quotes_that_belong_there_are_read(tmp_path, cell):
    path = write_csv(tmp_path, f"candid,label,comment\n1,real,{cell}\n2,bogus,x\n")
    assert read_labels(path)["candidate_id"].to_pylist() == [1, 2]


@pytest.mark.parametrize("row", [",real", '"",real'])
def test_an_empty_identifier_is_refused(tmp_path, row):
    with pytest.raises(LabelError, match="data row 2: the candidate identifier is empty"):
        read_labels(write_csv(tmp_path, f"candid,label\n7,real\n{row}\n"))


def test_optional_columns_come_along_and_empty_is_null(tmp_path):
    path = write_csv(
        tmp_path,
        "candid,label,objectId,vet_subclass,label_source,weight\n"
        "7,real,ZTF1,,tns,1\n8,bogus,,dipole,,0.25\n",
    )
    assert read_labels(path).to_pylist() == [
        {
            "candidate_id": 7,
            "label": "real",
            "object_id": "ZTF1",
            "subclass": None,
            "source": "tns",
            "weight": 1.0,
        },
        {
            "candidate_id": 8,
            "label": "bogus",
            "object_id": None,
            "subclass": "dipole",
            "source": None,
            "weight": 0.25,
        },
    ]


@pytest.mark.parametrize("weight", ["-1", "nan", "inf", "heavy", ""])
def test_an_impossible_weight_is_refused_with_its_row(tmp_path, weight):
    path = write_csv(tmp_path, f"candid,label,weight\n7,real,{weight}\n")
    with pytest.raises(LabelError, match="data row 1: weight"):
        read_labels(path)


def test_repeats_that_agree_are_merged(tmp_path):
    path = write_csv(tmp_path, "candid,label,source\n7,real,a\n8,bogus,b\n7,1,c\n")
    assert read_labels(path).to_pylist() == [
        {"candidate_id": 7, "label": "real", "source": "a"},
        {"candidate_id": 8, "label": "bogus", "source": "b"},
    ]


def test_repeats_that_contradict_are_refused_with_their_ids(tmp_path):
    path = write_csv(tmp_path, "candid,label\n7,real\n8,bogus\n7,0\n9,1\n9,unknown\n")
    with pytest.raises(LabelError, match="2 candidates carry more than one label: 7, 9"):
        read_labels(path)


def test_one_candidate_of_two_objects_is_refused(tmp_path):
    path = write_csv(tmp_path, "candid,label,objectId\n7,real,a\n7,real,b\n")
    with pytest.raises(LabelError, match="more than one object_id: 7"):
        read_labels(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty file"),
        ("id,label\n1,real\n", "no column for candidate_id: expected one of candidate_id, candid"),
        ("candid,class\n1,real\n", "no column for label: expected one of label, is_real"),
        ("candid,diaSourceId,label\n1,2,real\n", "several columns for candidate_id"),
        ("candid,label\n1,real,extra\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_label_file_is_explained(tmp_path, text, message):
    with pytest.raises(LabelError, match=message):
        read_labels(write_csv(tmp_path, text))


def test_unreadable_files_are_explained(tmp_path):
    with pytest.raises(LabelError, match="does not exist"):
        read_labels(tmp_path / "absent.csv")
    with pytest.raises(LabelError, match=r"end in \.csv or \.parquet"):
        read_labels(tmp_path / "labels.xlsx")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(LabelError, match="cannot be read"):
        read_labels(broken)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("candid,label,note\n1,real,caf\xe9\n".encode("latin-1"))
    with pytest.raises(LabelError, match="is not UTF-8 text"):
        read_labels(latin)


def test_a_byte_order_mark_and_quoted_line_breaks_do_no_harm(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text('candid,note,label\r\n7,"two\nlines",real\r\n', encoding="utf-8-sig")
    assert read_labels(path).to_pylist() == [{"candidate_id": 7, "label": "real"}]


TABLE = pa.table(
    {
        "candidate_id": pa.array([7, 8, 9, CANDID]),
        "label": ["real", "bogus", "unknown", "real"],
    }
)


@given(st.lists(st.sampled_from([7, 8, 9, CANDID, CANDID + 1, 5])))
def test_every_candidate_is_accounted_for(ids):
    if not set(ids) & {7, 8, 9, CANDID}:
        with pytest.raises(LabelError, match="none of 4 labels"):
            match_labels(TABLE, ids, needs_both_classes=False)
        return
    matched = match_labels(TABLE, ids, needs_both_classes=False)
    truth = {7: 1, 8: 0, CANDID: 1}
    assert [ids[i] for i in matched.i_candidate] == [i for i in ids if i in truth]
    assert matched.labels.tolist() == [truth[i] for i in ids if i in truth]
    behind = [TABLE["candidate_id"][int(i)].as_py() for i in matched.i_label]
    assert behind == [i for i in ids if i in truth]
    total = matched.n_real + matched.n_bogus + matched.n_unknown + matched.n_unlabelled
    assert total == len(ids)
    assert matched.n_unknown == ids.count(9)
    assert matched.n_absent == len({7, 8, 9, CANDID} - set(ids))


def test_absent_labels_are_counted_or_refused():
    assert match_labels(TABLE, [7, 8]).n_absent == 2
    with pytest.raises(LabelError, match=f"2 of 4 labels .*: {CANDID}, 9"):
        match_labels(TABLE, [7, 8], absent="error")
    assert match_labels(TABLE, [7, 8, 9, CANDID, 1], absent="error").n_absent == 0


@pytest.mark.parametrize(("ids", "found"), [([7], "1 REAL and 0 BOGUS"), ([8, 9], "0 REAL and 1")])
def test_a_missing_class_is_refused(ids, found):
    with pytest.raises(LabelError, match=found):
        match_labels(TABLE, ids)


def test_text_and_number_identifiers_meet_as_text():
    matched = match_labels(TABLE, np.array(["8", str(CANDID), "x"]))
    assert matched.labels.tolist() == [0, 1]
    assert matched.i_candidate.tolist() == [0, 1]


def test_float_candidates_are_refused():
    with pytest.raises(LabelError, match=r"integers or text, got float 7\.0"):
        match_labels(TABLE, np.array([7.0, 8.0]))


def test_no_candidates_at_all_is_refused():
    with pytest.raises(LabelError, match="of the 0 candidates"):
        match_labels(TABLE, [])
