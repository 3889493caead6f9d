"""The small FITS reader and writer against astropy."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skyvet.core.errors import PacketError
from skyvet.io.fits_stamps import encode_fits, gunzip, gzip_bytes, read_fits_images

CUTOUT_FIELDS = (
    "cutoutScience", "cutoutTemplate", "cutoutDifference",
    "cutout_science", "cutout_template", "cutout_difference",
)  # fmt: skip


def real_cutouts(folder: Path, *, step: int) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.avro"))[::step]:
        data = path.read_bytes()
        if data[:4] != b"Obj\x01":
            continue
        for record in fastavro.reader(io.BytesIO(data)):
            assert isinstance(record, dict)
            for name in CUTOUT_FIELDS:
                holder = record.get(name)
                stamp = holder["stampData"] if isinstance(holder, dict) else holder
                if stamp and not stamp.startswith(b"\xff\xd8"):
                    yield stamp


def astropy_images(data: bytes) -> list[tuple[str, np.ndarray[Any, Any]]]:
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # real headers break the rules of the standard
        with fits.open(io.BytesIO(plain)) as hdus:
            return [
                (hdu.header.get("EXTNAME", ""), np.asarray(hdu.data, dtype=np.float32))
                for hdu in hdus
                if hdu.data is not None
            ]


@pytest.mark.parametrize(
    ("folder", "step", "n_at_least"),
    [("ztf_alerts", 3, 850), ("lsst_alerts", 1, 400), ("other_alerts", 1, 70)],
)
def test_every_real_cutout_equals_astropy(
    shared_data: Path, folder: str, step: int, n_at_least: int
) -> None:
    n_compared = 0
    for data in real_cutouts(shared_data / folder, step=step):
        expected = astropy_images(data)
        found = read_fits_images(data)
        assert [image.name for image in found] == [name for name, _ in expected]
        for image, (_, pixels) in zip(found, expected, strict=True):
            np.testing.assert_array_equal(image.pixels, pixels)
        n_compared += 1
    assert n_compared >= n_at_least


@given(
    pixels=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.floats(width=32),
    )
)
def test_written_pixels_are_read_back_bit_for_bit(pixels: np.ndarray[Any, Any]) -> None:
    data = encode_fits(pixels)
    (image,) = read_fits_images(gzip_bytes(data))
    np.testing.assert_array_equal(image.pixels, pixels)
    np.testing.assert_array_equal(astropy_images(data)[0][1], pixels)


@pytest.mark.parametrize("bitpix", [8, 16, 32, -32, -64])
@pytest.mark.parametrize("scaled", [False, True])
def test_every_pixel_type_equals_astropy(bitpix: int, scaled: bool) -> None:
    kinds = {8: np.uint8, 16: np.int16, 32: np.int32, -32: np.float32, -64: np.float64}
    hdu = fits.PrimaryHDU(np.arange(12).reshape(3, 4).astype(kinds[bitpix]))
    if scaled:
        hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 100.0
    stream = io.BytesIO()
    hdu.writeto(stream)
    data = stream.getvalue()
    np.testing.assert_array_equal(read_fits_images(data)[0].pixels, astropy_images(data)[0][1])


def test_unsigned_integers_with_an_offset_equal_astropy() -> None:
    stream = io.BytesIO()
    fits.PrimaryHDU(np.array([[0, 1], [40_000, 65_535]], dtype=np.uint16)).writeto(stream)
    data = stream.getvalue()
    np.testing.assert_array_equal(read_fits_images(data)[0].pixels, astropy_images(data)[0][1])


def test_blank_integers_are_nan() -> None:
    hdu = fits.PrimaryHDU(np.array([[1, -7], [3, 4]], dtype=np.int16))
    hdu.header["BLANK"] = -7
    stream = io.BytesIO()
    hdu.writeto(stream)
    pixels = read_fits_images(stream.getvalue())[0].pixels
    np.testing.assert_array_equal(pixels, [[1, np.nan], [3, 4]])


def test_headers_of_several_blocks_are_passed_over() -> None:
    hdu = fits.PrimaryHDU(np.ones((5, 6), dtype=np.float32))
    for i_card in range(90):
        hdu.header[f"KEY{i_card}"] = i_card
    stream = io.BytesIO()
    hdu.writeto(stream)
    assert read_fits_images(stream.getvalue())[0].pixels.shape == (5, 6)


def test_a_primary_unit_without_pixels_is_left_out() -> None:
    image = fits.ImageHDU(np.ones((2, 2), dtype=np.float32), name="image")
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(stream)
    assert [unit.name for unit in read_fits_images(stream.getvalue())] == ["IMAGE"]


def test_written_extensions_follow_the_standard() -> None:
    variance, psf = np.full((3, 4), 2.0), np.ones((5, 7))
    data = encode_fits(
        np.ones((3, 4)), cards={"BUNIT": "nJy"}, extensions={"UNCERT": variance, "PSFIMAGE": psf}
    )
    with fits.open(io.BytesIO(data)) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "UNCERT", "PSFIMAGE"]
        np.testing.assert_array_equal(hdus["PSFIMAGE"].data, psf)
    assert [image.name for image in read_fits_images(data)] == ["", "UNCERT", "PSFIMAGE"]


def test_a_simple_card_that_breaks_the_standard_is_read() -> None:
    data = encode_fits(np.ones((2, 2)))
    loose = b"SIMPLE  =  T".ljust(80) + data[80:]
    np.testing.assert_array_equal(read_fits_images(loose)[0].pixels, np.ones((2, 2)))


def _with_card(key: bytes, value: bytes) -> bytes:
    data = bytearray(encode_fits(np.ones((2, 2))))
    at = data.index(key.ljust(8) + b"=")
    data[at + 10 : at + 30] = value.rjust(20)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "FITS cutout was expected"),
        (b"\xff\xd8\xff\xe0JFIF", "JPEG"),
        (b"\x1f\x8b\x08", "gzipped cutout of 3 bytes"),
        (b"\x1f\x8b" + bytes(36) + b"\x05\x00\x00\x00", "damaged gzip"),
        (encode_fits(np.ones((2, 2)))[:2880], "cut 16 bytes too early"),
        (encode_fits(np.ones((2, 2)))[:300], "no END"),
        (_with_card(b"NAXIS", b"3"), "NAXIS=3"),
        (_with_card(b"NAXIS", b"0"), "holds no image"),
        (_with_card(b"BITPIX", b"-31"), "BITPIX=-31"),
        (_with_card(b"NAXIS1", b"99999"), "1 to 3072 accepted"),
        (_with_card(b"NAXIS1", b"-2"), "1 to 3072 accepted"),
        (_with_card(b"NAXIS1", b"two"), "no number"),
        (_with_card(b"NAXIS1", b"nan"), "no integer"),
        (_with_card(b"NAXIS1", b"2.5"), "no integer"),
    ],
)
def test_what_is_no_image_is_refused_with_a_reason(data: bytes, message: str) -> None:
    with pytest.raises(PacketError, match=message) as caught:
        read_fits_images(data)
    assert caught.value.reason == "unreadable_cutout"


def test_gzip_is_undone() -> None:
    assert gunzip(gzip.compress(b"sky")) == b"sky"
    assert gzip.decompress(gzip_bytes(b"sky")) == b"sky"
