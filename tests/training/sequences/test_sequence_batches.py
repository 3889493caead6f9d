"""Batches of sequences: every object once an epoch, frames in time order, padding marked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skyvet.core.errors import InvalidInputError
from skyvet.models.sequences.frame_inputs import PreparedSequences
from skyvet.training.sequences.network_configs import SequenceBatchConfig
from skyvet.training.sequences.sequence_batches import SequenceBatches, SequenceRows

N_OBJECTS = 150


@pytest.fixture(scope="module")
def rows() -> SequenceRows:
    """Each frame holds its object's number and its own place in time."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 300, N_OBJECTS)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    owner = np.repeat(np.arange(N_OBJECTS), lengths)
    place = np.arange(offsets[-1]) - offsets[:-1][owner]
    prepared = PreparedSequences(
        frames=np.stack([owner + 1.0, place + 1.0], axis=1).astype(np.float32),
        offsets=offsets,
        context=np.arange(N_OBJECTS, dtype=np.float32)[:, None],
    )
    return SequenceRows(
        prepared=prepared,
        labels=np.arange(N_OBJECTS) % 2,
        weights=np.linspace(0.5, 2.0, N_OBJECTS),
        subtypes=(np.arange(N_OBJECTS)[:, None] % 3 == 0).astype(np.int8),
        object_ids=np.arange(N_OBJECTS),
        chosen=np.arange(N_OBJECTS),
    )


def objects_of(batches) -> list[int]:
    return [int(i) for batch in batches for i in batch.context[:, 0]]


def make(rows, *, seed=1, rank=0, world_size=1, **changes) -> SequenceBatches:
    config = SequenceBatchConfig(**({"size": 16, "max_frames": 40} | changes))
    return SequenceBatches(rows, config, seed=seed, rank=rank, world_size=world_size)


def test_an_epoch_shows_every_chosen_object_once(rows):
    assert sorted(objects_of(make(rows))) == list(range(N_OBJECTS))
    some = np.array([3, 7, 100])
    assert sorted(objects_of(make(rows.choose(some)))) == some.tolist()
    batches = make(rows)
    assert len(batches) == len(list(batches)) == 10


def test_rows_belong_together(rows):
    for batch in make(rows):
        i_object = batch.context[:, 0].long()
        assert torch.equal(batch.targets, (i_object % 2).float())
        assert torch.equal(batch.subtypes[:, 0], (i_object % 3 == 0).float())
        np.testing.assert_allclose(batch.weights, rows.weights[i_object], rtol=1e-6)
        owner = batch.frames[:, :, 0]
        expected = torch.where(batch.valid_mask, (i_object + 1.0)[:, None], 0.0)
        assert torch.equal(owner, expected)


@pytest.mark.parametrize("least_share", [1.0, 0.2])
def test_frames_are_distinct_in_time_order_and_as_many_as_asked_for(rows, least_share):
    n_frames = rows.prepared.n_frames
    for batch in make(rows, least_share=least_share):
        for owner, places, valid_mask in zip(
            batch.context[:, 0].int(), batch.frames[:, :, 1], batch.valid_mask, strict=True
        ):
            n_drawn = int(valid_mask.sum())
            assert valid_mask[:n_drawn].all()  # padding at the end
            assert (places[:n_drawn].diff() > 0).all()
            whole = n_frames[owner]
            assert min(40, max(1, round(least_share * whole))) <= n_drawn <= min(40, whole)


def test_without_a_limit_all_frames_are_shown(rows):
    n_shown = sum(int(batch.valid_mask.sum()) for batch in make(rows, max_frames=None))
    assert n_shown == len(rows.prepared.frames)


def test_similar_lengths_share_a_batch(rows):
    batches = list(make(rows, max_frames=None))
    n_cells = sum(batch.valid_mask.numel() for batch in batches)
    assert len(rows.prepared.frames) > 0.8 * n_cells


def test_an_epoch_repeats_itself_and_another_differs(rows):
    batches = make(rows)
    first, again = list(batches), list(batches)
    assert all(torch.equal(a.frames, b.frames) for a, b in zip(first, again, strict=True))
    batches.set_epoch(1)
    assert objects_of(batches) != objects_of(first)
    assert objects_of(make(rows, seed=2)) != objects_of(first)


def test_processes_share_an_epoch_evenly(rows):
    parts = [objects_of(make(rows, rank=rank, world_size=4)) for rank in range(4)]
    assert [len(part) for part in parts] == [38] * 4
    together = [i for part in parts for i in part]
    assert set(together) == set(range(N_OBJECTS))


def test_no_objects_are_refused(rows):
    with pytest.raises(InvalidInputError, match="no objects"):
        make(rows.choose(np.array([], dtype=np.int64)))
