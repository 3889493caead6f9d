"""Steps with labelled and unlabelled rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.strategies.dots import dot_pool, labelled_dots

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.batches import ClassBalance
from skyvet.strategies.semi_supervised.mixed_batches import (
    MixedBatchConfig,
    MixedBatches,
    UnlabelledRows,
)

CONFIG = MixedBatchConfig(n_labelled=8, unlabelled_ratio=3.0)


def batches(config=CONFIG, *, n_steps=5, with_pool=True, **options):
    pool, _ = dot_pool(50)
    rows = UnlabelledRows(pool=pool) if with_pool else None
    return MixedBatches(labelled_dots(12), rows, config, n_steps=n_steps, seed=4, **options)


def test_every_step_is_whole():
    sizes = [(len(step.labelled.stamps), len(step.unlabelled.stamps)) for step in batches()]
    assert sizes == [(8, 24)] * 5


def test_an_epoch_has_the_steps_that_it_says():
    made = batches(n_steps=7)
    assert len(made) == len(list(made)) == 7


def test_without_a_pool_steps_are_of_labels_alone():
    assert all(step.unlabelled is None for step in batches(with_pool=False))


def test_a_ratio_of_zero_leaves_the_pool_out():
    config = MixedBatchConfig(n_labelled=8, unlabelled_ratio=0.0)
    assert all(step.unlabelled is None for step in batches(config))


def test_no_unlabelled_row_comes_more_than_once_oftener_than_another():
    made, counts = batches(n_steps=5), np.zeros(50, dtype=int)
    pool, _ = dot_pool(50)
    for epoch in range(3):
        made.set_epoch(epoch)
        for step in made:
            first = step.unlabelled.stamps[:, 0, 0, 0].numpy()
            counts += (pool.stamps[:, 0, 0, 0, None] == first).sum(axis=1)
    assert counts.max() - counts.min() <= 1


def test_epochs_differ_and_repeat_themselves():
    def stamps(epoch):
        made = batches(n_steps=1)
        made.set_epoch(epoch)
        (step,) = made
        return step

    assert torch.equal(stamps(2).unlabelled.stamps, stamps(2).unlabelled.stamps)
    assert torch.equal(stamps(2).labelled.stamps, stamps(2).labelled.stamps)
    assert not torch.equal(stamps(2).unlabelled.stamps, stamps(1).unlabelled.stamps)


def test_processes_draw_rows_of_their_own():
    first, second = (next(iter(batches(rank=rank, world_size=2))) for rank in (0, 1))
    assert not torch.equal(first.unlabelled.stamps, second.unlabelled.stamps)
    assert not torch.equal(first.labelled.stamps, second.labelled.stamps)


def test_pseudo_labels_travel_with_their_rows():
    pool, truth = dot_pool(50)
    targets = np.where(np.arange(50) % 2, truth, np.nan).astype(np.float32)
    rows = UnlabelledRows(pool=pool, targets=targets, weights=np.arange(50, dtype=np.float32))
    made = MixedBatches(labelled_dots(12), rows, CONFIG, n_steps=2, seed=0)
    for step in made:
        at = [
            int(np.flatnonzero(pool.stamps[:, 0, 0, 0] == value)[0])
            for value in step.unlabelled.stamps[:, 0, 0, 0].numpy()
        ]
        np.testing.assert_array_equal(step.unlabelled.targets.numpy(), targets[at])
        np.testing.assert_array_equal(step.unlabelled.weights.numpy(), np.array(at))


def test_the_sampler_draws_both_classes_alike():
    config = MixedBatchConfig(n_labelled=10, unlabelled_ratio=0, balance=ClassBalance.SAMPLER)
    made = MixedBatches(labelled_dots(24), None, config, n_steps=60, seed=0)
    share = np.mean([step.labelled.labels.mean().item() for step in made])
    assert share == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("n_steps", [0, -1])
def test_no_step_is_refused(n_steps):
    with pytest.raises(InvalidInputError, match="n_steps"):
        batches(n_steps=n_steps)


def test_targets_of_another_length_are_refused():
    pool, _ = dot_pool(50)
    with pytest.raises(InvalidInputError):
        UnlabelledRows(pool=pool, targets=np.zeros(49, np.float32))
