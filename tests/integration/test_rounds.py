"""The command skyvet rounds in processes of its own: whole runs, kills, stores, refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from skyvet.cli.main import main
from skyvet.io.label_files import read_labels
from skyvet.io.label_store.store import open_label_store

pytestmark = pytest.mark.integration

SETTINGS = """
n_per_round = 6
n_rounds = 2
[stamps]
size_px = 21
[learner]
kind = "supervised"
n_folds = 2
[learner.member]
n_epochs = 1
patience = 0
validation_fraction = 0.0
network = { kind = "compact", widths = [4, 8] }
batches = { size = 8 }
hardware = { accelerator = "cpu", precision = "32-true", n_threads = 1 }
"""


@pytest.fixture
def arguments(tmp_path: Path, dataset: Path, night_labels: Path) -> list[str]:
    """A run with a simulated expert; the last 10 candidates are the test set."""
    config, test = tmp_path / "rounds.toml", tmp_path / "test.csv"
    config.write_text(SETTINGS, encoding="utf-8")
    lines = night_labels.read_text(encoding="utf-8").splitlines()
    test.write_text("\n".join([lines[0], *lines[-10:]]) + "\n", encoding="utf-8")
    return [
        *("--data", str(dataset), "--expert", "simulated", "--truth", str(night_labels)),
        *("--error-rate", "0.1", "--test", str(test), "--config", str(config), "--json"),
    ]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "skyvet.cli.main", *words]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command(*words), capture_output=True, text=True, env=environment, check=False
    )


def facts(finished: subprocess.CompletedProcess[str]) -> dict:
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def figures(document: dict) -> list[dict]:
    return [{**record, "seconds": 0} for record in document["rounds"]]


def test_killed_at_any_moment_the_same_command_ends_as_if_it_had_not_been(arguments, tmp_path):
    whole = facts(run("rounds", *arguments, "--out", str(tmp_path / "whole")))
    out = tmp_path / "killed"
    rng = np.random.default_rng(0)
    n_killed = 0
    for _ in range(2):
        process = subprocess.Popen(
            command("rounds", *arguments, "--out", str(out)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        kept = read_labels(out / "answers.csv").to_pylist() if _has_answers(out) else []
        until = time.monotonic() + 60
        wanted = rng.integers(len(kept) + 1, len(kept) + 4)
        while time.monotonic() < until and process.poll() is None and _n_answers(out) < wanted:
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            n_killed += 1
        process.wait()
        if kept:
            assert read_labels(out / "answers.csv").to_pylist()[: len(kept)] == kept
    assert n_killed
    again = facts(run("rounds", *arguments, "--out", str(out)))
    assert figures(again) == figures(whole)
    answers = read_labels(out / "answers.csv").to_pylist()
    assert answers == read_labels(tmp_path / "whole" / "answers.csv").to_pylist()
    assert len(answers) == 12
    assert max(Counter(row["candidate_id"] for row in answers).values()) == 1


def _has_answers(out: Path) -> bool:
    return _n_answers(out) > 0


def _n_answers(out: Path) -> int:
    path = out / "answers.csv"
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.is_file() else 0


def test_bundle_table_and_pictures_are_there_and_skyvet_score_takes_the_bundle(
    arguments, tmp_path, dataset
):
    out = tmp_path / "run"
    document = facts(run("rounds", *arguments, "--out", str(out)))
    assert document["is_complete"]
    assert [record["point"]["n_labels"] for record in document["rounds"]] == [0, 6, 12]
    table = pq.read_table(out / "label_curve.parquet")
    assert set(table["n_labels"].to_pylist()) == {0, 6, 12}
    assert "<svg" in (out / "label_curve.html").read_text(encoding="utf-8")
    scores = tmp_path / "scores.parquet"
    words = ("--bundle", str(out / "bundle"), "--out", str(scores))
    scored = run("score", str(dataset), *words, "--json")
    assert scored.returncode == 0, scored.stderr


def test_changed_settings_are_refused_with_what_changed(arguments, tmp_path):
    out = tmp_path / "run"
    facts(run("rounds", *arguments, "--out", str(out), "--n-rounds", "0"))
    refused = run("rounds", *arguments, "--out", str(out), "--strategy", "random")
    assert refused.returncode == 5
    assert 'rounds.strategy.kind was "least_confidence", now "random"' in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_answers_of_a_simulated_expert_go_to_the_store(arguments, tmp_path):
    store = tmp_path / "labels.db"
    words = ("--out", str(tmp_path / "run"), "--labels", str(store), "--n-rounds", "1")
    facts(run("rounds", *arguments, *words))
    with open_label_store(store) as opened:
        events = [stored.event for stored in opened.history()]
    assert len(events) == 6
    assert {event.shown.strategy for event in events} == {"least_confidence"}
    assert "0.1 of REAL" in events[0].labeller


def test_people_are_told_what_to_label_and_with_what(tmp_path, dataset, arguments):
    config = arguments[arguments.index("--config") + 1]
    out, store = tmp_path / "run", tmp_path / "labels.db"
    words = ("--data", str(dataset), "--labels", str(store), "--out", str(out), "--config", config)
    finished = run("rounds", *words, "--json")
    document = facts(finished)
    assert document["n_missing"] == 6
    assert not document["is_complete"]
    assert document["next"].startswith(f"skyvet label --data {dataset} --labels {store}")
    assert pq.read_table(out / "round-000" / "ask.parquet").num_rows == 6


def test_people_with_a_label_file_are_told_to_edit_it(tmp_path, dataset, arguments):
    config = arguments[arguments.index("--config") + 1]
    out, labels = tmp_path / "run", tmp_path / "mine.csv"
    labels.write_text("candidate_id,label\n", encoding="utf-8")
    words = ("--data", str(dataset), "--labels", str(labels), "--out", str(out), "--config", config)
    document = facts(run("rounds", *words, "--json"))
    assert "skyvet label" not in document["next"]
    assert document["next"].startswith(f"add the candidates of {out / 'round-000' / 'ask.csv'}")
    asked = (out / "round-000" / "ask.csv").read_text(encoding="utf-8").splitlines()
    assert len(asked) == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--expert", "simulated"), "--expert simulated needs --truth"),
        (("--expert", "person"), "--labels says where their labels appear"),
    ],
)
def test_an_expert_who_cannot_be_asked_is_refused(tmp_path, dataset, words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["rounds", "--data", str(dataset), "--out", str(tmp_path / "run"), *words])
    assert caught.value.code == 3
    assert message in " ".join(capsys.readouterr().err.split())


def test_what_is_no_dataset_is_refused_with_advice_and_leaves_nothing(tmp_path):
    (tmp_path / "night").mkdir()
    out = tmp_path / "run"
    words = ("--labels", str(tmp_path / "labels.db"), "--out", str(out))
    finished = run("rounds", "--data", str(tmp_path / "night"), *words)
    assert "skyvet ingest" in finished.stderr
    assert not out.exists()
