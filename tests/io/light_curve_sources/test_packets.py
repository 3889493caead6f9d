"""Histories of alerts: an object's packets become one light curve."""

from __future__ import annotations

import pickle

import fastavro
import numpy as np
import pytest
from tests.conftest import make_candidate
from tests.io.light_curve_sources.made_tables import read_all

from skyvet.cli.main import main
from skyvet.core.errors import InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.surveys.ztf_history import difference_flux, total_flux
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


def test_total_flux_is_the_dc_magnitude_of_alerts(shared_data):
    """Checked with the formula of lc_correction on the records themselves."""
    expected = {}
    for path in sorted((shared_data / "ztf_alerts").glob("*.avro")):
        with path.open("rb") as file:
            for record in fastavro.reader(file):
                alert = record["candidate"]
                if 0 <= (alert.get("distnr") or 0.0) <= 1.5:
                    sign = 1 if alert["isdiffpos"] in ("t", "1") else -1
                    total = 10 ** (-0.4 * alert["magnr"]) + sign * 10 ** (-0.4 * alert["magpsf"])
                    key = record["objectId"], "?gri"[alert["fid"]], round(alert["jd"] % 1e5, 3)
                    expected[key] = total * 10 ** (0.4 * 31.4)
    config = LightCurveInputConfig(packet_flux="total")
    batches, _ = read_all(open_light_curves([shared_data / "ztf_alerts"], config))
    n_found = n_bright = 0
    for batch in batches:
        assert not batch.is_difference
        assert np.isfinite(batch.flux_njy).all()
        for i, id_ in enumerate(batch.source_ids.tolist()):
            rows = batch.rows_of(i)
            # TAI is 37 s after UTC since 2017; packets tell the start of 30 s.
            jd = batch.mjd_tai[rows] + 2_400_000.5 - (37 + 15) / 86_400
            keys = zip(batch.band[rows].tolist(), jd.tolist(), batch.flux_njy[rows].tolist(),
                       strict=True)  # fmt: skip
            found = {}
            for band, time, flux in keys:
                found.setdefault((id_, batch.bands[band], round(time % 1e5, 3)), []).append(flux)
            for key in found.keys() & expected.keys():
                n_found += 1
                n_bright += bool(np.isclose(found[key], expected[key], rtol=1e-5).any())
    assert n_found > 0.95 * len(expected) > 300
    assert n_bright == n_found


def test_epochs_without_a_template_near_are_counted_and_left_out(packets):
    near = LightCurveInputConfig(packet_flux="total")
    source = open_light_curves([packets], near)
    batches, rejections = read_all(source)
    assert "total flux" in source.notes[0]
    assert sum(len(batch) for batch in batches) == 0
    assert {str(item.reason) for item in rejections} >= {"no_epochs"}


def test_total_flux_adds_errors_in_quadrature_and_keeps_the_sign():
    row = {"magnr": 20.0, "sigmagnr": 0.05, "distnr": 0.4, "magpsf": 20.5, "sigmapsf": 0.1,
           "isdiffpos": "f"}  # fmt: skip
    flux, error = difference_flux(row)
    total = total_flux(row, flux_njy=flux, flux_err_njy=error)
    magnitude = -2.5 * np.log10(10 ** (-0.4 * 20.0) - 10 ** (-0.4 * 20.5))
    assert 31.4 - 2.5 * np.log10(total.flux_njy) == pytest.approx(magnitude, abs=1e-9)
    parts = (10 ** (0.4 * 11.4) * 0.05 / 1.0857362, 10 ** (0.4 * 10.9) * 0.1 / 1.0857362)
    assert total.flux_err_njy == pytest.approx(np.hypot(*parts), rel=1e-6)


@pytest.mark.parametrize("missing", [{"magnr": None}, {"magnr": -999.0}, {"distnr": -999.0}])
def test_a_packet_without_reference_has_no_total_flux(missing):
    row = {"magnr": 20.0, "sigmagnr": 0.05, "distnr": 0.4, **missing}
    total = total_flux(row, flux_njy=100.0, flux_err_njy=10.0)
    assert np.isnan(total.flux_njy) or np.isnan(total.reference_arcsec)


def test_visits_of_lsst_tell_their_total_flux(shared_data):
    """Version 11 carries it; version 7.4 does not, and is left out."""
    own, earlier = set(), set()
    folders = [path for path in (shared_data / "lsst_alerts").iterdir() if path.is_dir()]
    for path in sorted(file for folder in folders for file in folder.glob("*.avro")):
        with path.open("rb") as file:
            for record in fastavro.reader(file):
                own.add(record["diaSource"].get("scienceFlux"))
                for name in ("prvDiaSources", "prvDiaForcedSources"):
                    earlier |= {row.get("scienceFlux") for row in record[name] or ()}
    config = LightCurveInputConfig(packet_flux="total")
    batches, _ = read_all(open_light_curves(folders, config))
    found = {flux for batch in batches for flux in batch.flux_njy.tolist()}
    assert len(own) > 100
    assert own - {None} <= found <= own | earlier


def test_commands_on_packets_name_the_option_that_they_need(packets, tmp_path, capsys):
    for command in (("features", "--out"), ("periods", "--out")):
        with pytest.raises(SystemExit) as ended:
            main([command[0], str(packets), command[1], str(tmp_path / command[0])])
        assert ended.value.code == 3
        assert "--light-curves.packet-flux total" in " ".join(capsys.readouterr().err.split())


def test_a_dataset_has_no_total_flux(packets, tmp_path):
    out = tmp_path / "dataset"
    ingest([packets], out, config=IngestConfig(with_light_curves=True))
    with pytest.raises(InvalidInputError, match="give the packets"):
        open_light_curves([out], LightCurveInputConfig(packet_flux="total"))
