"""Embedding of stores: counts add up, a stopped run goes on, what is known goes with the rows."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.inference import frame_embedding
from skyvet.inference.frame_embedding import EmbedConfig, embed_frames, embed_sequence
from skyvet.io.embedding_store import EmbeddingStore
from skyvet.io.fits_stamps import encode_fits
from skyvet.io.frame_store import FrameStore, FrameStoreWriter
from skyvet.io.parts import read_part_tables
from skyvet.models.encoders.bundle import load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder
from skyvet.records.rejections import Rejection, RejectionReason

CONFIG = EmbedConfig(frames_per_part=40, n_threads=2)


@pytest.fixture(scope="module")
def encoder(encoder_path):
    return load_encoder(encoder_path)


@pytest.fixture(scope="module")
def embedder(encoder):
    return FrameEmbedder(encoder, n_threads=1)


@pytest.fixture(scope="module")
def spoilt_store(frame_store, tmp_path_factory):
    """The store with objects of few usable frames and one blank frame among good ones."""
    path = tmp_path_factory.mktemp("spoilt") / "store"
    writer = FrameStoreWriter(path, settings={}, size_px=28)
    for i, stored in enumerate(FrameStore(frame_store)):
        frames = stored.sequence.frames.copy()
        if i == 1:
            frames[2:] = np.nan  # two usable frames are left
        if i == 4:
            frames[:] = 0.0
        if i == 6:
            frames[[0, 5]] = 7.0
        writer.append(replace(stored, sequence=replace(stored.sequence, frames=frames)))
    writer.finish()
    return path


def test_embedded_and_rejected_add_up(spoilt_store, encoder, tmp_path):
    summary = embed_frames(spoilt_store, tmp_path / "out", encoder=encoder, config=CONFIG)
    assert (summary.n_read, summary.n_embedded, summary.n_rejected) == (12, 10, 2)
    assert summary.rejections == {"too_few_frames": 2}
    total = FrameStore(spoilt_store).n_frames
    rejected_frames = 6 + 12
    assert summary.n_frames + summary.n_unusable_frames == total - rejected_frames
    rejections = read_part_tables(tmp_path / "out").to_pylist()
    assert {row["candidate_id"] for row in rejections} == {"fake-1", "fake-4"}
    assert all("3 are needed" in row["detail"] for row in rejections)


def test_files_that_give_no_frame_count_as_unusable_ones(frame_store, encoder, tmp_path):
    stored = FrameStore(frame_store).sequence(0).sequence
    folder = tmp_path / "frames/a"
    folder.mkdir(parents=True)
    for i, frame in enumerate(stored.frames):
        (folder / f"{58300 + i}.fits").write_bytes(encode_fits(frame))
    (folder / "notatime.fits").write_bytes(encode_fits(stored.frames[0]))
    (folder / "58310.fits").write_bytes(b"junk")
    summary = embed_frames(tmp_path / "frames", tmp_path / "out", encoder=encoder, config=CONFIG)
    assert (summary.n_embedded, summary.n_frames, summary.n_unusable_frames) == (1, len(stored), 2)


def test_what_is_known_goes_with_the_rows(spoilt_store, encoder, embedder, tmp_path):
    embed_frames(spoilt_store, tmp_path / "out", encoder=encoder, config=CONFIG)
    table = EmbeddingStore(tmp_path / "out").read()
    store = FrameStore(spoilt_store)
    kept = [i for i in range(12) if i not in (1, 4)]
    assert table.sequences.object_ids.tolist() == [f"fake-{i}" for i in kept]
    assert table.sequences.n_latent == encoder.info.n_latent
    for row, i_object in enumerate(kept):
        stored = store.sequence(i_object)
        embedded = embedder.embed(stored.sequence.frames)
        np.testing.assert_allclose(table.sequences.frames_of(row), embedded.values, atol=1e-5)
        np.testing.assert_array_equal(
            table.sequences.times_of(row), stored.sequence.mjd_tai[embedded.is_usable]
        )
        assert table.labels[row] == stored.label
        assert table.tags[row] == stored.tags
    guilty = np.concatenate([store.sequence(i).guilty_mask for i in kept])
    usable = np.concatenate(
        [embedder.embed(store.sequence(i).sequence.frames).is_usable for i in kept]
    )
    np.testing.assert_array_equal(table.guilty_mask, guilty[usable])
    assert table.n_unusable_frames[kept.index(6)] == 2
    first = int(table.sequences.offsets[kept.index(6)])
    assert table.i_frame[first : first + 4].tolist() == [1, 2, 3, 4]


def test_stopped_run_goes_on_and_ends_with_the_same_store(
    spoilt_store, encoder, tmp_path, monkeypatch
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = embed_frames(spoilt_store, whole, encoder=encoder, config=CONFIG)
    seen = []

    def embed_until_object_8(stored, embedder, *, min_frames):
        seen.append(stored.sequence.object_id)
        if len(seen) > 8:
            raise KeyboardInterrupt
        return embed_sequence(stored, embedder, min_frames=min_frames)

    single = CONFIG.model_copy(update={"n_threads": 1})
    with monkeypatch.context() as patch:
        patch.setattr(frame_embedding, "embed_sequence", embed_until_object_8)
        with pytest.raises(KeyboardInterrupt):
            embed_frames(spoilt_store, parts, encoder=encoder, config=single)
    assert not EmbeddingStore(parts).is_complete
    n_done = sum(len(part) for part in EmbeddingStore(parts).parts())
    assert 0 < n_done < 8
    resumed = embed_frames(spoilt_store, parts, encoder=encoder, config=single)
    assert resumed == expected
    assert EmbeddingStore(parts).is_complete
    found, wanted = EmbeddingStore(parts).read(), EmbeddingStore(whole).read()
    np.testing.assert_array_equal(found.sequences.object_ids, wanted.sequences.object_ids)
    np.testing.assert_array_equal(found.sequences.values, wanted.sequences.values)


def test_finished_run_is_not_done_again(frame_store, encoder, tmp_path, monkeypatch):
    first = embed_frames(frame_store, tmp_path / "out", encoder=encoder, config=CONFIG)
    monkeypatch.setattr(frame_embedding, "embed_sequence", lambda *_, **__: 1 / 0)
    again = embed_frames(frame_store, tmp_path / "out", encoder=encoder, config=CONFIG)
    assert again == first


@pytest.mark.parametrize("n_threads", [1, 4])
def test_result_does_not_depend_on_the_number_of_threads(frame_store, encoder, tmp_path, n_threads):
    reference = tmp_path / "reference"
    embed_frames(frame_store, reference, encoder=encoder, config=CONFIG)
    config = CONFIG.model_copy(update={"n_threads": n_threads})
    embed_frames(frame_store, tmp_path / "out", encoder=encoder, config=config)
    found, wanted = (EmbeddingStore(p).read() for p in (tmp_path / "out", reference))
    np.testing.assert_array_equal(found.sequences.values, wanted.sequences.values)


def test_other_encoder_or_input_does_not_continue_a_store(
    frame_store, spoilt_store, encoder, tmp_path
):
    embed_frames(frame_store, tmp_path / "out", encoder=encoder, config=CONFIG)
    with pytest.raises(DatasetError, match="other settings or input"):
        embed_frames(spoilt_store, tmp_path / "out", encoder=encoder, config=CONFIG)


def test_folder_without_frames_is_refused(encoder, tmp_path):
    with pytest.raises(InvalidInputError, match="holds no frames"):
        embed_frames(tmp_path, tmp_path / "out", encoder=encoder, config=CONFIG)


def test_fewest_frames_can_be_chosen(frame_store, embedder):
    stored = FrameStore(frame_store).sequence(0)
    refused = embed_sequence(stored, embedder, min_frames=5)
    assert isinstance(refused, Rejection)
    assert refused.reason is RejectionReason.TOO_FEW_FRAMES
    assert refused.candidate_id == "fake-0"
    assert len(embed_sequence(stored, embedder, min_frames=4).values) == 4


def test_store_cut_off_in_the_middle_loses_that_part_alone(frame_store, encoder, tmp_path):
    shutil.copytree(frame_store, tmp_path / "cut")
    parts = sorted((tmp_path / "cut").glob("part-*"))
    assert len(parts) > 2
    array = parts[1] / "frames.npy"
    array.write_bytes(array.read_bytes()[:5000])
    n_lost = pq.read_metadata(parts[1] / "objects.parquet").num_rows
    summary = embed_frames(tmp_path / "cut", tmp_path / "out", encoder=encoder, config=CONFIG)
    assert (summary.n_read, summary.n_embedded) == (12, 12 - n_lost)
    assert summary.rejections == {"unreadable_file": n_lost}


def test_store_without_objects_gives_an_empty_store(encoder, tmp_path):
    FrameStoreWriter(tmp_path / "empty", settings={}, size_px=28).finish()
    summary = embed_frames(tmp_path / "empty", tmp_path / "out", encoder=encoder, config=CONFIG)
    assert (summary.n_read, summary.n_frames) == (0, 0)
    assert EmbeddingStore(tmp_path / "out").is_complete


def test_an_object_that_comes_twice_is_embedded_once(frame_store, encoder, tmp_path, monkeypatch):
    items = list(FrameStore(frame_store))[:3]
    writer = FrameStoreWriter(tmp_path / "twice", settings={}, size_px=28, frames_per_part=8)
    for stored in [*items, items[0], items[2]]:
        writer.append(stored)
    writer.finish()
    config = EmbedConfig(frames_per_part=8, n_threads=1)
    whole = embed_frames(tmp_path / "twice", tmp_path / "a", encoder=encoder, config=config)
    assert (whole.n_read, whole.n_embedded) == (5, 3)
    assert whole.rejections == {"duplicate_candidate": 2}
    names = EmbeddingStore(tmp_path / "a").read().sequences.object_ids.tolist()
    assert names == [stored.sequence.object_id for stored in items]

    n_calls = []

    def embed_three(stored, embedder, *, min_frames):
        n_calls.append(stored)
        if len(n_calls) > 3:
            raise KeyboardInterrupt
        return embed_sequence(stored, embedder, min_frames=min_frames)

    with monkeypatch.context() as patch:
        patch.setattr(frame_embedding, "embed_sequence", embed_three)
        with pytest.raises(KeyboardInterrupt):
            embed_frames(tmp_path / "twice", tmp_path / "b", encoder=encoder, config=config)
    assert embed_frames(tmp_path / "twice", tmp_path / "b", encoder=encoder, config=config) == whole


def test_an_object_with_unsorted_times_is_rejected_alone(frame_store, encoder, tmp_path):
    shutil.copytree(frame_store, tmp_path / "store")
    file = tmp_path / "store/part-00000/objects.parquet"
    rows = pq.read_table(file)
    times = rows["mjd_tai"].to_pylist()
    times[0] = times[0][::-1]
    i_column = rows.column_names.index("mjd_tai")
    column = pa.array(times, rows["mjd_tai"].type)
    pq.write_table(rows.set_column(i_column, "mjd_tai", column), file)
    summary = embed_frames(tmp_path / "store", tmp_path / "out", encoder=encoder, config=CONFIG)
    assert (summary.n_read, summary.n_embedded) == (12, 11)
    assert summary.rejections == {"unreadable_file": 1}
