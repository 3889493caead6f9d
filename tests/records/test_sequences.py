"""Ragged embeddings keep frames with their objects."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.sequences import EmbeddedSequences
from skyvet.records.ztf_oid import parse_ztf_oid


def make(lengths=(2, 3, 1), **changes) -> EmbeddedSequences:
    n = sum(lengths)
    fields = {
        "values": np.arange(2 * n, dtype=float).reshape(n, 2),
        "offsets": np.cumsum([0, *lengths]),
        "object_ids": np.array([f"o{i}" for i in range(len(lengths))]),
        "mjd_tai": np.arange(n, dtype=float),
        "n_latent": 2,
        "light_curve": np.arange(float(len(lengths)))[:, None],
        "light_curve_names": ("amplitude",),
    }
    return EmbeddedSequences(**{**fields, **changes})


def test_taking_objects_takes_their_frames_times_and_features() -> None:
    whole = make()
    part = whole.take(np.array([2, 0]))
    assert part.object_ids.tolist() == ["o2", "o0"]
    np.testing.assert_array_equal(part.frames_of(0), whole.frames_of(2))
    np.testing.assert_array_equal(part.frames_of(1), whole.frames_of(0))
    np.testing.assert_array_equal(part.times_of(1), whole.times_of(0))
    np.testing.assert_array_equal(part.light_curve, [[2.0], [0.0]])


def test_taking_all_objects_changes_nothing() -> None:
    whole = make()
    np.testing.assert_array_equal(whole.take(np.arange(3)).values, whole.values)


def test_taking_no_object_gives_an_empty_record() -> None:
    assert len(make().take(np.array([], dtype=int))) == 0


def test_without_light_curve_keeps_the_frames() -> None:
    bare = make().without_light_curve()
    assert bare.light_curve is None
    np.testing.assert_array_equal(bare.values, make().values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.full((6, 2), np.nan)}, "finite"),
        ({"values": np.zeros((6, 3))}, "columns"),
        ({"mjd_tai": np.zeros(5)}, "one time a frame"),
        ({"offsets": np.array([0, 2, 2, 6])}, "at least one frame"),
        ({"offsets": np.array([0, 2, 5])}, "offsets"),
        ({"light_curve": np.zeros((2, 1))}, "light_curve"),
    ],
)
def test_shapes_that_disagree_are_refused(changes, message) -> None:
    with pytest.raises(InvalidInputError, match=message):
        make(**changes)


@pytest.mark.parametrize(
    ("oid", "field", "band", "ccd", "quadrant"),
    [(257201400048862, 257, "r", 1, 4), (1866316300012345, 1866, "i", 16, 3)],
)
def test_an_oid_tells_where_it_was_taken(oid, field, band, ccd, quadrant) -> None:
    parsed = parse_ztf_oid(oid)
    assert (parsed.field, parsed.band, parsed.ccd, parsed.quadrant) == (field, band, ccd, quadrant)
    assert parse_ztf_oid(str(oid)) == parsed


@pytest.mark.parametrize("oid", ["star-7", 12, 257901400048862, 257217400048862, 257201900048862])
def test_what_is_no_oid_is_refused(oid) -> None:
    with pytest.raises(InvalidInputError, match="OID"):
        parse_ztf_oid(oid)
