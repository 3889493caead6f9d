"""Frames from folders and stores, good and bad."""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest
from astropy.io import fits

from skyvet.core.errors import InvalidInputError
from skyvet.core.times import hmjd_utc_to_mjd_tai, mjd_utc_to_mjd_tai
from skyvet.io.fits_stamps import encode_fits, gzip_bytes
from skyvet.io.frame_folders import FrameSourceCounts, read_frame_sources
from skyvet.io.frame_store import FrameStore, FrameStoreWriter, StoredSequence
from skyvet.io.sequence_inputs import SequenceForm, sequence_form
from skyvet.records.frames import FrameSequence
from skyvet.records.rejections import Rejection, RejectionReason

RNG = np.random.default_rng(11)
WCS = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 210.0, "CRVAL2": 30.0,
    "CD1_1": -2.8e-4, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 2.8e-4, "OIDRA": 210.0, "OIDDEC": 30.0,
}  # fmt: skip


def image(size_px=28, seed=0):
    return np.random.default_rng(seed).normal(200, 5, (size_px, size_px)).astype(np.float32)


def write(folder, name, pixels, **cards):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_fits(pixels, cards=cards))
    return path


def read(folder, **options):
    counts = FrameSourceCounts()
    items = list(read_frame_sources(folder, counts=counts, **options))
    return items, counts


def test_frames_come_sorted_with_their_header_values(tmp_path):
    late, early = image(seed=1), image(seed=2)
    write(tmp_path, "77/58300.9.fits", late, OBSMJD=58300.5, EXPTIME=30.0, SEEING=2.5,
          MAGZP=26.1, FILTER="ZTF_r")  # fmt: skip
    write(tmp_path, "77/58301.1.fits", early, OBSMJD=58200.5, EXPTIME=60.0, FILTER="ZTF_r")
    (stored,), counts = read(tmp_path)
    np.testing.assert_array_equal(stored.sequence.frames, [early, late])
    expected = [mjd_utc_to_mjd_tai(58200.5 + 30 / 86400), mjd_utc_to_mjd_tai(58300.5 + 15 / 86400)]
    np.testing.assert_allclose(stored.sequence.mjd_tai, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(stored.seeing_arcsec, [np.nan, 2.5])
    np.testing.assert_allclose(stored.zero_point_mag, [np.nan, 26.1], rtol=1e-6)
    assert (stored.sequence.object_id, stored.survey, stored.band) == ("77", "ztf", "r")
    assert (counts.n_objects, counts.n_frames, counts.faults.n_name_times) == (1, 2, 0)


def test_without_a_time_card_the_file_name_says_it(tmp_path):
    write(tmp_path, "77/58300.25.fits", image(), OIDRA=209.99, OIDDEC=30.0)
    (stored,), counts = read(tmp_path)
    expected = hmjd_utc_to_mjd_tai(58300.25, ra_deg=209.99, dec_deg=30.0)
    assert stored.sequence.mjd_tai[0] == pytest.approx(expected, rel=0, abs=1e-9)
    assert counts.faults.n_name_times == 1


def test_a_file_that_cannot_be_read_is_counted_and_the_rest_goes_on(tmp_path, caplog):
    for i in range(3):
        write(tmp_path, f"77/5830{i}.fits", image(seed=i))
    (tmp_path / "77/58305.fits").write_bytes(b"<html>busy</html>")
    (tmp_path / "77/58306.fits").write_bytes(b"")
    (tmp_path / "77/58307.fits").write_bytes(encode_fits(image())[:3000])
    with caplog.at_level(logging.WARNING):
        (stored,), counts = read(tmp_path)
    assert len(stored.sequence) == 3
    assert counts.n_unreadable == 3
    assert "3 files of 77 cannot be read" in caplog.text


@pytest.mark.parametrize("kind", ["pipe", "device", "broken link"])
def test_what_is_no_regular_file_is_an_unreadable_frame(tmp_path, caplog, kind):
    for day in range(3):
        write(tmp_path, f"a/{58300 + day}.fits", image(seed=day))
    odd = tmp_path / "a/58309.fits"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/dev/zero" if kind == "device" else "nowhere")
    with caplog.at_level(logging.WARNING):
        (stored,), counts = read(tmp_path)
    assert (len(stored.sequence), stored.n_unreadable_files, counts.n_unreadable) == (3, 1, 1)
    assert "58309.fits: no regular file" in caplog.text


def test_a_fits_file_of_an_object_whose_name_is_no_time_is_counted_and_named(tmp_path, caplog):
    for day in range(3):
        write(tmp_path, f"a/{58300 + day}.fits", image(seed=day))
    write(tmp_path, "a/notatime.fits", image())
    (tmp_path / "a/58305.fits").write_bytes(b"no FITS file")
    (tmp_path / "a/notes.txt").write_text("mine")
    with caplog.at_level(logging.WARNING):
        (stored,), counts = read(tmp_path)
    assert (len(stored.sequence), stored.n_unreadable_files) == (3, 2)
    assert (counts.n_unreadable, counts.n_foreign) == (2, 1)
    assert "a/notatime.fits: its name is not like '{object_id}/{time}.fits'" in caplog.text


def test_objects_without_a_readable_frame_are_rejections_and_counts_add_up(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    (tmp_path / "2/58300.fits").write_bytes(b"nothing")
    write(tmp_path, "3/58300.fits", image())
    (empty, broken, good), counts = read(tmp_path)
    assert (empty.reason, empty.candidate_id) == (RejectionReason.TOO_FEW_FRAMES, "1")
    assert (broken.reason, broken.candidate_id) == (RejectionReason.UNREADABLE_FRAME, "2")
    assert "58300.fits" in broken.detail
    assert isinstance(good, StoredSequence)
    assert (counts.n_objects, counts.n_rejected, counts.n_frames) == (3, 2, 1)


@pytest.mark.parametrize("n_frames", [1, 2])
def test_objects_of_one_or_two_frames_are_read(tmp_path, n_frames):
    for i in range(n_frames):
        write(tmp_path, f"77/5830{i}.fits", image(seed=i))
    (stored,), _ = read(tmp_path)
    assert len(stored.sequence) == n_frames


def test_constant_and_empty_frames_are_kept_for_the_scorer_to_judge(tmp_path):
    write(tmp_path, "77/58300.fits", np.full((28, 28), 7.0))
    write(tmp_path, "77/58301.fits", np.full((28, 28), np.nan))
    (stored,), _ = read(tmp_path)
    assert np.isnan(stored.sequence.frames[1]).all()
    assert (stored.sequence.frames[0] == 7).all()


def test_fill_values_and_infinities_become_missing(tmp_path):
    pixels = image()
    pixels[0, 0], pixels[0, 1] = np.inf, -3.4e38
    write(tmp_path, "77/58300.fits", pixels)
    (stored,), _ = read(tmp_path)
    np.testing.assert_array_equal(
        np.argwhere(np.isnan(stored.sequence.frames[0])), [[0, 0], [0, 1]]
    )


def test_the_first_file_of_a_time_is_kept(tmp_path):
    write(tmp_path, "77/58300.10.fits", image(seed=1), OBSMJD=58300.1)
    write(tmp_path, "77/58300.11.fits", image(seed=2), OBSMJD=58300.1)
    (stored,), counts = read(tmp_path)
    np.testing.assert_array_equal(stored.sequence.frames, [image(seed=1)])
    assert counts.faults.n_duplicate_times == 1


def test_frames_without_a_date_stand_last_and_none_is_a_duplicate(tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text('name = "x"\npixel_scale_arcsec = 1\nlayout = "{object_id}/*.fits"\n'
                       '[[times]]\ncard = "MJD-OBS"\n')  # fmt: skip
    folder = tmp_path / "frames"
    write(folder, "a/1.fits", image(seed=1))
    write(folder, "a/2.fits", image(seed=2), **{"MJD-OBS": 58300.0})
    write(folder, "a/3.fits", image(seed=3))
    (stored,), counts = read(folder, mapping=mapping)
    np.testing.assert_array_equal(
        stored.sequence.frames, [image(seed=2), image(seed=1), image(seed=3)]
    )
    assert np.isnan(stored.sequence.mjd_tai[1:]).all()
    assert (counts.faults.n_unknown_times, counts.faults.n_duplicate_times) == (2, 0)


def test_mixed_sizes_get_the_most_frequent_one_by_place_on_the_sky(tmp_path):
    whole = image(28, seed=1)
    middle = {**WCS, "CRPIX1": 14.5, "CRPIX2": 14.5}
    write(tmp_path, "77/58300.fits", whole, **middle)
    write(tmp_path, "77/58301.fits", whole, **middle)
    write(tmp_path, "77/58302.fits", whole[:, 8:], **{**middle, "CRPIX1": 6.5})
    write(tmp_path, "77/58303.fits", np.pad(whole, 3), **{**WCS, "CRPIX1": 17.5, "CRPIX2": 17.5})
    write(tmp_path, "77/58304.fits", whole[:, 8:])
    (stored,), counts = read(tmp_path)
    frames = stored.sequence.frames
    assert frames.shape == (4, 28, 28)
    np.testing.assert_array_equal(frames[2][:, 8:], whole[:, 8:])
    assert np.isnan(frames[2][:, :8]).all()
    np.testing.assert_array_equal(frames[3], whole)
    assert (counts.faults.n_resized, counts.faults.n_unplaced) == (2, 1)
    assert stored.sequence.pixel_scale_arcsec == pytest.approx(1.008)


def test_any_size_can_be_asked_for(tmp_path):
    write(tmp_path, "77/58300.fits", image(63))
    (stored,), _ = read(tmp_path, size_px=28)
    assert stored.sequence.frames.shape == (1, 28, 28)


def test_archives_of_other_names_and_cards_load_through_a_mapping(tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        """
name = "other"
layout = "*/{object_id}_{band}_{time}.fits"
pixel_scale_arcsec = 0.25
seeing_card = "FWHM"
seeing_unit = "px"
zero_point_card = "ZP"
zero_point_offset = 0.5
[band]
names = { "2" = "r" }
[[times]]
kind = "jd"
scale = "tai"
"""
    )
    folder = tmp_path / "cutouts"
    for night, time in (("n1", 2458300.5), ("n2", 2458301.5)):
        path = folder / night / f"star-7_2_{time}.fits"
        path.parent.mkdir(parents=True)
        hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image(seed=3), name="SCI")])
        hdus[0].header["FWHM"] = 4.0
        hdus[1].header["ZP"] = 25.0
        hdus.writeto(path)
        path.with_suffix(".fits.gz").write_bytes(gzip_bytes(path.read_bytes()))
        path.unlink()
    (stored,), counts = read(folder, mapping=str(mapping))
    assert (stored.sequence.object_id, stored.survey, stored.band) == ("star-7", "other", "r")
    np.testing.assert_allclose(stored.sequence.mjd_tai, [58300.0, 58301.0])
    np.testing.assert_allclose(stored.seeing_arcsec, [1.0, 1.0])
    np.testing.assert_allclose(stored.zero_point_mag, [25.5, 25.5])
    assert counts.n_foreign == 0


@pytest.mark.parametrize("layout", ["{object_id}_{time}.fits", "{object_id}/{time}.fits"])
def test_a_folder_brings_its_own_mapping(tmp_path, layout):
    (tmp_path / "frames.toml").write_text(
        f'name = "mine"\npixel_scale_arcsec = 0.5\nlayout = "{layout}"\n'
    )
    write(tmp_path, layout.format(object_id="a", time="58300.5"), image())
    (stored,), counts = read(tmp_path)
    assert (stored.survey, stored.sequence.object_id, counts.n_foreign) == ("mine", "a", 0)
    assert stored.sequence.pixel_scale_arcsec == 0.5
    assert sequence_form(tmp_path) is SequenceForm.FRAMES


def test_a_folder_of_other_files_says_what_was_expected(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InvalidInputError, match=r"\{object_id\}/\{time\}\.fits.*mapping"):
        read(tmp_path)
    with pytest.raises(InvalidInputError, match="neither a frame store nor a folder"):
        read(tmp_path / "absent")


def make_store(path, *, n_objects=6, finish=True):
    writer = FrameStoreWriter(path, settings={"a": 1}, size_px=8, frames_per_part=8)
    for i in range(n_objects):
        frames = RNG.normal(size=(4, 8, 8)).astype(np.float32)
        writer.append(
            StoredSequence(
                sequence=FrameSequence(
                    object_id=str(i), frames=frames, mjd_tai=np.arange(4.0), pixel_scale_arcsec=1.0
                ),
                band="r",
            )
        )
    if finish:
        writer.finish()
    return path


def test_a_store_is_read_as_it_is(tmp_path):
    path = make_store(tmp_path / "store")
    items, counts = read(path)
    expected = list(FrameStore(path))
    assert [item.sequence.object_id for item in items] == [*"012345"]
    for item, other in zip(items, expected, strict=True):
        np.testing.assert_array_equal(item.sequence.frames, other.sequence.frames)
    assert (counts.n_objects, counts.n_frames) == (6, 24)
    assert [i.sequence.object_id for i in read(path, start=4)[0]] == [*"45"]


def test_a_store_can_be_cut_or_filled_to_another_size(tmp_path):
    path = make_store(tmp_path / "store", n_objects=1)
    whole = FrameStore(path).sequence(0).sequence.frames
    (small,), _ = read(path, size_px=6)
    np.testing.assert_array_equal(small.sequence.frames, whole[:, 1:7, 1:7])
    (large,), _ = read(path, size_px=10)
    np.testing.assert_array_equal(large.sequence.frames[:, 1:9, 1:9], whole)
    assert np.isnan(large.sequence.frames[:, 0]).all()
    assert large.band == "r"


def test_a_store_cut_off_in_writing_gives_its_finished_parts_with_a_word(tmp_path, caplog):
    path = make_store(tmp_path / "store", n_objects=5, finish=False)
    with caplog.at_level(logging.WARNING):
        items, _ = read(path)
    assert len(items) == 4  # two parts of two objects; the fifth was not written
    assert "not complete" in caplog.text


def test_a_damaged_part_of_a_store_rejects_its_objects_and_the_rest_goes_on(tmp_path):
    path = make_store(tmp_path / "store")
    array = path / "part-00001" / "frames.npy"
    array.write_bytes(array.read_bytes()[:200])
    items, counts = read(path)
    assert [isinstance(item, Rejection) for item in items] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
    assert (items[2].reason, items[2].candidate_id) == (RejectionReason.UNREADABLE_FILE, "2")
    assert (counts.n_objects, counts.n_rejected) == (6, 2)
