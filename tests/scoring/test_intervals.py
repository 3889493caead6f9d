"""Intervals against SciPy, simulation and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from skyvet.core.errors import InvalidInputError
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.intervals import (
    auc_interval,
    bootstrap_interval,
    bootstrap_intervals,
    clopper_pearson_interval,
    effective_trials,
    wilson_interval,
)
from skyvet.scoring.metrics import brier_score

counts = st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.floats(0.05, 0.999)


@given(counts, levels)
def test_interval_holds_the_estimate_and_stays_in_the_unit_interval(count, level):
    for interval in (
        wilson_interval(*count, level=level),
        clopper_pearson_interval(*count, level=level),
    ):
        assert 0 <= interval.low <= interval.high <= 1
        if count[1]:
            assert count[0] / count[1] in interval


@pytest.mark.parametrize("count", [(0, 1), (1, 1), (0, 20), (51, 61), (51, 51), (3, 4000)])
@pytest.mark.parametrize("level", [0.68, 0.95, 0.99])
def test_intervals_equal_those_of_scipy(count, level):
    test = binomtest(*count)
    for ours, method in (
        (wilson_interval(*count, level=level), "wilson"),
        (clopper_pearson_interval(*count, level=level), "exact"),
    ):
        expected = test.proportion_ci(level, method=method)
        tolerance = 1e-10  # SciPy finds the exact ends by root search
        assert ours.low == pytest.approx(expected.low, abs=tolerance)
        assert ours.high == pytest.approx(expected.high, abs=tolerance)


def test_no_trials_say_nothing():
    assert (wilson_interval(0, 0).low, wilson_interval(0, 0).high) == (0.0, 1.0)
    interval = clopper_pearson_interval(0, 0)
    assert (interval.low, interval.high) == (0.0, 1.0)


@pytest.mark.parametrize("count", [(-1, 3), (4, 3), (math.nan, 3), (0, math.inf)])
def test_impossible_counts_are_refused(count):
    with pytest.raises(InvalidInputError, match="counts must satisfy"):
        wilson_interval(*count)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_impossible_levels_are_refused(level):
    with pytest.raises(InvalidInputError, match="level"):
        wilson_interval(1, 2, level=level)


@given(st.floats(0, 1), st.integers(1, 300), st.integers(1, 300), levels)
def test_auc_interval_holds_the_estimate_and_mirrors(auc, n_positive, n_negative, level):
    sizes = {"n_positive": n_positive, "n_negative": n_negative, "level": level}
    interval = auc_interval(auc, **sizes)
    assert 0 <= interval.low <= auc <= interval.high <= 1
    mirrored = auc_interval(1 - auc, **sizes)
    assert mirrored.low == pytest.approx(1 - interval.high, abs=1e-8)  # root search
    assert mirrored.high == pytest.approx(1 - interval.low, abs=1e-8)


@pytest.mark.parametrize("auc", [0.3, 0.5, 0.9, 0.999])
def test_auc_interval_ends_lie_z_hanley_mcneil_deviations_away(auc):
    n = 40  # for equal class sizes Newcombe's variance is that of Hanley and McNeil (1982)
    interval = auc_interval(auc, n_positive=n, n_negative=n)
    for end in (interval.low, interval.high):
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)
        variance = (end * (1 - end) + (n - 1) * (q1 + q2 - 2 * end**2)) / n**2
        assert abs(auc - end) == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-5)


def test_auc_interval_has_width_under_perfect_separation():
    assert auc_interval(1.0, n_positive=50, n_negative=50).low < 0.99


def test_auc_interval_covers_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    truth = 0.5 * (1 + math.erf(2.0 / math.sqrt(2) / math.sqrt(2)))  # two normals, 2 sigma apart
    n_covered = 0
    for _ in range(400):
        scores = np.r_[rng.normal(2, 1, 40), rng.normal(0, 1, 60)]
        auc = roc_auc(scores, np.r_[np.ones(40), np.zeros(60)])
        n_covered += truth in auc_interval(auc, n_positive=40, n_negative=60)
    assert 0.92 <= n_covered / 400 <= 1.0  # binomial 3 sigma around .95 is .917 to .983


def noisy_sample(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    return scores, (rng.random(n) < scores).astype(int)


def test_bootstrap_of_a_mean_equals_the_normal_interval():
    scores, labels = noisy_sample(1, 2000)
    interval = bootstrap_interval(
        brier_score, scores, labels, rng=np.random.default_rng(2), n_resamples=2000
    )
    gaps = (scores - labels) ** 2
    half = 1.96 * gaps.std() / math.sqrt(len(gaps))
    assert interval.low == pytest.approx(gaps.mean() - half, abs=0.1 * half)  # resampling noise
    assert interval.high == pytest.approx(gaps.mean() + half, abs=0.1 * half)


def test_bootstrap_by_object_sees_repeated_rows_as_one():
    scores, labels = noisy_sample(3, 150)
    single = bootstrap_interval(roc_auc, scores, labels, rng=np.random.default_rng(4))
    repeated = bootstrap_interval(
        roc_auc,
        np.repeat(scores, 5),
        np.repeat(labels, 5),
        groups=np.repeat(np.arange(150), 5),
        rng=np.random.default_rng(4),
    )
    assert repeated.low == pytest.approx(single.low, abs=1e-12)  # same draws, whole objects
    assert repeated.high == pytest.approx(single.high, abs=1e-12)


def test_objects_of_unequal_size_are_drawn_whole():
    sizes = np.arange(1, 9)
    objects = np.random.default_rng(0).permutation(np.repeat(np.arange(8), sizes))

    def is_whole(scores, labels):
        found, times = np.unique(scores, return_counts=True)
        assert labels.tolist() == (scores % 2).tolist()
        return float((times % sizes[found.astype(int)] == 0).all())

    interval = bootstrap_interval(
        is_whole,
        objects.astype(float),
        objects % 2,
        groups=objects,
        rng=np.random.default_rng(1),
        n_resamples=200,
    )
    assert interval.low == 1.0


def test_several_statistics_share_their_resamples_and_the_seed_decides():
    scores, labels = noisy_sample(5, 100)
    both = bootstrap_intervals(
        {"auc": roc_auc, "brier": brier_score},
        scores,
        labels,
        rng=np.random.default_rng(6),
        n_resamples=200,
    )
    alone = bootstrap_interval(
        roc_auc, scores, labels, rng=np.random.default_rng(6), n_resamples=200
    )
    assert both["auc"] == alone


def test_a_single_bogus_still_gives_an_interval():
    scores = np.linspace(0, 1, 50)
    interval = bootstrap_interval(
        roc_auc,
        scores,
        np.r_[1, 1, 0, np.ones(47)],
        rng=np.random.default_rng(7),
        n_resamples=100,
    )
    assert 0 <= interval.low <= interval.high <= 1


def test_text_objects_are_as_good_as_numbers():
    scores, labels = noisy_sample(8, 60)
    numbers = np.arange(60) // 2
    texts = np.array([f"ZTF{n:03d}" for n in numbers])
    found = [
        bootstrap_interval(
            roc_auc, scores, labels, groups=groups, rng=np.random.default_rng(1), n_resamples=50
        )
        for groups in (numbers, texts)
    ]
    assert found[0] == found[1]


def test_one_object_gives_no_interval():
    with pytest.raises(InvalidInputError, match="at least 2 objects"):
        bootstrap_interval(
            roc_auc, [0.1, 0.9], [0, 1], groups=["a", "a"], rng=np.random.default_rng(0)
        )


def test_an_undefined_statistic_is_named():
    with pytest.raises(InvalidInputError, match=r"undefined .NaN. on the sample itself: purity"):
        bootstrap_intervals(
            {"purity": lambda s, y: math.nan}, [0.1, 0.9], [0, 1], rng=np.random.default_rng(0)
        )


def test_too_few_defined_resamples_are_refused():
    def only_original(scores, labels):
        return 1.0 if len(np.unique(scores)) == 30 else math.nan

    with pytest.raises(InvalidInputError, match="only 0 of 10 resamples"):
        bootstrap_interval(
            only_original,
            np.arange(30) / 30,
            np.arange(30) % 2,
            rng=np.random.default_rng(0),
            n_resamples=10,
        )


@given(st.integers(1, 20), st.integers(1, 6), st.data())
def test_effective_trials_lie_between_objects_and_rows(n_groups, size, data):
    success = np.array(
        data.draw(st.lists(st.booleans(), min_size=n_groups * size, max_size=n_groups * size))
    )
    groups = np.repeat(np.arange(n_groups), size)
    n = effective_trials(success, groups)
    assert n_groups - 1e-9 <= n <= n_groups * size + 1e-9


def test_independent_rows_within_objects_keep_nearly_all_their_weight():
    success = np.random.default_rng(0).random(4000) < 0.5
    n = effective_trials(success, np.arange(4000) // 4)
    assert n > 3700  # the estimated design effect scatters by some per cent


def test_objects_that_agree_with_themselves_count_once():
    success = np.repeat(np.random.default_rng(1).random(500) < 0.5, 4)
    assert effective_trials(success, np.arange(2000) // 4) == pytest.approx(500, rel=1e-12)


@pytest.mark.parametrize("outcome", [True, False])
def test_unanimous_trials_are_taken_at_the_worst_design_effect(outcome):
    # Sizes 1, 1 and 4: 6 trials over 18 / 6.
    assert effective_trials([outcome] * 6, ["a", "b", *"cccc"]) == pytest.approx(2.0)
