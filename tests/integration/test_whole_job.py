"""The main job through the command line: packets and labels in, scores and a report out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from skyvet.cli.main import main


def call(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.integration
def test_packets_and_labels_become_scores_and_a_report(
    night: Path, night_labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, bundle, scores = tmp_path / "data", tmp_path / "bundle", tmp_path / "scores.parquet"
    assert call("ingest", night, "--out", data, "--json") == 0
    assert json.loads(capsys.readouterr().out)["n_candidates"] == 40
    words = ("--n-members", 2, "--member.n-epochs", 3, "--stamps.size-px", 31, "--json")
    small = ("--member.network", '{"kind": "compact", "widths": [4, 8]}')
    start = ("train", "triplet", "--data", data, "--labels", night_labels, "--out", bundle)
    assert call(*start, *words, *small) == 0
    trained = json.loads(capsys.readouterr().out)
    assert (trained["n_real"], trained["n_bogus"]) == (20, 20)
    assert call("score", night, "--bundle", bundle, "--out", scores, "--json") == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored["n_scored"] + scored["n_rejected"] == scored["n_read"] == 40
    assert pq.read_metadata(scores).num_rows == 40
    report = tmp_path / "report"
    words = ("--scores", scores, "--labels", night_labels, "--data", data, "--out", report)
    assert call("evaluate", *words, "--json") == 0
    assert json.loads(capsys.readouterr().out)["requirement"] in {"PASS", "FAIL", "UNDECIDED"}
    page = (report / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") > 0


@pytest.mark.integration
def test_metadata_travel_from_packets_to_training_and_scoring(
    night: Path,
    night_labels: Path,
    dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle, scores = tmp_path / "bundle", tmp_path / "scores.parquet"
    words = ("--n-members", 2, "--member.n-epochs", 2, "--stamps.size-px", 31, "--json")
    small = ("--member.network", '{"kind": "compact", "widths": [4, 8]}')
    names = ("--metadata", "magpsf,fwhm,elong")
    start = ("train", "triplet", "--data", dataset, "--labels", night_labels, "--out", bundle)
    assert call(*start, *words, *small, *names) == 0
    assert call("score", night, "--bundle", bundle, "--out", scores) == 0
    again = tmp_path / "again.parquet"
    assert call("score", dataset, "--bundle", bundle, "--out", again) == 0
    ours, theirs = pq.read_table(scores)["logit"], pq.read_table(again)["logit"]
    assert ours.to_pylist() == pytest.approx(theirs.to_pylist(), abs=1e-4)
    capsys.readouterr()


@pytest.mark.integration
def test_real_alerts_score_with_the_shipped_bundle(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.parquet"
    assert call("score", shared_data / "ztf_alerts", "--out", out, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["n_read"], summary["n_scored"], summary["n_rejected"]) == (901, 895, 6)


@pytest.mark.integration
def test_errors_end_with_their_documented_code(
    night: Path, bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ("--out", tmp_path / "s.parquet")
    assert call("score", tmp_path / "nowhere", "--bundle", bundle_path, *out) == 3
    assert call("score", night, "--bundle", tmp_path / "no-bundle", *out) == 4
    assert call("score", night, "--bundle", bundle_path, "--out", tmp_path) == 5
    assert call("score", night, "--bundle", bundle_path, *out, "--alpha", "7") == 3
    assert call("score", night, "--no-such-option") == 2
    assert "Traceback" not in capsys.readouterr().err
