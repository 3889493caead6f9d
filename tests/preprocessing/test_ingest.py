"""A dataset is complete, restartable, and says so when it is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.conftest import make_candidate, make_triplet_pixels

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.dataset import Dataset
from skyvet.io.parts import PartWriter
from skyvet.preprocessing.ingest import IngestConfig, ingest

PARTS = IngestConfig(n_per_part=16)


def test_counts_and_rows(dataset: Path) -> None:
    opened = Dataset.open(dataset)
    assert opened.manifest.n_candidates == len(opened) == opened.table.num_rows == 40
    assert opened.manifest.surveys == ("ztf",)
    assert opened.table["candidate_id"].to_pylist()[7] == make_candidate(7).candidate_id
    opened.verify()


def test_random_rows_over_parts_are_the_right_stamps(dataset: Path) -> None:
    rows = np.array([39, 0, 17, 15, 16])
    stamps = Dataset.open(dataset).stamps(rows)
    for row, stamp in zip(rows.tolist(), stamps, strict=True):
        np.testing.assert_allclose(stamp, make_triplet_pixels(row), rtol=0, atol=0.06)


class _StopError(Exception):
    pass


@pytest.mark.parametrize("n_before", [0, 1, 2])
def test_a_killed_ingest_continues_to_the_same_content(
    night: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_before: int
) -> None:
    append = PartWriter.append
    calls: list[int] = []

    def dying(self: PartWriter, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) > n_before:
            raise _StopError
        append(self, **kwargs)

    monkeypatch.setattr(PartWriter, "append", dying)
    with pytest.raises(_StopError):
        ingest([night], tmp_path / "d", config=PARTS)
    monkeypatch.undo()
    with pytest.raises(DatasetError, match="unfinished"):
        Dataset.open(tmp_path / "d")
    manifest = ingest([night], tmp_path / "d", config=PARTS)
    assert manifest.content_sha256 == Dataset.open(dataset).manifest.content_sha256


def test_a_duplicate_across_a_restart_is_still_found(night: Path, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    shutil.copytree(night, folder)
    shutil.copy(folder / "000.avro", folder / "999.avro")
    manifest = ingest([folder], tmp_path / "d", config=PARTS)
    assert manifest.rejections == {"duplicate_candidate": 1}
    assert manifest.n_candidates == 40


def test_a_finished_dataset_is_left_alone(night: Path, tmp_path: Path) -> None:
    ingest([night], tmp_path / "d", config=PARTS)
    before = (tmp_path / "d" / "part-00000" / "stamps.npy").stat().st_mtime_ns
    ingest([night], tmp_path / "d", config=PARTS)
    assert (tmp_path / "d" / "part-00000" / "stamps.npy").stat().st_mtime_ns == before


def test_other_settings_are_refused(night: Path, tmp_path: Path) -> None:
    ingest([night], tmp_path / "d", config=PARTS)
    with pytest.raises(DatasetError, match="other settings"):
        ingest([night], tmp_path / "d", config=IngestConfig(stamp_px=31))


def test_another_input_is_refused_and_not_passed_over(night: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(night, tmp_path / "night"))
    ingest([folder], tmp_path / "d", config=PARTS)
    shutil.copy(folder / "000.avro", folder / "more.avro")
    with pytest.raises(DatasetError, match="settings or input"):
        ingest([folder], tmp_path / "d", config=PARTS)


def test_a_folder_with_other_files_is_refused(night: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="choose another folder"):
        ingest([night], tmp_path, config=PARTS)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_no_input_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        ingest([tmp_path / "nowhere"], tmp_path / "d", config=PARTS)


def test_a_full_disk_keeps_finished_parts(
    night: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = np.save
    calls: list[int] = []

    def full(*args: object, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        save(*args, **kwargs)

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DatasetError, match="No space left on device; the 1 finished"):
        ingest([night], tmp_path / "d", config=PARTS)
    monkeypatch.undo()
    assert [p.name for p in (tmp_path / "d").glob("*part-0*")] == ["part-00000"]
    manifest = ingest([night], tmp_path / "d", config=PARTS)
    assert manifest.content_sha256 == Dataset.open(dataset).manifest.content_sha256


def test_an_altered_file_is_found(night: Path, tmp_path: Path) -> None:
    ingest([night], tmp_path / "d", config=PARTS)
    stamps = tmp_path / "d" / "part-00001" / "stamps.npy"
    content = bytearray(stamps.read_bytes())
    content[-1] ^= 1
    stamps.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match="altered"):
        Dataset.open(tmp_path / "d").verify()


def test_a_newer_format_is_refused(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "d"
    shutil.copytree(dataset, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "version": 99}))
    with pytest.raises(DatasetError, match="version 99"):
        Dataset.open(copy)


def test_real_packets_all_count(shared_data: Path, tmp_path: Path) -> None:
    manifest = ingest([shared_data / "ztf_alerts"], tmp_path / "d", config=IngestConfig())
    assert manifest.n_candidates + manifest.n_rejected == 901
    assert manifest.rejections == {"no_cutouts": 1, "unreadable_cutout": 5}
    table = pq.read_table(tmp_path / "d" / "part-00000" / "candidates.parquet")
    assert table["valid_fraction"].to_numpy().min() > 0.1
