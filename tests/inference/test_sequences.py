"""Scoring of frame sequences: counts, evidence, restart, bad input, inputs that do not fit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import make_frames, make_stored_sequence

from skyvet.core.errors import BundleError, DatasetError, InvalidInputError
from skyvet.inference.configs import EmbedConfig, ScoreConfig, SequenceScoreConfig
from skyvet.inference.frame_embedding import embed_frames
from skyvet.inference.sequences import score_sequences
from skyvet.io.frame_store import FrameStore, FrameStoreWriter, StoredSequence
from skyvet.io.parts import PartWriter
from skyvet.io.score_tables import read_scores
from skyvet.models.encoders.bundle import load_encoder
from skyvet.models.sequence_bundle import SequenceBundle, load_sequence_bundle
from skyvet.records.frames import FrameSequence
from skyvet.records.labels import LabelValue
from skyvet.scoring.curves import roc_auc

PARTS = ScoreConfig(n_per_part=6, n_threads=1)


@pytest.fixture(scope="module")
def bundle(sequence_bundle_path: Path) -> SequenceBundle:
    return load_sequence_bundle(sequence_bundle_path)


@pytest.fixture(scope="module")
def scored(
    sequence_frames: Path, bundle: SequenceBundle, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("scores") / "scores.parquet"
    score_sequences(sequence_frames, out, bundle=bundle, config=PARTS)
    return out


@pytest.fixture(scope="module")
def embedded(
    sequence_frames: Path, encoder_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("embedded") / "embeddings"
    config = EmbedConfig(n_threads=1, frames_per_part=70)
    embed_frames(sequence_frames, out, encoder=load_encoder(encoder_path), config=config)
    return out


def write_store(path: Path, stored: list[StoredSequence]) -> Path:
    writer = FrameStoreWriter(path, settings={}, size_px=28, dtype="float32")
    for item in stored:
        writer.append(item)
    writer.finish()
    return path


def write_published(path: Path, frames: list[np.ndarray], **columns: object) -> Path:
    """Folder with the columns of RB_ZTF."""
    path.mkdir()
    rows = {
        "oid": np.arange(len(frames)) + 257_201_400_000_000,
        "n_frames": [len(own) for own in frames],
        "embedding": [own.astype(np.float16).ravel() for own in frames],
        **columns,
    }
    pq.write_table(pa.table(rows), path / "embeddings.parquet")
    return path


def test_artefacts_score_lower_and_their_frame_is_named(
    scored: Path, sequence_frames: Path
) -> None:
    rows = pq.read_table(scored).to_pylist()
    store = list(FrameStore(sequence_frames))
    assert [row["object_id"] for row in rows] == [s.sequence.object_id for s in store]
    labels = np.array([s.label is LabelValue.REAL for s in store], dtype=np.int8)
    assert roc_auc(np.array([row["score"] for row in rows]), labels) > 0.9
    named = [
        row["top_frames"][0] == 2 for row, s in zip(rows, store, strict=True) if s.label != "real"
    ]
    assert np.mean(named) >= 0.8


def test_named_frames_come_most_suspicious_first_with_their_own_times(
    scored: Path, sequence_frames: Path
) -> None:
    for row, stored in zip(
        pq.read_table(scored).to_pylist(), FrameStore(sequence_frames), strict=True
    ):
        assert len(row["top_frames"]) == min(10, len(stored.sequence))
        assert len(set(row["top_frames"])) == len(row["top_frames"])
        assert row["top_evidence"] == sorted(row["top_evidence"], reverse=True)
        times = stored.sequence.mjd_tai[row["top_frames"]]
        assert row["top_mjd_tai"] == times.tolist()


def test_the_table_says_how_it_was_made(scored: Path, bundle: SequenceBundle) -> None:
    table = read_scores(scored)
    assert table.threshold == pytest.approx(bundle.info.thresholds.threshold)
    assert table.settings["bundle"] == bundle.label
    assert set(table.rows["verdict"].to_pylist()) <= {"real", "bogus", "review"}
    assert table.rows["subtype"].null_count == 0
    assert not (scored.parent / "scores.parquet.parts").exists()


@pytest.mark.parametrize("n_per_part", [1, 7, 1000])
def test_scores_do_not_depend_on_the_parts(
    sequence_frames: Path, scored: Path, bundle: SequenceBundle, tmp_path: Path, n_per_part: int
) -> None:
    out = tmp_path / "scores.parquet"
    config = ScoreConfig(n_per_part=n_per_part, n_threads=1)
    score_sequences(sequence_frames, out, bundle=bundle, config=config)
    assert pq.read_table(out).equals(pq.read_table(scored))


@pytest.mark.parametrize("n_before", [0, 1, 2])
@pytest.mark.parametrize("source", ["frames", "embeddings"])
def test_a_killed_run_continues_to_the_same_table(
    sequence_frames: Path,
    embedded: Path,
    bundle: SequenceBundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_before: int,
    source: str,
) -> None:
    path = sequence_frames if source == "frames" else embedded
    whole, out = tmp_path / "whole.parquet", tmp_path / "scores.parquet"
    score_sequences(path, whole, bundle=bundle, config=PARTS)
    append = PartWriter.append
    calls: list[int] = []

    def dying(self: PartWriter, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) > n_before:
            raise KeyboardInterrupt
        append(self, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(PartWriter, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        score_sequences(path, out, bundle=bundle, config=PARTS)
    assert not out.exists()
    monkeypatch.undo()
    summary = score_sequences(path, out, bundle=bundle, config=PARTS)
    assert out.read_bytes() == whole.read_bytes()
    assert (summary.n_read, summary.n_scored) == (20, 20)


def test_embeddings_score_like_their_frames(
    embedded: Path, scored: Path, bundle: SequenceBundle, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    score_sequences(embedded, out, bundle=bundle, config=PARTS)
    ours, theirs = pq.read_table(out).drop(["source"]), pq.read_table(scored).drop(["source"])
    assert ours.equals(theirs)


def test_bad_objects_are_rejected_and_the_rest_goes_on(
    bundle: SequenceBundle, tmp_path: Path
) -> None:
    constant, missing = np.full((6, 28, 28), 7.0), np.full((6, 28, 28), np.nan)
    half = make_frames(8, seed=5)
    half[::2] = np.nan

    def item(name: str, frames: np.ndarray) -> StoredSequence:
        sequence = FrameSequence(
            object_id=name,
            frames=frames,
            mjd_tai=np.arange(float(len(frames))),
            pixel_scale_arcsec=1.0,
        )
        return StoredSequence(sequence=sequence, survey="ztf")

    store = write_store(
        tmp_path / "store",
        [
            item("one", make_frames(1)),
            item("two", make_frames(2)),
            item("constant", constant),
            item("missing", missing),
            item("half", half),
            item("good", make_frames(5, seed=3)),
            item("good", make_frames(5, seed=4)),
        ],
    )
    summary = score_sequences(store, tmp_path / "s.parquet", bundle=bundle, config=PARTS)
    assert (summary.n_read, summary.n_scored, summary.n_rejected) == (7, 2, 5)
    assert summary.rejections == {"too_few_frames": 4, "duplicate_candidate": 1}
    rows = pq.read_table(summary.scores).to_pylist()
    assert [row["object_id"] for row in rows] == ["half", "good"]
    assert (rows[0]["n_frames"], rows[0]["n_unusable_frames"]) == (4, 4)
    assert set(rows[0]["top_frames"]) == {1, 3, 5, 7}
    assert rows[0]["top_mjd_tai"] == [float(i) for i in rows[0]["top_frames"]]
    rejected = pq.read_table(summary.rejected).to_pylist()
    assert [row["candidate_id"] for row in rejected] == [
        "one",
        "two",
        "constant",
        "missing",
        "good",
    ]


def test_an_input_of_rejections_alone_gives_an_empty_table(
    bundle: SequenceBundle, tmp_path: Path
) -> None:
    store = write_store(tmp_path / "store", [make_stored_sequence(0, n_frames=2, guilty_mask=None)])
    summary = score_sequences(store, tmp_path / "s.parquet", bundle=bundle, config=PARTS)
    assert (summary.n_read, summary.n_scored, summary.n_rejected) == (1, 0, 1)
    assert read_scores(summary.scores).rows.num_rows == 0


def test_a_damaged_part_of_a_store_is_rejected(
    sequence_frames: Path, bundle: SequenceBundle, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(sequence_frames, store)
    array = sorted(store.glob("part-*/frames.npy"))[1]
    array.write_bytes(array.read_bytes()[:1000])
    summary = score_sequences(store, tmp_path / "s.parquet", bundle=bundle, config=PARTS)
    assert summary.n_read == summary.n_scored + summary.n_rejected == 20
    assert set(summary.rejections) == {"unreadable_file"}
    assert summary.n_scored > 0


def test_fewer_frames_may_be_named_and_more_asked_for(
    sequence_frames: Path, bundle: SequenceBundle, tmp_path: Path
) -> None:
    out = tmp_path / "s.parquet"
    sequences = SequenceScoreConfig(n_top=3, min_frames=10)
    summary = score_sequences(
        sequence_frames, out, bundle=bundle, config=PARTS, sequences=sequences
    )
    assert summary.n_scored == 15
    assert {len(top) for top in pq.read_table(out)["top_frames"].to_pylist()} == {3}


def test_published_columns_of_another_shape_are_refused(
    bundle: SequenceBundle, tmp_path: Path
) -> None:
    folder = write_published(tmp_path / "published", [np.zeros((4, 16)), np.ones((5, 16))])
    with pytest.raises((BundleError, InvalidInputError), match=r"encoder|embedded"):
        score_sequences(folder, tmp_path / "s.parquet", bundle=bundle, config=PARTS)


def test_embeddings_of_another_encoder_are_refused(
    embedded: Path, bundle: SequenceBundle, tmp_path: Path
) -> None:
    other = replace(bundle, info=bundle.info.model_copy(update={"encoder": "another-1+00000000"}))
    with pytest.raises(BundleError, match="another-1"):
        score_sequences(embedded, tmp_path / "s.parquet", bundle=other, config=PARTS)


def test_frames_need_a_bundle_with_an_encoder(
    sequence_frames: Path,
    sequence_bundle_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SequenceBundle, "encoder_path", None)
    bundle = load_sequence_bundle(sequence_bundle_path)
    with pytest.raises(BundleError, match="has no encoder"):
        score_sequences(sequence_frames, tmp_path / "s.parquet", bundle=bundle, config=PARTS)


def test_a_path_without_sequences_is_refused(bundle: SequenceBundle, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no frame sequences"):
        score_sequences(tmp_path, tmp_path / "s.parquet", bundle=bundle, config=PARTS)


def test_a_folder_as_output_is_refused(
    sequence_frames: Path, bundle: SequenceBundle, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="is a folder"):
        score_sequences(sequence_frames, tmp_path, bundle=bundle, config=PARTS)


def test_changed_input_does_not_continue_an_old_run(
    sequence_frames: Path, bundle: SequenceBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    shutil.copytree(sequence_frames, store)
    out = tmp_path / "s.parquet"

    append = PartWriter.append

    def dying(writer: PartWriter, **part: Any) -> None:
        append(writer, **part)
        raise KeyboardInterrupt

    monkeypatch.setattr(PartWriter, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        score_sequences(store, out, bundle=bundle, config=PARTS)
    monkeypatch.undo()
    (store / "part-00000" / "part.json").touch()
    with pytest.raises(DatasetError, match="other settings or input"):
        score_sequences(store, out, bundle=bundle, config=PARTS)


def test_every_object_is_told_of(
    sequence_frames: Path, bundle: SequenceBundle, tmp_path: Path
) -> None:
    steps: list[int] = []

    class Counting:
        def start(self, description: str, total: int | None) -> None:
            pass

        def advance(self, n_steps: int = 1) -> None:
            steps.append(n_steps)

        def finish(self) -> None:
            pass

    out = tmp_path / "s.parquet"
    score_sequences(sequence_frames, out, bundle=bundle, config=PARTS, progress=Counting())
    assert sum(steps) == 20


def test_a_prior_moves_scores_and_not_their_order(
    sequence_frames: Path, scored: Path, bundle: SequenceBundle, tmp_path: Path
) -> None:
    out = tmp_path / "s.parquet"
    config = PARTS.model_copy(update={"prior": 0.01})
    score_sequences(sequence_frames, out, bundle=bundle, config=config)
    rare, usual = (pq.read_table(path)["score"].to_numpy() for path in (out, scored))
    assert (rare < usual).all()
    assert (np.argsort(rare, kind="stable") == np.argsort(usual, kind="stable")).all()


def test_members_without_evidence_name_no_frames(
    sequence_frames: Path, bundle: SequenceBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = type(bundle.members[0])
    monkeypatch.setattr(member, "frame_evidence", lambda *_: None)
    out = tmp_path / "s.parquet"
    summary = score_sequences(sequence_frames, out, bundle=bundle, config=PARTS)
    assert summary.n_with_evidence == 0
    assert all(top == [] for top in pq.read_table(out)["top_frames"].to_pylist())
