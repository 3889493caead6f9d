"""What networks are fed: the columns asked for, scaled as in training; views share no frame."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError

from skyvet.core.errors import InvalidInputError
from skyvet.models.sequences.frame_inputs import (
    FrameInputConfig,
    FrameInputs,
    FrameInputStats,
    fit_frame_inputs,
    strided_views,
)

EVERYTHING = FrameInputConfig(
    log_variances=True, robust_z=True, deviations=True, steps=True, distances=True, context=True
)


@pytest.fixture(scope="module")
def sequences(planted_sequences):
    return planted_sequences(30, seed=4).labelled.sequences


def unscaled(inputs: FrameInputs, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and context in their own units."""
    prepared = inputs.of_object(frames)
    stats = inputs.stats
    return (
        prepared.frames * stats.frame_scale + stats.frame_centre,
        prepared.context * stats.context_scale + stats.context_centre,
    )


def test_columns_are_what_they_are_called(sequences):
    inputs = fit_frame_inputs(sequences, EVERYTHING.model_copy(update={"largest": 1e9}))
    frames = sequences.frames_of(3)
    means = frames[:, :3].astype(np.float64)
    median = np.median(means, axis=0)
    mad = 1.4826 * np.median(np.abs(means - median), axis=0) + 1e-3
    z = (means - median) / mad
    steps = np.vstack([np.zeros((1, 3)), means[1:] - means[:-1]])
    whitening = inputs.stats.space.whitening
    distances = np.linalg.norm((means - median) @ whitening.T, axis=1)
    log_z = np.sign(z) * np.log(1 + np.abs(z))
    log_distance = np.log(1 + distances)[:, None]
    expected = np.hstack([frames, log_z, means - median, steps, log_distance])
    columns, context = unscaled(inputs, frames)
    # float32 columns
    np.testing.assert_allclose(columns, expected, atol=2e-5)
    expected_context = np.concatenate([median, np.log(mad), [np.log(len(frames))]])
    np.testing.assert_allclose(context, expected_context, atol=2e-5)


def test_columns_of_the_training_set_have_mean_0_and_scatter_1(sequences):
    inputs = fit_frame_inputs(sequences, EVERYTHING.model_copy(update={"largest": 1e9}))
    prepared = inputs.prepare(sequences)
    for columns in (prepared.frames, prepared.context):
        # float32 sums
        np.testing.assert_allclose(columns.mean(axis=0), 0.0, atol=1e-4)
        np.testing.assert_allclose(columns.std(axis=0), 1.0, atol=1e-4)


def test_many_objects_are_prepared_as_each_alone(sequences):
    inputs = fit_frame_inputs(sequences, EVERYTHING)
    prepared = inputs.prepare(sequences)
    assert len(prepared) == len(sequences)
    for i in range(len(sequences)):
        alone = inputs.of_object(sequences.frames_of(i))
        rows = slice(prepared.offsets[i], prepared.offsets[i + 1])
        np.testing.assert_array_equal(prepared.frames[rows], alone.frames)
        np.testing.assert_array_equal(prepared.context[i], alone.context)


@pytest.mark.parametrize("n_frames", [1, 2])
def test_constant_and_very_short_objects_stay_finite(sequences, n_frames):
    inputs = fit_frame_inputs(sequences, EVERYTHING)
    for value in (0.0, -3.0, 1e6):
        prepared = inputs.of_object(np.full((n_frames, 6), value, np.float32))
        assert np.isfinite(prepared.frames).all()
        assert np.isfinite(prepared.context).all()


def test_scaled_values_are_clipped(sequences):
    inputs = fit_frame_inputs(sequences, FrameInputConfig(largest=2.0))
    frames = np.zeros((5, 6), np.float32)
    frames[2] = 1e6
    assert inputs.of_object(frames).frames.max() == 2.0


def test_a_constant_column_is_scaled_to_0(sequences):
    single = sequences.take(np.flatnonzero(sequences.n_frames == sequences.n_frames.min())[:1])
    inputs = fit_frame_inputs(single, FrameInputConfig(context=True))
    assert (inputs.prepare(single).context == 0.0).all()


def test_dead_dimensions_are_left_out(sequences):
    values = np.array(sequences.values)
    values[:, 1] *= 1e-3
    values[:, 4] = 0.0  # log-variance of the standard normal: no information
    inputs = fit_frame_inputs(dataclasses.replace(sequences, values=values), FrameInputConfig())
    assert inputs.stats.space.active.tolist() == [0, 2]
    assert inputs.n_inputs == 2


def test_fitted_state_survives_storage(sequences):
    inputs = fit_frame_inputs(sequences, EVERYTHING)
    again = FrameInputs(
        config=FrameInputConfig.model_validate(EVERYTHING.model_dump(mode="json")),
        stats=FrameInputStats.from_arrays(inputs.stats.arrays()),
    )
    frames = sequences.frames_of(0)
    np.testing.assert_array_equal(again.of_object(frames).frames, inputs.of_object(frames).frames)


def test_no_column_and_no_object_are_refused(sequences):
    with pytest.raises(ValidationError, match="at least one kind of column"):
        FrameInputConfig(means=False)
    with pytest.raises(InvalidInputError, match="at least one object"):
        fit_frame_inputs(sequences.take(np.array([], dtype=np.int64)), FrameInputConfig())


@pytest.mark.parametrize("n_frames", [1, 2, 127, 128, 129, 300, 1090])
@pytest.mark.parametrize("n_views", [1, 3, 100])
def test_views_are_short_enough_and_share_no_frame(n_frames, n_views):
    views = strided_views(n_frames, max_frames=128, n_views=n_views)
    assert 1 <= len(views) <= n_views
    seen = np.concatenate(views)
    assert len(np.unique(seen)) == len(seen)
    assert all(1 <= len(view) <= 128 and (np.diff(view) > 0).all() for view in views)
    if n_views == 100 or n_frames <= 128:
        assert np.sort(seen).tolist() == list(range(n_frames))


def test_without_a_limit_the_whole_sequence_is_the_only_view():
    (view,) = strided_views(1090, max_frames=None, n_views=4)
    assert view.tolist() == list(range(1090))
