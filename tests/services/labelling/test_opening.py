"""From folders and files to a session: scores and statistics once, lists checked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.services.labelling.conftest import ADA, label

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.dataset import Dataset
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.models.bundle import load_bundle
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.ingest import IngestConfig, ingest
from skyvet.preprocessing.stamp_statistics import stamp_statistics
from skyvet.records.light_curve import LightCurve
from skyvet.services.labelling.bundle_scores import score_dataset, statistics_of_dataset
from skyvet.services.labelling.candidate_list import read_candidate_list
from skyvet.services.labelling.candidates import ShownCandidates
from skyvet.services.labelling.messages import QueueRequest
from skyvet.services.labelling.opening import cache_folder, open_dataset_to_label, open_session
from skyvet.services.labelling.settings import LabellingConfig


def test_scores_are_those_of_the_bundle_and_computed_once(opened, bundle_path, tmp_path):
    bundle = load_bundle(bundle_path)
    scores = score_dataset(opened, bundle, cache=tmp_path)
    predictor = Predictor(bundle, n_threads=1)
    logits = predictor.logits(opened.stamps(np.arange(40)))
    np.testing.assert_allclose(scores.logits, logits, rtol=0, atol=1e-4)  # threads round apart
    np.testing.assert_allclose(scores.score, predictor.probability(scores.logits), atol=1e-6)
    kept = next(tmp_path.glob("scores-*.parquet"))
    before = kept.stat().st_mtime_ns
    assert score_dataset(opened, bundle, cache=tmp_path).bundle == bundle.label
    assert kept.stat().st_mtime_ns == before


def test_statistics_are_computed_once_and_again_where_the_file_is_another(opened, tmp_path):
    found = statistics_of_dataset(opened, cache=tmp_path)
    np.testing.assert_array_equal(found, stamp_statistics(opened.stamps(np.arange(40))))
    kept = next(tmp_path.glob("statistics-*.npy"))
    np.save(kept, found + 1)
    np.testing.assert_array_equal(statistics_of_dataset(opened, cache=tmp_path), found + 1)
    np.save(kept, found[:3])
    np.testing.assert_array_equal(statistics_of_dataset(opened, cache=tmp_path), found)


def test_session_of_a_real_bundle_asks_learns_and_stores(opened, bundle_path, store, tmp_path):
    service = open_session(
        opened,
        store,
        config=LabellingConfig(refit_every=5),
        bundle=load_bundle(bundle_path),
        cache=tmp_path,
    )
    keys = [item.key for item in service.queue(ADA, QueueRequest(n=6)).items]
    service.record(ADA, [label(key) for key in keys])
    service.close()
    assert service.progress(ADA).round == 1


def test_cache_lies_beside_the_dataset(opened):
    assert cache_folder(opened) == opened.path.with_name("dataset.labelling")


def test_what_is_no_dataset_is_refused_with_what_to_do(night, tmp_path):
    for path in (night, night / "000.avro"):
        with pytest.raises(InvalidInputError, match="skyvet ingest"):
            open_dataset_to_label(path)
    with pytest.raises(InvalidInputError, match="does not exist"):
        open_dataset_to_label(tmp_path / "none")


def test_unfinished_dataset_is_refused(night, dataset, tmp_path, store):
    import shutil

    shutil.copytree(dataset, tmp_path / "d")
    manifest = tmp_path / "d" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"is_complete": true', '"is_complete": false'))
    with pytest.raises(DatasetError, match="unfinished"):
        open_dataset_to_label(tmp_path / "d")


def test_dataset_without_candidates_is_refused(store, tmp_path):
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "a.avro").write_bytes(b"no packet")
    ingest([tmp_path / "night"], tmp_path / "d", config=IngestConfig())
    with pytest.raises(InvalidInputError, match="nothing to label"):
        open_session(Dataset.open(tmp_path / "d"), store, config=LabellingConfig())


def test_unknown_strategy_is_refused_before_any_work(opened, store):
    with pytest.raises(InvalidInputError, match=r"'tarot'; choose one of auto, "):
        open_session(opened, store, config=LabellingConfig(strategy="tarot"))


def test_light_curve_of_an_item_ends_with_its_own_epoch(store, tmp_path):
    from tests.conftest import make_candidate

    history = LightCurve(
        mjd_tai=[59_990.0, 59_991.0],
        flux_njy=[1e4, 2e4],
        flux_err_njy=[1e3, np.nan],
        band=["g", "r"],
        is_upper_limit=[False, True],
        is_difference=True,
    )
    (tmp_path / "night").mkdir()
    for i, given in enumerate((history, None)):
        packet = encode_ztf_alert(make_candidate(i, history=given))
        (tmp_path / "night" / f"{i}.avro").write_bytes(packet)
    ingest([tmp_path / "night"], tmp_path / "d", config=IngestConfig(with_light_curves=True))
    shown = ShownCandidates(Dataset.open(tmp_path / "d"))
    epochs = shown.item(0).light_curve
    assert [epoch.band for epoch in epochs] == ["g", "r", "g"]
    assert [epoch.is_detection for epoch in epochs] == [True, False, True]
    assert [epoch.is_candidate for epoch in epochs] == [False, False, True]
    assert epochs[1].flux_error_njy is None
    assert epochs[2].mjd_tai == pytest.approx(60_000.0)
    assert shown.item(1).light_curve is None


@pytest.fixture
def listed(opened, tmp_path):
    """A list of three candidates, the last row first."""
    ids = [opened.table["candidate_id"][row].as_py() for row in (39, 4, 20)]
    pq.write_table(pa.table({"candidate_id": ids}), tmp_path / "ask.parquet")
    (tmp_path / "ask.csv").write_text("survey,candidate_id\n" + "".join(f"ztf,{i}\n" for i in ids))
    return tmp_path


@pytest.mark.parametrize("name", ["ask.parquet", "ask.csv"])
def test_list_is_labelled_in_its_own_order_and_nothing_else(opened, store, listed, name):
    service = open_session(
        opened, store, config=LabellingConfig(), cache=listed, only=listed / name
    )
    keys = ShownCandidates(opened).keys
    answer = service.queue(ADA, QueueRequest(n=9))
    assert [item.key for item in answer.items] == [keys[row] for row in (39, 4, 20)]
    assert {item.strategy for item in answer.items} == {"list"}
    for other in ("random", "margin"):
        found = service.queue(ADA, QueueRequest(n=9, strategy=other)).items
        assert {item.key for item in found} == {keys[row] for row in (39, 4, 20)}
    assert len(service.queue(ADA, QueueRequest(n=9, queue="all")).items) == 3
    assert (service.progress(ADA).n_total, service.progress(ADA).n_left) == (3, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("candidate_id\n7\n", "such as 7"),
        ("candidate_id\n", "lists no candidate"),
        ("name\n7\n", "no column candidate_id"),
        ("survey,candidate_id\nlsst,1095578115815010000\n", "does not hold"),
    ],
)
def test_unusable_list_is_refused(opened, tmp_path, text, said):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=said):
        read_candidate_list(path, ShownCandidates(opened))
