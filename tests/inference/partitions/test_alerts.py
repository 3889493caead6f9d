"""Alerts scored by partitions are those scored in one go: rows, order, rejections, counts."""

from __future__ import annotations

import dataclasses
import shutil
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.inference.alert_blocks import ScoreSummary
from skyvet.inference.batch import score_alerts
from skyvet.inference.configs import ScoreConfig
from skyvet.inference.partitions.alerts import open_alert_job, score_alert_partitions
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.inference.partitions.estimate import estimate_cost
from skyvet.models.bundle import Bundle, load_bundle

CONFIG = ScoreConfig(n_per_part=7, n_threads=1)


@pytest.fixture(scope="module")
def bundle(bundle_path: Path) -> Bundle:
    return load_bundle(bundle_path)


@pytest.fixture(scope="module")
def messy_nights(night: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three nights: packets, a truncated one, an archive, and second deliveries of some."""
    folder = tmp_path_factory.mktemp("nights")
    shutil.copytree(night, folder / "a")
    whole = (folder / "a" / "005.avro").read_bytes()
    (folder / "a" / "005.avro").write_bytes(whole[: len(whole) // 2])
    (folder / "a" / "012.avro").write_bytes(b"")
    (folder / "a" / "013_again.avro").write_bytes((night / "013.avro").read_bytes())
    (folder / "b").mkdir()
    with tarfile.open(folder / "b" / "night.tar.gz", "w:gz") as archive:
        for i in (3, 5, 6, 6, 39):
            archive.add(night / f"{i:03d}.avro", arcname=f"n{i}.avro")
    (folder / "c").mkdir()
    (folder / "c" / "junk.avro").write_bytes(b"nothing")
    for i in (12, 20):
        (folder / "c" / f"{i}.avro").write_bytes((night / f"{i:03d}.avro").read_bytes())
    return folder


def _both(
    inputs: list[str | Path], bundle: Bundle, tmp_path: Path, cluster: ClusterConfig
) -> tuple[ScoreSummary, ScoreSummary]:
    one = score_alerts(inputs, tmp_path / "one.parquet", bundle=bundle, config=CONFIG)
    job = open_alert_job(inputs, tmp_path / "many.parquet", bundle=bundle, config=CONFIG)
    assert len(job.partitions) > 2
    return one, score_alert_partitions(job, cluster=cluster)


def _assert_same(one: ScoreSummary, many: ScoreSummary) -> None:
    tables = [pq.read_table(path).to_pandas() for path in (one.scores, many.scores)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert pq.read_schema(one.scores).metadata == pq.read_schema(many.scores).metadata
    assert pq.read_table(one.rejected).to_pylist() == pq.read_table(many.rejected).to_pylist()
    names = {"scores", "rejected"}
    for field in dataclasses.fields(one):
        if field.name not in names:
            assert getattr(one, field.name) == getattr(many, field.name), field.name


def test_messy_nights_are_scored_as_in_one_go(messy_nights, bundle, tmp_path):
    one, many = _both([messy_nights], bundle, tmp_path, ClusterConfig())
    assert many.rejections == {
        "duplicate_candidate": 6,
        "truncated_packet": 2,
        "unreadable_file": 1,
    }
    _assert_same(one, many)
    assert not (tmp_path / "many.parquet.parts").exists()


def test_dataset_is_scored_as_in_one_go(dataset, bundle, tmp_path):
    _assert_same(*_both([dataset], bundle, tmp_path, ClusterConfig()))


@pytest.mark.integration
def test_two_processes_give_the_table_of_one(messy_nights, bundle, tmp_path):
    pytest.importorskip("distributed")
    two = ClusterConfig(cluster="local", workers=2)
    _assert_same(*_both([messy_nights / "a", messy_nights / "b"], bundle, tmp_path, two))


def test_standard_input_is_refused(bundle, tmp_path):
    with pytest.raises(InvalidInputError, match="--cluster none"):
        open_alert_job(["-"], tmp_path / "s.parquet", bundle=bundle, config=CONFIG)


def test_file_that_vanished_is_one_rejection(night, bundle, tmp_path):
    folder = tmp_path / "night"
    shutil.copytree(night, folder)
    job = open_alert_job([folder], tmp_path / "s.parquet", bundle=bundle, config=CONFIG)
    for packet in sorted(folder.glob("*.avro"))[:7]:
        packet.unlink()
    summary = score_alert_partitions(job, cluster=ClusterConfig())
    assert (summary.n_scored, summary.rejections) == (33, {"unreadable_file": 1})


def test_cost_of_a_night_is_estimated_from_its_packets(night, bundle, tmp_path):
    job = open_alert_job([night], tmp_path / "s.parquet", bundle=bundle, config=CONFIG)
    found = estimate_cost(job.task, job.partitions, n_workers=1)
    assert found is not None
    assert found.n_sampled == 7
    assert found.n_items == 40
    assert found.seconds > 0
    assert not job.parts.exists()


def test_relative_names_stay_as_they_were_given(night, bundle, tmp_path, monkeypatch):
    shutil.copytree(night, tmp_path / "night")
    monkeypatch.chdir(tmp_path)
    _assert_same(*_both(["night"], bundle, Path(), ClusterConfig()))
