"""Frames of sources as batches: the same every time, no object on two sides, nothing unusable."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.dataset import Dataset
from skyvet.io.fits_stamps import encode_fits
from skyvet.io.frame_store import FrameStore
from skyvet.preprocessing.frame_scaling import FrameScalingConfig, scale_frames
from skyvet.simulation.frames import FrameConfig, simulate_frame_sequences
from skyvet.training.encoders.configs import FrameSamplingConfig
from skyvet.training.encoders.frame_batches import FrameBatches, draw_validation_frames
from skyvet.training.encoders.frame_pool import FramePool
from skyvet.training.encoders.frame_sources import SimulatedSource, StampSource, StoreSource
from skyvet.training.encoders.open_sources import open_frame_source

SCALING = FrameScalingConfig()


class Marked:
    """Source whose frames say which object and frame they are, in the brightest pixel."""

    def __init__(self, n_frames, *, first=0, usable=True):
        self.n_frames = np.asarray(n_frames)
        self.object_ids = np.array([f"m{first + i}" for i in range(len(n_frames))])
        self.usable = usable
        self.reads = []

    def read(self, i_object, rows):
        self.reads.append(len(rows))
        rng = np.random.default_rng(i_object)
        frames = rng.normal(0.0, 1.0, (self.n_frames[i_object], 28, 28)).astype(np.float32)
        if not self.usable:
            frames[:] = 5.0
        return frames[rows]


def batches_of(pool, config, *, epoch=0, seed=3, rank=0, world_size=1):
    batches = FrameBatches(
        pool, np.arange(len(pool)), config, seed=seed, rank=rank, world_size=world_size
    )
    batches.set_epoch(epoch)
    return np.stack([batch.numpy() for batch in batches])


@pytest.fixture
def pool():
    return FramePool([Marked([10, 20, 3]), Marked([7], first=3)], SCALING)


def test_epoch_has_as_many_batches_as_it_says(pool):
    config = FrameSamplingConfig(batch_size=8, with_flips=False, min_source_share=0.0)
    batches = FrameBatches(pool, np.arange(4), config, seed=3)
    assert len(list(batches)) == len(batches) == 40 // 8


def test_order_is_fixed_by_seed_and_epoch(pool):
    config = FrameSamplingConfig(batch_size=8)
    first = batches_of(pool, config)
    np.testing.assert_array_equal(first, batches_of(pool, config))
    assert not np.array_equal(first, batches_of(pool, config, epoch=1))
    assert not np.array_equal(first, batches_of(pool, config, seed=4))


def test_frames_are_scaled_as_for_embedding(frame_store):
    store = FrameStore(frame_store)
    pool = FramePool([StoreSource(store)], SCALING)
    drawn = pool.draw(5, 100, np.random.default_rng(1))
    expected = scale_frames(store.sequence(5).sequence.frames, SCALING).planes
    np.testing.assert_array_equal(drawn, expected)


def test_flips_only_rearrange_pixels(pool):
    plain = pool.draw(1, 20, np.random.default_rng(1))
    drawn = [pool.draw(1, 20, np.random.default_rng(s), with_flips=True) for s in range(12)]
    for planes in drawn:
        np.testing.assert_array_equal(np.sort(planes[0], axis=None), np.sort(plain[0], axis=None))
    assert len({planes[0, 0].tobytes() for planes in drawn}) > 3


def test_frames_of_an_object_are_drawn_without_repetition(pool):
    planes = pool.draw(1, 15, np.random.default_rng(1))
    assert len({plane.tobytes() for plane in planes}) == 15


def test_noise_of_an_object_is_found_once():
    source = Marked([50])
    pool = FramePool([source], SCALING)
    for _ in range(3):
        pool.draw(0, 4, np.random.default_rng(1))
    assert source.reads == [50, 4, 4, 4]


def test_small_source_is_repeated_until_it_has_its_share():
    big, small = Marked([100] * 19), Marked([10], first=19)
    pool = FramePool([big, small], SCALING)
    config = FrameSamplingConfig(
        batch_size=2, frames_per_object=100, min_source_share=0.05, with_flips=False
    )
    of_small = {plane.tobytes() for plane in pool.draw(19, 10, np.random.default_rng(0))}
    frames = batches_of(pool, config).reshape(-1, 2, 28, 28)
    share = np.mean([frame.tobytes() in of_small for frame in frames])
    assert 0.02 < share < 0.09


def test_processes_share_an_epoch():
    pool = FramePool([Marked([10] * 4)], SCALING)
    config = FrameSamplingConfig(batch_size=2, with_flips=False)
    shares = [batches_of(pool, config, rank=rank, world_size=2) for rank in (0, 1)]
    frames = [{frame.tobytes() for frame in share.reshape(-1, 1568)} for share in shares]
    assert [len(share) for share in frames] == [20, 20]
    assert not frames[0] & frames[1]


def test_fewer_frames_than_a_batch_still_make_one():
    pool = FramePool([Marked([3])], SCALING)
    assert batches_of(pool, FrameSamplingConfig(batch_size=16)).shape == (1, 16, 2, 28, 28)


def test_no_usable_frame_is_an_error_and_not_an_endless_loop():
    pool = FramePool([Marked([3, 4], usable=False)], SCALING)
    with pytest.raises(InvalidInputError, match="usable"):
        batches_of(pool, FrameSamplingConfig(batch_size=2))
    with pytest.raises(InvalidInputError, match="usable"):
        draw_validation_frames(pool, np.arange(2), FrameSamplingConfig(), seed=1)


def test_no_frame_at_all_is_an_error():
    with pytest.raises(InvalidInputError, match="no frame"):
        FramePool([], SCALING)


def test_validation_frames_are_the_same_every_time_and_not_too_many(pool):
    config = FrameSamplingConfig(n_validation_frames=12)
    first, again = (draw_validation_frames(pool, np.arange(4), config, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(first) == 12


def test_science_cutouts_of_one_object_are_its_frames(dataset):
    opened = Dataset.open(dataset)
    source = StampSource(opened)
    ids = np.array(opened.table["object_id"].to_pylist())
    i_object = int(np.flatnonzero(source.object_ids == ids[7])[0])
    rows = np.flatnonzero(ids == ids[7])
    assert source.n_frames[i_object] == len(rows) == 2
    read = source.read(i_object, np.array([1]))
    np.testing.assert_array_equal(read, opened.stamps(rows[[1]])[:, 0])
    assert source.n_frames.sum() == len(opened)


def test_simulated_source_gives_the_simulation():
    pytest.importorskip("numba")
    config = FrameConfig(median_epochs=6, max_epochs=8)
    source = SimulatedSource(config, 3)
    expected = simulate_frame_sequences(config, 2, 3)[0].sequence.frames
    read = source.read(2, np.array([0, 4]))
    np.testing.assert_allclose(read, expected[[0, 4]], rtol=1e-3)  # half precision


def test_each_kind_of_folder_opens_as_its_source(frame_store, dataset, tmp_path):
    for path, kind in ((frame_store, StoreSource), (dataset, StampSource)):
        opened = open_frame_source(path, scaling=SCALING, import_to=tmp_path / "import")
        assert isinstance(opened.source, kind)
        assert path.name in opened.description


def test_fits_folder_is_brought_into_a_store_and_what_is_damaged_is_counted(tmp_path):
    rng = np.random.default_rng(1)
    images = rng.normal(200.0, 5.0, (3, 31, 31)).astype(np.float32)
    for i, pixels in enumerate(images):
        path = tmp_path / "fits" / "12" / f"5800{i}.5.fits"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_fits(pixels))
    (tmp_path / "fits" / "13").mkdir()
    (tmp_path / "fits" / "13" / "58000.5.fits").write_bytes(b"<html>not found</html>")
    scaling = FrameScalingConfig(size_px=29)
    for _ in range(2):  # an import that was stopped is begun anew
        opened = open_frame_source(
            tmp_path / "fits", scaling=scaling, import_to=tmp_path / "import"
        )
    assert opened.n_rejected == 1
    assert opened.source.n_frames.tolist() == [3]
    frames = opened.source.read(0, np.array([0, 2]))
    np.testing.assert_array_equal(frames, images[[0, 2], 1:-1, 1:-1])


def test_folder_without_frames_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="holds no frames"):
        open_frame_source(tmp_path, scaling=SCALING, import_to=tmp_path / "import")
