"""Folders of parts: a part that is gone is named, never passed over."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skyvet.core.errors import DatasetError
from skyvet.io.dataset import DATASET_KIND, Dataset
from skyvet.io.embedding_store import EmbeddingStore
from skyvet.io.frame_store import FrameStore
from skyvet.io.parts import PartWriter, join_parts, part_paths, read_part_tables

_N_ROWS = 2


def _write(path: Path, *, kind: str = "test", n_parts: int = 3, finish: bool = True) -> Path:
    writer = PartWriter(path, kind=kind, settings={"size_px": 1, "n_latent": 1})
    for i in range(n_parts):
        rows = pa.table({"survey": ["ztf"] * _N_ROWS, "row": [i] * _N_ROWS})
        writer.append(
            table=("rows", rows), arrays={"a": np.zeros(3)}, rejections=(), position=(0, i + 1)
        )
    if finish:
        writer.finish()
    return path


def _lose(path: Path, what: str) -> None:
    victim = path / what
    if victim.is_dir():
        shutil.rmtree(victim)
    else:
        victim.unlink()


def test_whole_folder_gives_its_parts_in_order(tmp_path: Path) -> None:
    path = _write(tmp_path / "p")
    assert [part.name for part in part_paths(path)] == ["part-00000", "part-00001", "part-00002"]
    assert read_part_tables(path, "rows")["row"].to_pylist() == [0, 0, 1, 1, 2, 2]


def test_folders_of_other_names_are_no_parts(tmp_path: Path) -> None:
    path = _write(tmp_path / "p")
    shutil.copytree(path / "part-00000", path / "part-00000.bak")
    assert len(part_paths(path)) == 3


@pytest.mark.parametrize("n_parts", [0, 1, 2])
def test_folder_of_few_parts_is_whole(tmp_path: Path, n_parts: int) -> None:
    assert len(part_paths(_write(tmp_path / "p", n_parts=n_parts))) == n_parts


@pytest.mark.parametrize("finish", [True, False])
@pytest.mark.parametrize(
    "lost", ["part-00000", "part-00001", "part-00001/part.json", "part-00002/part.json"]
)
def test_lost_part_is_named_by_readers_and_the_writer(
    tmp_path: Path, lost: str, finish: bool
) -> None:
    path = _write(tmp_path / "p", finish=finish)
    _lose(path, lost)
    for read in (
        lambda: read_part_tables(path, "rows"),
        lambda: list(join_parts(path, "rows", tmp_path / "out.parquet")),
        lambda: PartWriter(path, kind="test", settings={"size_px": 1, "n_latent": 1}),
    ):
        with pytest.raises(DatasetError, match=lost):
            read()
    assert not (tmp_path / "out.parquet").exists()


def test_lost_last_part_of_a_complete_folder_is_noticed(tmp_path: Path) -> None:
    path = _write(tmp_path / "p")
    _lose(path, "part-00002")
    with pytest.raises(DatasetError, match="part-00002"):
        read_part_tables(path, "rows")


def test_lost_last_part_of_an_unfinished_folder_is_made_again(tmp_path: Path) -> None:
    path = _write(tmp_path / "p", finish=False)
    _lose(path, "part-00002")
    writer = PartWriter(path, kind="test", settings={"size_px": 1, "n_latent": 1})
    assert writer.n_done == 2 * _N_ROWS


def test_part_of_another_folder_is_noticed(tmp_path: Path) -> None:
    path = _write(tmp_path / "p", n_parts=2)
    other = _write(tmp_path / "q", n_parts=2)
    shutil.rmtree(path / "part-00001")
    shutil.copytree(other / "part-00000", path / "part-00001")
    with pytest.raises(DatasetError, match="another"):
        part_paths(path)


def test_lost_table_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    path = _write(tmp_path / "p")
    _lose(path, "part-00001/rows.parquet")
    with pytest.raises(DatasetError, match="damaged"):
        list(join_parts(path, "rows", tmp_path / "out.parquet"))


@pytest.mark.parametrize(
    ("kind", "opener"),
    [
        ("skyvet-frames", FrameStore),
        ("skyvet-embeddings", EmbeddingStore),
        (DATASET_KIND, Dataset.open),
    ],
)
@pytest.mark.parametrize("lost", ["part-00000", "part-00001/part.json", "part-00002"])
def test_store_with_a_lost_part_does_not_open(
    tmp_path: Path, kind: str, opener: type[FrameStore], lost: str
) -> None:
    path = _write(tmp_path / "p", kind=kind)
    _lose(path, lost)
    with pytest.raises(DatasetError, match=lost):
        opener(path)
