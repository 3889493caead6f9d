"""Scoring counts everything, continues after a stop, and equals training."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError
from skyvet.inference.batch import ScoreConfig, score_alerts
from skyvet.io.parts import PartWriter
from skyvet.io.score_tables import read_scores
from skyvet.models.bundle import Bundle, load_bundle
from skyvet.models.predictor import Predictor

PARTS = ScoreConfig(n_per_part=16)


@pytest.fixture(scope="session")
def bundle(bundle_path: Path) -> Bundle:
    return load_bundle(bundle_path)


@pytest.fixture(scope="session")
def scored(night: Path, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scores") / "scores.parquet"
    score_alerts([night], out, bundle=bundle, config=PARTS)
    return out


def test_counts_add_up(night: Path, bundle: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    shutil.copytree(night, folder)
    whole = (folder / "005.avro").read_bytes()
    (folder / "005.avro").write_bytes(whole[: len(whole) // 2])
    (folder / "006.avro").write_bytes(b"")
    summary = score_alerts([folder], tmp_path / "s.parquet", bundle=bundle, config=PARTS)
    assert (summary.n_read, summary.n_scored, summary.n_rejected) == (40, 38, 2)
    assert sum(summary.rejections.values()) == 2
    assert sum(summary.verdicts.values()) == 38
    assert pq.read_metadata(summary.scores).num_rows == 38
    assert pq.read_metadata(summary.rejected).num_rows == 2


def test_the_table_says_how_it_was_made(scored: Path, bundle: Bundle) -> None:
    table = read_scores(scored)
    assert table.threshold == pytest.approx(bundle.info.thresholds.threshold)
    assert table.settings["bundle"] == bundle.label
    assert set(table.rows["bundle"].to_pylist()) == {bundle.label}
    assert not (scored.parent / "scores.parquet.parts").exists()


@pytest.mark.parametrize("n_before", [0, 1, 2])
def test_a_killed_run_continues_to_the_same_table(
    night: Path,
    scored: Path,
    bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_before: int,
) -> None:
    append = PartWriter.append
    calls: list[int] = []

    def dying(self: PartWriter, **kwargs: object) -> None:
        calls.append(1)
        if len(calls) > n_before:
            raise KeyboardInterrupt
        append(self, **kwargs)

    out = tmp_path / "scores.parquet"
    monkeypatch.setattr(PartWriter, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        score_alerts([night], out, bundle=bundle, config=PARTS)
    assert not out.exists()
    monkeypatch.undo()
    score_alerts([night], out, bundle=bundle, config=PARTS)
    assert out.read_bytes() == scored.read_bytes()


def test_an_older_table_survives_a_failing_run(
    night: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "scores.parquet"
    score_alerts([night], out, bundle=bundle, config=PARTS)
    before = out.read_bytes()
    monkeypatch.setattr(PartWriter, "append", lambda *_, **__: (_ for _ in ()).throw(OSError(28)))
    with pytest.raises(OSError, match="28"):
        score_alerts([night], out, bundle=bundle, config=PARTS)
    assert out.read_bytes() == before


def test_a_dataset_scores_like_its_packets(
    dataset: Path, scored: Path, bundle: Bundle, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    score_alerts([dataset], out, bundle=bundle, config=PARTS)
    ours, theirs = pq.read_table(out), pq.read_table(scored)
    assert ours["candidate_id"].equals(theirs["candidate_id"])
    ours, theirs = ours["score"].to_numpy(), theirs["score"].to_numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def test_an_archive_scores_like_its_folder(
    night: Path, scored: Path, bundle: Bundle, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "night.tar.gz", "w:gz") as archive:
        for packet in sorted(night.glob("*.avro")):
            archive.add(packet, arcname=packet.name)
    out = tmp_path / "scores.parquet"
    score_alerts([tmp_path / "night.tar.gz"], out, bundle=bundle, config=PARTS)
    assert pq.read_table(out)["score"].equals(pq.read_table(scored)["score"])


def test_a_folder_as_output_is_refused(night: Path, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is a folder"):
        score_alerts([night], tmp_path, bundle=bundle, config=PARTS)


def test_foreign_alerts_are_flagged_and_left_to_people(
    shared_data: Path, bundle: Bundle, tmp_path: Path
) -> None:
    summary = score_alerts(
        [shared_data / "lsst_alerts"], tmp_path / "s.parquet", bundle=bundle, config=PARTS
    )
    assert summary.n_read == summary.n_scored + summary.n_rejected == 141
    assert summary.n_uncalibrated == summary.n_scored
    assert summary.verdicts == {"review": summary.n_scored}
    assert summary.flags["foreign_survey"] == summary.n_scored


def test_surveys_of_mixed_identifiers_share_a_table(
    shared_data: Path, bundle: Bundle, tmp_path: Path
) -> None:
    summary = score_alerts(
        [shared_data / "other_alerts"], tmp_path / "s.parquet", bundle=bundle, config=PARTS
    )
    assert summary.n_scored == 31
    assert len(summary.surveys) == 4


@pytest.mark.integration
def test_training_and_scoring_give_one_answer_on_real_packets(
    shared_data: Path, bundle: Bundle, tmp_path: Path
) -> None:
    """PyTorch on training arrays against ONNX Runtime on packets, edge stamps included."""
    from safetensors.torch import load_file

    from skyvet.io.dataset import Dataset
    from skyvet.models.compact_net import CompactConfig
    from skyvet.models.ensemble import EnsembleOfLogits
    from skyvet.models.interface import InputShape
    from skyvet.preprocessing.ingest import IngestConfig, ingest
    from skyvet.preprocessing.normalization import prepare_stamps
    from skyvet.records.flags import CandidateFlag
    from skyvet.training.prediction import predict_logits

    alerts = shared_data / "ztf_alerts"
    ingest([alerts], tmp_path / "d", config=IngestConfig())
    dataset = Dataset.open(tmp_path / "d")
    stamps = prepare_stamps(dataset.stamps(np.arange(len(dataset))), bundle.info.stamps)
    shape = InputShape(stamp_px=31, n_planes=6)
    network = EnsembleOfLogits([CompactConfig(widths=(4, 8)).build(shape) for _ in range(2)])
    network.load_state_dict(load_file(bundle.path / "weights.safetensors"))
    trained = predict_logits(network, stamps)
    score_alerts([alerts], tmp_path / "s.parquet", bundle=bundle, config=ScoreConfig())
    served = pq.read_table(tmp_path / "s.parquet")
    assert served["candidate_id"].equals(dataset.table["candidate_id"])
    flags = served["flags"].to_numpy()
    assert np.count_nonzero(flags & (CandidateFlag.EDGE | CandidateFlag.MISSING_PIXELS)) > 50
    expected = Predictor(bundle).probability(trained)
    np.testing.assert_allclose(served["score"].to_numpy(), expected, rtol=0, atol=1e-4)
