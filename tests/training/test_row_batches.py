"""Batches of rows without labels."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.training.row_batches import RowBatches, drawn_rows
from skyvet.training.steps import StepsConfig


@pytest.mark.parametrize("n_rows", [1, 3, 7, 50])
def test_stretches_join_to_permutations(n_rows):
    parts = [drawn_rows(n_rows, 5, first=first, stream=(2,)) for first in range(0, 5 * n_rows, 5)]
    joined = np.concatenate(parts).reshape(-1, n_rows)
    assert (np.sort(joined, axis=1) == np.arange(n_rows)).all()


def test_streams_differ():
    first, second = (drawn_rows(50, 50, first=0, stream=(i,)) for i in (0, 1))
    assert not np.array_equal(first, second)


def test_nothing_drawn_is_empty():
    assert len(drawn_rows(5, 0, first=0, stream=(0,))) == 0


def test_epochs_go_on_where_the_last_one_ended():
    stamps = np.arange(12, dtype=np.float32).reshape(12, 1, 1, 1)
    batches = RowBatches(stamps, size=3, n_steps=2, seed=1)
    seen = []
    for epoch in range(2):
        batches.set_epoch(epoch)
        seen += [value for batch in batches for value in batch.flatten().tolist()]
    assert sorted(seen) == list(range(12))


@pytest.mark.parametrize("options", [{"size": 0, "n_steps": 1}, {"size": 1, "n_steps": 0}])
def test_impossible_numbers_are_refused(options):
    with pytest.raises(InvalidInputError, match="n_steps"):
        RowBatches(np.zeros((3, 1, 2, 2)), seed=0, **options)


@pytest.mark.parametrize("n_steps", [1, 49, 50, 51, 400, 1013])
def test_parts_hold_at_least_the_steps_and_hardly_more(n_steps):
    steps = StepsConfig(n_steps=n_steps)
    made = steps.n_epochs * steps.steps_per_epoch
    assert n_steps <= made < n_steps + steps.n_epochs
    assert steps.loop(1).n_epochs == steps.n_epochs
    assert steps.loop(1).validation_fraction == 0
