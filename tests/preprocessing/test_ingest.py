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
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.preprocessing.ingest import IngestConfig, ingest
from skyvet.records.light_curve import LightCurve

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


def _history(i: int) -> LightCurve | None:
    if i % 3 == 0:
        return None
    n = 1 + i % 4
    return LightCurve(
        mjd_tai=59_990.0 + np.arange(n),
        flux_njy=np.array([2e4, 3e4, 1e4, 5e4])[:n],
        flux_err_njy=np.full(n, 1e3),
        band=np.array(["g", "r", "g", "r"])[:n],
        is_upper_limit=np.array([False, False, True, False])[:n],
        is_difference=True,
    )


@pytest.fixture
def night_with_histories(tmp_path: Path) -> Path:
    folder = tmp_path / "histories"
    folder.mkdir()
    for i in range(20):
        candidate = make_candidate(i, history=_history(i))
        (folder / f"{i:03d}.avro").write_bytes(encode_ztf_alert(candidate))
    return folder


def test_light_curves_of_the_packets_are_kept_where_asked_for(
    night_with_histories: Path, tmp_path: Path
) -> None:
    config = IngestConfig(n_per_part=8, with_light_curves=True)
    ingest([night_with_histories], tmp_path / "d", config=config)
    opened = Dataset.open(tmp_path / "d")
    assert opened.has_light_curves
    opened.verify()
    for row in (0, 1, 7, 8, 19):
        expected, found = _history(row), opened.light_curve(row)
        assert (expected is None) == (found is None)
        if expected is not None and found is not None:
            np.testing.assert_allclose(found.mjd_tai, expected.mjd_tai, rtol=0, atol=1e-6)
            np.testing.assert_allclose(found.flux_njy, expected.flux_njy, rtol=1e-5)
            assert found.band.tolist() == expected.band.tolist()
            assert found.is_upper_limit.tolist() == expected.is_upper_limit.tolist()
            assert np.isnan(found.flux_err_njy).tolist() == expected.is_upper_limit.tolist()


def test_light_curves_change_neither_stamps_nor_rows(
    night_with_histories: Path, tmp_path: Path
) -> None:
    ingest([night_with_histories], tmp_path / "a", config=IngestConfig(n_per_part=8))
    curves = IngestConfig(n_per_part=8, with_light_curves=True)
    ingest([night_with_histories], tmp_path / "b", config=curves)
    without = Dataset.open(tmp_path / "a")
    assert not without.has_light_curves
    assert without.light_curve(1) is None
    for name in ("candidates.parquet", "stamps.npy", "rejections.parquet"):
        for part in ("part-00000", "part-00002"):
            first, second = (tmp_path / folder / part / name for folder in "ab")
            assert first.read_bytes() == second.read_bytes()


def test_settings_without_light_curves_are_those_of_older_versions(
    night: Path, tmp_path: Path
) -> None:
    manifest = ingest([night], tmp_path / "d", config=PARTS)
    assert "with_light_curves" not in manifest.settings["config"]
    with pytest.raises(DatasetError, match=r"other settings or input: .* was .*, now "):
        ingest([night], tmp_path / "d", config=IngestConfig(n_per_part=16, with_light_curves=True))


def test_a_damaged_light_curve_table_is_named(night_with_histories: Path, tmp_path: Path) -> None:
    config = IngestConfig(with_light_curves=True)
    ingest([night_with_histories], tmp_path / "d", config=config)
    (tmp_path / "d" / "part-00000" / "light_curves.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(DatasetError, match="light_curves"):
        Dataset.open(tmp_path / "d").light_curve(0)


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
