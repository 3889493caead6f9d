"""The one door: real files of every form, and inputs that are none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.io.light_curve_sources.made_tables import read_all

from skyvet.cli.main import main
from skyvet.core.errors import InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.hats import is_hats
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.light_curve_tables import LightCurveRow, write_light_curves
from skyvet.io.ztf_light_curves import rows_from_irsa_csv
from skyvet.records.light_curve import LightCurve

IRSA_CSV = """oid,expid,hjd,mjd,mag,magerr,catflags,filtercode,ra,dec,exptime
675103300002930,5,2458202.8577286,58202.3531597,18.675,0.047,0,zg,209.99006,29.99763,30
675103300002930,7,2458203.8577286,58203.3531597,18.6,0.05,32768,zg,209.99006,29.99763,30
675203300003417,6,2458202.8577286,58202.3551597,18.1,0.03,0,zr,209.99007,29.99764,30
"""


@pytest.mark.parametrize(
    ("file", "settings", "n_sources", "n_epochs"),
    [
        ("s82_rrlyrae/lightcurves.parquet", {"preset": "sdss"}, 253, 71_221),
        ("ztf_bts_snia/lightcurves.parquet", {"band_names": ("R=r",)}, 2289, 44_339),
        ("ztf_lightcurves_unlabelled/ztf_forced_examples_training.parquet", {}, 12, 7489),
    ],
)
def test_real_tables_are_read_whole(shared_data, file, settings, n_sources, n_epochs):
    source = open_light_curves([shared_data / file], LightCurveInputConfig(**settings))
    batches, rejections = read_all(source)
    assert not rejections
    ids = {id_ for batch in batches for id_ in batch.source_ids.tolist()}
    assert len(ids) == sum(map(len, batches)) == n_sources
    assert sum(len(batch.mjd_tai) for batch in batches) == n_epochs


def test_eros_whose_rows_are_sorted_by_band_is_read_whole_in_magnitudes(shared_data):
    path = shared_data / "eros_variables" / "lightcurves.parquet"
    config = LightCurveInputConfig(preset="eros", sources_per_partition=3000)
    source = open_light_curves([path], config)
    first, rejections = source.read(source.partitions[0])
    assert source.n_buckets == len(source.partitions) == 1
    assert not rejections
    assert (len(first), len(first.mjd_tai)) == (2912, 688_513)
    table = pq.read_table(path, filters=[("star_id", "==", str(first.source_ids[0]))])
    magnitudes = 31.4 - 2.5 * np.log10(first.flux_njy[first.rows_of(0)])
    np.testing.assert_allclose(np.sort(magnitudes), np.sort(table["flux"].to_numpy()), atol=1e-5)
    assert first.mjd_tai.min() == pytest.approx(290, abs=1)


def test_a_quadrant_of_ztf_is_read_with_its_flags_and_coarse_times(shared_data):
    path = shared_data / "ztf_lightcurves_unlabelled" / "ztf_000250_zg_c01_q1_dr5.parquet"
    source = open_light_curves([path])
    batches, rejections = read_all(source)
    assert sum(map(len, batches)) + len(rejections) == 5449
    kept = sum(len(batch.mjd_tai) for batch in batches)
    flags = pq.read_table(path, columns=["catflags"])["catflags"].to_pylist()
    usable = sum(not value & 32_768 for some in flags for value in some)
    assert kept == usable
    assert source.time_step_d == 0.00390625
    assert {batch.bands for batch in batches} == {("g",)}


def test_every_flag_counts_where_it_is_asked_for(shared_data):
    path = shared_data / "ztf_lightcurves_unlabelled" / "ztf_000250_zg_c01_q1_dr5.parquet"
    config = LightCurveInputConfig(bad_flags=-1, sources_per_partition=6000)
    (batch,), _ = read_all(open_light_curves([path], config))
    assert len(batch.mjd_tai) == 106_588 - 8422


def test_csv_of_irsa_is_read_like_its_service_is(tmp_path):
    (tmp_path / "irsa.csv").write_text(IRSA_CSV)
    (batch,), rejections = read_all(open_light_curves([tmp_path / "irsa.csv"]))
    expected = rows_from_irsa_csv(IRSA_CSV.encode())
    assert not rejections
    assert batch.survey == "ztf"
    assert [str(id_) for id_ in batch.source_ids] == [row.object_id for row in expected]
    for i_source, row in enumerate(expected):
        curve = batch.light_curve(i_source)
        np.testing.assert_allclose(curve.mjd_tai, row.light_curve.mjd_tai, rtol=0, atol=1e-9)
        np.testing.assert_allclose(curve.flux_njy, row.light_curve.flux_njy, rtol=1e-12)
        assert curve.band.tolist() == row.light_curve.band.tolist()


def test_the_table_of_simulation_and_fetch_is_read(tmp_path):
    curve = LightCurve(
        mjd_tai=np.array([1.0, 2.0]) + 60_000, flux_njy=np.array([-5.0, np.nan]),
        flux_err_njy=np.array([1.0, 1.0]), band=np.array(["r", "g"]),
        is_upper_limit=np.array([False, False]), is_difference=True,
    )  # fmt: skip
    rows = [LightCurveRow(object_id="a", light_curve=curve, survey="lsst", class_name="SN",
                          period_d=0.5)]  # fmt: skip
    write_light_curves(tmp_path / "own.parquet", rows)
    (batch,), _ = read_all(open_light_curves([tmp_path / "own.parquet"]))
    assert batch.is_difference
    assert (batch.survey, batch.flux_njy.tolist()) == ("lsst", [-5.0])
    assert batch.columns["class_name"].tolist() == ["SN"]
    assert batch.columns["n_epochs_unusable"].tolist() == [1]


@pytest.mark.parametrize(
    ("is_difference", "reason"), [([False, True], "difference_flux"), ([True, False], "bad_value")]
)
def test_sources_of_the_other_kind_of_flux_are_rejections(tmp_path, is_difference, reason):
    columns = {"source_id": [1, 2], "is_difference": is_difference, "mjd_tai": [[1.0], [2.0]],
               "flux_njy": [[1.0], [2.0]], "flux_err_njy": [[1.0], [1.0]],
               "band": [["g"], ["g"]]}  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (batch,), rejections = read_all(open_light_curves([tmp_path / "a.parquet"]))
    assert batch.source_ids.tolist() == [1]
    assert [(r.candidate_id, r.reason.value) for r in rejections] == [(2, reason)]


def test_a_table_without_filters_is_taken_as_of_one_and_says_so(tmp_path):
    columns = {"tid": [1, 1], "MJD": [53_000.0, 53_001.0], "Mag": [18.0, 18.1],
               "Magerr": [0.1, 0.1]}  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    source = open_light_curves([tmp_path / "a.parquet"])
    (batch,), _ = read_all(source)
    assert batch.bands == ("unknown",)
    assert "no column says the filter" in source.notes[0]
    named = open_light_curves([tmp_path / "a.parquet"], LightCurveInputConfig(band="V"))
    assert named.read(named.partitions[0])[0].bands == ("V",)
    assert not named.notes


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(InvalidInputError, match="does not exist"):
        open_light_curves([tmp_path / "none.parquet"])
    with pytest.raises(InvalidInputError, match="no light-curve file in"):
        open_light_curves([tmp_path])
    with pytest.raises(InvalidInputError, match="no light curves were given"):
        open_light_curves([])


def test_a_folder_of_tables_is_no_hats_catalogue(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"")
    assert not is_hats(str(tmp_path))
    (tmp_path / "hats.properties").write_text("")
    assert is_hats(str(tmp_path))


def test_simulated_light_curves_stay_simulated_whatever_the_preset(tmp_path):
    path = tmp_path / "sim.parquet"
    words = ("simulate", "light-curves", "--out", str(path), "--n", "3", "--n-years", "0.5")
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    for config in (LightCurveInputConfig(), LightCurveInputConfig(preset="ztf")):
        source = open_light_curves([path], config)
        assert source.read(source.partitions[0])[0].survey == "ztf-simulated"
    own = LightCurveInputConfig(survey="mine")
    source = open_light_curves([path], own)
    assert source.read(source.partitions[0])[0].survey == "mine"
