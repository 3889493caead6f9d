"""Neighbours on the sphere against Astropy, at the poles and over 0/360 deg."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from skyvet.core.errors import InvalidInputError
from skyvet.io.catalogues.sky_index import SkyIndex, separation_arcsec


def scattered(centre, n, *, seed, spread_arcsec=20.0):
    """Positions around a centre, whatever the coordinates do there."""
    rng = np.random.default_rng(seed)
    around = SkyCoord(*centre, unit="deg").directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, rng.uniform(0, spread_arcsec, n) * u.arcsec
    )
    return around.ra.deg, around.dec.deg


CENTRES = [(0.0, 0.0), (359.9999, 30.0), (123.0, 90.0), (40.0, -90.0), (77.0, 89.999)]


@pytest.mark.parametrize("centre", CENTRES)
def test_the_nearest_is_that_of_astropy(centre):
    ra, dec = scattered(centre, 200, seed=1)
    at_ra, at_dec = scattered(centre, 50, seed=2)
    rows, separation = SkyIndex(ra, dec).nearest(at_ra, at_dec, radius_arcsec=2.0)
    expected, angle, _ = SkyCoord(at_ra, at_dec, unit="deg").match_to_catalog_sky(
        SkyCoord(ra, dec, unit="deg")
    )
    is_near = angle.arcsec <= 2.0
    assert 0 < is_near.sum() < len(is_near)
    np.testing.assert_array_equal(rows, np.where(is_near, expected, -1))
    # Doubles of unit vectors resolve 2e-16 rad = 5e-11 arcsec, squared in Astropy's search.
    np.testing.assert_allclose(separation[is_near], angle.arcsec[is_near], rtol=0, atol=1e-8)


@pytest.mark.parametrize("centre", CENTRES)
def test_all_pairs_within_a_radius_are_those_of_brute_force(centre):
    ra, dec = scattered(centre, 60, seed=3)
    at_ra, at_dec = scattered(centre, 40, seed=4)
    places, rows, _ = SkyIndex(ra, dec).within(at_ra, at_dec, radius_arcsec=5.0)
    angles = SkyCoord(at_ra, at_dec, unit="deg")[:, None].separation(
        SkyCoord(ra, dec, unit="deg")[None]
    )
    expected = {tuple(pair) for pair in np.argwhere(angles.arcsec <= 5.0).tolist()}
    assert set(zip(places.tolist(), rows.tolist(), strict=True)) == expected


def test_separations_are_those_of_astropy():
    rng = np.random.default_rng(5)
    ra, dec = rng.uniform(0, 360, (2, 100)), rng.uniform(-90, 90, (2, 100))
    expected = SkyCoord(ra[0], dec[0], unit="deg").separation(SkyCoord(ra[1], dec[1], unit="deg"))
    found = separation_arcsec(ra[0], dec[0], other_ra_deg=ra[1], other_dec_deg=dec[1])
    # Near 180 deg the chord loses half the digits.
    np.testing.assert_allclose(found, expected.arcsec, rtol=0, atol=1e-2)


def test_unknown_positions_find_and_are_found_by_nothing():
    index = SkyIndex(np.array([np.nan, 10.0]), np.array([0.0, 0.0]))
    rows, separation = index.nearest(np.array([np.nan, 10.0]), np.zeros(2), radius_arcsec=1.0)
    assert rows.tolist() == [-1, 1]
    assert np.isnan(separation).tolist() == [True, False]
    empty = SkyIndex(np.empty(0), np.empty(0))
    assert empty.nearest(np.array([1.0]), np.zeros(1), radius_arcsec=1.0)[0].tolist() == [-1]
    assert len(empty.within(np.array([1.0]), np.zeros(1), radius_arcsec=1.0)[0]) == 0


@pytest.mark.parametrize("radius_arcsec", [0.0, -1.0, np.nan])
def test_a_radius_must_be_above_0(radius_arcsec):
    with pytest.raises(InvalidInputError, match="radius_arcsec must be above 0"):
        SkyIndex(np.zeros(1), np.zeros(1)).nearest(
            np.zeros(1), np.zeros(1), radius_arcsec=radius_arcsec
        )
