"""Answers on disk: whole lines only, readable as a label file."""

from __future__ import annotations

import pytest

from skyvet.core.errors import DatasetError, LabelError
from skyvet.io.label_files import read_labels
from skyvet.records.labels import Label, LabelValue
from skyvet.strategies.rounds.answers import FileAnswers

ID = 1_095_578_115_815_010_002


def answer(identifier, value=LabelValue.REAL):
    return Label(candidate_id=identifier, value=value, source='ada, "the" expert')


def test_answers_are_a_label_file_for_every_command(tmp_path):
    answers = FileAnswers(tmp_path / "answers.csv")
    answers.add(answer(ID))
    answers.add(answer(ID + 1, LabelValue.UNKNOWN))
    table = read_labels(answers.path).to_pylist()
    assert [row["candidate_id"] for row in table] == [ID, ID + 1]
    assert [row["label"] for row in table] == ["real", "unknown"]
    assert table[0]["source"] == 'ada, "the" expert'


@pytest.mark.parametrize("n_bytes", range(0, 80, 7))
def test_a_file_cut_at_any_byte_keeps_its_whole_lines_and_takes_more(tmp_path, n_bytes):
    path = tmp_path / "answers.csv"
    first = FileAnswers(path)
    first.add(answer("a"))
    first.add(answer("b"))
    cut = path.read_bytes()[:n_bytes]
    path.write_bytes(cut)
    n_whole = max(cut.count(b"\n") - 1, 0)
    again = FileAnswers(path)
    assert list(again.standing()) == ["a", "b"][:n_whole]
    again.add(answer("c", LabelValue.BOGUS))
    assert list(FileAnswers(path).standing()) == [*["a", "b"][:n_whole], "c"]
    assert read_labels(path).num_rows == n_whole + 1


def test_labels_to_begin_with_come_first_and_are_only_read(tmp_path):
    first = tmp_path / "first.csv"
    first.write_text("candidate_id,label\n5,bogus\n")
    answers = FileAnswers(tmp_path / "run" / "answers.csv", first=first)
    answers.add(answer(7))
    assert list(answers.standing().items()) == [("5", LabelValue.BOGUS), ("7", LabelValue.REAL)]
    assert first.read_text() == "candidate_id,label\n5,bogus\n"


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="the answers before are kept"):
        FileAnswers(tmp_path / "file" / "answers.csv").add(answer(7))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"8,maybe,ada\n", "'maybe'"),
        (b"8\n", "3 cells"),
        (b",real,ada\n", "empty"),
        (b"8,real,ada,,\n", "3 cells"),
        (b"8,re\xffal,ada\n", "UTF-8"),
    ],
)
def test_a_line_edited_wrongly_is_named(tmp_path, row, reason):
    answers = FileAnswers(tmp_path / "answers.csv")
    answers.add(answer(7))
    answers.path.write_bytes(answers.path.read_bytes() + row)
    with pytest.raises(LabelError, match=reason) as caught:
        answers.standing()
    assert "answers.csv" in str(caught.value)
    assert reason == "UTF-8" or "data row 2" in str(caught.value)
