"""Sky positions to pixels against astropy's WCS."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from skyvet.core.errors import InvalidInputError
from skyvet.io.fits_headers import card_number, card_text, has_card
from skyvet.io.fits_stamps import read_fits_images
from skyvet.io.fits_wcs import read_wcs

BASE = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 1536.5, "CRPIX2": -40.25,
    "CRVAL1": 359.9, "CRVAL2": 33.2, "CUNIT1": "deg", "CUNIT2": "deg",
}  # fmt: skip
CD = {"CD1_1": -2.81e-4, "CD1_2": 3.1e-6, "CD2_1": 2.9e-6, "CD2_2": 2.80e-4}
TPV = {
    "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_0": 1e-4, "PV1_1": 1.0002, "PV1_2": -3e-5,
    "PV1_4": 2e-4, "PV1_5": -1e-4, "PV1_6": 5e-5, "PV1_7": 8e-4, "PV1_9": 3e-4, "PV2_0": -2e-4,
    "PV2_1": 0.9998, "PV2_2": 4e-5, "PV2_4": 1e-4, "PV2_7": 6e-4, "PV2_8": 1e-5, "PV2_11": 1e-5,
}  # fmt: skip
SIP = {
    "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 3,
    "A_2_0": 2e-6, "A_0_2": -1e-6, "A_1_1": 5e-7, "B_2_0": 1e-6, "B_0_3": 3e-10,
}  # fmt: skip


def file_with(cards):
    hdu = fits.PrimaryHDU(np.zeros((28, 28), dtype=np.float32))
    for key, value in cards.items():
        hdu.header[key] = value
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return hdu.header, read_fits_images(buffer.getvalue())[0].cards


@pytest.mark.parametrize(
    "cards",
    [
        BASE | CD,
        BASE | CD | TPV,
        BASE | CD | SIP,
        BASE | {"CDELT1": -2.8e-4, "CDELT2": 2.8e-4},
        BASE | {"CDELT1": -2.8e-4, "CDELT2": 2.9e-4, "CROTA2": 12.0},
        BASE | {"CDELT1": -2.8e-4, "CDELT2": 2.8e-4, "PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6,
                "PC2_2": 0.8},
    ],
    ids=["cd", "tpv", "sip", "cdelt", "crota", "pc"],
)  # fmt: skip
def test_positions_fall_on_the_pixels_that_astropy_says(cards):
    header, raw = file_with(cards)
    wcs = read_wcs(raw)
    assert wcs is not None
    rng = np.random.default_rng(3)
    for column, row in rng.uniform(0, 3000, (10, 2)):
        ra, dec = WCS(header).all_pix2world(column, row, 0)
        found = wcs.pixel_of(float(ra), float(dec))
        np.testing.assert_allclose(found, (column, row), atol=1e-5)


def test_pixel_scale_is_that_of_the_matrix():
    _, raw = file_with(BASE | CD)
    assert read_wcs(raw).pixel_scale_arcsec == pytest.approx(1.01, rel=0.01)


@pytest.mark.parametrize(
    "cards",
    [
        {},
        CD,
        BASE,
        BASE | CD | {"CTYPE1": "RA---ZEA", "CTYPE2": "DEC--ZEA"},
        BASE | {"CD1_1": 1e-4, "CD1_2": 1e-4, "CD2_1": 1e-4, "CD2_2": 1e-4},
    ],
    ids=["nothing", "no-types", "no-matrix", "other-projection", "singular"],
)
def test_headers_without_known_coordinates_give_none(cards):
    assert read_wcs(file_with(cards)[1]) is None


def test_a_position_on_the_other_side_of_the_sky_is_refused():
    wcs = read_wcs(file_with(BASE | CD)[1])
    with pytest.raises(InvalidInputError, match="84 deg off"):
        wcs.pixel_of(180.0, -33.0)


def test_cards_of_the_primary_header_reach_an_extension_that_lacks_them():
    image = fits.ImageHDU(np.ones((3, 3), dtype=np.float32), name="SCI")
    image.header["EXPTIME"] = 12.5
    primary = fits.PrimaryHDU()
    primary.header["EXPTIME"] = 30.0
    primary.header["FILTER"] = "it''s / r"
    buffer = io.BytesIO()
    fits.HDUList([primary, image]).writeto(buffer)
    cards = read_fits_images(buffer.getvalue())[0].cards
    assert card_number(cards, "EXPTIME") == 12.5
    assert card_text(cards, "FILTER") == primary.header["FILTER"]
    assert not has_card(cards, "SEEING")
    assert np.isnan(card_number(cards, "SEEING"))
    assert np.isnan(card_number(cards, "FILTER"))
