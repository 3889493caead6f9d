"""ZTF's light-curve columns, from IRSA and from bulk files."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.time import Time

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.ztf_bulk_light_curves import read_bulk_light_curves
from skyvet.io.ztf_light_curves import ZtfEpochs, rows_from_irsa_csv, ztf_light_curve

OID = 633207400004730
HEADING = "oid,expid,hjd,mjd,mag,magerr,catflags,filtercode,ra,dec,filefracday,exptime"


def irsa(*rows, heading=HEADING):
    return ("\n".join([heading, *rows]) + "\n").encode()


def row(oid=OID, mjd=58202.353159699996, mag=18.6746521, flags=0, hjd=2458202.8577286243, **more):
    values = {"band": "zr", "exptime": 30.0, **more}
    return (
        f"{oid},448,{hjd},{mjd},{mag},0.0466535166,{flags},{values['band']},209.9900551,"
        f"29.9976258,20180325353160,{values['exptime']}"
    )


def test_an_epoch_becomes_flux_at_its_mid_exposure():
    (found,) = rows_from_irsa_csv(irsa(row()))
    curve = found.light_curve
    middle = Time(58202.353159699996 + 15 / 86400, format="mjd", scale="utc").tai.mjd
    assert curve.mjd_tai[0] == pytest.approx(middle, rel=0, abs=1e-9)
    magnitude = 18.6746521 * units.ABmag
    assert curve.flux_njy[0] == pytest.approx(magnitude.to_value(units.nJy), rel=1e-5)
    brighter = ((18.6746521 - 1e-4) * units.ABmag).to_value(units.nJy)
    slope = (brighter - curve.flux_njy[0]) / 1e-4
    assert curve.flux_err_njy[0] == pytest.approx(slope * 0.0466535166, rel=1e-3)
    assert (found.object_id, found.survey, curve.band.tolist()) == (str(OID), "ztf", ["r"])
    assert found.ra_deg == pytest.approx(209.9900551)
    assert not curve.is_difference


def test_both_clocks_tell_one_time():
    """A row of the archive: without the start of the exposure its heliocentric middle serves."""
    (by_start,) = rows_from_irsa_csv(irsa(row()))
    (by_middle,) = rows_from_irsa_csv(irsa(row(mjd="")))
    difference = by_start.light_curve.mjd_tai[0] - by_middle.light_curve.mjd_tai[0]
    assert abs(difference) * 86400 < 0.2


def test_objects_come_apart_and_epochs_are_sorted():
    rows = [row(7, mjd=58300.5), row(OID, mjd=58301.5), row(7, mjd=58299.5), row(OID, mjd=58300.5)]
    first, second = rows_from_irsa_csv(irsa(*rows))
    assert (first.object_id, second.object_id) == ("7", str(OID))
    assert (np.diff(first.light_curve.mjd_tai) == 1).all()


def test_unusable_epochs_are_left_out_unless_asked_for():
    data = irsa(row(), row(mjd=58203.5, flags=32768), row(mjd=58204.5, flags=2),
                row(mjd=58205.5, mag=""), row(mjd="", hjd=""))  # fmt: skip
    (found,) = rows_from_irsa_csv(data)
    assert len(found.light_curve) == 2
    (everything,) = rows_from_irsa_csv(data, bad_catflags=0)
    assert len(everything.light_curve) == 3
    (strict,) = rows_from_irsa_csv(data, bad_catflags=65535)
    assert len(strict.light_curve) == 1


def test_a_table_without_rows_knows_no_object():
    assert rows_from_irsa_csv(irsa()) == []


def test_an_answer_cut_within_any_line_is_damaged():
    whole = irsa(row(), row(mjd=58203.5))
    for n_bytes in range(len(whole)):
        if whole[:n_bytes].endswith(b"\n"):
            continue
        with pytest.raises(InvalidInputError):
            rows_from_irsa_csv(whole[:n_bytes])


def test_columns_in_another_order_and_case_are_found():
    data = b"MAG,filtercode,OID,MagErr,mjd,new\n18.5,zg,7,0.1,58300.0,x\n"
    (found,) = rows_from_irsa_csv(data)
    assert (found.object_id, found.light_curve.band.tolist()) == ("7", ["g"])
    assert np.isnan(found.ra_deg)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<html>busy</html>", b"\\ QUERY_STATUS ERROR", b"oid,mjd\n1,2\n",
        irsa(row(), row()[:40]), irsa(row(mjd="abc")), irsa("x" + row()),
    ],
    ids=["empty", "html", "error", "columns", "cut-line", "text-time", "text-oid"],
)  # fmt: skip
def test_other_answers_are_refused(data):
    with pytest.raises(InvalidInputError):
        rows_from_irsa_csv(data)


LISTS = {
    "objectid": [OID, OID + 1, OID + 2],
    "filterid": pa.array([2, 2, 2], pa.uint8()),
    "objra": [209.9900551] * 3,
    "objdec": [29.9976258] * 3,
    "hmjd": [[58202.3577286243, 58203.5], [58300.1], []],
    "mag": [[18.6746521, 18.5], [17.0], []],
    "magerr": [[0.05, 0.05], [0.01], []],
    "catflags": [[0, 32768], [0], []],
}


def test_bulk_rows_of_lists_give_the_same_as_irsa(tmp_path):
    pq.write_table(pa.table(LISTS), tmp_path / "bulk.parquet")
    (found,) = read_bulk_light_curves(tmp_path / "bulk.parquet", [OID])
    (expected,) = rows_from_irsa_csv(irsa(row()))
    curve, other = found.light_curve, expected.light_curve
    assert len(curve) == 1  # the flagged epoch is left out
    assert abs(curve.mjd_tai[0] - other.mjd_tai[0]) * 86400 < 0.2
    np.testing.assert_allclose(curve.flux_njy, other.flux_njy, rtol=1e-6)
    assert curve.band.tolist() == ["r"]


def test_a_catalogue_folder_with_epochs_in_a_column_of_its_own(tmp_path):
    """As HATS writes it: many files, summaries with an underscore, nested epochs."""
    folder = tmp_path / "catalogue" / "dataset" / "Norder=1" / "Dir=0"
    folder.mkdir(parents=True)
    nested = pa.StructArray.from_arrays(
        [pa.array(LISTS[name]) for name in ("hmjd", "mag", "magerr", "catflags")],
        ["hmjd", "mag", "magerr", "catflags"],
    )
    plain = {name: LISTS[name] for name in ("objectid", "filterid", "objra", "objdec")}
    pq.write_table(pa.table({**plain, "lightcurve": nested}), folder / "Npix=1.parquet")
    (tmp_path / "catalogue" / "dataset" / "_metadata.parquet").write_bytes(b"no table")
    found = list(read_bulk_light_curves(tmp_path / "catalogue", [OID + 1, OID + 2, 5]))
    assert [r.object_id for r in found] == [str(OID + 1), str(OID + 2)]
    assert [len(r.light_curve) for r in found] == [1, 0]


def test_long_rows_are_joined_by_object(tmp_path):
    table = pa.table(
        {
            "oid": [1, 2, 1],
            "mjd": [58301.0, 58300.0, 58300.0],
            "mag": [18.0, 17.0, 19.0],
            "magerr": [0.1, 0.1, 0.1],
            "filtercode": ["zg"] * 3,
        }
    )
    pq.write_table(table, tmp_path / "long.parquet")
    first, second = read_bulk_light_curves(tmp_path / "long.parquet", [1, 2])
    assert (first.object_id, second.object_id) == ("1", "2")
    assert first.light_curve.flux_njy[1] > first.light_curve.flux_njy[0]
    assert first.light_curve.band.tolist() == ["g", "g"]


def test_files_of_other_quadrants_are_not_opened(tmp_path):
    pq.write_table(pa.table(LISTS), tmp_path / "ztf_000633_zr_c07_q4_dr14.parquet")
    (tmp_path / "ztf_000633_zg_c07_q4_dr14.parquet").write_bytes(b"would be an error")
    oid = 633207400004730
    assert len(list(read_bulk_light_curves(tmp_path, [oid]))) == 1


def test_real_bulk_file(shared_data, caplog):
    path = shared_data / "ztf_lightcurves_unlabelled" / "ztf_000250_zg_c01_q1_dr5.parquet"
    table = pq.read_table(path)
    oids = table["objectid"].to_pylist()[:50]
    with caplog.at_level(logging.WARNING):
        found = list(read_bulk_light_curves(path, oids, bad_catflags=0))
    assert [r.object_id for r in found] == [str(oid) for oid in oids]
    assert [len(r.light_curve) for r in found] == table["nepochs"].to_pylist()[:50]
    assert {band for r in found for band in r.light_curve.band} == {"g"}
    assert "too coarse" in caplog.text


def test_files_that_are_missing_damaged_or_lack_columns_are_errors(tmp_path):
    with pytest.raises(InvalidInputError, match="no folder with one"):
        list(read_bulk_light_curves(tmp_path, [1]))
    damaged = tmp_path / "a.parquet"
    damaged.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DatasetError, match="cannot be read"):
        list(read_bulk_light_curves(damaged, [1]))
    pq.write_table(pa.table({"objectid": [1], "mag": [[1.0]]}), damaged)
    with pytest.raises(InvalidInputError, match="lacks magerr, hmjd"):
        list(read_bulk_light_curves(damaged, [1]))


def test_times_without_a_position_stay_heliocentric():
    epochs = ZtfEpochs(oid=1, ra_deg=np.nan, dec_deg=np.nan, band="zr",
                       hmjd_utc=np.array([58300.0]), magnitude=np.array([18.0]),
                       magnitude_err=np.array([0.1]))  # fmt: skip
    found = ztf_light_curve(epochs).light_curve.mjd_tai[0]
    assert found == pytest.approx(Time(58300.0, format="mjd", scale="utc").tai.mjd, abs=1e-9)
