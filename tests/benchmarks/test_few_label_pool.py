"""The simulated pool: exact counts, the same from the cache, the same for any number of workers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from benchmarks.few_label_contest import SIZES, split_of
from benchmarks.few_label_pool import PoolConfig, open_pool

from skyvet.preprocessing.normalization import StampConfig

pytest.importorskip("numba")
TINY = PoolConfig(n_real=4, n_bogus=9, seed=3)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    return open_pool(TINY, tmp_path_factory.mktemp("pool"))


def test_counts_are_exact_and_labels_follow_the_subclasses(pool):
    assert len(pool) == 13
    assert pool.labels.sum() == 4
    assert len(set(pool.candidate_ids)) == 13
    assert not set(pool.subclasses[pool.labels == 1]) & set(pool.subclasses[pool.labels == 0])


def test_a_kept_pool_is_read_and_not_made_again(pool, tmp_path):
    first = open_pool(TINY, tmp_path)
    marker = tmp_path / TINY.key / "truth.parquet"
    before = marker.stat().st_mtime_ns
    again = open_pool(TINY, tmp_path)
    assert marker.stat().st_mtime_ns == before
    for one in (first, again):
        np.testing.assert_array_equal(one.stamps.values, pool.stamps.values)


def test_the_recipe_sees_raw_pixels_and_no_missing_ones(pool):
    raw = pool.raw(31)
    assert raw.stamps.shape == (13, 3, 31, 31)
    assert np.isfinite(raw.stamps).all()
    assert np.abs(raw.stamps).max() > 50  # counts, not normalised values


def test_a_part_is_prepared_as_the_whole_is(pool):
    config = StampConfig(with_mask_planes=False)
    rows = np.array([7, 2])
    np.testing.assert_array_equal(
        pool.take(rows).prepared(config, 31).stamps, pool.prepared(config, 31).stamps[rows]
    )


def test_both_contenders_are_tested_on_rows_that_neither_may_buy(pool):
    settings = SIZES["small"]
    recipe = settings.recipe.model_copy(update={"n_first": 3})
    split = split_of(pool, dataclasses.replace(settings, pool=TINY, recipe=recipe), 0)
    assert len(split.test) == 1
    assert not set(split.test) & (set(split.first) | set(split.pool))
