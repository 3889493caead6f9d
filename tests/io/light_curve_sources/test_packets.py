"""Histories of alerts: an object's packets become one light curve."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests.conftest import make_candidate
from tests.io.light_curve_sources.made_tables import read_all

from skyvet.core.errors import InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.preprocessing.ingest import IngestConfig, ingest


@pytest.fixture
def packets(tmp_path):
    """Eight packets of four objects, a broken one among them."""
    folder = tmp_path / "packets"
    folder.mkdir()
    for i in range(8):
        (folder / f"{i}.avro").write_bytes(encode_ztf_alert(make_candidate(i)))
    (folder / "broken.avro").write_bytes(b"Obj\x01 and no more")
    return folder


def test_packets_of_an_object_are_one_light_curve(packets):
    config = LightCurveInputConfig(sources_per_partition=3)
    source = pickle.loads(pickle.dumps(open_light_curves([packets], config)))
    batches, rejections = read_all(source)
    found = {
        id_: batch.mjd_tai[batch.rows_of(i)]
        for batch in batches
        for i, id_ in enumerate(batch.source_ids.tolist())
    }
    assert sorted(found) == [f"ZTF18a{i:06d}" for i in range(4)]
    for i in range(4):
        expected = 60_000 + np.array([2 * i, 2 * i + 1]) / 100
        # A packet holds a Julian date: 5e-10 d.
        np.testing.assert_allclose(found[f"ZTF18a{i:06d}"], expected, rtol=0, atol=1e-8)
    assert len(source.partitions) == 2
    assert len(rejections) == 1, "a broken packet is counted once, whatever the partitions"
    assert all(batch.is_difference and batch.survey == "ztf" for batch in batches)
    assert "differences from a template" in source.notes[0]


def test_a_dataset_gives_the_same_as_its_packets(packets, tmp_path):
    out = tmp_path / "dataset"
    ingest([packets], out, config=IngestConfig(with_light_curves=True))
    of_dataset, _ = read_all(open_light_curves([out]))
    of_packets, _ = read_all(open_light_curves([packets]))
    for name in ("source_ids", "offsets", "mjd_tai", "flux_njy", "band", "ra_deg"):
        np.testing.assert_array_equal(getattr(of_dataset[0], name), getattr(of_packets[0], name))


def test_an_epoch_that_several_packets_tell_of_counts_once(shared_data):
    """Real packets of one object repeat each other's history."""
    batches, _ = read_all(open_light_curves([shared_data / "ztf_alerts"]))
    for batch in batches:
        source = np.repeat(np.arange(len(batch)), batch.n_epochs)
        epochs = np.column_stack(
            [source, batch.mjd_tai, batch.band, batch.flux_njy, batch.flux_err_njy]
        )
        assert len(np.unique(epochs, axis=0)) == len(epochs)
    repeated = sum(int(batch.columns["n_epochs_repeated"].sum()) for batch in batches)
    assert repeated > 100


def test_a_path_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(InvalidInputError):
        open_light_curves([tmp_path / "none.avro"], LightCurveInputConfig(form="packets"))
