"""Records are checked once, cannot change, and keep identities exact."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import N_CUTOUT_KINDS, Cutout, CutoutKind, CutoutTriplet
from skyvet.records.flags import FLAG_MEANINGS, CandidateFlag
from skyvet.records.frames import FrameSequence
from skyvet.records.identifiers import check_identifier
from skyvet.records.labels import LabelValue
from skyvet.records.light_curve import LightCurve
from skyvet.records.rejections import RejectionReason
from skyvet.records.scores import Score, Verdict
from skyvet.records.taxonomy import CandidateClass


def _light_curve(**changes: object) -> LightCurve:
    values = {
        "mjd_tai": [1.0, 2.0],
        "flux_njy": [5.0, math.nan],
        "flux_err_njy": [1.0, math.nan],
        "band": ["g", "r"],
        "is_upper_limit": [False, True],
        "is_difference": True,
    }
    return LightCurve(**{**values, **changes})


def _frames(**changes: object) -> FrameSequence:
    values = {
        "object_id": 3,
        "frames": np.zeros((2, 4, 5)),
        "mjd_tai": [1.0, 2.0],
        "pixel_scale_arcsec": 1.0,
    }
    return FrameSequence(**{**values, **changes})


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_identifier_keeps_every_digit(value):
    assert check_identifier(np.int64(value), name="candidate_id") == value
    assert check_identifier(value, name="candidate_id") == value


@pytest.mark.parametrize("value", [1.0, np.float64(1), True, "", None, b"ZTF18", math.nan])
def test_identifier_of_another_type_is_refused(value):
    with pytest.raises(InvalidInputError, match="object_id must be an integer or a text"):
        check_identifier(value, name="object_id")


def test_candidate_turns_numpy_identifiers_into_plain_ones():
    candidate = Candidate(
        survey="ztf", candidate_id=np.int64(2**62 + 1), object_id="ZTF18a", mjd_tai=6e4
    )
    assert type(candidate.candidate_id) is int
    assert candidate.candidate_id == 2**62 + 1


@pytest.mark.parametrize("mjd_tai", [math.nan, math.inf])
def test_candidate_without_a_time_is_refused(mjd_tai):
    with pytest.raises(InvalidInputError, match="mjd_tai must be finite"):
        Candidate(survey="ztf", candidate_id=1, object_id=1, mjd_tai=mjd_tai)


def test_channel_order_is_science_template_difference():
    assert [kind.field for kind in CutoutKind] == ["science", "template", "difference"]
    assert list(CutoutKind) == list(range(N_CUTOUT_KINDS))


@pytest.mark.parametrize("shape", [(0, 3), (3,), (1, 3, 3), ()])
def test_cutout_that_is_no_image_is_refused(shape):
    with pytest.raises(InvalidInputError, match="non-empty 2-d image"):
        Cutout(pixels=np.zeros(shape))


def test_cutout_keeps_missing_pixels_and_refuses_writes():
    cutout = Cutout(pixels=np.array([[1.0, np.nan]]))
    assert np.isnan(cutout.pixels[0, 1])
    assert cutout.pixels.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        cutout.pixels[0, 0] = 2


def test_variance_of_another_shape_is_refused():
    with pytest.raises(InvalidInputError, match="variance must have the shape"):
        Cutout(pixels=np.zeros((2, 2)), variance=np.zeros((2, 3)))


@pytest.mark.parametrize(("size", "centre"), [(1, 0), (2, 0), (3, 1), (63, 31), (64, 31)])
def test_centre_is_the_lower_middle_pixel_unless_told(size, centre):
    pixels = np.zeros((size, size))
    assert Cutout(pixels=pixels).centre == (centre, centre)
    assert Cutout(pixels=pixels, centre_row_col=(0, 0)).centre == (0, 0)


def test_triplet_gives_every_kind_in_channel_order():
    science, difference = Cutout(pixels=np.ones((2, 2))), Cutout(pixels=np.ones((3, 3)))
    triplet = CutoutTriplet(
        science=science, template=None, difference=difference, pixel_scale_arcsec=1.0
    )
    assert list(triplet.items()) == [
        (CutoutKind.SCIENCE, science),
        (CutoutKind.TEMPLATE, None),
        (CutoutKind.DIFFERENCE, difference),
    ]
    assert triplet.get(CutoutKind.DIFFERENCE) is difference


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan])
def test_pixel_scale_must_be_positive(scale):
    cutout = Cutout(pixels=np.ones((2, 2)))
    with pytest.raises(InvalidInputError, match="pixel_scale_arcsec must be positive"):
        CutoutTriplet(science=cutout, template=None, difference=None, pixel_scale_arcsec=scale)
    with pytest.raises(InvalidInputError, match="pixel_scale_arcsec must be positive"):
        _frames(pixel_scale_arcsec=scale)


def test_triplet_without_any_image_is_refused():
    with pytest.raises(InvalidInputError, match="at least one cutout"):
        CutoutTriplet(science=None, template=None, difference=None, pixel_scale_arcsec=1.0)


def test_light_curve_keeps_missing_fluxes_and_repeated_epochs():
    curve = _light_curve(mjd_tai=[1.0, 1.0])
    assert len(curve) == 2
    assert np.isnan(curve.flux_njy[1])


def test_light_curve_may_be_empty():
    empty = np.array([])
    names = ("mjd_tai", "flux_njy", "flux_err_njy", "band", "is_upper_limit")
    assert len(_light_curve(**dict.fromkeys(names, empty))) == 0


@pytest.mark.parametrize("changes", [{"mjd_tai": [2.0, 1.0]}, {"mjd_tai": [1.0, math.nan]}])
def test_light_curve_out_of_order_or_time_is_refused(changes):
    with pytest.raises(InvalidInputError, match="finite and sorted"):
        _light_curve(**changes)


def test_light_curve_of_unequal_lengths_is_refused():
    with pytest.raises(InvalidInputError, match="one length"):
        _light_curve(band=["g"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": np.zeros((2, 4))}, "frames must have shape"),
        ({"frames": np.zeros((0, 4, 5))}, "frames must have shape"),
        ({"mjd_tai": [1.0]}, "one time a frame"),
        ({"mjd_tai": [2.0, 1.0]}, "sorted"),
    ],
)
def test_frame_sequence_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        _frames(**changes)


def test_frame_sequence_may_have_unknown_times():
    assert len(_frames(mjd_tai=[math.nan, math.nan])) == 2


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan])
def test_score_outside_its_range_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"in \[0, 1\]"):
        Score(value=value, verdict=Verdict.REAL, is_calibrated=True, bundle="b")


def test_records_cannot_be_changed():
    score = Score(value=0.5, verdict=Verdict.REVIEW, is_calibrated=True, bundle="b")
    with pytest.raises(dataclasses.FrozenInstanceError):
        score.value = 0.6


def test_flags_are_single_bits_and_each_is_explained():
    bits = [flag for flag in CandidateFlag if flag]
    assert all(flag.value.bit_count() == 1 for flag in bits)
    assert set(FLAG_MEANINGS) == set(bits)
    assert max(bits).value < 2**31, "the column is int32"


@pytest.mark.parametrize("kind", CandidateClass)
def test_every_class_has_a_meaning_and_a_side(kind):
    assert kind.meaning
    assert kind.label in {LabelValue.REAL, LabelValue.BOGUS}


def test_rejection_reasons_are_words_for_tables():
    assert all(reason.value == reason.name.lower() for reason in RejectionReason)
