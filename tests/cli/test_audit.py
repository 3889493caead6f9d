"""`skyvet audit` on a small dataset with planted errors."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from skyvet.cli.main import main

FAST = [
    "--n-folds", "2", "--n-repeats", "1", "--no-with-dihedral-average",
    "--member.n-epochs", "6", "--member.hardware.n-threads", "1",
    "--member.batches.min-epoch-rows", "0",
]  # fmt: skip


def run(*words, capsys):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    out = capsys.readouterr()
    return int(caught.value.code or 0), out.out, out.err


@pytest.fixture
def wrong_labels(night_labels, tmp_path):
    """The night's labels with that of the first candidate turned round."""
    lines = night_labels.read_text().splitlines()
    identifier = lines[1].split(",")[0]
    path = tmp_path / "wrong.csv"
    path.write_text("\n".join([lines[0], f"{identifier},bogus", *lines[2:]]) + "\n")
    return path, int(identifier)


@pytest.mark.integration
def test_wrong_label_is_ranked_first_and_its_correction_reported(
    dataset, night_labels, wrong_labels, tmp_path, capsys
):
    path, identifier = wrong_labels
    out = tmp_path / "suspects.parquet"
    code, text, error = run(
        "audit", "--data", dataset, "--labels", path, "--out", out, "--corrections", night_labels,
        "--trusted", night_labels, "--json", *FAST, capsys=capsys,
    )  # fmt: skip
    assert code == 0, error
    document = json.loads(text)
    ranked = pq.read_table(out).to_pylist()
    assert len(ranked) == document["n_labels"] == 40
    assert identifier in [row["candidate_id"] for row in ranked[:3]]
    assert document["effect"]["n_corrected"] == 1
    assert [pair["name"] for pair in document["effect"]["untouched"]] == [
        "auc", "average_precision", "brier",
    ]  # fmt: skip


@pytest.mark.integration
def test_people_get_a_table(dataset, night_labels, capsys):
    code, text, error = run(
        "audit", "--data", dataset, "--labels", night_labels, "--n-shown", 3, *FAST, capsys=capsys
    )
    assert code == 0, error
    assert "Labels that look wrong" in text
    assert "40 labels; expected to be wrong" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "suspects.txt"], ".csv or .parquet"),
        (["--trusted", "LABELS"], "--corrections"),
        (["--out", "LABELS"], "give another name"),
    ],
)
def test_unusable_request_is_refused_before_any_work(
    options, message, dataset, night_labels, capsys
):
    words = [str(night_labels) if word == "LABELS" else word for word in options]
    code, _, error = run(
        "audit", "--data", dataset, "--labels", night_labels, *words, *FAST, capsys=capsys
    )
    assert code == 3
    assert message in error
