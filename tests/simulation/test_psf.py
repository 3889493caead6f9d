"""PSFs and painted sources against GalSim."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.simulation.kernels import paint_points, paint_sersic, paint_spikes
from skyvet.simulation.psf import Psf, tabulate_psf

galsim = pytest.importorskip("galsim")

SIZE = 81
X, Y = 39.3, 40.6


def draw_with_galsim(profile: object, x: float, y: float) -> np.ndarray:
    image = galsim.Image(SIZE, SIZE, scale=1.0)
    profile.drawImage(image, method="auto", center=galsim.PositionD(x + 1, y + 1))
    return np.asarray(image.array, dtype=float)


def paint(psf: Psf, *, flux: float = 1e4, x: float = X, y: float = Y) -> np.ndarray:
    canvas = np.zeros((SIZE, SIZE))
    paint_points(
        canvas, (np.array([x]), np.array([y]), np.array([flux])), psf=tabulate_psf(psf), floor=1e-4
    )
    return canvas


@pytest.mark.parametrize("fwhm_px", [1.6, 2.1, 3.5, 5.0])
@pytest.mark.parametrize("ellipticity", [(0.0, 0.0), (0.25, 0.0), (-0.1, 0.2)])
def test_painted_stars_equal_galsim(fwhm_px: float, ellipticity: tuple[float, float]) -> None:
    e1, e2 = ellipticity
    psf = Psf(fwhm_px=fwhm_px, beta=3.0, e1=e1, e2=e2)
    profile = galsim.Moffat(beta=3.0, fwhm=fwhm_px, flux=1e4)
    expected = draw_with_galsim(profile.shear(galsim.Shear(e1=e1, e2=e2)), X, Y)
    # Interpolation in the table and midpoint integration: under 0.5 % of the peak.
    np.testing.assert_allclose(paint(psf), expected, rtol=0, atol=0.005 * expected.max())


def test_rendered_stamp_equals_painted_star() -> None:
    psf = Psf(fwhm_px=2.2, beta=2.6, e1=0.1, coma_x=0.1)
    stamp = psf.render(SIZE, dx=-0.7, dy=0.6)
    # Two integrations of one profile; both midpoint rules.
    np.testing.assert_allclose(paint(psf, flux=1.0), stamp, rtol=0, atol=0.004 * stamp.max())


@pytest.mark.parametrize(
    ("index", "axis_ratio", "angle_rad"), [(1.0, 1.0, 0.0), (2.5, 0.6, 0.7), (4.0, 0.8, 2.0)]
)
def test_painted_galaxies_equal_galsim(index: float, axis_ratio: float, angle_rad: float) -> None:
    canvas = np.zeros((SIZE, SIZE))
    paint_sersic(
        canvas, X, Y,
        flux=1e4, radius_px=4.0, index=index, axis_ratio=axis_ratio, angle_rad=angle_rad,
    )  # fmt: skip
    round_radius = 4.0 * math.sqrt(axis_ratio)
    profile = galsim.Sersic(n=index, half_light_radius=round_radius, flux=1e4)
    sheared = profile.shear(q=axis_ratio, beta=angle_rad * galsim.radians)
    expected = draw_with_galsim(sheared, X, Y)
    # The cusp of n = 4 is integrated on 9 x 9 points in the central pixel.
    np.testing.assert_allclose(canvas, expected, rtol=0, atol=0.06 * expected.max())
    assert canvas.sum() == pytest.approx(expected.sum(), rel=0.01)  # wings are cut


def test_flux_is_linear_and_signed() -> None:
    psf = Psf(fwhm_px=2.0)
    np.testing.assert_allclose(paint(psf, flux=-50.0), -paint(psf, flux=50.0), rtol=0, atol=1e-12)


def test_source_off_the_canvas_leaves_only_wings() -> None:
    canvas = paint(Psf(fwhm_px=2.0), flux=1e5, x=-6.0, y=20.0)
    assert canvas[:, 0].max() > canvas[:, 10].max() > 0


def test_coma_shifts_light_to_one_side() -> None:
    stamp = Psf(fwhm_px=3.0, coma_x=0.2).render(41)
    assert stamp[:, 21:].sum() > stamp[:, :20].sum()


def test_spikes_follow_their_direction() -> None:
    canvas = np.zeros((SIZE, SIZE))
    paint_spikes(
        canvas, 40.0, 40.0,
        flux=1.0, angles_rad=np.array([0.0]), strengths=np.array([1.0]), width_px=1.0,
        length_px=8.0,
    )  # fmt: skip
    assert canvas[40, 70] > 0
    assert canvas[70, 40] == 0


@pytest.mark.parametrize("bad", [{"fwhm_px": 0.0}, {"beta": 1.0}, {"e1": 1.0}, {"coma_x": 0.4}])
def test_impossible_psf_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError, match="PSF needs"):
        Psf(**{"fwhm_px": 2.0, **bad})
