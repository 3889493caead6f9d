"""The frame store gives back what was put in, survives a kill and refuses strangers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.frame_folders import read_frame_sources
from skyvet.io.frame_store import FrameStore, FrameStoreWriter, StoredSequence
from skyvet.records.frames import FrameSequence
from skyvet.records.labels import LabelValue
from skyvet.records.rejections import Rejection, RejectionReason


def make_stored(i, n_epochs=4, size=6):
    rng = np.random.default_rng(i)
    frames = rng.normal(200.0, 8.0, (n_epochs, size, size)).astype(np.float32)
    frames[0, 0, 0] = np.nan
    return StoredSequence(
        sequence=FrameSequence(
            object_id=f"object-{i}",
            frames=frames,
            mjd_tai=59000.0 + np.sort(rng.random(n_epochs)),
            pixel_scale_arcsec=1.01,
        ),
        survey="ztf",
        band="r",
        label=LabelValue.BOGUS if i % 2 else LabelValue.REAL,
        tags=("ghost",) if i % 2 else (),
        guilty_mask=rng.random(n_epochs) < 0.5,
        seeing_arcsec=rng.uniform(1, 3, n_epochs),
    )


def write(path, items, **options):
    options = {"settings": {"seed": 1}, "size_px": 6, "dtype": "float32", **options}
    writer = FrameStoreWriter(path, **options)
    for item in items:
        writer.append(item)
    writer.finish()
    return FrameStore(path)


@pytest.mark.parametrize("frames_per_part", [1, 5, 1000])
def test_objects_come_back_bit_for_bit_in_float32(tmp_path, frames_per_part):
    items = [make_stored(i, n_epochs=1 + i) for i in range(5)]
    store = write(tmp_path / "store", items, frames_per_part=frames_per_part)
    assert len(store) == 5
    assert store.n_frames == 15
    for before, after in zip(items, store, strict=True):
        assert after.sequence.object_id == before.sequence.object_id
        np.testing.assert_array_equal(after.sequence.frames, before.sequence.frames)
        np.testing.assert_array_equal(after.sequence.mjd_tai, before.sequence.mjd_tai)
        np.testing.assert_array_equal(after.guilty_mask, before.guilty_mask)
        np.testing.assert_array_equal(after.seeing_arcsec, before.seeing_arcsec)
        assert np.isnan(after.zero_point_mag).all()
        assert (after.label, after.tags, after.band) == (before.label, before.tags, "r")


def test_float16_loses_less_than_photon_noise_and_clips(tmp_path):
    item = make_stored(1)
    frames = np.array(item.sequence.frames)
    frames[1, 1, 1] = 1e6
    sequence = FrameSequence(
        object_id="a", frames=frames, mjd_tai=item.sequence.mjd_tai, pixel_scale_arcsec=1.0
    )
    store = write(tmp_path / "store", [StoredSequence(sequence=sequence)], dtype="float16")
    after = store.sequence(0).sequence.frames
    assert after[1, 1, 1] == 65504.0
    # half a unit in the last of 11 bits
    np.testing.assert_allclose(after[2:], frames[2:], rtol=2**-11)


def test_unknown_facts_stay_unknown(tmp_path):
    bare = StoredSequence(sequence=make_stored(0).sequence)
    after = write(tmp_path / "store", [bare]).sequence(0)
    assert after.label is None
    assert after.guilty_mask is None
    assert np.isnan(after.seeing_arcsec).all()


def test_a_stopped_store_continues_after_its_last_part(tmp_path):
    items = [make_stored(i) for i in range(6)]
    options = {"settings": {}, "size_px": 6, "dtype": "float32", "frames_per_part": 8}
    killed = FrameStoreWriter(tmp_path / "store", **options)
    for item in items[:5]:
        killed.append(item)
    assert killed.n_objects == 4  # the fifth waits in memory and is lost with the process
    again = FrameStoreWriter(tmp_path / "store", **options)
    assert again.n_objects == 4
    assert not FrameStore(tmp_path / "store").is_complete
    for item in items[again.n_objects :]:
        again.append(item)
    again.finish()
    store = FrameStore(tmp_path / "store")
    assert store.is_complete
    assert store.objects()["object_id"].to_pylist() == [f"object-{i}" for i in range(6)]


def test_other_settings_are_refused(tmp_path):
    write(tmp_path / "store", [make_stored(0)])
    with pytest.raises(DatasetError, match="other settings"):
        write(tmp_path / "store", [], settings={"seed": 2})


def test_frames_of_another_size_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="7x7 px"):
        write(tmp_path / "store", [make_stored(0, size=7)])


def test_a_cut_off_file_is_named(tmp_path):
    store = write(tmp_path / "store", [make_stored(0)])
    path = tmp_path / "store" / "part-00000" / "frames.npy"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DatasetError, match=r"frames\.npy is damaged"):
        store.sequence(0)


def test_a_folder_without_store_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="not a skyvet-frames folder"):
        FrameStore(tmp_path)


def test_an_empty_store_has_no_objects(tmp_path):
    store = write(tmp_path / "store", [])
    assert len(store) == 0
    assert store.objects().num_rows == 0
    assert list(store) == []


def test_a_list_of_another_length_is_refused():
    item = make_stored(0)
    with pytest.raises(InvalidInputError, match="guilty_mask needs one entry a frame"):
        StoredSequence(sequence=item.sequence, guilty_mask=np.zeros(3, dtype=bool))


def test_few_parts_stay_mapped_and_any_order_is_right(tmp_path):
    items = [make_stored(i) for i in range(30)]
    store = write(tmp_path / "store", items, frames_per_part=1)
    for i_object in np.random.default_rng(1).permutation(np.tile(np.arange(30), 2)):
        found = store.sequence(int(i_object)).sequence.frames
        np.testing.assert_array_equal(found, items[i_object].sequence.frames)
    del found
    maps = Path("/proc/self/maps")
    if not maps.is_file():
        pytest.skip("this system does not list a process's mapped files")
    assert sum(str(tmp_path) in line for line in maps.read_text().splitlines()) <= 8


def damage(path, name, value, *, i_row=1):
    """Put something else for one object of the only part."""
    file = path / "part-00000/objects.parquet"
    rows = pq.read_table(file)
    values = rows[name].to_pylist()
    values[i_row] = value
    i_column = rows.column_names.index(name)
    pq.write_table(rows.set_column(i_column, name, pa.array(values, rows[name].type)), file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mjd_tai", None),
        ("mjd_tai", [59000.0]),
        ("mjd_tai", [4.0, 3.0, 2.0, 1.0]),
        ("pixel_scale_arcsec", None),
        ("pixel_scale_arcsec", np.nan),
        ("label", "foo"),
        ("is_guilty", [True]),
        ("seeing_arcsec", [1.0]),
        ("first_frame", 10**9),
    ],
)
def test_one_object_that_cannot_be_is_named_and_the_others_are_read(tmp_path, name, value):
    write(tmp_path / "store", [make_stored(i) for i in range(3)])
    damage(tmp_path / "store", name, value)
    store = FrameStore(tmp_path / "store")
    with pytest.raises(DatasetError, match=r"object-1.*is damaged"):
        store.sequence(1)
    found = list(read_frame_sources(tmp_path / "store"))
    assert [isinstance(item, Rejection) for item in found] == [False, True, False]
    assert found[1].reason is RejectionReason.UNREADABLE_FILE
    assert found[1].candidate_id == "object-1"


def test_what_is_null_beside_the_frames_is_unknown(tmp_path):
    write(tmp_path / "store", [make_stored(i) for i in range(2)])
    for name in ("survey", "band", "label", "tags", "is_guilty", "seeing_arcsec"):
        damage(tmp_path / "store", name, None)
    after = FrameStore(tmp_path / "store").sequence(1)
    assert (after.survey, after.band, after.label, after.tags) == ("", "", None, ())
    assert after.guilty_mask is None
    assert after.seeing_arcsec is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("object_id", None), ("n_frames", None), ("n_frames", -4), ("first_frame", None)],
)
def test_a_table_without_names_or_places_is_a_damaged_part(tmp_path, name, value):
    write(tmp_path / "store", [make_stored(i) for i in range(2)])
    damage(tmp_path / "store", name, value)
    with pytest.raises(DatasetError, match=f"part-00000 is damaged: {name}"):
        FrameStore(tmp_path / "store")


@pytest.mark.parametrize(
    "array", [None, np.float32(1.0), np.array(["a"] * 4), np.zeros((4, 6), np.float32)]
)
def test_an_array_that_cannot_be_is_a_damaged_part(tmp_path, array):
    store = write(tmp_path / "store", [make_stored(1)])
    file = tmp_path / "store/part-00000/frames.npy"
    if array is None:
        file.write_bytes(b"")
    else:
        np.save(file, array)
    with pytest.raises(DatasetError, match=r"frames\.npy"):
        store.sequence(0)


@pytest.mark.parametrize("settings", [{}, {"size_px": None}, {"size_px": "6"}])
def test_a_manifest_without_size_is_damaged(tmp_path, settings):
    write(tmp_path / "store", [make_stored(1)])
    file = tmp_path / "store/manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "settings": settings}))
    with pytest.raises(DatasetError, match="size_px"):
        _ = FrameStore(tmp_path / "store").size_px
