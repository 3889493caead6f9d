"""Statistics of frames agree with NumPy and SciPy and stay finite for any sequence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import cKDTree
from scipy.spatial.distance import mahalanobis

from skyvet.core.errors import InvalidInputError
from skyvet.features.column_statistics import COLUMN_STATISTICS, column_statistics
from skyvet.features.expected_spread import fit_expected_spread
from skyvet.features.frame_distances import (
    DISTANCE_STATISTICS,
    distance_statistics,
    frame_distances,
)
from skyvet.features.frame_neighbours import (
    NEIGHBOUR_STATISTICS,
    neighbour_distances,
    neighbour_statistics,
)
from skyvet.features.frame_space import fit_frame_space, latent_information
from skyvet.features.pooled_frames import (
    FEATURE_GROUPS,
    pool_frames,
    pooled_feature_groups,
    pooled_feature_names,
)
from skyvet.features.pooled_space import PooledSpace, fit_pooled_space
from skyvet.features.segments import N_SEGMENTS, SEGMENT_STATISTICS, segment_statistics
from skyvet.records.sequences import EmbeddedSequences


def make_sequences(lengths, *, n_latent=3, seed=0, n_columns=None) -> EmbeddedSequences:
    rng = np.random.default_rng(seed)
    n_frames = sum(lengths)
    return EmbeddedSequences(
        values=rng.normal(size=(n_frames, n_columns or 2 * n_latent)),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        object_ids=np.arange(len(lengths)),
        mjd_tai=np.full(n_frames, np.nan),
        n_latent=n_latent,
    )


def _by_name(column: np.ndarray) -> dict[str, float]:
    values = column_statistics(np.asarray(column, np.float32)[None])[:, 0].tolist()
    return dict(zip(COLUMN_STATISTICS, values, strict=True))


def test_statistics_of_a_column_agree_with_numpy_and_scipy():
    column = np.random.default_rng(1).gamma(2.0, size=203).astype(np.float32)
    found, centred = _by_name(column), column - column.mean()
    mad = stats.median_abs_deviation(column)
    expected = {
        "mean": column.mean(), "std": column.std(), "min": column.min(), "max": column.max(),
        "mad": mad, "robust_z_max": (column.max() - np.median(column)) / mad,
        "robust_z_min": (column.min() - np.median(column)) / mad,
        "skew": stats.skew(column), "kurtosis": stats.kurtosis(column),
        "mean_step": np.abs(np.diff(column)).mean(), "max_step": np.abs(np.diff(column)).max(),
        "last_minus_first": column[-1] - column[0],
        "trend": column[-40:].mean() - column[:40].mean(),
        "lag_1": (centred[1:] * centred[:-1]).sum() / (centred**2).sum(),
        **{f"quantile_{q:g}": np.quantile(column, q) for q in (0.01, 0.05, 0.25, 0.5, 0.95)},
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), rel=2e-4, abs=1e-5), name


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4])
def test_statistics_of_few_frames_are_finite(n_frames):
    columns = np.random.default_rng(n_frames).normal(size=(4, n_frames)).astype(np.float32)
    assert np.isfinite(column_statistics(columns)).all()


@pytest.mark.parametrize("level", [0.0, -3.7, 1e4])
def test_a_constant_column_has_a_level_and_no_shape(level):
    found = _by_name(np.full(50, level))
    assert found["mean"] == found["quantile_0.5"] == pytest.approx(level)
    for name in ("std", "mad", "robust_z_max", "skew", "kurtosis", "lag_1", "max_step", "trend"):
        assert found[name] == pytest.approx(0.0, abs=1e-6), name


def test_distance_is_that_of_scipy():
    sequences = make_sequences([80, 90], n_latent=3)
    space = fit_frame_space(sequences)
    frames = sequences.frames_of(0)[:, :3].astype(float)
    inverse = space.whitening.T @ space.whitening
    expected = [mahalanobis(frame, np.median(frames, axis=0), inverse) for frame in frames]
    np.testing.assert_allclose(frame_distances(frames.T, space), expected, rtol=1e-5)


def test_whitened_deviations_have_unit_covariance():
    sequences = make_sequences([300, 400], n_latent=2)
    stretched = EmbeddedSequences(
        values=sequences.values * np.array([5.0, 0.1, 1.0, 1.0]), offsets=sequences.offsets,
        object_ids=sequences.object_ids, mjd_tai=sequences.mjd_tai, n_latent=2,
    )  # fmt: skip
    space = fit_frame_space(stretched, shrinkage=1e-9)
    parts = [stretched.frames_of(i)[:, :2] for i in range(2)]
    white = np.concatenate([p - np.median(p, axis=0) for p in parts]) @ space.whitening.T
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(2), atol=1e-4)


def test_one_far_frame_dominates_the_distances():
    sequences = make_sequences([60], n_latent=3)
    frames = sequences.frames_of(0).copy()
    frames[17, :3] += 40.0
    space = fit_frame_space(sequences)
    distances = frame_distances(frames[:, :3].T, space)
    found = dict(zip(DISTANCE_STATISTICS, distance_statistics(distances).tolist(), strict=True))
    assert distances.argmax() == 17
    assert found["position_of_max"] == pytest.approx(17 / 59)
    assert found["longest_run"] == 1
    assert found["top_1"] > 5 * found["top_2"]


@pytest.mark.parametrize("n_frames", [1, 2, 5])
@pytest.mark.parametrize("level", [0.0, 2.0])
def test_distances_without_scatter_are_finite(n_frames, level):
    assert np.isfinite(distance_statistics(np.full(n_frames, level, np.float32))).all()


def test_longest_run_is_counted_over_neighbours_only():
    distances = np.array([1, 1, 9, 9, 9, 1, 9, 1, 1, 1, 1], np.float32)
    assert distance_statistics(distances)[DISTANCE_STATISTICS.index("longest_run")] == 3


@pytest.mark.parametrize("n_frames", [2, 4, 6, 7, 300, 1300])
def test_neighbours_are_those_of_a_tree(n_frames):
    sequences = make_sequences([n_frames, 100])
    space = fit_frame_space(sequences)
    means = sequences.frames_of(0)[:, :3]
    white = means.astype(float) @ space.whitening.T
    expected = cKDTree(white).query(white, k=min(6, n_frames))[0][:, [1, -1]].T
    np.testing.assert_allclose(neighbour_distances(means.T, space), expected, atol=2e-3)


def test_frames_that_repeat_have_neighbours_at_no_distance():
    space = fit_frame_space(make_sequences([100]))
    means = np.tile(np.arange(3.0, dtype=np.float32)[:, None], 20)
    distances = neighbour_distances(means, space)
    np.testing.assert_allclose(distances, 0.0, atol=1e-3)
    assert np.isfinite(neighbour_statistics(distances)).all()
    assert len(neighbour_statistics(distances)) == len(NEIGHBOUR_STATISTICS)


@pytest.mark.parametrize("n_frames", [1, 2, 5, 6, 7, 100])
def test_segments_agree_with_a_loop_over_them(n_frames):
    columns = np.random.default_rng(n_frames).normal(size=(2, n_frames)).astype(np.float32)
    found = dict(zip(SEGMENT_STATISTICS, segment_statistics(columns), strict=True))
    whole = columns.std(axis=1) + 1e-3
    for i, part in enumerate(np.array_split(columns, N_SEGMENTS, axis=1)):
        if part.shape[1] == 0:
            np.testing.assert_array_equal(found[f"level_{i}"], 0.0)
            continue
        level = (part.mean(axis=1) - columns.mean(axis=1)) / whole
        np.testing.assert_allclose(found[f"level_{i}"], level, atol=1e-5)
        if i % 2 == 0:
            scatter = np.log((part.std(axis=1) + 1e-3) / whole)
            np.testing.assert_allclose(found[f"scatter_{i}"], scatter, atol=2e-3)


def test_log_variances_that_follow_the_means_leave_nothing():
    rng = np.random.default_rng(2)
    means = rng.normal(size=(2, 400)).astype(np.float32)
    follows = np.stack([1 + means[0] * means[1], means[1] ** 2 - means[0]])
    noise = 0.1 * rng.normal(size=follows.shape)
    model = fit_expected_spread(means, follows + noise)
    assert np.corrcoef(model.residuals(means, follows + noise).ravel(), noise.ravel())[0, 1] > 0.98
    assert model.residuals(means, follows + noise).std() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("n_columns", [3, 6])
def test_every_feature_has_a_name_and_is_finite(n_columns):
    sequences = make_sequences([1, 2, 3, 200], n_columns=n_columns)
    space = fit_pooled_space(sequences)
    features = pool_frames(sequences, space)
    names = pooled_feature_names(space)
    assert features.shape == (4, len(names))
    assert len(set(names)) == len(names)
    groups = pooled_feature_groups(space)
    assert len(groups) == len(names)
    assert set(groups) <= set(FEATURE_GROUPS)
    assert ("spreads" in groups) == (n_columns == 6)
    assert np.isfinite(features).all()


def test_a_row_depends_on_its_own_object_alone():
    sequences = make_sequences([5, 40, 700, 1])
    space = fit_pooled_space(sequences)
    together = pool_frames(sequences, space)
    for i in range(4):
        alone = pool_frames(sequences.take(np.array([i])), space)[0]
        np.testing.assert_array_equal(alone, together[i])
    many = sequences.take(np.arange(200) % 4)
    np.testing.assert_array_equal(pool_frames(many, space, n_threads=3)[:4], together)
    backwards = pool_frames(sequences.take(np.arange(4)[::-1]), space)[::-1]
    np.testing.assert_array_equal(backwards, together)


def test_order_matters_to_changes_only():
    sequences = make_sequences([64], n_columns=3)
    space = fit_pooled_space(sequences)
    shuffled = EmbeddedSequences(
        values=np.random.default_rng(3).permutation(sequences.values), offsets=sequences.offsets,
        object_ids=sequences.object_ids, mjd_tai=sequences.mjd_tai, n_latent=3,
    )  # fmt: skip
    before, after = (pool_frames(s, space)[0] for s in (sequences, shuffled))
    ordered = (
        "step", "last_minus_first", "trend", "lag_1", "position_of_max", "longest_run",
        "level_", "scatter_", "slope", "bend",
    )  # fmt: skip
    for name, x, y in zip(pooled_feature_names(space), before, after, strict=True):
        if not any(word in name for word in ordered):
            assert x == pytest.approx(y, rel=1e-3, abs=1e-4), name


def test_dead_dimensions_are_left_out():
    sequences = make_sequences([100, 100], n_latent=4)
    values = sequences.values.copy()
    values[:, :4] = values[:, :4] * np.array([1.0, 1e-3, 2.0, 1e-3])
    values[:, 4:] = np.log(np.array([0.1, 1.0, 0.2, 1.0]))
    sequences = EmbeddedSequences(
        values=values, offsets=sequences.offsets, object_ids=sequences.object_ids,
        mjd_tai=sequences.mjd_tai, n_latent=4,
    )  # fmt: skip
    assert fit_frame_space(sequences).active.tolist() == [0, 2]
    assert latent_information(sequences)[1] < 1e-4


def test_a_space_returns_from_its_arrays():
    sequences = make_sequences([20, 30])
    space = fit_pooled_space(sequences)
    again = PooledSpace.from_arrays(space.arrays())
    np.testing.assert_array_equal(pool_frames(sequences, again), pool_frames(sequences, space))


def test_frames_of_another_encoder_are_refused():
    space = fit_pooled_space(make_sequences([20], n_latent=3))
    with pytest.raises(InvalidInputError, match="encoder"):
        pool_frames(make_sequences([20], n_latent=4), space)
    with pytest.raises(InvalidInputError, match="columns"):
        pool_frames(make_sequences([20], n_latent=3, n_columns=3), space)


def test_a_single_frame_of_a_kind_shows_in_its_peak_and_hardly_in_its_share():
    rng = np.random.default_rng(6)
    values = rng.normal(size=(400, 2)).astype(np.float32)
    values[300:, 0] += 30.0
    sequences = EmbeddedSequences(
        values=values, offsets=[0, 100, 400], object_ids=np.arange(2), n_latent=2,
        mjd_tai=np.full(400, np.nan),
    )  # fmt: skip
    space = fit_pooled_space(sequences, n_looks=2)
    groups = np.array(pooled_feature_groups(space))
    one_far = sequences.take(np.array([0]))
    moved = one_far.values.copy()
    moved[40, 0] += 30.0
    before = pool_frames(one_far, space)[0]
    after = pool_frames(
        EmbeddedSequences(
            values=moved, offsets=[0, 100], object_ids=np.arange(1), n_latent=2,
            mjd_tai=np.full(100, np.nan),
        ),
        space,
    )[0]  # fmt: skip
    assert sorted(before[groups == "peaks"].round(3).tolist()) == [0.0, 1.0]
    np.testing.assert_allclose(after[groups == "peaks"], 1.0, atol=1e-3)
    assert np.exp(after[groups == "looks"]).min() == pytest.approx(0.011, abs=1e-4)
