"""Frames end to end through the command line: simulated, fetched, embedded, learnt, scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.archive_server import ArchiveServer

from skyvet.cli.main import main
from skyvet.io.frame_store import FrameStore

pytestmark = pytest.mark.integration


def call(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frames") / "simulated"
    words = ("--n", 40, "--min-epochs", 8, "--max-epochs", 40, "--median-epochs", 20)
    assert call("simulate", "frames", "--out", path, *words, "--seed", 3, "--json") == 0
    return path


@pytest.fixture(scope="module")
def fetched(simulated: Path) -> dict[str, Path]:
    """The same objects once more, from an archive on this machine, and their labels."""
    folder = simulated.parent
    with ArchiveServer() as server:
        names = server.add_store(simulated)
        (folder / "oids.txt").write_text("".join(f"{oid}\n" for oid in names))
        addresses = ("--finder-url", server.url, "--base-url", server.products_url)
        words = ("--oids", folder / "oids.txt", "--out", folder / "frames", "--rate", 100)
        assert call("fetch", "ztf-frames", *words, *addresses, "--json") == 0
    label_of = {s.sequence.object_id: s.label for s in FrameStore(simulated)}
    rows = [f"{oid},{label_of[name].value}" for oid, name in names.items()]
    (folder / "labels.csv").write_text("\n".join(["candidate_id,label", *rows]))
    return {"frames": folder / "frames", "labels": folder / "labels.csv"}


def test_fetched_frames_are_the_simulated_ones(simulated: Path, fetched: dict[str, Path]) -> None:
    sent, got = FrameStore(simulated), FrameStore(fetched["frames"])
    assert (len(got), got.n_frames, got.is_complete) == (len(sent), sent.n_frames, True)
    by_sum = {float(np.nansum(s.sequence.frames)): s for s in sent}
    for stored in got:
        twin = by_sum[float(np.nansum(stored.sequence.frames))]
        np.testing.assert_array_equal(stored.sequence.frames, twin.sequence.frames)
        np.testing.assert_allclose(  # heliocentric there and back: under a second
            stored.sequence.mjd_tai, twin.sequence.mjd_tai, rtol=0, atol=1e-5
        )


def test_frames_become_scores_with_evidence_and_a_report(
    fetched: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: object) -> dict[str, Any]:
        assert call(*words, "--json") == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    frames, labels = fetched["frames"], fetched["labels"]
    encoder, embeddings, bundle = (tmp_path / name for name in ("encoder", "emb", "bundle"))
    small = ("--n-epochs", 2, "--frames.max-frames-per-epoch", 600, "--no-page")
    said("train", "encoder", frames, "--out", encoder, *small)
    embedded = said("embed", frames, "--encoder", encoder, "--out", embeddings)
    assert embedded["n_embedded"] + embedded["n_rejected"] == embedded["n_read"] == 40
    trained = said(
        *("train", "sequence", "--data", embeddings, "--labels", labels, "--out", bundle),
        *("--encoder", encoder, "--n-inner-folds", 2),
    )
    assert trained["n_real"] + trained["n_bogus"] == 40

    scores = tmp_path / "scores.parquet"
    scored = said("score", frames, "--bundle", bundle, "--out", scores)
    assert scored["n_scored"] + scored["n_rejected"] == scored["n_read"] == 40
    rows = pq.read_table(scores).to_pylist()
    for row in rows:
        assert 0 <= row["score"] <= 1
        assert row["subtype"]
        assert 1 <= len(row["top_frames"]) == len(row["top_mjd_tai"]) <= 10
        assert max(row["top_frames"]) < row["n_frames"] + row["n_unusable_frames"]

    report = tmp_path / "report"
    judged = said(
        *("evaluate", "--scores", scores, "--labels", labels, "--data", frames, "--out", report)
    )
    assert judged["requirement"] in {"PASS", "FAIL", "UNDECIDED"}
    page = (report / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") > 20


def test_embeddings_score_as_the_frames_do(
    fetched: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames, labels = fetched["frames"], fetched["labels"]
    embeddings, bundle = tmp_path / "emb", tmp_path / "bundle"
    assert call("embed", frames, "--out", embeddings, "--json") == 0
    words = ("--data", embeddings, "--labels", labels, "--out", bundle, "--n-inner-folds", 2)
    assert call("train", "sequence", *words, "--encoder", "default", "--json") == 0
    for name, source in (("frames", frames), ("embeddings", embeddings)):
        out = tmp_path / f"{name}.parquet"
        assert call("score", source, "--bundle", bundle, "--out", out, "--json") == 0
    capsys.readouterr()
    first, second = (
        pq.read_table(tmp_path / f"{name}.parquet").sort_by("candidate_id").drop(["source"])
        for name in ("frames", "embeddings")
    )
    assert first.column_names == second.column_names
    np.testing.assert_allclose(  # one path: the store keeps float32
        first["logit"].to_numpy(), second["logit"].to_numpy(), rtol=0, atol=1e-5
    )
    assert first["top_frames"].to_pylist() == second["top_frames"].to_pylist()
