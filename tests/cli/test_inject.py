"""The command `skyvet inject` on real packets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.cli.main import CommandRow, build_app, main
from skyvet.io.alerts import read_alerts
from skyvet.io.injection_tables import read_injection_truth
from skyvet.records.candidate import Candidate

ROWS = (
    CommandRow("inject", "inject:inject", "Put sources of chosen significance into real alerts."),
    CommandRow("other", "inject:inject", "Never called."),
)


def call(*words):
    with pytest.raises(SystemExit) as ended:
        build_app(words, commands=ROWS)(args=list(words))
    return ended.value.code


def some_packets(shared_data, folder, n):
    return [str(path) for path in sorted((shared_data / folder).rglob("*.avro"))[:n]]


@pytest.mark.parametrize(("folder", "n"), [("ztf_alerts", 12), ("lsst_alerts/v9_0", 8)])
def test_packets_are_read_back_and_agree_with_the_truth(shared_data, tmp_path, capsys, folder, n):
    packets = some_packets(shared_data, folder, n)
    out = tmp_path / "injected"
    words = ("inject", *packets, "--out", str(out), "--n", "20", "--json")
    assert call(*words, "--where", "centre") == 0
    document = json.loads(capsys.readouterr().out)
    truth = read_injection_truth(out / "truth.parquet").to_pylist()
    found = [reading.item for reading in read_alerts([out / "packets.tar"])]
    assert document["n"] == len(truth) == len(found) == 20
    assert all(isinstance(item, Candidate) for item in found)
    by_id = {item.candidate_id: item for item in found}
    assert set(by_id) == {row["candidate_id"] for row in truth}
    for row in truth:
        item = by_id[row["candidate_id"]]
        assert item.object_id == row["object_id"]
        if np.isfinite(row["flux_njy"]):
            assert item.flux_njy == pytest.approx(row["flux_njy"], rel=1e-4)  # float32 fields


def test_chosen_hosts_alone_are_used(shared_data, tmp_path):
    packets = some_packets(shared_data, "ztf_alerts", 12)
    hosts = [r.item for r in read_alerts(packets) if isinstance(r.item, Candidate)]
    only = tmp_path / "ids.txt"
    only.write_text(f"{hosts[2].candidate_id}\n\n")
    out = tmp_path / "injected"
    words = ("inject", *packets, "--out", str(out), "--n", "3", "--only", str(only))
    assert call(*words, "--where", "centre") == 0
    truth = read_injection_truth(out / "truth.parquet")
    assert set(truth["host_candidate_id"].to_pylist()) == {hosts[2].candidate_id}


def test_hosts_that_cannot_take_a_source_are_named(shared_data, tmp_path, capsys):
    packets = some_packets(shared_data, "ztf_alerts", 4)
    words = ("inject", *packets, "--out", str(tmp_path / "a"), "--max-shift-px", "0")
    assert call(*words) == 3
    assert "no clean position" in capsys.readouterr().err
    assert not list((tmp_path / "a").iterdir())


def test_a_used_folder_is_refused(shared_data, tmp_path):
    (tmp_path / "something").write_text("here")
    words = ("inject", *some_packets(shared_data, "ztf_alerts", 2), "--out", str(tmp_path))
    assert call(*words) == 5


def test_evaluate_draws_completeness_of_injected_sources(shared_data, tmp_path, capsys):
    """From real packets to the report; the classifier is a step at S/N 8 of known width."""
    packets = some_packets(shared_data, "ztf_alerts", 30)
    injected, scores = tmp_path / "injected", tmp_path / "scores.parquet"
    words = ("inject", *packets, "--out", str(injected), "--n", "150", "--json")
    assert call(*words, "--where", "centre") == 0
    truth = read_injection_truth(injected / "truth.parquet")
    rng = np.random.default_rng(1)
    snr = truth["snr"].to_numpy()
    kept = 1 / (1 + np.exp(-np.log(snr / 8.0) / 0.1))
    labelled = np.arange(40)
    pq.write_table(
        pa.table(
            {
                "candidate_id": np.concatenate([labelled, truth["candidate_id"].to_numpy()]),
                "score": np.concatenate([rng.random(40), (rng.random(150) < kept).astype(float)]),
            }
        ),
        scores,
    )
    labels = tmp_path / "labels.csv"
    rows = [f"{i},{'real' if i % 2 else 'bogus'}" for i in labelled]
    labels.write_text("\n".join(["candidate_id,label", *rows]))
    words = ("evaluate", "--scores", str(scores), "--labels", str(labels))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(
            [
                *words,
                *("--out", str(tmp_path / "report"), "--json", "--n-resamples", "100"),
                *("--injections", str(injected / "truth.parquet")),
            ]
        )
    assert not ended.value.code
    document = json.loads(capsys.readouterr().out)
    facts = json.loads(Path(document["facts"]).read_text())["injections"]
    assert facts["n"] == 150
    # 150 sources over 2.3 in ln S/N: some 10 on the slope
    assert facts["snr_at_50"]["value"] == pytest.approx(8.0, rel=0.15)
    assert facts["snr_at_50"]["low"] < facts["snr_at_50"]["value"] < facts["snr_at_50"]["high"]
