"""Ragged batches of light curves."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.light_curve_batch import LightCurveBatch, join_light_curve_batches


def _batch(**changes):
    document = {
        "source_ids": np.array([10, 11, 12]),
        "offsets": np.array([0, 2, 2, 5]),
        "mjd_tai": np.array([1.0, 2.0, 0.5, 0.5, 3.0]),
        "flux_njy": np.arange(5.0),
        "flux_err_njy": np.ones(5),
        "band": np.array([0, 1, 1, 0, 0]),
        "bands": ("g", "r"),
        "columns": {"field": np.array([1, 1, 2])},
    }
    return LightCurveBatch(**{**document, **changes})


def test_sources_come_apart_as_light_curves():
    batch = _batch()
    assert len(batch) == 3
    assert batch.n_epochs.tolist() == [2, 0, 3]
    curve = batch.light_curve(2)
    assert curve.band.tolist() == ["r", "g", "g"]
    assert len(batch.light_curve(1)) == 0


def test_times_may_fall_between_sources_but_not_within_one():
    with pytest.raises(InvalidInputError, match="sorted within each source"):
        _batch(mjd_tai=np.array([2.0, 1.0, 0.5, 0.5, 3.0]))
    with pytest.raises(InvalidInputError, match="sorted within each source"):
        _batch(mjd_tai=np.array([1.0, 2.0, 0.5, 0.5, 0.4]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": np.array([0, 2, 5])}, "offsets must go from 0 to 5 in 3 steps"),
        ({"offsets": np.array([0, 3, 2, 5])}, "must not decrease"),
        ({"flux_njy": np.ones(4)}, "flux_njy must have shape"),
        ({"band": np.array([0, 1, 2, 0, 0])}, "band must lie in 0..1"),
        ({"bands": ("g", "g")}, "named once"),
        ({"ra_deg": np.ones(2)}, "ra_deg must have one entry a source"),
        ({"columns": {"field": np.ones(2)}}, "field must have one entry a source"),
        ({"mjd_tai": np.array([1.0, np.nan, 0.5, 0.5, 3.0])}, "finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        _batch(**changes)


def test_taking_sources_keeps_what_belongs_to_them():
    taken = _batch().take(np.array([2, 0]))
    assert taken.source_ids.tolist() == [12, 10]
    assert taken.columns["field"].tolist() == [2, 1]
    np.testing.assert_array_equal(taken.flux_njy, [2, 3, 4, 0, 1])
    assert taken.n_epochs.tolist() == [3, 2]


def test_epochs_can_be_left_out_without_losing_a_source():
    kept = _batch().keep_epochs(np.array([False, False, True, False, True]))
    assert kept.source_ids.tolist() == [10, 11, 12]
    assert kept.n_epochs.tolist() == [0, 0, 2]
    np.testing.assert_array_equal(kept.flux_njy, [2, 4])


def test_joined_batches_with_other_bands_hold_the_same_light_curves():
    first = _batch()
    second = _batch(bands=("r", "z"), source_ids=np.array([20, 21, 22]))
    joined = join_light_curve_batches([first, second])
    assert joined.bands == ("g", "r", "z")
    assert len(joined) == 6
    for i in range(3):
        for part, i_joined in ((first, i), (second, i + 3)):
            expected, found = part.light_curve(i), joined.light_curve(i_joined)
            np.testing.assert_array_equal(found.band, expected.band)
            np.testing.assert_array_equal(found.flux_njy, expected.flux_njy)
            np.testing.assert_array_equal(found.mjd_tai, expected.mjd_tai)


def test_batches_of_other_kinds_of_flux_or_columns_are_not_joined():
    with pytest.raises(InvalidInputError, match="no batch"):
        join_light_curve_batches([])
    with pytest.raises(InvalidInputError, match="is_difference"):
        join_light_curve_batches([_batch(), _batch(is_difference=True)])
    with pytest.raises(InvalidInputError, match="columns"):
        join_light_curve_batches([_batch(), _batch(columns={})])


def test_an_empty_batch_is_a_batch():
    empty = _batch().take(np.zeros(0, dtype=int))
    assert (len(empty), len(empty.mjd_tai)) == (0, 0)
    assert len(join_light_curve_batches([empty, _batch()])) == 3
