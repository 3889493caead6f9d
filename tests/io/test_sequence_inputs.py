"""Which form frame sequences have, the labels they carry, and finding a few of them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.io.embedding_store import EmbeddingStoreWriter, StoredEmbedding
from skyvet.io.frame_lookup import FrameLookup
from skyvet.io.frame_store import FrameStore
from skyvet.io.light_curve_tables import LightCurveRow, write_light_curves
from skyvet.io.sequence_inputs import (
    SequenceForm,
    fingerprint_sequences,
    labels_of_sequences,
    sequence_form,
)
from skyvet.records.labels import LabelValue
from skyvet.records.light_curve import LightCurve


@pytest.fixture
def embeddings(tmp_path: Path) -> Path:
    """Store of embeddings of three objects: real, unknown, unlabelled."""
    path = tmp_path / "embeddings"
    writer = EmbeddingStoreWriter(path, settings={}, n_latent=2)
    for i, label in enumerate([LabelValue.REAL, LabelValue.UNKNOWN, None]):
        writer.append(
            StoredEmbedding(
                object_id=f"o{i}",
                values=np.zeros((4, 2), dtype=np.float32),
                mjd_tai=np.arange(4.0),
                i_frame=np.arange(4),
                label=label,
                tags=("AGN", "QSO") if i == 0 else (),
            )
        )
    writer.finish()
    return path


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Folder with the published columns of three objects."""
    path = tmp_path / "data" / "ztf_frame_embeddings"
    path.mkdir(parents=True)
    rows = {
        "oid": [257201400000001, 257201400000002, 1257201400000003],
        "label": [1, 0, 1],
        "tags": [["artefact", "ghost"], [], ["artefact"]],
        "n_frames": [2, 2, 2],
        "embedding": [np.zeros(8, dtype=np.float16)] * 3,
    }
    pq.write_table(pa.table(rows), path / "embeddings.parquet")
    return path


def test_every_form_is_recognised(frame_store: Path, embeddings: Path, published: Path) -> None:
    assert sequence_form(frame_store) is SequenceForm.FRAMES
    assert sequence_form(embeddings) is SequenceForm.EMBEDDINGS
    assert sequence_form(published) is SequenceForm.EMBEDDINGS
    assert sequence_form(published.parent) is SequenceForm.EMBEDDINGS


@pytest.mark.parametrize("name", ["58000.1.fits", "58000.1.fits.gz"])
def test_fits_files_in_one_folder_an_object_are_frames(tmp_path: Path, name: str) -> None:
    (tmp_path / "257201400000001").mkdir()
    (tmp_path / "257201400000001" / name).write_bytes(b"")
    assert sequence_form(tmp_path) is SequenceForm.FRAMES


def test_other_things_hold_no_sequences(tmp_path: Path, dataset: Path, night: Path) -> None:
    (tmp_path / "lonely.fits").write_bytes(b"")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "lonely.fits", dataset, night):
        assert sequence_form(path) is None


def test_a_damaged_manifest_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DatasetError, match="cannot be read"):
        sequence_form(tmp_path)


def test_labels_of_a_frame_store_are_its_own(frame_store: Path) -> None:
    rows = labels_of_sequences(frame_store).to_pylist()
    assert len(rows) == 12
    guilty = [row.pop("guilty_frames") for row in rows]
    for stored, numbers in zip(FrameStore(frame_store), guilty, strict=True):
        assert stored.guilty_mask is not None
        assert numbers == np.flatnonzero(stored.guilty_mask).tolist()
    assert rows[0] == {"candidate_id": "fake-0", "label": "real", "subclass": None}
    assert rows[1] == {"candidate_id": "fake-1", "label": "bogus", "subclass": "column"}


def test_guilty_frames_carry_their_numbers_in_the_sequence(tmp_path: Path) -> None:
    writer = EmbeddingStoreWriter(tmp_path / "store", settings={}, n_latent=2)
    for name, mask in (("a", [False, True, True]), ("b", None), ("c", [False] * 3)):
        writer.append(
            StoredEmbedding(
                object_id=name,
                values=np.zeros((3, 2), dtype=np.float32),
                mjd_tai=np.arange(3.0),
                i_frame=np.array([0, 4, 9]),
                label=LabelValue.BOGUS,
                guilty_mask=None if mask is None else np.array(mask),
            )
        )
    writer.finish()
    table = labels_of_sequences(tmp_path / "store")
    assert table["guilty_frames"].to_pylist() == [[4, 9], None, []]


def test_objects_without_label_are_left_out(embeddings: Path) -> None:
    assert labels_of_sequences(embeddings).to_pylist() == [
        {"candidate_id": "o0", "label": "real", "subclass": "AGN, QSO"},
        {"candidate_id": "o1", "label": "unknown", "subclass": None},
    ]


def test_the_published_label_is_turned_round(published: Path) -> None:
    table = labels_of_sequences(published.parent)
    assert table["label"].to_pylist() == ["bogus", "real", "bogus"]
    assert table["candidate_id"].type == pa.int64()
    assert table["subclass"].to_pylist() == ["artefact, ghost", None, "artefact"]


def test_fits_folders_carry_no_labels(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "58000.fits").write_bytes(b"")
    assert labels_of_sequences(tmp_path).num_rows == 0


def test_labels_of_nothing_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no frame sequences"):
        labels_of_sequences(tmp_path)


def test_a_fingerprint_changes_with_any_file(published: Path) -> None:
    before = fingerprint_sequences(published.parent)
    assert fingerprint_sequences(published) == before
    (published / "light_curve_features.parquet").write_bytes(b"x")
    assert fingerprint_sequences(published) != before


def test_objects_are_found_by_name_in_the_order_asked(frame_store: Path) -> None:
    found = FrameLookup(frame_store)(["fake-7", "nobody", "fake-2"])
    assert [None if f is None else f.stored.sequence.object_id for f in found] == [
        "fake-7", None, "fake-2"
    ]  # fmt: skip
    frames = FrameStore(frame_store).sequence(7).sequence.frames
    assert found[0] is not None
    np.testing.assert_array_equal(found[0].stored.sequence.frames, frames)
    assert found[0].light_curve is None


def test_light_curves_come_along_where_there_are_any(frame_store: Path, tmp_path: Path) -> None:
    curve = LightCurve(
        mjd_tai=np.arange(3.0),
        flux_njy=np.arange(3.0),
        flux_err_njy=np.ones(3),
        band=np.array(["r"] * 3),
        is_upper_limit=np.zeros(3, dtype=bool),
        is_difference=False,
    )
    table = tmp_path / "curves.parquet"
    rows = [LightCurveRow(object_id=name, light_curve=curve) for name in ("fake-2", "other")]
    write_light_curves(table, rows)
    first, second = FrameLookup(frame_store, table)(["fake-1", "fake-2"])
    assert first is not None
    assert second is not None
    assert first.light_curve is None
    assert second.light_curve is not None
    assert second.light_curve.flux_njy.tolist() == [0.0, 1.0, 2.0]


def test_a_lookup_without_frames_is_refused(embeddings: Path) -> None:
    with pytest.raises(InvalidInputError, match="holds no frames"):
        FrameLookup(embeddings)


def test_a_folder_that_brings_its_mapping_holds_frames(tmp_path: Path) -> None:
    assert sequence_form(tmp_path) is None
    (tmp_path / "frames.toml").write_text("")
    assert sequence_form(tmp_path) is SequenceForm.FRAMES
