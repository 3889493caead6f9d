"""Cutouts of any size and damage become stamps, or a rejection with its reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.errors import InvalidInputError, PacketError
from skyvet.preprocessing.stamps import (
    Centring,
    fit_stamps,
    place_cutout,
    place_triplet,
    quantise_stamps,
    restore_stamps,
    robust_location_scale,
    valid_pixels,
)
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.records.flags import CandidateFlag


def triplet(**planes: np.ndarray | None) -> Candidate:
    rng = np.random.default_rng(0)
    made = {
        kind: planes.get(kind, rng.normal(size=(63, 63)))
        for kind in ("science", "template", "difference")
    }
    cutouts = {k: None if v is None else Cutout(pixels=v) for k, v in made.items()}
    return Candidate(
        survey="ztf",
        candidate_id=1,
        object_id="a",
        mjd_tai=60000.0,
        cutouts=CutoutTriplet(pixel_scale_arcsec=1.0, **cutouts),
    )


def marked(height: int, width: int, centre: tuple[int, int] | None = None) -> Cutout:
    pixels = np.zeros((height, width))
    cutout = Cutout(pixels=pixels, centre_row_col=centre)
    pixels = pixels.copy()
    pixels[cutout.centre] = 7.0
    return Cutout(pixels=pixels, centre_row_col=centre)


@pytest.mark.parametrize("shape", [(63, 63), (43, 63), (63, 59), (81, 81), (30, 30), (102, 102)])
def test_the_candidate_stays_central(shape: tuple[int, int]) -> None:
    stamp = place_cutout(marked(*shape), 63, Centring.CANDIDATE)
    assert stamp[31, 31] == 7.0


@pytest.mark.parametrize("centre", [(0, 0), (5, 31), (42, 62), (20, 0)])
def test_an_edge_candidate_is_placed_by_its_pixel(centre: tuple[int, int]) -> None:
    stamp = place_cutout(marked(43, 63, centre), 63, Centring.CANDIDATE)
    assert stamp[31, 31] == 7.0
    assert np.isnan(stamp).any()


def test_corner_aligns_first_pixels_and_middle_centres_images() -> None:
    cutout = Cutout(pixels=np.ones((43, 60)))
    corner = place_cutout(cutout, 63, Centring.CORNER)
    middle = place_cutout(cutout, 63, Centring.MIDDLE)
    assert np.isfinite(corner[:43, :60]).all()
    assert np.isnan(corner[43:]).all()
    assert np.isnan(corner[:, 60:]).all()
    assert np.isfinite(middle[10:53, 2:62]).all()
    assert np.isfinite(middle).sum() == 43 * 60


def test_rules_agree_on_full_size_cutouts() -> None:
    cutout = Cutout(pixels=np.random.default_rng(1).normal(size=(63, 63)))
    stamps = [place_cutout(cutout, 63, rule) for rule in Centring]
    for stamp in stamps[1:]:
        np.testing.assert_array_equal(stamp, stamps[0])


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    size=st.integers(8, 80),
    rule=st.sampled_from(Centring),
)
def test_placing_never_invents_or_doubles_pixels(
    height: int, width: int, size: int, rule: Centring
) -> None:
    pixels = np.arange(height * width, dtype=np.float32).reshape(height, width)
    stamp = place_cutout(Cutout(pixels=pixels), size, rule)
    kept = stamp[~np.isnan(stamp)]
    assert stamp.shape == (size, size)
    assert len(np.unique(kept)) == len(kept)
    assert np.isin(kept, pixels).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -3.4028235e38, 1.1e30])
def test_fill_values_are_missing(value: float) -> None:
    assert not valid_pixels(np.array([value], dtype=np.float32))[0]


def test_sentinels_are_masked_and_flagged() -> None:
    template = np.random.default_rng(0).normal(size=(63, 63)).astype(np.float32)
    template[:5] = -3.4028235e38
    placed = place_triplet(triplet(template=template), size_px=63)
    assert np.isnan(placed.pixels[1, :5]).all()
    assert CandidateFlag.MISSING_PIXELS in placed.flags
    assert placed.valid_fraction == pytest.approx(1 - 5 / (3 * 63), abs=1e-6)


@pytest.mark.parametrize(
    ("planes", "reason"),
    [
        ({"science": np.zeros((63, 63))}, "blank_stamp"),
        ({"difference": np.full((63, 63), np.nan)}, "no_valid_pixels"),
        ({"template": np.full((63, 63), -3.4028235e38)}, "no_valid_pixels"),
        ({"science": None}, "no_cutouts"),
        ({"science": np.zeros((5000, 1))}, "stamp_size"),
    ],
)
def test_a_hopeless_stamp_is_refused(planes: dict[str, np.ndarray | None], reason: str) -> None:
    with pytest.raises(PacketError) as caught:
        place_triplet(triplet(**planes), size_px=63)
    assert caught.value.reason == reason


def test_a_candidate_without_cutouts_is_refused() -> None:
    candidate = Candidate(survey="ztf", candidate_id=1, object_id="a", mjd_tai=60000.0)
    with pytest.raises(PacketError, match="no_cutouts"):
        place_triplet(candidate, size_px=63)


def test_a_survey_without_templates_is_flagged_not_refused() -> None:
    placed = place_triplet(triplet(template=None), size_px=63)
    assert CandidateFlag.NO_TEMPLATE in placed.flags
    assert np.isnan(placed.pixels[1]).all()


def test_variance_follows_its_cutout() -> None:
    variance = np.arange(900.0).reshape(30, 30)
    cutout = Cutout(pixels=np.random.default_rng(0).normal(size=(30, 30)), variance=variance)
    candidate = Candidate(
        survey="lsst",
        candidate_id=1,
        object_id=2,
        mjd_tai=60000.0,
        cutouts=CutoutTriplet(
            science=cutout, template=cutout, difference=cutout, pixel_scale_arcsec=0.2
        ),
    )
    placed = place_triplet(candidate, size_px=20, with_variance=True)
    assert placed.pixels.shape == (6, 20, 20)
    np.testing.assert_array_equal(placed.pixels[3], variance[5:25, 5:25])


@given(
    level=st.floats(-1e6, 1e6),
    spread=st.floats(1e-3, 1e4),
    peak=st.floats(0, 1e8),
    seed=st.integers(0, 10),
)
def test_half_precision_keeps_heights_and_holes(
    level: float, spread: float, peak: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = (level + spread * rng.normal(size=(1, 3, 16, 16))).astype(np.float32)
    pixels[0, 0, 8, 8] += peak
    pixels[0, 1, :3] = np.nan
    restored = restore_stamps(quantise_stamps(pixels))
    np.testing.assert_array_equal(np.isnan(restored), np.isnan(pixels))
    height = np.abs(pixels - np.nanmedian(pixels, axis=(2, 3), keepdims=True))
    # half precision has 11 bits; float32 rounding of the level itself comes on top
    allowed = 2e-3 * height + 2e-3 * spread + 1e-6 * abs(level) + 1e-6 * peak
    assert (np.abs(restored - pixels)[~np.isnan(pixels)] <= allowed[~np.isnan(pixels)]).all()


def test_quantising_twice_changes_nothing() -> None:
    pixels = np.random.default_rng(3).normal(100, 5, (2, 3, 63, 63)).astype(np.float32)
    once = quantise_stamps(pixels)
    twice = quantise_stamps(restore_stamps(once))
    np.testing.assert_allclose(
        restore_stamps(twice), restore_stamps(once), rtol=0, atol=0.02
    )  # one unit of half precision at 5 sigma of 5


def test_quantise_refuses_other_planes() -> None:
    with pytest.raises(InvalidInputError, match="3 or 6"):
        quantise_stamps(np.zeros((1, 2, 8, 8), np.float32))


def test_location_and_scale_equal_numpy_on_holes() -> None:
    rng = np.random.default_rng(5)
    pixels = rng.normal(size=(4, 3, 20, 20)).astype(np.float32)
    pixels[1, 2, :7] = np.nan
    location, scale = robust_location_scale(pixels)
    expected = np.nanmedian(pixels, axis=(2, 3))
    spread = 1.4826 * np.nanmedian(np.abs(pixels - expected[..., None, None]), axis=(2, 3))
    np.testing.assert_allclose(location, expected, rtol=1e-6)
    np.testing.assert_allclose(scale, spread, rtol=1e-5)


def test_scale_is_positive_whatever_comes() -> None:
    pixels = np.zeros((1, 3, 8, 8), np.float32)
    pixels[0, 1] = np.nan
    pixels[0, 2, 0, 0] = 5.0
    _, scale = robust_location_scale(pixels)
    assert (scale > 0).all()


@pytest.mark.parametrize(("size", "wanted"), [(63, 31), (31, 63), (30, 51), (64, 63), (63, 64)])
def test_fitting_keeps_the_central_pixel(size: int, wanted: int) -> None:
    pixels = np.zeros((1, 1, size, size))
    pixels[0, 0, (size - 1) // 2, (size - 1) // 2] = 1.0
    fitted = fit_stamps(pixels, wanted)
    assert fitted[0, 0, (wanted - 1) // 2, (wanted - 1) // 2] == 1.0
    assert fitted.shape == (1, 1, wanted, wanted)
