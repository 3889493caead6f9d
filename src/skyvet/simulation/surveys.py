"""What the simulated surveys look like: scales, noise, seeing, depth, set from real packets.

The ZTF priors follow public alert cutouts (sky level, noise, widths and template depth were
measured on labelled triplets); the LSST priors follow Rubin's public sample packets.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from skyvet.core.errors import InvalidInputError

__all__ = ["Band", "SurveyName", "SurveyTraits", "survey_traits"]


class SurveyName(enum.StrEnum):
    """Surveys whose packets can be simulated."""

    ZTF = "ztf"
    LSST = "lsst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One filter of a survey.

    Parameters
    ----------
    name : str
        Filter name.
    weight : float
        Share of the alerts, relative to the other bands.
    zero_point : float
        Median AB magnitude of one pixel unit of flux.
    zero_point_scatter : float
        Half of a Gaussian's width downwards (clouds) and upwards [mag].
    noise : float
        Median sky noise of a science pixel [pixel unit].
    noise_scatter : float
        Width of its log-normal.
    sky : float
        Median sky level kept in the images [pixel unit]; 0 where the survey subtracts it.
    sky_scatter : float
        Width of its log-normal.
    """

    name: str
    weight: float
    zero_point: float
    zero_point_scatter: float
    noise: float
    noise_scatter: float
    sky: float = 0.0
    sky_scatter: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyTraits:
    """Fixed facts and priors of one survey.

    Parameters
    ----------
    name : SurveyName
        The survey.
    stamp_px : int
        Nominal stamp size [pixels].
    max_stamp_px : int
        Largest stamp that it sends [pixels].
    pixel_scale_arcsec : float
        Pixel size [arcsec].
    bands : tuple of Band
        Filters.
    fwhm_px, fwhm_scatter : float
        Median and log-normal width of the science seeing [pixels].
    template_fwhm_px, template_fwhm_scatter : float
        The same of the template.
    gain : float
        Electrons a pixel unit.
    saturation : float
        Full well [pixel unit].
    template_noise_ratio : tuple of float
        Lowest and highest noise of the template over that of the science image.
    snr_inflation : float
        White-noise S/N over the S/N that the survey's pipeline reports.
    registration_px : float
        Typical error of registration [pixels].
    stars_median, stars_scatter : float
        Log-normal of the number of stars in a nominal stamp.
    star_magnitudes : tuple of float
        Brightest and faintest star.
    flips_negative : bool
        True where the difference of a negative detection is sent with the sign turned (ZTF).
    has_planes : bool
        True where variance and PSF travel with each cutout (LSST).
    detector_px : int
        Side of the detector [pixels].
    """

    name: SurveyName
    stamp_px: int
    max_stamp_px: int
    pixel_scale_arcsec: float
    bands: tuple[Band, ...]
    fwhm_px: float
    fwhm_scatter: float
    template_fwhm_px: float
    template_fwhm_scatter: float
    gain: float
    saturation: float
    template_noise_ratio: tuple[float, float]
    snr_inflation: float
    registration_px: float
    stars_median: float
    stars_scatter: float
    star_magnitudes: tuple[float, float]
    flips_negative: bool
    has_planes: bool
    detector_px: int


_ZTF = SurveyTraits(
    name=SurveyName.ZTF,
    stamp_px=63,
    max_stamp_px=63,
    pixel_scale_arcsec=1.01,
    bands=(
        Band(
            name="g", weight=0.6, zero_point=26.05, zero_point_scatter=0.25,
            noise=5.1, noise_scatter=0.2, sky=92.0, sky_scatter=0.3,
        ),
        Band(
            name="r", weight=0.4, zero_point=26.2, zero_point_scatter=0.2,
            noise=7.6, noise_scatter=0.28, sky=200.0, sky_scatter=0.5,
        ),
    ),
    fwhm_px=2.1,
    fwhm_scatter=0.27,
    template_fwhm_px=2.35,
    template_fwhm_scatter=0.12,
    gain=6.2,
    saturation=45000.0,
    template_noise_ratio=(0.11, 0.3),
    snr_inflation=1.9,
    registration_px=0.06,
    stars_median=7.5,
    stars_scatter=1.0,
    star_magnitudes=(12.0, 22.7),
    flips_negative=True,
    has_planes=False,
    detector_px=3072,
)  # fmt: skip

_LSST = SurveyTraits(
    name=SurveyName.LSST,
    stamp_px=30,
    max_stamp_px=102,
    pixel_scale_arcsec=0.2,
    bands=tuple(
        Band(
            name=name, weight=weight, zero_point=31.4, zero_point_scatter=0.0,
            noise=noise, noise_scatter=0.45,
        )
        for name, weight, noise in (
            ("u", 0.06, 16.0), ("g", 0.2, 6.0), ("r", 0.26, 12.0),
            ("i", 0.26, 30.0), ("z", 0.14, 45.0), ("y", 0.08, 90.0),
        )
    ),
    fwhm_px=4.6,
    fwhm_scatter=0.25,
    template_fwhm_px=4.3,
    template_fwhm_scatter=0.12,
    gain=1.8,
    saturation=2.5e6,
    template_noise_ratio=(0.1, 0.4),
    snr_inflation=1.0,
    registration_px=0.1,
    stars_median=1.5,
    stars_scatter=1.0,
    star_magnitudes=(15.5, 26.5),
    flips_negative=False,
    has_planes=True,
    detector_px=4000,
)  # fmt: skip

_TRAITS = {SurveyName.ZTF: _ZTF, SurveyName.LSST: _LSST}


def survey_traits(name: SurveyName | str) -> SurveyTraits:
    """Return the facts and priors of a survey.

    Parameters
    ----------
    name : SurveyName or str
        ``ztf`` or ``lsst``.

    Returns
    -------
    SurveyTraits

    Raises
    ------
    InvalidInputError
        If the survey cannot be simulated.

    Examples
    --------
    >>> survey_traits("ztf").stamp_px
    63
    """
    try:
        return _TRAITS[SurveyName(name)]
    except ValueError as error:
        known = ", ".join(SurveyName)
        raise InvalidInputError(f"survey must be one of {known}, got {name!r}") from error
