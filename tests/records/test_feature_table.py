"""Tables of features."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.feature_table import FeatureTable


def _table(**changes):
    document = {
        "source_ids": np.array([1, 2]),
        "names": ("a", "b"),
        "values": np.array([[1.0, np.nan], [3.0, 4.0]]),
        "dmdt": np.arange(2 * 26 * 26).reshape(2, 1, 26, 26),
        "dmdt_names": ("dmdt_g",),
        "columns": {"ra_deg": np.array([5.0, 6.0])},
    }
    return FeatureTable(**{**document, **changes})


def test_absent_features_are_missing_and_order_is_as_asked():
    chosen = _table().select(("b", "c", "a"))
    np.testing.assert_array_equal(chosen.values, [[np.nan, np.nan, 1], [4, np.nan, 3]])


def test_taking_sources_keeps_images_and_columns():
    taken = _table().take(np.array([1]))
    assert taken.source_ids.tolist() == [2]
    assert taken.columns["ra_deg"].tolist() == [6.0]
    np.testing.assert_array_equal(taken.dmdt, _table().dmdt[1:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("a", "a")}, "named twice"),
        ({"values": np.zeros((2, 3))}, "values must have shape"),
        ({"dmdt_names": ()}, "dmdt must have shape"),
        ({"columns": {"ra_deg": np.zeros(3)}}, "ra_deg must have one entry"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        _table(**changes)


def test_an_unknown_feature_is_an_error():
    with pytest.raises(InvalidInputError, match="no feature 'z'"):
        _table().column("z")
