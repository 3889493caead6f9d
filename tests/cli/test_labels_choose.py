"""`skyvet labels choose` from a score table to a list."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from skyvet.cli.main import main
from skyvet.io.feature_tables import write_feature_table
from skyvet.io.label_store.store import open_label_store
from skyvet.io.source_score_tables import read_source_scores, write_source_scores
from skyvet.records.feature_table import FeatureTable
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.records.source_scores import SourceScores

IDS = np.arange(100, 160)


@pytest.fixture
def scores(tmp_path):
    rng = np.random.default_rng(0)
    probabilities = rng.random((60, 2))
    path = tmp_path / "scores.parquet"
    table = SourceScores(
        source_ids=IDS,
        tags=("rrab", "ew"),
        probabilities=probabilities,
        is_positive=probabilities > 0.5,
        is_calibrated=np.ones(60, dtype=bool),
        n_missing=np.zeros(60, dtype=np.int32),
        n_outside=np.zeros(60, dtype=np.int32),
        bundle="b",
    )
    write_source_scores(path, [table])
    return path, dict(zip(IDS.tolist(), probabilities, strict=True))


def _run(*words):
    with pytest.raises(SystemExit) as end:
        main(["labels", "choose", *map(str, words)])
    return end.value.code


def test_the_list_holds_sure_sources_of_each_class(scores, tmp_path, capsys):
    path, probability = scores
    out = tmp_path / "ask.parquet"
    assert _run(path, "--out", out, "--n-per-class", 3, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    rows = pq.read_table(out).to_pylist()
    assert answer["n"] == len(rows) > 0
    for row in rows:
        for tag in row["asked_for"].split("+"):
            assert probability[row["source_id"]][("rrab", "ew").index(tag)] >= 0.9


def test_sources_that_have_a_label_are_not_asked_for_again(scores, tmp_path):
    path, _ = scores
    out, store, file = tmp_path / "ask.parquet", tmp_path / "labels.db", tmp_path / "labels.csv"
    words = ("--out", out, "--strategy", "entropy", "--n-per-class", 60)
    assert _run(path, *words) == 0
    assert pq.read_table(out).num_rows == 60
    with open_label_store(store) as opened:
        opened.append(
            [LabelEvent(survey="ztf", candidate_id=103, labeller="ada", value=LabelValue.UNKNOWN)]
        )
    file.write_text("source_id,class\n104,rrab\n105,ew\n")
    for known, gone in ((store, {103}), (file, {104, 105})):
        assert _run(path, *words, "--known", known) == 0
        assert set(IDS) - set(pq.read_table(out)["source_id"].to_pylist()) == gone


def test_a_strategy_that_spreads_takes_the_features(scores, tmp_path, capsys):
    path, _ = scores
    features = tmp_path / "features.parquet"
    values = np.random.default_rng(1).normal(size=(60, 3))
    table = FeatureTable(source_ids=IDS[::-1], names=("a", "b", "c"), values=values)
    write_feature_table(features, table)
    words = (path, "--out", tmp_path / "ask.parquet", "--strategy", "k_center")
    assert _run(*words, "--n-per-class", 5, "--features", features) == 0
    assert _run(*words, "--n-per-class", 5) == 3
    assert "needs embeddings" in capsys.readouterr().err
    write_feature_table(features, table.take(np.arange(10)))
    assert _run(*words, "--features", features) == 3
    assert "lacks 50 of the scored sources" in capsys.readouterr().err


def test_scores_are_never_overwritten_by_the_list(scores, capsys):
    path, _ = scores
    assert _run(path, "--out", path) == 3
    assert "is an input" in capsys.readouterr().err


def test_the_closing_line_names_all_that_the_page_needs(scores, tmp_path, capsys):
    path, _ = scores
    out, store = tmp_path / "ask.parquet", tmp_path / "labels.db"
    with open_label_store(store):
        pass
    assert _run(path, "--out", out, "--known", store) == 0
    said = "".join(capsys.readouterr().out.split())  # long paths are broken at 80 columns
    assert "skyvetlabel--dataLIGHT_CURVES--taxonomyTREE" in said
    assert f"--scores{path}--labels{store}--candidates{out}" in said


def test_a_source_in_several_rows_is_asked_for_once_and_said(scores, tmp_path, capsys):
    path, _ = scores
    twice, out = tmp_path / "twice.parquet", tmp_path / "ask.parquet"
    table = read_source_scores(path)
    write_source_scores(twice, [table, table])
    words = ("--out", out, "--strategy", "entropy", "--n-per-class", 120)
    assert _run(twice, *words) == 0
    ids = pq.read_table(out)["source_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 60
    said = capsys.readouterr().err
    assert " ".join(said.split()).count("60 rows of the scores repeat a source") == 1
