"""Commands refuse an output inside what they read, before any work and without a trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from skyvet.cli.main import main
from skyvet.inference.configs import EmbedConfig
from skyvet.inference.frame_embedding import embed_frames
from skyvet.models.encoders.bundle import load_encoder


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


def contents(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in sorted(folder.rglob("*"))}


@pytest.fixture(scope="module")
def place(
    sequence_frames: Path,
    encoder_path: Path,
    sequence_bundle_path: Path,
    bundle_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Folder with frames, embeddings, both kinds of bundle and an encoder."""
    folder = tmp_path_factory.mktemp("apart")
    shutil.copytree(sequence_frames, folder / "frames")
    shutil.copytree(encoder_path, folder / "encoder")
    shutil.copytree(sequence_bundle_path, folder / "bundle")
    shutil.copytree(bundle_path, folder / "triplets")
    embed_frames(
        folder / "frames",
        folder / "embeddings",
        encoder=load_encoder(encoder_path),
        config=EmbedConfig(n_threads=1),
    )
    (folder / "night").mkdir()
    (folder / "night" / "a.avro").write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "score embeddings --bundle bundle --out embeddings/scores.parquet",
        "score embeddings --bundle bundle --out embeddings/manifest.json",
        "score frames --bundle bundle --out frames/manifest.json",
        "score frames --bundle bundle --out bundle/bundle.json",
        "score night --bundle triplets --out night/scores.parquet",
        "score night --bundle triplets --out triplets/bundle.json",
        "embed frames --encoder encoder --out frames/em",
        "embed frames --encoder encoder --out encoder/em",
        "embed frames --encoder encoder --out .",
        "train sequence --data embeddings --out embeddings/part-00000/b",
        "train sequence --data embeddings --encoder encoder --out encoder",
        "train sequence --data embeddings --encoder encoder --out encoder/b",
        "train triplet --data frames --labels night/a.avro --out frames/b",
        "train encoder frames --out frames/enc",
        "train encoder frames --out frames",
    ],
)
def test_output_inside_an_input_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(place)
    before = contents(place)
    assert run(*line.split()) == 3
    assert contents(place) == before


@pytest.mark.parametrize(
    "line",
    [
        "train sequence --data embeddings --out night",
        "train sequence --data embeddings --out triplets",
        "train sequence --data embeddings --out encoder",
        "train triplet --data frames --labels night/a.avro --out bundle",
        "train encoder frames --out night",
        "train encoder frames --out bundle",
    ],
)
def test_training_never_starts_for_an_output_that_is_something_else(
    place: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(place)
    before = contents(place)
    assert run(*line.split()) == 4
    assert contents(place) == before
