"""`skyvet score` and `skyvet evaluate` on frame sequences."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import make_labelled_sequences

from skyvet.cli.cross_validated import Scheme
from skyvet.cli.main import main
from skyvet.cli.sequence_scoring import sequence_rows
from skyvet.inference.configs import EmbedConfig
from skyvet.inference.frame_embedding import embed_frames
from skyvet.inference.sequences import _TYPES, SequenceScoreSummary
from skyvet.models.encoders.bundle import load_encoder
from skyvet.training.sequences.folds import FoldScheme


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command that must succeed and return its JSON object."""

    def said(*words: object) -> dict[str, Any]:
        assert run(*words, "--json") == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return said


@pytest.fixture(scope="module")
def embeddings(
    sequence_frames: Path, encoder_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("embedded") / "embeddings"
    embed_frames(
        sequence_frames,
        out,
        encoder=load_encoder(encoder_path),
        config=EmbedConfig(n_threads=1),
    )
    return out


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published columns of 80 objects in 8 fields, with light-curve features."""
    folder = tmp_path_factory.mktemp("published")
    labelled = make_labelled_sequences(80, with_light_curve=True)
    sequences = labelled.sequences
    oids = np.array([(250 + i % 8) * 10**12 + 201_400_000_000 + i for i in range(80)])
    rows = {
        "oid": oids,
        "label": 1 - labelled.labels,
        "tags": [list(tags) for tags in labelled.tags],
        "n_frames": sequences.n_frames,
        "embedding": [sequences.frames_of(i).astype(np.float16).ravel() for i in range(80)],
    }
    pq.write_table(pa.table(rows), folder / "embeddings.parquet")
    assert sequences.light_curve is not None
    curves = {"oid": oids, "label": rows["label"], "amplitude": sequences.light_curve[:, 0]}
    pq.write_table(pa.table(curves), folder / "light_curve_features.parquet")
    return folder


def test_score_says_what_it_did(
    sequence_frames: Path, sequence_bundle_path: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "scores.parquet"
    words = ("score", sequence_frames, "--bundle", sequence_bundle_path, "--out", out)
    assert run(*words, "--sequences.n-top", 4) == 0
    text = capsys.readouterr().out
    assert "objects read" in text
    assert "top_frames" in text
    assert {len(top) for top in pq.read_table(out)["top_frames"].to_pylist()} == {4}


def test_score_counts_add_up(
    sequence_frames: Path, sequence_bundle_path: Path, tmp_path: Path, say: Any
) -> None:
    out = tmp_path / "scores.parquet"
    words = ("score", sequence_frames, "--bundle", sequence_bundle_path, "--out", out)
    document = say(*words, "--sequences.min-frames", 10)
    assert document["n_read"] == document["n_scored"] + document["n_rejected"] == 20
    assert document["rejections"] == {"too_few_frames": 5}
    assert sum(document["verdicts"].values()) == document["n_scored"]


def test_frames_and_a_triplet_bundle_do_not_fit(
    sequence_frames: Path, bundle_path: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "scores.parquet"
    assert run("score", sequence_frames, "--bundle", bundle_path, "--out", out) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "holds frame sequences, but bundle" in error


def test_a_bundle_that_does_not_exist_is_said_to_be_missing(
    sequence_frames: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "scores.parquet"
    assert run("score", sequence_frames, "--bundle", "nowhere", "--out", out) == 4
    assert "no bundle 'nowhere'" in capsys.readouterr().err


def test_alerts_and_a_sequence_bundle_do_not_fit(
    night: Path, sequence_bundle_path: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "scores.parquet"
    assert run("score", night, "--bundle", sequence_bundle_path, "--out", out) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "classifies frame sequences, but" in error


def test_sequences_are_scored_one_folder_at_a_time(
    sequence_frames: Path, embeddings: Path, sequence_bundle_path: Path, tmp_path: Path
) -> None:
    words = ("--bundle", sequence_bundle_path, "--out", tmp_path / "scores.parquet")
    assert run("score", sequence_frames, embeddings, *words) == 3


def test_evaluate_with_frames_draws_their_strips(
    sequence_frames: Path, sequence_bundle_path: Path, tmp_path: Path, say: Any
) -> None:
    out = tmp_path / "report"
    words = ("--data", sequence_frames, "--bundle", sequence_bundle_path, "--out", out)
    document = say("evaluate", *words, "--n-resamples", 20)
    assert document["auc"] > 0.8
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count('<div class="strip">') == 20
    assert "an artefact is known to be in 1 of" in page
    again = tmp_path / "again"
    scores = ("--scores", out / "scores.parquet", "--data", sequence_frames)
    assert say("evaluate", *scores, "--out", again, "--n-resamples", 20)["auc"] == document["auc"]
    assert (again / "report.html").read_text(encoding="utf-8") == page


def test_judging_a_bundle_on_its_training_data_is_said(
    sequence_frames: Path, tmp_path: Path, say: Any, capsys: Any
) -> None:
    embeddings, bundle = tmp_path / "embeddings", tmp_path / "bundle"
    say("embed", sequence_frames, "--out", embeddings)
    say("train", "sequence", "--data", embeddings, "--out", bundle, "--n-inner-folds", 2)
    words = ("evaluate", "--data", embeddings, "--bundle", bundle, "--out", tmp_path / "report")
    assert run(*words, "--json") == 0
    assert "trained on these very" in capsys.readouterr().err


def test_embeddings_alone_are_judged_without_pictures(
    embeddings: Path, sequence_bundle_path: Path, tmp_path: Path, say: Any
) -> None:
    out = tmp_path / "report"
    words = ("--data", embeddings, "--bundle", sequence_bundle_path, "--out", out)
    say("evaluate", *words, "--n-resamples", 20)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "made without frames" in page
    assert "Most suspicious frames, with their evidence: MJD" in page


def test_frames_may_lie_elsewhere(
    embeddings: Path, sequence_frames: Path, sequence_bundle_path: Path, tmp_path: Path, say: Any
) -> None:
    out = tmp_path / "report"
    words = ("--data", embeddings, "--bundle", sequence_bundle_path, "--frames", sequence_frames)
    say("evaluate", *words, "--out", out, "--n-resamples", 20)
    assert (out / "report.html").read_text(encoding="utf-8").count('<div class="strip">') == 20


@pytest.mark.parametrize("scheme", ["stratified", "by-field"])
def test_data_alone_are_cross_validated(
    published: Path, tmp_path: Path, say: Any, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    _make_quick(monkeypatch)
    out = tmp_path / "report"
    words = ("--data", published, "--folds", scheme, "--n-folds", 4, "--out", out)
    document = say("evaluate", *words, "--n-resamples", 20)
    assert document["auc"] > 0.8
    table = pq.read_table(out / "scores.parquet")
    assert table.num_rows == 80
    assert sorted(set(table["fold"].to_pylist())) == [0, 1, 2, 3]
    fields = np.array(table["object_id"].to_pylist()) // 10**12
    folds_of_field = [set(table["fold"].to_numpy()[fields == f]) for f in np.unique(fields)]
    assert (max(map(len, folds_of_field)) == 1) == (scheme == "by-field")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Every score is out of fold: 4 folds" in page
    assert "only if the model was trained on none" not in page
    facts = json.loads((out / "report.json").read_text())
    assert facts["subject"] == "object"
    assert {group["key"] for group in facts["slices"]} >= {"tag", "field"}


def test_light_curve_features_can_be_left_out(
    published: Path, tmp_path: Path, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_quick(monkeypatch)
    words = ("--data", published, "--n-folds", 2, "--n-resamples", 20)
    say("evaluate", *words, "--out", tmp_path / "with")
    say("evaluate", *words, "--out", tmp_path / "without", "--no-light-curve")
    pages = [(tmp_path / name / "report.html").read_text() for name in ("with", "without")]
    assert "Trained on frames and light-curve features" in pages[0]
    assert "Trained on frames only" in pages[1]
    scores = [pq.read_table(tmp_path / n / "scores.parquet")["score"] for n in ("with", "without")]
    assert not scores[0].equals(scores[1])


def test_the_report_has_a_place_of_its_own(
    published: Path,
    sequence_bundle_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    say: Any,
) -> None:
    _make_quick(monkeypatch)
    monkeypatch.chdir(tmp_path)
    say("evaluate", "--data", published, "--n-folds", 2, "--n-resamples", 20)
    assert (tmp_path / "report" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "nothing to judge"),
        (("--data", "FRAMES"), "skyvet embed"),
        (("--data", "nowhere"), "--data nowhere is neither a dataset"),
        (("--scores", "SCORES", "--frames", "nowhere"), "nowhere holds no frames"),
        (("--scores", "SCORES"), "there are no labels"),
        (("--scores", "SCORES", "--bundle", "BUNDLE", "--data", "FRAMES"), "not both"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_line(
    sequence_frames: Path,
    sequence_bundle_path: Path,
    tmp_path: Path,
    capsys: Any,
    words: tuple[str, ...],
    expected: str,
) -> None:
    scores = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"candidate_id": ["a"], "score": [0.5], "n_frames": [5]}), scores)
    places = {"FRAMES": sequence_frames, "SCORES": scores, "BUNDLE": sequence_bundle_path}
    filled = [places.get(word, word) for word in words]
    assert run("evaluate", *filled, "--out", tmp_path / "report") == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert expected in error


def test_the_schemes_are_those_of_the_training() -> None:
    assert set(get_args(Scheme)) == {scheme.value for scheme in FoldScheme}


def _make_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the default classifier be a small one."""
    from skyvet.training.sequences import train
    from skyvet.training.sequences.pooled_config import BoostingConfig, PooledConfig

    fit = train.fit_classifier
    small = PooledConfig(boosting=BoostingConfig(n_bags=1, n_rounds=20, min_leaf=3))
    monkeypatch.setattr(train, "fit_classifier", lambda data, _, **how: fit(data, small, **how))


def test_the_kinds_stand_below_the_bogus_that_they_are_of() -> None:
    summary = SequenceScoreSummary(
        n_read=9, n_scored=9, n_rejected=0, n_frames=90, n_unusable_frames=0, rejections={},
        verdicts={"bogus": 4, "real": 3, "review": 2}, surveys={"ztf": 9},
        subtypes={"ghost": 3, "track": 1}, n_uncalibrated=0, n_with_evidence=9,
        scores=Path("s.parquet"), rejected=Path("r.parquet"),
    )  # fmt: skip
    rows = [(name.strip(), count) for name, count in sequence_rows(summary)]
    at = rows.index(("bogus", 4))
    assert rows[at + 1 : at + 4] == [("likely ghost", 3), ("likely track", 1), ("real", 3)]


def test_the_guide_explains_the_columns_of_kinds_and_frames() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "frames.md").read_text()
    explained = set(re.findall(r"^\| `(\w+)` \|", guide, flags=re.MULTILINE))
    own = {name for name in _TYPES if name.startswith(("subtype", "top_"))}
    assert len(own) == 5
    assert own <= explained
