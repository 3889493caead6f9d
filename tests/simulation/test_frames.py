"""Frame sequences: what is guilty shows it, what is not does not, and nothing depends on order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skyvet.core.photometry import magnitude_to_flux_njy
from skyvet.records.labels import LabelValue
from skyvet.simulation.frame_artefacts import (
    Exposure,
    FrameArtefact,
    draw_painter,
    persistence,
)
from skyvet.simulation.frames import (
    FrameConfig,
    frame_calendar,
    simulate_frame_sequence,
    simulate_frame_sequences,
)
from skyvet.simulation.psf import Psf

pytest.importorskip("numba")


def make_exposure(size=28, light=0.0):
    return Exposure(
        light=np.full((size, size), light),
        missing_mask=np.zeros((size, size), dtype=bool),
        psf=Psf(fwhm_px=2.0),
        noise=5.0,
        centre_x=13.2,
        centre_y=13.4,
        rng=np.random.default_rng(1),
    )


@pytest.mark.parametrize("kind", list(FrameArtefact))
def test_every_artefact_changes_the_region_of_the_object(kind):
    exposure = make_exposure()
    dx, dy = exposure.offsets()
    exposure.light += 5000.0 * exposure.psf.surface_brightness(dx, dy)
    before = exposure.light.copy()
    draw_painter(kind, 28, strength=15.0, rng=np.random.default_rng(2))(exposure)
    changed = np.abs(exposure.light - before) > 5.0
    near = changed[7:21, 7:21] | exposure.missing_mask[7:21, 7:21]
    assert near.any()


@pytest.mark.parametrize("kind", sorted(set(FrameArtefact) - {FrameArtefact.FRAME_EDGE}))
def test_only_the_frame_edge_takes_pixels_away(kind):
    exposure = make_exposure()
    draw_painter(kind, 28, strength=15.0, rng=np.random.default_rng(2))(exposure)
    assert not exposure.missing_mask.any()


def test_defocusing_keeps_the_flux_of_an_isolated_star():
    exposure = make_exposure(size=41)
    exposure.light[20, 20] = 1000.0
    painter = draw_painter(FrameArtefact.DEFOCUSING, 41, strength=1.0, rng=np.random.default_rng(1))
    painter(exposure)
    assert exposure.light.sum() == pytest.approx(1000.0, rel=1e-9)
    assert exposure.light.max() < 50.0


def test_a_bright_star_lights_the_whole_frame():
    exposure = make_exposure()
    painter = draw_painter(
        FrameArtefact.BRIGHT_STAR, 28, strength=1.0, rng=np.random.default_rng(1)
    )
    painter(exposure)
    assert (exposure.light > 0).all()
    # a star of at least 6e5 ADU at most 0.6 frames away
    assert exposure.light.sum() > 5000.0


@pytest.mark.parametrize("kind", [FrameArtefact.TRACK, FrameArtefact.COSMIC_RAY])
def test_events_of_one_exposure_never_persist(kind):
    assert persistence(kind) == 0.0
    config = FrameConfig(artefacts=(kind,), artefact_fraction=1.0, max_epochs=60, median_epochs=40)
    for simulated in simulate_frame_sequences(config, 0, 6):
        assert 1 <= simulated.guilty_mask.sum() <= 5


def test_real_objects_have_no_guilty_frames_and_bogus_ones_do():
    config = FrameConfig(max_epochs=25, median_epochs=15)
    for simulated in simulate_frame_sequences(config, 0, 20):
        is_bogus = simulated.label is LabelValue.BOGUS
        assert simulated.guilty_mask.any() == is_bogus
        assert bool(simulated.tags) == is_bogus


def test_artefact_changes_guilty_frames_alone():
    """Same seed with and without the artefact: other frames are equal bit for bit."""
    config = FrameConfig(artefact_fraction=1.0, max_epochs=40, median_epochs=30, strength=20.0)
    weak = config.model_copy(update={"strength": 1e-9})
    n_changed = 0
    for i in range(8):
        one, two = (simulate_frame_sequence(c, i) for c in (config, weak))
        np.testing.assert_array_equal(one.guilty_mask, two.guilty_mask)
        clean = ~one.guilty_mask
        np.testing.assert_array_equal(one.sequence.frames[clean], two.sequence.frames[clean])
        guilty = one.sequence.frames[~clean], two.sequence.frames[~clean]
        n_changed += not np.array_equal(*guilty, equal_nan=True)
    assert n_changed >= 5


def test_aperture_photometry_follows_the_true_flux():
    config = FrameConfig(artefact_fraction=0.0, max_epochs=120, median_epochs=110)
    found = []
    for simulated in simulate_frame_sequences(config, 0, 25):
        true_adu = simulated.true_flux_njy / magnitude_to_flux_njy(simulated.zero_point_mag)
        if np.std(true_adu) < 1500.0 or len(true_adu) < 20 or true_adu.max() > 2e5:
            continue
        frames = simulated.sequence.frames.astype(float)
        border = np.concatenate([frames[:, :3].reshape(len(frames), -1)], axis=1)
        box = frames[:, 7:21, 7:21] - np.median(border, axis=1)[:, None, None]
        found.append(np.corrcoef(box.sum(axis=(1, 2)), true_adu)[0, 1])
    assert found
    # a 14 px box takes in neighbours and loses 5 % of the light in bad seeing
    assert np.median(found) > 0.9


def test_noise_of_an_empty_corner_is_that_of_the_sky():
    config = FrameConfig(artefact_fraction=0.0, max_epochs=80, median_epochs=60)
    spreads = [
        np.median(np.std(s.sequence.frames[:, :5, :5].astype(float), axis=(1, 2)))
        for s in simulate_frame_sequences(config, 0, 8)
    ]
    # 7 ADU typical; stars in some corners make single objects larger
    assert 6.0 < np.median(spreads) < 9.0


@given(n=st.integers(5, 1100))
@settings(max_examples=6, deadline=None)
def test_number_of_frames_can_be_fixed(n):
    config = FrameConfig(min_epochs=n, max_epochs=n)
    simulated = simulate_frame_sequence(config, 0)
    assert simulated.sequence.frames.shape == (n, 28, 28)
    assert np.all(np.diff(simulated.sequence.mjd_tai) >= 0)


def test_an_object_does_not_depend_on_its_neighbours():
    config = FrameConfig(max_epochs=12, median_epochs=8)
    alone = simulate_frame_sequence(config, 3, calendar=frame_calendar(config))
    among = simulate_frame_sequences(config, 1, 5)[2]
    np.testing.assert_array_equal(alone.sequence.frames, among.sequence.frames)


def test_epoch_counts_follow_the_real_set():
    config = FrameConfig(artefact_fraction=0.0)
    rng_counts = [len(simulate_frame_sequence(config, i).sequence) for i in range(25)]
    # real quartiles 278 and 622 around 426
    assert 300 < np.median(rng_counts) < 560


def test_fewest_above_most_epochs_is_refused():
    with pytest.raises(ValueError, match="min_epochs must not exceed"):
        FrameConfig(min_epochs=10, max_epochs=5)


def test_missing_pixels_are_nan():
    config = FrameConfig(
        artefacts=(FrameArtefact.FRAME_EDGE,),
        artefact_fraction=1.0,
        max_epochs=20,
        median_epochs=15,
    )
    simulated = simulate_frame_sequence(config, 0)
    has_nan = np.isnan(simulated.sequence.frames).any(axis=(1, 2))
    np.testing.assert_array_equal(has_nan, simulated.guilty_mask)


@pytest.mark.parametrize("field", ["median_epochs", "strength"])
@pytest.mark.parametrize("value", [np.inf, np.nan, 1e308])
def test_numbers_beyond_all_bounds_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        FrameConfig(**{field: value})
