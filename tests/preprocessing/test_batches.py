"""Batches: every row once, seeded, shared out, balanced."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.batches import BatchConfig, ClassBalance, TripletBatches, class_weights
from skyvet.preprocessing.triplets import TripletArrays


def rows(n_rows: int, n_real: int) -> TripletArrays:
    """Rows whose first pixel is their number."""
    stamps = np.zeros((n_rows, 3, 4, 4), np.float16)
    stamps[:, 0, 0, 0] = np.arange(n_rows)
    labels = (np.arange(n_rows) < n_real).astype(np.int8)
    return TripletArrays(
        stamps=stamps,
        labels=labels,
        candidate_ids=np.arange(n_rows),
        object_ids=np.arange(n_rows),
        weights=np.ones(n_rows, np.float32),
        targets=labels.astype(np.float32),
        metadata=np.arange(n_rows, dtype=np.float32)[:, None],
        metadata_names=("number",),
    )


def numbers(batches: TripletBatches) -> list[int]:
    return [int(number) for batch in batches for number in batch.stamps[:, 0, 0, 0]]


def test_one_epoch_holds_every_row_once_and_whole():
    batches = TripletBatches(rows(23, 10), BatchConfig(size=5), seed=0)
    assert len(batches) == 5
    assert sorted(numbers(batches)) == list(range(23))
    for batch in batches:
        assert torch.equal(batch.metadata[:, 0], batch.stamps[:, 0, 0, 0])
        assert torch.equal(batch.labels, (batch.stamps[:, 0, 0, 0] < 10).float())
        assert batch.stamps.is_contiguous(memory_format=torch.channels_last)


def test_epochs_differ_and_repeat_by_number():
    batches = TripletBatches(rows(23, 10), BatchConfig(size=5), seed=0)
    first = numbers(batches)
    batches.set_epoch(1)
    assert numbers(batches) != first
    batches.set_epoch(0)
    assert numbers(batches) == first


@pytest.mark.parametrize("n_workers", [1, 3])
def test_workers_change_nothing(n_workers):
    alone = TripletBatches(rows(50, 20), BatchConfig(size=4), seed=3)
    helped = TripletBatches(rows(50, 20), BatchConfig(size=4, n_workers=n_workers), seed=3)
    assert numbers(helped) == numbers(alone)


def test_processes_share_an_epoch_evenly_and_leave_out_no_row():
    parts = [
        TripletBatches(rows(23, 10), BatchConfig(size=5), seed=0, rank=rank, world_size=3)
        for rank in range(3)
    ]
    lists = [numbers(part) for part in parts]
    assert {len(part) for part in lists} == {8}
    assert {len(part) for part in parts} == {2}
    assert set().union(*lists) == set(range(23))


def test_sampler_draws_both_classes_alike_and_no_row_much_oftener():
    config = BatchConfig(size=10, balance=ClassBalance.SAMPLER)
    drawn = numbers(TripletBatches(rows(100, 90), config, seed=0))
    counts = np.bincount(drawn, minlength=100)
    assert counts[90:].sum() == 50
    assert counts[90:].max() - counts[90:].min() <= 1
    assert counts[:90].max() <= 1


def test_weights_balance_the_loss():
    (batch,) = TripletBatches(rows(100, 90), BatchConfig(size=100), seed=0)
    real, bogus = batch.weights[batch.labels == 1], batch.weights[batch.labels == 0]
    assert float(real.sum()) == pytest.approx(50)
    assert float(bogus.sum()) == pytest.approx(50)


def test_one_class_keeps_its_weights():
    assert class_weights(np.ones(3, int), np.array([1.0, 2.0, 0.0])).tolist() == [1, 2, 0]


def test_unshuffled_batches_come_in_order():
    batches = TripletBatches(rows(7, 3), BatchConfig(size=3), seed=0, shuffle=False)
    assert numbers(batches) == list(range(7))


def test_no_rows_are_refused():
    with pytest.raises(InvalidInputError, match="no rows"):
        TripletBatches(rows(0, 0), BatchConfig(), seed=0)


def test_few_rows_are_passed_over_several_times_in_an_epoch():
    batches = TripletBatches(rows(8, 4), BatchConfig(size=5, min_epoch_rows=20), seed=0)
    passed = numbers(batches)
    assert len(batches) == 5
    assert [sorted(passed[i : i + 8]) for i in (0, 8, 16)] == [list(range(8))] * 3


@pytest.mark.parametrize(
    ("n_planes", "fill", "expected"), [(3, 1, False), (6, 1, True), (6, 2, False)]
)
def test_masks_are_known_by_their_values(n_planes, fill, expected):
    stamps = np.full((2, n_planes, 4, 4), fill, np.float16)
    assert dataclasses.replace(rows(2, 1), stamps=stamps).has_mask_planes is expected
