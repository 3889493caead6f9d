"""Label files of sources: three forms, one meaning, counted leftovers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.source_makers import TAXONOMY

from skyvet.core.errors import LabelError
from skyvet.io.source_label_files import read_source_labels

NAN = np.nan


def _csv(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return path


def _votes(file, tag):
    return dict(zip(file.labels.source_ids.tolist(), file.labels.column(tag), strict=True))


def test_the_forms_say_the_same(tmp_path):
    wide = "source_id,rr,AGN\n1,1,0\n2,0,0.75\n"
    long = "obj_id,tag,vote\n1,rr,1\n1,agn,0\n2,RR Lyrae,0\n2,agn,0.75\n"
    found = [read_source_labels(_csv(tmp_path, text), TAXONOMY) for text in (wide, long)]
    assert [file.form for file in found] == ["wide", "long"]
    for file in found:
        assert _votes(file, "rr") == {1: 1.0, 2: 0.0}
        assert _votes(file, "agn") == {1: 0.0, 2: 0.75}


def test_parquet_and_csv_say_the_same(tmp_path):
    text = _csv(tmp_path, "source_id,rr,agn\n1,1,\n2,0.25,0\n")
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"source_id": [1, 2], "rr": [1.0, 0.25], "agn": [None, 0.0]}), path)
    for tag in ("rr", "agn"):
        one, other = (read_source_labels(p, TAXONOMY).labels.column(tag) for p in (text, path))
        np.testing.assert_array_equal(one, other)


def test_an_empty_cell_is_not_a_no(tmp_path):
    file = read_source_labels(_csv(tmp_path, "source_id,rr,agn\n1,1,\n"), TAXONOMY)
    assert np.isnan(file.labels.column("agn")).all()


def test_several_rows_of_a_source_are_averaged(tmp_path):
    text = "source_id,tag,vote,weight\n1,rr,1,3\n1,rr,0,1\n1,agn,0,1\n"
    file = read_source_labels(_csv(tmp_path, text), TAXONOMY)
    assert _votes(file, "rr") == {1: 0.75}
    assert file.labels.weights[0, file.labels.tags.index("rr")] == 2.0


def test_one_class_a_source_is_read(tmp_path):
    text = "star_id,class\na,pulsating_rr\nb,agn\nc,rr+agn\nd,\n"
    file = read_source_labels(_csv(tmp_path, text), TAXONOMY)
    assert file.form == "plain"
    assert _votes(file, "rr") == {"a": 1.0, "b": 0.0, "c": 1.0}
    assert _votes(file, "agn") == {"a": 0.0, "b": 1.0, "c": 1.0}


def test_unknown_classes_are_counted_in_one_sentence_and_the_rest_is_read(tmp_path):
    text = "source_id,class\n1,comet\n2,comet\n3,moth\n4,agn\n"
    file = read_source_labels(_csv(tmp_path, text), TAXONOMY)
    assert file.unknown_classes == {"comet": 2, "moth": 1}
    assert len(file.labels) == 1
    (remark,) = file.remarks()
    assert remark.startswith("3 of 4 rows name classes")


def test_unknown_tags_of_the_long_form_are_counted(tmp_path):
    text = "source_id,tag,vote\n1,comet,1\n1,agn,1\n"
    file = read_source_labels(_csv(tmp_path, text), TAXONOMY)
    assert file.unknown_classes == {"comet": 1}


def test_contradictions_are_told(tmp_path):
    file = read_source_labels(_csv(tmp_path, "source_id,puls,rr\n1,0,1\n2,1,1\n"), TAXONOMY)
    assert file.n_contradictions == 1
    assert "1 sources have a yes" in file.remarks()[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source_id,rr\n1,1.5\n", "data row 1: vote of rr"),
        ("source_id,rr\n1,often\n", "data row 1: vote of rr"),
        ("source_id,rr\n1.5e+3,1\n", "not a whole number or text"),
        ("source_id,rr\n,1\n", "the source identifier is empty"),
        ("name,rr\n1,1\n", "no column for candidate_id"),
        ("source_id,colour\n1,1\n", "no column of votes"),
        ("source_id,class\n1,comet\n", "holds no vote on a class"),
        ("source_id,rr\n1,\n", "holds no vote on a class"),
        ("source_id,tag,vote,weight\n1,rr,1,-1\n", "weight"),
    ],
)
def test_what_cannot_be_used_is_refused(text, message, tmp_path):
    with pytest.raises(LabelError, match=message):
        read_source_labels(_csv(tmp_path, text), TAXONOMY)


def test_identifiers_that_lost_digits_are_refused(tmp_path):
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"source_id": [1.0e18], "rr": [1.0]}), path)
    with pytest.raises(LabelError, match="holds floats"):
        read_source_labels(path, TAXONOMY)


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(LabelError, match="does not exist"):
        read_source_labels(tmp_path / "none.csv", TAXONOMY)
