"""Cuts trim epochs before they drop sources, and every count adds up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.light_curve_cuts import CutConfig, apply_cuts
from skyvet.records.light_curve_batch import LightCurveBatch

ALL = CutConfig(min_cadence_min=0, min_epochs=0)


def make_batch(times, *, bands=None, errors=None):
    """One source for each list of times."""
    counts = [len(some) for some in times]
    n = sum(counts)
    codes = np.zeros(n, dtype=np.int8) if bands is None else np.concatenate(bands)
    return LightCurveBatch(
        source_ids=np.arange(len(times)),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        mjd_tai=np.concatenate([np.empty(0), *map(np.asarray, times)]),
        flux_njy=np.full(n, 100.0),
        flux_err_njy=np.full(n, 1.0) if errors is None else np.asarray(errors),
        band=codes,
        bands=("g", "r"),
    )


def thinned_by_hand(times, codes, gap_d):
    """The rule as it reads: keep an epoch if it is late enough after the last kept one."""
    last, kept = {}, []
    for i, (time, code) in enumerate(zip(times, codes, strict=True)):
        if code not in last or time - last[code] >= gap_d:
            last[code] = time
            kept.append(i)
    return kept


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 1)), max_size=25), max_size=4)
)
def test_thinning_agrees_with_the_rule_walked_by_hand(sources):
    sources = [sorted(some) for some in sources]
    times = [[minute / 1440 for minute, _ in some] for some in sources]
    codes = [np.array([code for _, code in some], dtype=np.int8) for some in sources]
    batch = make_batch(times, bands=codes or None)
    # 29.99: a gap of 30 whole minutes is not decided by the last digit.
    kept, counts = apply_cuts(batch, CutConfig(min_cadence_min=29.99, min_epochs=0))
    expected = [
        [some[i] for i in thinned_by_hand(some, code, 29.99 / 1440)]
        for some, code in zip(times, codes, strict=True)
    ]
    assert kept.mjd_tai.tolist() == [time for some in expected for time in some]
    assert counts.adds_up


def test_time_limits_trim_epochs_and_keep_the_source():
    """Defect f of the predecessor: its time filter took or left whole light curves."""
    batch = make_batch([[1.0, 2.0, 3.0, 4.0], [10.0, 11.0]])
    config = CutConfig(min_cadence_min=0, min_epochs=1, first_mjd_tai=2.0, last_mjd_tai=3.0)
    kept, counts = apply_cuts(batch, config)
    assert kept.source_ids.tolist() == [0]
    assert kept.mjd_tai.tolist() == [2.0, 3.0]
    assert counts.epochs == {"outside_time": 4}
    assert counts.sources == {"few_epochs": 1}
    assert counts.adds_up


def test_epochs_needed_are_counted_after_the_other_cuts():
    batch = make_batch([[1.0, 1.001, 1.002], [1.0, 2.0, 3.0]])
    kept, counts = apply_cuts(batch, CutConfig(min_epochs=3))
    assert kept.source_ids.tolist() == [1]
    assert counts.epochs == {"cadence": 2, "few_epochs": 1}


def test_a_band_with_few_epochs_leaves_its_source():
    codes = np.array([0, 0, 0, 1], dtype=np.int8)
    batch = make_batch([[1.0, 2.0, 3.0, 4.0]], bands=[codes])
    kept, counts = apply_cuts(batch, ALL.model_copy(update={"min_epochs_per_band": 2}))
    assert kept.band.tolist() == [0, 0, 0]
    assert counts.epochs == {"few_in_band": 1}


def test_large_errors_are_left_out_and_missing_ones_are_not():
    batch = make_batch([[1.0, 2.0, 3.0]], errors=[1.0, 60.0, np.nan])
    kept, counts = apply_cuts(batch, ALL.model_copy(update={"max_magnitude_err": 0.5}))
    assert kept.mjd_tai.tolist() == [1.0, 3.0]  # 60 of 100 nJy are 0.65 mag
    assert counts.epochs == {"large_error": 1}


def test_sources_near_bright_stars_are_left_out_whole():
    batch = make_batch([[1.0, 2.0], [1.0]])
    kept, counts = apply_cuts(batch, ALL, is_near_bright_star=np.array([True, False]))
    assert kept.source_ids.tolist() == [1]
    assert counts.sources == {"bright_star": 1}
    assert counts.epochs == {"bright_star": 2}
    assert counts.adds_up
    with pytest.raises(InvalidInputError, match=r"shape \(2,\)"):
        apply_cuts(batch, ALL, is_near_bright_star=np.array([True]))


@pytest.mark.parametrize("times", [[], [[]], [[1.0]], [[5.0, 5.0, 5.0]]])
def test_few_or_equal_times_are_no_error(times):
    kept, counts = apply_cuts(make_batch(times), CutConfig())
    assert len(kept) == 0
    assert counts.adds_up
    assert counts.n_sources == len(times)


def test_no_cut_returns_all():
    batch = make_batch([[1.0, 1.0001], [2.0]])
    kept, counts = apply_cuts(batch, ALL)
    assert kept.mjd_tai.tolist() == batch.mjd_tai.tolist()
    assert counts.sources == counts.epochs == {}


def test_counts_of_two_batches_are_summed():
    counts = [apply_cuts(make_batch([[1.0, 1.001]]), CutConfig(min_epochs=n))[1] for n in (1, 2)]
    total = counts[0] + counts[1]
    assert total.adds_up
    assert (total.n_sources, total.n_sources_kept, total.epochs["cadence"]) == (2, 1, 2)


def test_an_upside_down_range_of_times_is_refused():
    with pytest.raises(ValueError, match="must not be after"):
        CutConfig(first_mjd_tai=2.0, last_mjd_tai=1.0)


def test_the_parts_of_a_batch_are_cut_like_the_whole():
    rng = np.random.default_rng(6)
    batch = make_batch([np.sort(rng.uniform(0, 1, 40)) for _ in range(6)])
    config = CutConfig(min_cadence_min=60, min_epochs=12)
    whole, counts = apply_cuts(batch, config)
    parts = [apply_cuts(batch.take(np.array([i])), config) for i in range(6)]
    assert np.concatenate([part.mjd_tai for part, _ in parts]).tolist() == whole.mjd_tai.tolist()
    assert sum((part for _, part in parts[1:]), parts[0][1]) == counts
