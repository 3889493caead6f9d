"""Subtraction and detection: white noise, flux, dipoles."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.simulation.detector import Detector, coadd_noise, column_pattern
from skyvet.simulation.difference import subtract
from skyvet.simulation.psf import Psf

SIZE = 80
SCIENCE_PSF = Psf(fwhm_px=2.6, beta=3.0, e1=0.1)
TEMPLATE_PSF = Psf(fwhm_px=2.1, beta=4.0)


def on_canvas(psf: Psf, *, x: float = 40.0, y: float = 40.0) -> np.ndarray:
    stamp = np.asarray(psf.render(SIZE, dx=x - 39.0, dy=y - 39.0), dtype=float)
    return stamp / stamp.sum()


def at_origin(psf: Psf) -> np.ndarray:
    return np.roll(on_canvas(psf), (-40, -40), axis=(0, 1))


def difference_of(science: np.ndarray, template: np.ndarray, noises=(5.0, 1.5)):
    return subtract(
        science,
        template,
        psfs=(at_origin(SCIENCE_PSF), at_origin(TEMPLATE_PSF)),
        noises=noises,
        variance=np.full((SIZE, SIZE), noises[0] ** 2 + noises[1] ** 2),
    )


def test_noise_of_the_difference_is_white_and_of_the_stated_size() -> None:
    rng = np.random.default_rng(1)
    images = [
        difference_of(
            5.0 * rng.standard_normal((SIZE, SIZE)), 1.5 * rng.standard_normal((SIZE, SIZE))
        )
        for _ in range(20)
    ]
    pixels = np.array([image.pixels for image in images])
    # 128,000 pixels: 1 % is five standard errors.
    assert pixels.std() == pytest.approx(np.hypot(5.0, 1.5), rel=0.01)
    neighbours = (pixels[:, :, 1:] * pixels[:, :, :-1]).mean() / pixels.var()
    assert abs(neighbours) < 0.02
    snr = np.array([image.snr for image in images])
    assert snr.std() == pytest.approx(1.0, rel=0.05)  # matched filter: fewer independent pixels


def test_new_source_keeps_flux_and_place() -> None:
    image = difference_of(2000.0 * on_canvas(SCIENCE_PSF, x=37.0, y=44.0), np.zeros((SIZE, SIZE)))
    row, column = np.unravel_index(np.argmax(image.snr), image.snr.shape)
    assert (row, column) == (44, 37)
    # Exact for noiseless images and true PSFs, up to wrapped wings.
    assert image.flux[row, column] == pytest.approx(2000.0, rel=1e-3)


def test_constant_star_vanishes_when_the_psfs_are_right() -> None:
    image = difference_of(1e4 * on_canvas(SCIENCE_PSF), 1e4 * on_canvas(TEMPLATE_PSF))
    assert np.abs(image.pixels).max() < 1e-6 * 1e4


def test_misplaced_template_leaves_a_dipole() -> None:
    image = difference_of(1e4 * on_canvas(SCIENCE_PSF), 1e4 * on_canvas(TEMPLATE_PSF, x=40.4))
    assert image.snr.max() > 5
    assert image.snr.min() < -5
    # The net flux cancels.
    assert abs(image.pixels.sum()) < 0.01 * np.abs(image.pixels).sum()


def test_swapping_images_turns_the_sign() -> None:
    psf = at_origin(SCIENCE_PSF)
    rng = np.random.default_rng(2)
    first, second = rng.standard_normal((2, SIZE, SIZE))
    options = {"psfs": (psf, psf), "noises": (1.0, 1.0), "variance": np.full((SIZE, SIZE), 2.0)}
    forward, backward = subtract(first, second, **options), subtract(second, first, **options)
    np.testing.assert_allclose(forward.pixels, -backward.pixels, rtol=0, atol=1e-10)


def test_bleeding_keeps_charge_and_clips() -> None:
    image = np.zeros((41, 9))
    image[20, 4] = 1000.0
    bled = Detector(gain=1.0, noise=1.0, saturation=100.0).bleed(image)
    assert bled.max() == pytest.approx(100.0)
    assert bled.sum() == pytest.approx(1000.0)
    assert (bled[:, :4] == 0).all()
    assert abs((bled[:20, 4] > 0).sum() - (bled[21:, 4] > 0).sum()) <= 1


def test_shot_noise_follows_the_light() -> None:
    detector = Detector(gain=2.0, noise=3.0, saturation=1e9)
    light = np.full((300, 300), 5000.0)
    image = detector.expose(light, rng=np.random.default_rng(3))
    # Standard error of the variance of 90,000 pixels: 0.5 %.
    assert image.var() == pytest.approx(9.0 + 2500.0, rel=0.03)


def test_template_noise_is_correlated_between_neighbours() -> None:
    grain = coadd_noise((400, 400), noise=2.0, rng=np.random.default_rng(4))
    assert grain.std() == pytest.approx(2.0, rel=0.02)
    assert 0.05 < (grain[:, 1:] * grain[:, :-1]).mean() / grain.var() < 0.5


def test_column_pattern_has_the_asked_size() -> None:
    rng = np.random.default_rng(5)
    offsets = np.array([column_pattern(60, size=2.0, rng=rng) for _ in range(400)])
    assert offsets.std() == pytest.approx(2.0, rel=0.25)  # the comb has few degrees of freedom


def test_serial_echo_anticorrelates_neighbours_of_a_row_alone() -> None:
    detector = Detector(gain=1.0, noise=2.0, saturation=1e9, serial_echo=0.2)
    image = detector.expose(np.zeros((400, 400)), rng=np.random.default_rng(6))
    # Standard error of a correlation of 160,000 pixels: 0.0025.
    along_row = (image[:, 1:] * image[:, :-1]).mean() / image.var()
    assert along_row == pytest.approx(-0.2 / 1.04, abs=0.01)
    assert abs((image[1:] * image[:-1]).mean() / image.var()) < 0.01
    assert image.std() == pytest.approx(2.0, rel=0.01)


def test_impossible_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="serial_echo"):
        Detector(gain=1.0, noise=1.0, saturation=1.0, serial_echo=1.0)
