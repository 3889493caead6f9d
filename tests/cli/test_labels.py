"""`skyvet labels`: a store filled, looked at, compared and emptied into files again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.conftest import make_candidate

from skyvet.cli.main import main
from skyvet.io.label_files import read_labels
from skyvet.io.label_store.store import open_label_store


@pytest.fixture
def run(capsys):
    def called(*words):
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        shown = capsys.readouterr()
        return int(caught.value.code or 0), shown.out, shown.err

    return called


@pytest.fixture
def said(run):
    def called(*words):
        code, out, err = run(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    return called


@pytest.fixture
def place(tmp_path):
    return tmp_path / "labels.db"


@pytest.fixture
def three_labellers(tmp_path, place, said):
    """A store in which ada is always right, bo wrong at every fifth, cy says one unknown."""
    rows = ["candid,label,labeller"]
    for i in range(30):
        truth = i % 2
        rows.append(f"{i},{truth},ada")
        rows.append(f"{i},{truth if i % 5 else 1 - truth},bo")
        rows.append(f"{i},{'unknown' if i == 3 else truth},cy")
    path = tmp_path / "three.csv"
    path.write_text("\n".join(rows) + "\n")
    assert said("labels", "import", path, "--labels", place, "--survey", "ZTF")["n_new"] == 90
    return place


def test_import_tells_what_is_new_and_what_was_held(said, place, night_labels):
    words = ("labels", "import", night_labels, "--labels", place, "--survey", "ztf")
    first, again = said(*words, "--labeller", "tns"), said(*words, "--labeller", "tns")
    assert (first["n_rows"], first["n_new"], first["n_known"]) == (40, 40, 0)
    assert (again["n_new"], again["n_known"]) == (0, 40)


def test_import_checked_against_a_dataset_refuses_strangers(run, said, place, dataset, tmp_path):
    known = make_candidate(0).candidate_id
    path = tmp_path / "some.csv"
    path.write_text(f"candid,label\n{known},real\n7,real\n")
    words = ("labels", "import", path, "--labels", place, "--data", dataset, "--labeller", "a")
    code, _, err = run(*words)
    assert code == 3
    assert "data row 2: candidate 7 of survey ztf is not in the dataset" in err
    assert said("labels", "show", "--labels", place)["n_events"] == 0
    path.write_text(f"candid,label\n{known},real\n")
    assert said(*words)["n_new"] == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("labels", "import", "absent.csv", "--labels", "new.db"), 3, "does not exist"),
        (("labels", "show", "--labels", "absent.db"), 5, "there is no label store"),
        (("labels", "show", "--labels", "mysql://h/d"), 3, "label store is a path"),
        (("labels", "export", "out.csv", "--labels", "absent.db"), 5, "there is no label store"),
        (("labels", "revoke", "ada", "--labels", "absent.db"), 5, "there is no label store"),
        (
            ("labels", "show", "--labels", "postgresql://u:secret@127.0.0.1:1/x"), 5,
            "postgresql://u@127.0.0.1:1/x cannot be used now",
        ),
    ],
)  # fmt: skip
def test_trouble_ends_with_one_line_and_its_code(run, monkeypatch, tmp_path, words, code, message):
    monkeypatch.chdir(tmp_path)
    ended, out, err = run(*words)
    assert ended == code
    assert message in err
    assert "secret" not in err + out
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_show_counts_by_survey_and_labeller(said, run, three_labellers):
    found = said("labels", "show", "--labels", three_labellers)
    assert found["n_standing"] == found["n_events"] == 90
    assert found["surveys"] == [
        {"survey": "ztf", "candidates": 30, "real": 15, "bogus": 15, "unknown": 0}
    ]
    by_name = {row["labeller"]: row for row in found["labellers"]}
    assert (by_name["cy"]["real"], by_name["cy"]["unknown"]) == (14, 1)
    code, out, _ = run("labels", "show", "--labels", three_labellers)
    assert code == 0
    assert "ada" in out


def test_history_of_one_candidate_is_shown_with_what_was_taken_back(said, run, three_labellers):
    found = said("labels", "show", "--labels", three_labellers, "--candidate", 3)["events"]
    assert [(row["labeller"], row["act"]) for row in found] == [
        ("ada", "real"), ("bo", "real"), ("cy", "unknown"),
    ]  # fmt: skip
    _, out, _ = run("labels", "show", "--labels", three_labellers, "--candidate", 3)
    assert "unknown" in out
    assert "subclass" not in out  # nobody said one


def test_agreement_is_that_of_the_labels(said, run, three_labellers):
    found = said("labels", "agreement", "--labels", three_labellers)
    pairs = {(row["one"], row["other"]): row for row in found["pairs"]}
    assert pairs["ada", "bo"]["agree_[%]"] == pytest.approx(80)
    assert pairs["ada", "bo"]["Cohen's_kappa"] == pytest.approx(0.6)
    assert pairs["ada", "cy"]["both"] == 29
    by_name = {row["labeller"]: row for row in found["labellers"]}
    assert (by_name["bo"]["real_as_bogus"], by_name["bo"]["bogus_as_real"]) == (3, 3)
    _, out, _ = run("labels", "agreement", "--labels", three_labellers)
    assert "Fleiss" in out
    assert "model" in out
    assert "by its probability" in run("labels", "agreement", "--help")[1]


def test_consensus_is_a_label_file_for_training(said, three_labellers, tmp_path):
    out = tmp_path / "consensus.parquet"
    found = said("labels", "consensus", out, "--labels", three_labellers)
    assert (found["n_real"], found["n_bogus"], found["n_unknown"]) == (15, 15, 0)
    labels = read_labels(out)
    truth = np.where(np.arange(30) % 2, "real", "bogus").tolist()
    assert labels["label"].to_pylist() == truth
    strict = said("labels", "consensus", out, "--labels", three_labellers, "--min-probability", "1")
    assert strict["n_unknown"] == 30


def test_one_labeller_alone_has_no_agreement_and_no_crash(said, run, place, night_labels):
    said(
        "labels", "import", night_labels, "--labels", place, "--survey", "ztf", "--labeller", "a"
    )  # fmt: skip
    found = said("labels", "agreement", "--labels", place)
    assert found["fleiss_kappa"] is None
    assert found["pairs"] == []
    code, _, _ = run("labels", "agreement", "--labels", place)
    assert code == 0


@pytest.mark.parametrize("command", [("agreement",), ("consensus", "out.csv")])
def test_empty_store_has_nothing_to_compare(run, place, command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    open_label_store(place).close()
    code, _, err = run("labels", *command, "--labels", place)
    assert code == 3
    assert "holds no label yet" in err


def test_export_and_import_carry_the_history_to_another_store(said, three_labellers, tmp_path):
    history, other = tmp_path / "history.csv", tmp_path / "other.db"
    assert said("labels", "export", history, "--labels", three_labellers)["n_rows"] == 90
    assert said("labels", "import", history, "--labels", other)["n_new"] == 90
    one, two = (said("labels", "show", "--labels", where) for where in (three_labellers, other))
    assert {**one, "labels": ""} == {**two, "labels": ""}


def test_export_of_the_majority_is_a_label_file(said, three_labellers, tmp_path):
    out = tmp_path / "majority.csv"
    words = ("labels", "export", out, "--labels", three_labellers, "--content", "majority")
    assert said(*words)["n_rows"] == 30
    assert read_labels(out)["label"].to_pylist() == ["bogus", "real"] * 15
    said(*words, "--labeller", "cy")
    assert read_labels(out)["label"].to_pylist()[3] == "unknown"


def test_token_is_shown_once_and_revoked(said, run, place):
    given = said("labels", "add-labeller", "ada", "--labels", place, "--role", "read")
    with open_label_store(place) as store:
        assert store.labeller_of(given["token"]).role == "read"
    assert given["link"].endswith(f":8765/?token={given['token']}")
    words = ("labels", "add-labeller", "bo", "--labels", place, "--address", "https://sky/")
    code, out, _ = run(*words)
    assert (code, "https://sky/?token=" in out, "only a hash" in out) == (0, True, True)
    code, out, _ = run("labels", "show", "--labels", place)
    assert code == 0
    assert "ada" in out
    assert given["token"] not in out
    assert said("labels", "revoke", "ada", "--labels", place) == {"revoked": "ada"}
    with open_label_store(place) as store:
        assert store.labeller_of(given["token"]) is None
    assert run("labels", "revoke", "ada", "--labels", place)[0] == 3
