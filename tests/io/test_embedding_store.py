"""Stored embeddings come back as they went in, and an interrupted store goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.embedding_store import EmbeddingStore, EmbeddingStoreWriter, StoredEmbedding
from skyvet.io.sequence_sources import read_light_curve_features, read_sequences
from skyvet.records.labels import LabelValue
from skyvet.records.rejections import Rejection, RejectionReason

SETTINGS = {"encoder_label": "test-1"}


def stored(i: int, n: int = 4) -> StoredEmbedding:
    rng = np.random.default_rng(i)
    return StoredEmbedding(
        object_id=f"o{i}", values=rng.normal(size=(n, 6)).astype(np.float32),
        mjd_tai=58_000.0 + np.arange(n), i_frame=np.arange(n) * 2, n_unusable_frames=n,
        survey="ztf", band="r", label=LabelValue.BOGUS if i % 2 else LabelValue.REAL,
        tags=("ghost",) if i % 2 else (), guilty_mask=np.arange(n) == i % n,
    )  # fmt: skip


def write(path, items, **options) -> EmbeddingStoreWriter:
    writer = EmbeddingStoreWriter(path, settings=SETTINGS, n_latent=3, **options)
    for item in items:
        writer.append(item)
    return writer


def test_objects_come_back_with_all_that_is_known_of_them(tmp_path) -> None:
    write(tmp_path / "s", [stored(0), stored(1, 7)]).finish()
    table = read_sequences(tmp_path / "s")
    np.testing.assert_array_equal(table.sequences.frames_of(1), stored(1, 7).values)
    assert table.labels == (LabelValue.REAL, LabelValue.BOGUS)
    assert table.tags == ((), ("ghost",))
    assert table.i_frame.tolist() == [0, 2, 4, 6, 0, 2, 4, 6, 8, 10, 12]
    assert table.n_unusable_frames.tolist() == [4, 7]
    assert table.guilty_mask.sum() == 2
    assert table.encoder == "test-1"


def test_parts_together_are_the_whole(tmp_path) -> None:
    write(tmp_path / "s", [stored(i) for i in range(7)], frames_per_part=8).finish()
    store = EmbeddingStore(tmp_path / "s")
    parts = list(store.parts())
    assert len(parts) == 4
    joined = np.concatenate([part.sequences.values for part in parts])
    np.testing.assert_array_equal(joined, store.read().sequences.values)


def test_an_interrupted_store_goes_on_where_it_stopped(tmp_path) -> None:
    rejection = Rejection(source="o9", reason=RejectionReason.TOO_FEW_FRAMES, detail="2 frames")
    write(tmp_path / "s", [rejection, stored(0), stored(1), stored(2)], frames_per_part=8)
    again = write(tmp_path / "s", [], frames_per_part=8)
    assert again.n_done == 3  # object 2 was waiting for its part
    again.append(stored(2))
    again.finish()
    store = EmbeddingStore(tmp_path / "s")
    assert store.is_complete
    assert store.read().sequences.object_ids.tolist() == ["o0", "o1", "o2"]


def test_other_settings_are_refused(tmp_path) -> None:
    write(tmp_path / "s", [stored(0)]).finish()
    with pytest.raises(DatasetError, match="other settings"):
        EmbeddingStoreWriter(tmp_path / "s", settings={"encoder_label": "other"}, n_latent=3)


def test_columns_that_do_not_fit_are_refused(tmp_path) -> None:
    with pytest.raises(InvalidInputError, match="columns"):
        EmbeddingStoreWriter(tmp_path / "s", settings={}, n_latent=4).append(stored(0))


def test_a_damaged_part_is_named(tmp_path) -> None:
    write(tmp_path / "s", [stored(0)]).finish()
    (tmp_path / "s/part-00000/embeddings.npy").write_bytes(b"\x93NUMPY cut")
    with pytest.raises(DatasetError, match="part-00000 is damaged"):
        read_sequences(tmp_path / "s")


def test_a_store_without_objects_says_so(tmp_path) -> None:
    rejection = Rejection(source="o9", reason=RejectionReason.TOO_FEW_FRAMES, detail="2 frames")
    write(tmp_path / "s", [rejection]).finish()
    with pytest.raises(DatasetError, match="no object"):
        read_sequences(tmp_path / "s")


def published(folder, **changes) -> None:
    columns = {
        "oid": pa.array([257201400048862, 257201400048863]),
        "label": pa.array([1, 0], pa.int8()),
        "tags": pa.array([["artefact", "ghost"], None]),
        "n_frames": pa.array([2, 1], pa.int32()),
        "embedding": pa.array(
            [np.arange(8, dtype=np.float16), np.arange(4, dtype=np.float16)],
            pa.list_(pa.float16()),
        ),
    }
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: v for name, v in {**columns, **changes}.items() if v is not None}
    pq.write_table(pa.table(kept), folder / "embeddings.parquet")


def test_published_artefacts_are_bogus_and_rows_are_frames(tmp_path) -> None:
    published(tmp_path)
    table = read_sequences(tmp_path)
    assert table.labels == (LabelValue.BOGUS, LabelValue.REAL)
    np.testing.assert_array_equal(table.sequences.frames_of(0), [[0, 1, 2, 3], [4, 5, 6, 7]])
    assert table.sequences.n_latent == 2
    assert table.sequences.light_curve is None


def test_features_are_joined_by_oid_and_missing_ones_are_nan(tmp_path) -> None:
    published(tmp_path / "ztf_frame_embeddings")
    features = pa.table({"oid": [257201400048863, 1], "label": [0, 1], "amplitude": [0.5, 9.0]})
    pq.write_table(features, tmp_path / "ztf_frame_embeddings/light_curve_features.parquet")
    sequences = read_sequences(tmp_path).sequences
    assert sequences.light_curve_names == ("amplitude",)
    np.testing.assert_array_equal(sequences.light_curve, [[np.nan], [0.5]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding": None}, "no column embedding"),
        ({"oid": pa.array([1.5, 2.5])}, "whole number"),
        ({"oid": pa.array([7, 7])}, "more than once"),
        ({"label": pa.array([1, 2])}, "label"),
        ({"n_frames": pa.array([3, 1])}, "same even number"),
        ({"n_frames": pa.array([2, 0])}, "at least one frame"),
        ({"n_frames": pa.array(["2", "1"])}, "whole number"),
        ({"n_frames": pa.array([[2], [1]])}, "whole number"),
        ({"n_frames": pa.array([2.5, 1.0])}, "whole number"),
        ({"n_frames": pa.array([2, None])}, "whole number"),
        ({"n_frames": pa.array([np.nan, 1e300])}, "whole number"),
        ({"n_frames": pa.array([2, -1])}, "at least one frame"),
        ({"n_frames": pa.array([2, 2**62])}, "at least one frame"),
        ({"oid": pa.array([7, 2**63 + 1], pa.uint64())}, "int64"),
        ({"embedding": pa.array(["a", "b"])}, "list of numbers"),
        ({"embedding": pa.array([1.0, 2.0])}, "list of numbers"),
        ({"embedding": pa.array([b"a", b"b"])}, "list of numbers"),
        ({"embedding": pa.array([{"a": 1.0}, {"a": 2.0}])}, "list of numbers"),
        ({"embedding": pa.array([["a"] * 8, ["b"] * 4])}, "list of numbers"),
        ({"embedding": pa.array([[1.0] * 8, None])}, "list of numbers"),
        ({"embedding": pa.array([[1.0] * 8, [1.0, None, 1.0, 1.0]])}, "finite"),
        ({"embedding": pa.array([[1.0] * 8, [np.nan] * 4])}, "finite"),
        ({"embedding": pa.array([[1.0] * 8, [1e300] * 4])}, "finite"),
        ({"label": pa.array([[1], [0]])}, "label"),
        ({"label": pa.array([{"a": 1}, {"a": 0}])}, "label"),
        ({"label": pa.array(["1", "0"])}, "label"),
        ({"tags": pa.array([1, 2])}, "tags"),
        ({"tags": pa.array(["ghost", "track"])}, "tags"),
        ({"tags": pa.array([[1], [2]])}, "tags"),
    ],
)
def test_published_tables_that_do_not_fit_are_refused(tmp_path, changes, message) -> None:
    published(tmp_path, **changes)
    with pytest.raises(InvalidInputError, match=message):
        read_sequences(tmp_path)


def test_a_cut_off_file_is_one_clear_error(tmp_path) -> None:
    published(tmp_path)
    path = tmp_path / "embeddings.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_sequences(tmp_path)


def test_an_empty_folder_says_what_is_needed(tmp_path) -> None:
    with pytest.raises(InvalidInputError, match=r"embeddings\.parquet"):
        read_sequences(tmp_path)


def test_features_that_are_infinite_are_missing(tmp_path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"oid": [1, 2], "a": [np.inf, 1e300]}), path)
    assert np.isnan(read_light_curve_features(path)[1]).all()


def test_the_real_embeddings_are_read(shared_data) -> None:
    table = read_sequences(shared_data)
    assert len(table) == 1883
    assert table.labels.count(LabelValue.BOGUS) == 983
    assert int(table.sequences.n_frames.min()) == 5
    assert np.isnan(table.sequences.light_curve).all(axis=1).sum() == 1


def test_a_run_that_failed_at_once_does_not_bar_the_next_one(tmp_path) -> None:
    write(tmp_path / "s", [])
    EmbeddingStoreWriter(tmp_path / "s", settings={"encoder_label": "other"}, n_latent=3)


def test_downloads_that_wait_are_never_taken_for_nothing(tmp_path) -> None:
    write(tmp_path / "s", [])
    (tmp_path / "s/downloads").mkdir()
    with pytest.raises(DatasetError, match="other settings"):
        EmbeddingStoreWriter(tmp_path / "s", settings={"encoder_label": "other"}, n_latent=3)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32(), 4), pa.large_list(pa.float64())])
def test_embeddings_may_be_lists_of_any_kind(tmp_path, kind) -> None:
    rows = pa.array([[1, 2, 3, 4], [5, 6, 7, 8]], kind)
    published(tmp_path, embedding=rows, n_frames=pa.array([1, 1]))
    np.testing.assert_array_equal(
        read_sequences(tmp_path).sequences.values, [[1, 2, 3, 4], [5, 6, 7, 8]]
    )


def test_a_table_of_features_without_rows_leaves_them_missing(tmp_path) -> None:
    published(tmp_path)
    features = pa.table({"oid": pa.array([], pa.int64()), "amplitude": pa.array([], pa.float64())})
    pq.write_table(features, tmp_path / "light_curve_features.parquet")
    sequences = read_sequences(tmp_path).sequences
    np.testing.assert_array_equal(sequences.light_curve, [[np.nan], [np.nan]])


def test_features_of_other_objects_and_empty_columns_are_missing(tmp_path) -> None:
    published(tmp_path)
    features = pa.table({"oid": [5, 6], "a": [1.0, 2.0], "b": pa.nulls(2)})
    pq.write_table(features, tmp_path / "light_curve_features.parquet")
    assert np.isnan(read_sequences(tmp_path).sequences.light_curve).all()


def altered(path, name: str, change: Callable[[Any], Any]) -> None:
    """Put something else for one column of the first part's table."""
    file = path / "part-00000/objects.parquet"
    rows = pq.read_table(file)
    column = pa.array([change(value) for value in rows[name].to_pylist()], rows[name].type)
    pq.write_table(rows.set_column(rows.column_names.index(name), name, column), file)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("object_id", None, "object_id is missing"),
        ("n_frames", None, "n_frames is missing"),
        ("n_frames", 0, "no frame"),
        ("n_frames", -3, "no frame"),
        ("n_frames", 3, "mjd_tai has not one entry"),
        ("mjd_tai", None, "mjd_tai has not one entry"),
        ("i_frame", [0, 1], "i_frame has not one entry"),
        ("i_frame", [0, None, 1, 2], "entry of i_frame is missing"),
        ("is_guilty", [True], "is_guilty has not one entry"),
        ("label", "foo", "no label 'foo'"),
        ("n_unusable_frames", None, "n_unusable_frames is missing"),
    ],
)
def test_a_table_that_cannot_be_is_a_damaged_part(tmp_path, name, value, message) -> None:
    write(tmp_path / "s", [stored(0)]).finish()
    altered(tmp_path / "s", name, lambda _: value)
    with pytest.raises(DatasetError, match=f"part-00000.*{message}"):
        read_sequences(tmp_path / "s")


def test_what_is_null_beside_the_numbers_is_unknown(tmp_path) -> None:
    write(tmp_path / "s", [stored(1)]).finish()
    for name in ("survey", "band", "label", "tags", "is_guilty"):
        altered(tmp_path / "s", name, lambda _: None)
    table = read_sequences(tmp_path / "s")
    assert (table.surveys, table.bands, table.labels) == (("",), ("",), (None,))
    assert (table.tags, table.guilty_mask) == (((),), None)


@pytest.mark.parametrize(
    "array",
    [
        np.float32(1.0), np.array(["a"] * 4), np.zeros(4, np.float32),
        np.zeros((4, 5), np.float32), np.full((4, 6), np.nan, np.float32), None,
    ],
)  # fmt: skip
def test_an_array_that_cannot_be_is_a_damaged_part(tmp_path, array) -> None:
    write(tmp_path / "s", [stored(0)]).finish()
    file = tmp_path / "s/part-00000/embeddings.npy"
    if array is None:
        file.write_bytes(b"")
    else:
        np.save(file, array)
    with pytest.raises(DatasetError, match="part-00000 is damaged"):
        read_sequences(tmp_path / "s")


def test_parts_of_different_width_are_refused(tmp_path) -> None:
    write(tmp_path / "s", [stored(0), stored(1)], frames_per_part=4).finish()
    np.save(tmp_path / "s/part-00001/embeddings.npy", np.zeros((4, 3), np.float32))
    with pytest.raises(DatasetError, match="different widths"):
        read_sequences(tmp_path / "s")


@pytest.mark.parametrize("settings", [{}, {"n_latent": None}, {"n_latent": "3"}, {"n_latent": 0}])
def test_a_manifest_without_latent_dimensions_is_damaged(tmp_path, settings) -> None:
    write(tmp_path / "s", [stored(0)]).finish()
    file = tmp_path / "s/manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "settings": settings}))
    with pytest.raises(DatasetError, match="n_latent"):
        read_sequences(tmp_path / "s")
