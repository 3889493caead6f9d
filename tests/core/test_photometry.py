"""Magnitudes and fluxes against Astropy's AB system."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyvet.core.photometry import flux_njy_to_magnitude, magnitude_to_flux_njy

MAGNITUDES = st.floats(min_value=5.0, max_value=35.0)


def test_flux_agrees_with_astropy():
    magnitudes = np.array([10.0, 17.5, 22.0, 31.4])
    expected = (magnitudes * u.ABmag).to_value(u.nJy)
    # The zero point is 31.4 by the survey's definition; 8.9 + 22.5 exactly, to 2e-5 mag.
    np.testing.assert_allclose(magnitude_to_flux_njy(magnitudes), expected, rtol=3e-5)


@given(MAGNITUDES)
def test_there_and_back_is_the_same_magnitude(magnitude):
    back = float(flux_njy_to_magnitude(magnitude_to_flux_njy(magnitude)))
    assert back == pytest.approx(magnitude, rel=1e-12)  # float64 pow and log10


@given(MAGNITUDES)
def test_brighter_is_a_smaller_number(magnitude):
    assert magnitude_to_flux_njy(magnitude) > magnitude_to_flux_njy(magnitude + 1e-6)


def test_negative_difference_has_the_magnitude_of_its_size():
    np.testing.assert_array_equal(
        flux_njy_to_magnitude(np.array([-40.0, 0.0, np.nan])),
        [flux_njy_to_magnitude(40.0), np.nan, np.nan],
    )
