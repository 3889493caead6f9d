"""What stays whole in splits of sources: stars, neighbours, blocks of equal area."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.feature_table import FeatureTable
from skyvet.training.sources.configs import SourceSplitConfig
from skyvet.training.sources.groups import join_near_rows, sky_blocks, source_groups
from skyvet.training.splits import grouped_folds


def _table(ids, *, ra=None, dec=None, **columns):
    if ra is not None:
        columns |= {"ra_deg": np.asarray(ra, float), "dec_deg": np.asarray(dec, float)}
    return FeatureTable(
        source_ids=np.asarray(ids),
        names=("a",),
        values=np.zeros((len(ids), 1)),
        columns=columns,
    )


def test_rows_of_one_identifier_are_one_group():
    groups = source_groups(_table([5, 7, 5]), SourceSplitConfig())
    assert groups[0] == groups[2] != groups[1]


def test_one_star_under_two_identifiers_is_one_group():
    """The published figures leak: 2.1 rows a star, split by row (spec section 9, Method)."""
    table = _table([1, 2, 3], ra=[10.0, 10.0002, 10.1], dec=[60.0, 60.0, 60.0])
    assert source_groups(table, SourceSplitConfig()).tolist() == [0, 0, 1]
    apart = source_groups(table, SourceSplitConfig(same_source_arcsec=0.0))
    assert len(set(apart.tolist())) == 3


def test_a_column_may_name_the_source():
    table = _table([1, 2, 3], object_id=np.array(["x", "y", "x"]))
    groups = source_groups(table, SourceSplitConfig(group_column="object_id"))
    assert groups[0] == groups[2] != groups[1]
    with pytest.raises(InvalidInputError, match="no column 'star'"):
        source_groups(table, SourceSplitConfig(group_column="star"))


def test_near_rows_join_across_the_origin_of_right_ascension_and_the_pole():
    ra = np.array([359.9999, 0.0001, 0.0, 180.0])
    dec = np.array([0.0, 0.0, 89.9999, 89.9999])
    assert join_near_rows(np.arange(4), ra, dec, radius_arcsec=1.0).tolist() == [0, 0, 1, 1]


def test_chains_of_near_rows_are_one_group_and_unknown_places_join_none():
    ra = np.array([0.0, 1.0, 2.0, np.nan]) / 3600.0
    groups = join_near_rows(np.arange(4), ra, np.zeros(4), radius_arcsec=1.2)
    assert groups.tolist() == [0, 0, 0, 1]


def test_near_rows_are_those_of_brute_force():
    rng = np.random.default_rng(0)
    ra, dec = rng.uniform(0, 0.01, 200), rng.uniform(-0.005, 0.005, 200)
    groups = join_near_rows(np.arange(200), ra, dec, radius_arcsec=1.5)
    gap = 3600 * np.hypot(ra[:, None] - ra, dec[:, None] - dec)  # flat: dec near 0
    label = np.arange(200)
    for _ in range(200):
        label = np.where(gap < 1.5, label[None, :], 200).min(axis=1)
    same = label[:, None] == label
    np.testing.assert_array_equal(groups[:, None] == groups, same)


@pytest.mark.parametrize("block_deg", [3.0, 10.0, 45.0, 90.0])
def test_sky_blocks_have_equal_area(block_deg):
    rng = np.random.default_rng(1)
    n = 400_000
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    counts = np.bincount(sky_blocks(ra, dec, block_deg=block_deg))
    expected = n / len(counts)
    assert expected == pytest.approx(n * block_deg**2 / 41253.0, rel=0.2)
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi2 - len(counts)) < 5 * np.sqrt(2 * len(counts)) + 5


def test_every_place_has_a_block_and_an_unknown_one_none():
    ra = np.array([0.0, 360.0, -1.0, 359.0, 12.0, np.nan])
    dec = np.array([90.0, -90.0, 0.0, 0.0, np.nan, 1.0])
    blocks = sky_blocks(ra, dec, block_deg=10.0)
    assert (blocks[:4] >= 0).all()
    assert blocks[2] == blocks[3]
    assert blocks[4:].tolist() == [-1, -1]


def test_a_star_across_the_edge_of_a_block_stays_whole():
    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(0, 360, 300), rng.uniform(-80, 80, 300)
    ids = np.arange(300) // 2
    ra[1::2] = ra[::2] + 0.3
    table = _table(ids, ra=ra, dec=dec)
    groups = source_groups(table, SourceSplitConfig(sky_block_deg=10.0))
    np.testing.assert_array_equal(groups[::2], groups[1::2])
    blocks = sky_blocks(ra[::2], dec[::2], block_deg=10.0)
    folds = grouped_folds(groups, np.arange(300) % 2, n_folds=3, seed=0)[::2]
    for block in np.unique(blocks):
        assert len(np.unique(folds[blocks == block])) == 1


def test_sky_blocks_without_places_are_refused():
    with pytest.raises(InvalidInputError, match="ra_deg and dec_deg"):
        source_groups(_table([1, 2]), SourceSplitConfig(sky_block_deg=5.0))


def test_classes_that_overlap_are_all_spread_over_folds():
    rng = np.random.default_rng(3)
    marks = (rng.uniform(size=(600, 4)) < [0.5, 0.2, 0.05, 0.02]).astype(int)
    folds = grouped_folds(np.arange(600), marks, n_folds=5, seed=1)
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 6
    for column in marks.T:
        counts = np.bincount(folds, weights=column, minlength=5)
        assert counts.max() - counts.min() <= 0.2 * counts.mean() + 1.5
