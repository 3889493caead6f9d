"""Injected sources keep their flux, have the significance asked for and go where they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from skyvet.core.errors import InvalidInputError
from skyvet.records.cutouts import Cutout, CutoutTriplet
from skyvet.simulation.injection import (
    SourceFlux,
    draw_clean_position,
    inject_source,
    point_source_flux,
    point_source_noise,
    recentre_triplet,
)
from skyvet.simulation.injection_psf import (
    PsfSource,
    StampPsf,
    estimate_psf,
    fwhm_of_stars,
    psf_from_array,
)
from skyvet.simulation.psf import Psf

PSF = StampPsf(profile=Psf(fwhm_px=2.2, beta=3.0), fwhm_px=2.2, source=PsfSource.STAMP)


def gaussian(fwhm, size=25):
    grid = np.arange(size) - size // 2
    profile = np.exp(-0.5 * (np.hypot(grid[:, None], grid) / (fwhm / 2.3548)) ** 2)
    return profile / profile.sum()


def make_triplet(noise=5.0, size=63, seed=1, **planes):
    rng = np.random.default_rng(seed)
    images = {k: rng.normal(0, noise, (size, size)) for k in ("science", "template", "difference")}
    return CutoutTriplet(
        **{k: Cutout(pixels=image, **planes) for k, image in images.items()},
        pixel_scale_arcsec=1.0,
    )


def generator(seed=1):
    return np.random.default_rng(seed)


@given(
    flux=st.floats(10.0, 1e6),
    row=st.floats(-0.5, 0.5),
    column=st.floats(-0.5, 0.5),
)
@settings(max_examples=25, deadline=None)
def test_flux_is_conserved_in_science_and_difference(flux, row, column):
    before = make_triplet(noise=0.0)
    after = inject_source(
        before, SourceFlux(flux=flux), psf=PSF, position=(row, column), rng=generator()
    )
    # the stamp is 63 px and the profile ends after 9 px; pixels are float32
    for kind in ("science", "difference"):
        total = float(getattr(after, kind).pixels.astype(float).sum())
        assert total == pytest.approx(flux, rel=1e-5)
    assert after.template is before.template


def test_centroid_is_where_it_was_asked():
    after = inject_source(
        make_triplet(noise=0.0),
        SourceFlux(flux=1.0),
        psf=PSF,
        position=(3.3, -1.6),
        rng=generator(),
    )
    image = after.difference.pixels.astype(float)
    rows, columns = np.indices(image.shape)
    # sub-pixel sampling of the profile is 5 x 5
    assert (image * rows).sum() / image.sum() == pytest.approx(31 + 3.3, abs=0.02)
    assert (image * columns).sum() / image.sum() == pytest.approx(31 - 1.6, abs=0.02)


def test_measured_significance_is_the_one_asked_for():
    snr, found = 12.0, []
    for seed in range(60):
        triplet = make_triplet(seed=seed)
        noise = point_source_noise(triplet.difference, PSF)
        after = inject_source(
            triplet,
            SourceFlux(flux=snr * noise),
            psf=PSF,
            position=(0.0, 0.0),
            rng=generator(seed),
        )
        found.append(point_source_flux(after.difference.pixels, PSF)[31, 31] / noise)
    # mean of 60 with scatter 1 (and 5 % from the noise estimate): 0.13
    assert np.mean(found) == pytest.approx(snr, abs=0.5)
    assert np.std(found) == pytest.approx(1.0, abs=0.35)


def test_noise_of_white_pixels_matches_the_closed_form():
    noises = [point_source_noise(make_triplet(seed=s).difference, PSF) for s in range(20)]
    image = PSF.render()
    expected = 5.0 / np.sqrt((image**2).sum())
    # about 500 independent positions in each of 20 stamps
    assert np.mean(noises) == pytest.approx(expected, rel=0.05)


def test_correlated_noise_counts_more_than_white_noise_of_equal_variance():
    white = make_triplet().difference
    smooth = ndimage.gaussian_filter(white.pixels.astype(float), 1.0)
    smooth *= white.pixels.std() / smooth.std()
    ratio = point_source_noise(Cutout(pixels=smooth), PSF) / point_source_noise(white, PSF)
    assert ratio > 1.5


def test_photon_noise_is_the_same_grain_in_science_and_difference():
    before = make_triplet(noise=0.0)
    options = {"psf": PSF, "position": (0.0, 0.0)}
    clean = inject_source(before, SourceFlux(flux=1e4), **options, rng=generator())
    expected = clean.science.pixels.astype(float)
    bright = expected > 20
    pulls = []
    for seed in range(40):
        source = SourceFlux(flux=1e4, gain=2.0)
        after = inject_source(before, source, **options, rng=generator(seed))
        np.testing.assert_array_equal(after.science.pixels, after.difference.pixels)
        pulls.append((after.science.pixels - expected)[bright] / np.sqrt(expected[bright] / 2.0))
    # 40 x 45 pixels: standard error 2 %
    assert np.std(pulls) == pytest.approx(1.0, abs=0.08)


def test_variance_grows_by_the_photons_alone():
    before = make_triplet(variance=np.full((63, 63), 25.0))
    source = SourceFlux(flux=1000.0, gain=4.0)
    after = inject_source(before, source, psf=PSF, position=(0.0, 0.0), rng=generator())
    grown = after.difference.variance.astype(float) - 25.0
    # float32 beside 25: 2e-6 a pixel, some 4000 pixels
    assert grown.sum() == pytest.approx(250.0, rel=1e-3)


def test_missing_pixels_stay_missing():
    pixels = np.zeros((63, 63))
    pixels[30, 30] = np.nan
    stamp = Cutout(pixels=pixels)
    triplet = CutoutTriplet(science=stamp, template=stamp, difference=stamp, pixel_scale_arcsec=1.0)
    after = inject_source(
        triplet, SourceFlux(flux=5.0), psf=PSF, position=(0.0, 0.0), rng=generator()
    )
    np.testing.assert_array_equal(np.isnan(after.difference.pixels), np.isnan(pixels))


def test_each_cutout_gets_its_own_psf_plane():
    sharp, wide = gaussian(2.0), gaussian(5.0)
    blank = np.zeros((41, 41))
    triplet = CutoutTriplet(
        science=Cutout(pixels=blank, psf=sharp),
        template=None,
        difference=Cutout(pixels=blank, psf=wide),
        pixel_scale_arcsec=0.2,
    )
    psf = estimate_psf(triplet)
    after = inject_source(
        triplet, SourceFlux(flux=1.0), psf=psf, position=(0.0, 0.0), rng=generator()
    )
    assert psf.source is PsfSource.PACKET
    assert after.science.pixels.max() == pytest.approx(sharp.max(), rel=1e-5)
    assert after.difference.pixels.max() == pytest.approx(wide.max(), rel=1e-5)


@pytest.mark.parametrize("fwhm", [1.8, 2.5, 3.5])
def test_width_of_stars_is_measured(fwhm):
    rng = generator(3)
    image = rng.normal(200.0, 5.0, (63, 63))
    psf = StampPsf(profile=Psf(fwhm_px=fwhm, beta=3.0), fwhm_px=fwhm, source=PsfSource.STAMP)
    for row, column in ((12.2, 14.7), (44.4, 20.1), (30.0, 50.5)):
        image += psf.place(image.shape, row, column) * 2e4
    # a Gaussian-weighted width of a winged profile, pixel included
    assert fwhm_of_stars(Cutout(pixels=image)) == pytest.approx(fwhm, rel=0.25)


def test_a_stamp_without_stars_falls_back_to_the_header_and_then_refuses():
    triplet = make_triplet()
    psf = estimate_psf(triplet, header_fwhm_px=2.4)
    assert (psf.source, psf.fwhm_px) == (PsfSource.HEADER, 2.4)
    with pytest.raises(InvalidInputError, match="give fwhm_px"):
        estimate_psf(triplet)


def test_packet_psf_of_even_size_and_with_nan_becomes_odd_with_sum_one():
    image = np.pad(gaussian(4.0), ((0, 1), (0, 1)))
    image[0, 0] = np.nan
    psf = psf_from_array(image * 7)
    assert psf.profile.shape == (25, 25)
    assert psf.profile.sum() == pytest.approx(1.0, abs=1e-12)
    assert psf.fwhm_px == pytest.approx(4.0, rel=0.05)  # counted in quarter pixels


def test_a_shifted_packet_psf_keeps_its_sum_and_moves_its_centre():
    psf = psf_from_array(gaussian(4.5))
    image = psf.render(dx=0.4, dy=-0.3)
    grid = np.arange(25) - 12
    assert image.sum() == pytest.approx(1.0, abs=1e-12)
    assert (image * grid[None, :]).sum() == pytest.approx(0.4, abs=1e-3)
    assert (image * grid[:, None]).sum() == pytest.approx(-0.3, abs=1e-3)


def test_blank_or_tiny_stamps_are_refused():
    with pytest.raises(InvalidInputError, match="no noise"):
        point_source_noise(make_triplet(noise=0.0).difference, PSF)
    with pytest.raises(InvalidInputError, match="positions of the difference"):
        point_source_noise(make_triplet(size=9).difference, PSF)
    with pytest.raises(InvalidInputError, match="positions of the difference"):
        point_source_noise(Cutout(pixels=np.full((63, 63), np.nan)), PSF)


def test_a_tiny_stamp_uses_its_variance_plane():
    cutout = Cutout(pixels=generator().normal(0, 3, (9, 9)), variance=np.full((9, 9), 9.0))
    expected = 3.0 / np.sqrt((PSF.render() ** 2).sum())
    # the matched filter ends at 2.5 widths
    assert point_source_noise(cutout, PSF) == pytest.approx(expected, rel=0.01)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_clean_position_is_far_from_candidate_source_and_missing_pixels(seed):
    triplet = make_triplet(seed=seed)
    pixels = np.array(triplet.difference.pixels)
    pixels += 4000 * PSF.place((63, 63), 31.0, 31.0)
    pixels += 4000 * PSF.place((63, 63), 31.0, 39.0)
    pixels[:25] = np.nan
    difference = Cutout(pixels=pixels)
    triplet = CutoutTriplet(
        science=triplet.science,
        template=triplet.template,
        difference=difference,
        pixel_scale_arcsec=1.0,
    )
    found = draw_clean_position(triplet, PSF, max_shift_px=12, rng=generator(seed))
    assert found is not None
    row, column = found
    assert max(abs(row), abs(column)) <= 12
    assert np.hypot(row, column) > 4.0
    assert np.hypot(row, column - 8) > 3.0
    assert 31 + row >= 27


def test_missing_pixels_of_the_template_are_avoided():
    triplet = make_triplet()
    template = np.array(triplet.template.pixels)
    template[:, :31] = np.nan
    triplet = CutoutTriplet(
        science=triplet.science,
        template=Cutout(pixels=template),
        difference=triplet.difference,
        pixel_scale_arcsec=1.0,
    )
    for seed in range(30):
        _, column = draw_clean_position(triplet, PSF, max_shift_px=12, rng=generator(seed))
        # all pixels within one width (2.2 px) are valid: pixel distances 2 and less
        assert 31 + column - 2 >= 31


def test_no_clean_position_gives_none():
    assert draw_clean_position(make_triplet(), PSF, max_shift_px=2, rng=generator()) is None


@given(row=st.integers(-70, 70), column=st.integers(-70, 70))
@settings(max_examples=40, deadline=None)
def test_recentring_moves_pixels_and_marks_the_rest_missing(row, column):
    triplet = make_triplet()
    moved = recentre_triplet(triplet, (row, column)).difference.pixels
    for i in (0, 31, 62):
        for j in (0, 31, 62):
            inside = 0 <= i + row < 63 and 0 <= j + column < 63
            if inside:
                assert moved[i, j] == triplet.difference.pixels[i + row, j + column]
            else:
                assert np.isnan(moved[i, j])


def test_a_triplet_without_difference_is_refused():
    stamp = Cutout(pixels=np.zeros((9, 9)))
    triplet = CutoutTriplet(science=stamp, template=None, difference=None, pixel_scale_arcsec=1.0)
    with pytest.raises(InvalidInputError, match="difference cutout"):
        inject_source(triplet, SourceFlux(flux=1.0), psf=PSF, position=(0, 0), rng=generator())


@pytest.mark.parametrize("bad", [{"flux": np.nan}, {"flux": 1.0, "gain": 0.0}])
def test_impossible_sources_are_refused(bad):
    with pytest.raises(InvalidInputError, match="finite flux"):
        SourceFlux(**bad)
