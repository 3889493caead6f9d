"""Epochs of a light curve laid on the times of frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.features.frame_epochs import attach_light_curve
from skyvet.records.light_curve import LightCurve

SECOND = 1 / 86400


def curve_at(times):
    n = len(times)
    return LightCurve(
        mjd_tai=np.asarray(times, dtype=float),
        flux_njy=np.arange(1.0, n + 1),
        flux_err_njy=np.full(n, 0.5),
        band=np.full(n, "r"),
        is_upper_limit=np.zeros(n, bool),
        is_difference=False,
    )


def test_frames_get_the_epochs_of_their_exposures_and_counts_add_up():
    epochs = curve_at([100.0, 100.0 + 40 * SECOND, 105.0, 107.0])
    frames = np.array([100.0 + 10 * SECOND, 105.0 - 31 * SECOND, np.nan, 107.0, 200.0])
    found = attach_light_curve(frames, epochs)
    np.testing.assert_array_equal(found.i_epoch, [0, -1, -1, 3, -1])
    np.testing.assert_array_equal(found.flux_njy, [1, np.nan, np.nan, 4, np.nan])
    np.testing.assert_array_equal(np.isnan(found.flux_err_njy), np.isnan(found.flux_njy))
    assert found.gap_s[0] == pytest.approx(10, abs=1e-4)
    assert found.magnitude[0] == pytest.approx(31.4)
    assert (found.n_attached, found.n_without, found.n_unknown_times) == (2, 2, 1)
    assert found.n_epochs_unused == 2


def test_an_epoch_goes_to_the_nearest_of_several_frames():
    found = attach_light_curve(100.0 + SECOND * np.array([-20.0, 5.0, 10.0]), curve_at([100.0]))
    np.testing.assert_array_equal(found.i_epoch, [-1, 0, -1])


@pytest.mark.parametrize(("n_frames", "n_epochs"), [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_none_and_one_are_no_special_cases(n_frames, n_epochs):
    found = attach_light_curve(np.arange(float(n_frames)), curve_at(np.arange(float(n_epochs))))
    assert len(found.flux_njy) == len(found.gap_s) == n_frames
    assert found.n_attached == min(n_frames, n_epochs)
    assert found.n_attached + found.n_epochs_unused == n_epochs


@given(
    frames=st.lists(st.floats(0, 0.01), max_size=12),
    epochs=st.lists(st.floats(0, 0.01), max_size=12),
    tolerance_s=st.floats(0, 100),
)
def test_every_attached_epoch_is_the_nearest_and_within_tolerance(frames, epochs, tolerance_s):
    epochs = np.sort(epochs)
    found = attach_light_curve(np.array(frames), curve_at(epochs), tolerance_s=tolerance_s)
    used = found.i_epoch[found.i_epoch >= 0]
    assert len(set(used)) == len(used)
    for frame, i in zip(frames, found.i_epoch, strict=True):
        if i >= 0:
            distance_s = np.abs(epochs - frame) * 86400
            assert distance_s[i] == pytest.approx(distance_s.min(), abs=1e-9)
            assert distance_s[i] <= tolerance_s
    assert found.n_attached + found.n_without == len(frames)


@given(order=st.permutations(range(6)))
def test_the_order_of_frames_does_not_matter(order):
    frames = np.array([1.0, 2.0, 2.0 + 5 * SECOND, 3.0, 4.0, np.nan])
    epochs = curve_at([1.0, 2.0, 3.5, 4.0])
    plain = attach_light_curve(frames, epochs).i_epoch
    np.testing.assert_array_equal(attach_light_curve(frames[order], epochs).i_epoch, plain[order])


def test_a_negative_tolerance_is_refused():
    with pytest.raises(InvalidInputError, match="tolerance"):
        attach_light_curve(np.zeros(1), curve_at([]), tolerance_s=-1.0)
