"""Counterparts from files and from a faked VizieR; bright stars by Drake's radius."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from astropy.table import MaskedColumn, Table

from skyvet.core.errors import ArchiveError, DatasetError, InvalidInputError
from skyvet.io.catalogues.bright_stars import (
    drake_radius_arcsec,
    gaia_to_tycho,
    near_bright_stars,
)
from skyvet.io.catalogues.configs import CATALOGUES, CrossMatchConfig
from skyvet.io.catalogues.cross_match import match_catalogue, with_catalogue
from skyvet.records.light_curve_batch import LightCurveBatch

ARCSEC = 1 / 3600
GAIA = {
    "source_id": [2**61 + 1, 2**61 + 2, 2**61 + 3],
    "ra": [10.0 + 1.5 * ARCSEC, 10.0 + 0.2 * ARCSEC, 359.99999],
    "dec": [0.0, 0.0, 0.0],
    "phot_g_mean_mag": [15.0, 18.0, 12.0],
    "parallax": [1.0, None, 3.0],
}


@pytest.fixture
def gaia_file(tmp_path):
    pq.write_table(pa.table(GAIA), tmp_path / "gaia.parquet")
    return str(tmp_path / "gaia.parquet")


def test_the_nearest_counterpart_is_taken_not_the_first(gaia_file):
    """Defect e of the predecessor."""
    found = match_catalogue(
        np.array([10.0, 0.00001, 200.0, np.nan]), np.zeros(4), CrossMatchConfig(path=gaia_file)
    )
    assert found["Gaia_EDR3___id"].tolist() == [str(2**61 + 2), str(2**61 + 3), "", ""]
    np.testing.assert_array_equal(found["Gaia_EDR3__phot_g_mean_mag"], [18.0, 12.0, np.nan, np.nan])
    np.testing.assert_array_equal(found["Gaia_EDR3__parallax"], [np.nan, 3.0, np.nan, np.nan])
    np.testing.assert_allclose(
        found["Gaia_EDR3__separation_arcsec"], [0.2, 0.072, np.nan, np.nan], atol=1e-6
    )


def test_all_columns_of_the_catalogue_are_there_even_if_the_file_lacks_them(gaia_file):
    found = match_catalogue(np.array([10.0]), np.zeros(1), CrossMatchConfig(path=gaia_file))
    expected = {f"Gaia_EDR3__{name}" for name in CATALOGUES["gaia"].columns}
    assert expected | {"Gaia_EDR3___id", "Gaia_EDR3__separation_arcsec"} == set(found)
    assert np.isnan(found["Gaia_EDR3__pmra"]).all()


def test_a_csv_with_the_names_of_vizier_is_read(tmp_path):
    table = pa.table({"AllWISE": ["J0"], "RAJ2000": [10.0], "DEJ2000": [0.0], "W1mag": [12.5],
                      "e_W1mag": [0.02], "qph": ["AABU"]})  # fmt: skip
    pyarrow.csv.write_csv(table, tmp_path / "wise.csv")
    config = CrossMatchConfig(catalogue="allwise", path=str(tmp_path / "wise.csv"))
    found = match_catalogue(np.array([10.0, 20.0]), np.zeros(2), config)
    assert found["AllWISE___id"].tolist() == ["J0", ""]
    np.testing.assert_array_equal(found["AllWISE__w1mpro"], [12.5, np.nan])
    assert found["AllWISE__ph_qual"].tolist() == ["AABU", ""]


def test_columns_join_those_of_a_batch(gaia_file):
    batch = LightCurveBatch(
        source_ids=np.array([1]), offsets=np.array([0, 0]), mjd_tai=np.empty(0),
        flux_njy=np.empty(0), flux_err_njy=np.empty(0), band=np.empty(0), bands=("g",),
        ra_deg=np.array([10.0]), dec_deg=np.array([0.0]), columns={"field": np.array([7])},
    )  # fmt: skip
    matched = with_catalogue(batch, CrossMatchConfig(path=gaia_file))
    assert matched.columns["field"].tolist() == [7]
    assert matched.columns["Gaia_EDR3___id"].tolist() == [str(2**61 + 2)]


def test_a_file_without_position_says_what_it_has(tmp_path):
    pq.write_table(pa.table({"source_id": [1], "x": [1.0]}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match=r"no table of Gaia_EDR3.*source_id, x"):
        match_catalogue(
            np.zeros(1), np.zeros(1), CrossMatchConfig(path=str(tmp_path / "a.parquet"))
        )
    (tmp_path / "b.parquet").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match="cannot be read as a catalogue"):
        match_catalogue(
            np.zeros(1), np.zeros(1), CrossMatchConfig(path=str(tmp_path / "b.parquet"))
        )


class FakeVizier:
    """Answers like astroquery's: tables of Astropy with masked values."""

    def __init__(self, error=None):
        self.error = error
        self.asked = []

    def query_region(self, coordinates, *, radius, catalog):
        if self.error is not None:
            raise self.error
        self.asked.append((len(coordinates), radius.to_value("arcsec"), catalog))
        return [
            Table(
                {
                    "Source": np.array([2**61 + 1, 2**61 + 2]),
                    "RA_ICRS": [10.0 + 1.5 * ARCSEC, 10.0 + 0.2 * ARCSEC],
                    "DE_ICRS": [0.0, 0.0],
                    "Gmag": MaskedColumn([15.0, 18.0], mask=[False, True]),
                    "E(BR/RP)": [1.1, 1.2],
                }
            )
        ]


def test_vizier_is_asked_in_batches_and_its_answers_count_once():
    service = FakeVizier()
    places = np.append(np.full(5, 10.0), np.nan)
    found = match_catalogue(places, np.zeros(6), CrossMatchConfig(batch_size=2), service=service)
    assert [n for n, *_ in service.asked] == [2, 2, 1]
    assert service.asked[0][1:] == (2.0, "I/350/gaiaedr3")
    assert found["Gaia_EDR3___id"].tolist() == [str(2**61 + 2)] * 5 + [""]
    assert np.isnan(found["Gaia_EDR3__phot_g_mean_mag"]).all()
    assert found["Gaia_EDR3__phot_bp_rp_excess_factor"][0] == 1.2


def test_astroquery_itself_is_asked_where_nothing_else_is_given(monkeypatch):
    made = []

    class Recorder(FakeVizier):
        def __init__(self, *, columns, row_limit):
            super().__init__()
            made.append((columns, row_limit))

    monkeypatch.setattr("astroquery.vizier.Vizier", Recorder)
    found = match_catalogue(np.array([10.0]), np.zeros(1), CrossMatchConfig())
    assert found["Gaia_EDR3___id"].tolist() == [str(2**61 + 2)]
    ((columns, row_limit),) = made
    assert {"Source", "RA_ICRS", "DE_ICRS"} <= set(columns)
    assert row_limit == -1


def test_a_service_that_fails_is_an_archive_error_that_says_what_to_do():
    with pytest.raises(ArchiveError, match=r"no answer.*give a file"):
        match_catalogue(
            np.zeros(1), np.zeros(1), CrossMatchConfig(), service=FakeVizier(OSError("no route"))
        )


def test_tycho_magnitudes_of_a_star_like_the_sun():
    """Published relations: a G2 V star (BP - RP = .82) has B_T - V_T near .7."""
    b_mag, v_mag = gaia_to_tycho(np.array([10.0]), np.array([0.82]))
    assert b_mag[0] - v_mag[0] == pytest.approx(0.72, abs=0.05)
    assert v_mag[0] == pytest.approx(10.21, abs=0.05)


def test_drakes_radius_grows_with_brightness_and_ends_at_13():
    b_mag = np.array([6.0, 8.0, 10.0, 12.0, 12.999, 13.0, np.nan])
    radius = drake_radius_arcsec(b_mag, b_mag - 0.6)
    assert (np.diff(radius[:4]) < 0).all()
    assert radius[5:].tolist() == [0.0, 0.0]
    b, c = 8.0, 0.6
    by_hand = (354.817 - 53.27823 * b + 66.01137 * c + 2.1031286 * b * b + 7.6737066 * c * c
               - 6.164676 * b * c)  # fmt: skip
    assert radius[1] == pytest.approx(by_hand, rel=1e-12)


def test_a_neighbour_of_a_bright_star_is_found_and_the_star_itself_is_not(tmp_path):
    """G = 8, BP - RP = .8: B is 8.9 and the radius 59 arcsec."""
    stars = {"source_id": [1, 2], "ra": [359.9999, 50.0], "dec": [40.0, 40.0],
             "phot_g_mean_mag": [8.0, 14.0], "phot_bp_mean_mag": [8.4, 14.4],
             "phot_rp_mean_mag": [7.6, 13.6]}  # fmt: skip
    pq.write_table(pa.table(stars), tmp_path / "gaia.parquet")
    steps = np.array([0.0, 1.9, 2.1, 55.0, 65.0]) * ARCSEC
    ra = np.concatenate([(359.9999 + steps / np.cos(np.radians(40))) % 360, [50.001, np.nan]])
    dec = np.full(7, 40.0)
    spoilt = near_bright_stars(ra, dec, path=str(tmp_path / "gaia.parquet"))
    assert spoilt.tolist() == [False, False, True, True, False, False, False]
