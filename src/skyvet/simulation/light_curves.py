"""Light curves of known kind, as a survey would measure them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import magnitude_to_flux_njy
from skyvet.records.light_curve import LightCurve
from skyvet.simulation.cadence import CADENCES, Epochs, SurveyCalendar, draw_epochs, make_calendar
from skyvet.simulation.variability.base import BandArray, Parameters, PriorLimits
from skyvet.simulation.variability.registry import VARIABILITY_NAMES, get_variability

__all__ = [
    "LightCurveConfig",
    "LightCurveTruth",
    "SimulatedLightCurve",
    "flux_error",
    "simulate_light_curve",
    "simulate_light_curves",
    "survey_calendar",
]

_STREAM = 0x6C63  # keeps these draws apart from those of other simulators with the same seed
_CALENDAR_STREAM = 0x6C64
_GAMMA = 0.039  # Ivezic et al. (2019), eq. 5: share of sky noise


class LightCurveConfig(Config):
    """What to simulate.

    Options of the command line are made from these fields.
    """

    survey: Literal["ztf", "lsst"] = Field(
        default="ztf", description="Cadence, bands and depths of which survey."
    )
    classes: tuple[str, ...] = Field(
        default=VARIABILITY_NAMES,
        min_length=1,
        description="Kinds of variables, drawn with equal chances.",
    )
    seed: int = Field(
        default=1, ge=0, description="One seed gives one result, whatever the number of workers."
    )
    mjd_start: float = Field(default=58_300.0, ge=0.0, description="First night [MJD].")
    n_years: float = Field(default=3.0, ge=0.1, le=20.0, description="Length of the survey [yr].")
    min_epochs: int = Field(
        default=20, ge=1, description="Positions with fewer exposures are drawn again."
    )
    as_difference: bool = Field(
        default=False,
        description="Subtract each band's mean flux of its first 100 days (transients are "
        "differences in any case).",
    )

    @field_validator("classes")
    @classmethod
    def _check_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        for name in classes:
            get_variability(name)
        return classes


@dataclass(frozen=True, slots=True, kw_only=True)
class LightCurveTruth:
    """What the light curve really is.

    Parameters
    ----------
    class_name : str
        Kind of variable.
    period_d : float
        Period [d]; NaN where not periodic.
    amplitude_mag : float
        See the kind's docstring [mag, r band]; NaN where it has no meaning.
    parameters : mapping of str to float
        All parameters drawn.
    """

    class_name: str
    period_d: float
    amplitude_mag: float
    parameters: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedLightCurve:
    """One simulated object.

    Parameters
    ----------
    object_id : str
        ``sim-<survey>-<seed>-<number>``.
    survey : str
        Survey imitated.
    ra_deg : float
        Right ascension [deg], which sets the seasons.
    light_curve : LightCurve
        Noisy measurements.
    true_flux_njy : ndarray, shape (n_epochs,), float64
        The same without noise [nJy].
    truth : LightCurveTruth
        Kind and parameters.
    """

    object_id: str
    survey: str
    ra_deg: float
    light_curve: LightCurve
    true_flux_njy: FloatArray
    truth: LightCurveTruth


def flux_error(flux_njy: FloatArray, depth_mag: FloatArray, *, systematic: float) -> FloatArray:
    r"""Return the photometric error of a point source [nJy].

    .. math:: \sigma^2 = \gamma f_5^2 + (0.04 - \gamma) f_5 f + (s f)^2, \quad \gamma = 0.039

    which is eq. 5 of Ivezic et al. (2019, ApJ 873, 111) in flux: at the 5-sigma flux :math:`f_5`
    the error is :math:`f_5 / 5`.

    Parameters
    ----------
    flux_njy : ndarray
        True flux [nJy]; a negative one has no photon noise of its own.
    depth_mag : ndarray
        5-sigma limit [AB mag].
    systematic : float
        Calibration error as a fraction of the flux.

    Examples
    --------
    >>> f5 = magnitude_to_flux_njy(20.0)
    >>> float(f5 / flux_error(f5, 20.0, systematic=0.0))
    5.0
    """
    limit = magnitude_to_flux_njy(depth_mag)
    photons = (0.04 - _GAMMA) * limit * np.clip(flux_njy, 0.0, None)
    return np.asarray(np.sqrt(_GAMMA * limit**2 + photons + (systematic * flux_njy) ** 2))


def survey_calendar(config: LightCurveConfig) -> SurveyCalendar:
    """Return the survey's nights and weather, the same for all objects of one seed."""
    rng = np.random.default_rng([config.seed, _CALENDAR_STREAM])
    return make_calendar(CADENCES[config.survey], config.mjd_start, config.n_years, rng=rng)


def simulate_light_curve(
    config: LightCurveConfig, i: int, *, calendar: SurveyCalendar | None = None
) -> SimulatedLightCurve:
    """Simulate object number `i`.

    Parameters
    ----------
    config : LightCurveConfig
        What to simulate.
    i : int
        Number of the object, >= 0; object `i` of one config is always the same.
    calendar : SurveyCalendar, optional
        Result of `survey_calendar`, to save computing it for each object.

    Returns
    -------
    SimulatedLightCurve

    Raises
    ------
    InvalidInputError
        If the survey is too short for `min_epochs`.

    Examples
    --------
    >>> simulated = simulate_light_curve(LightCurveConfig(classes=("rr_lyrae_ab",)), 0)
    >>> simulated.truth.class_name
    'rr_lyrae_ab'
    """
    calendar = calendar or survey_calendar(config)
    rng = np.random.default_rng([config.seed, _STREAM, i])
    kind = get_variability(config.classes[int(rng.integers(len(config.classes)))])
    ra_deg, epochs = _draw_position(calendar, config.min_epochs, rng)
    parameters = kind.sample_parameters(_limits(calendar), rng)
    flux = kind.flux_njy(epochs.mjd_tai, epochs.band, parameters)
    error = flux_error(flux, epochs.depth_mag, systematic=calendar.cadence.systematic)
    if config.as_difference and not kind.is_transient:
        flux = np.subtract(flux, _template_flux(epochs.mjd_tai, epochs.band, flux))
    light_curve = LightCurve(
        mjd_tai=epochs.mjd_tai,
        flux_njy=flux + error * rng.standard_normal(len(flux)),
        flux_err_njy=error,
        band=epochs.band,
        is_upper_limit=np.zeros(len(flux), dtype=bool),
        is_difference=config.as_difference or kind.is_transient,
    )
    return SimulatedLightCurve(
        object_id=f"sim-{config.survey}-{config.seed}-{i}",
        survey=config.survey,
        ra_deg=ra_deg,
        light_curve=light_curve,
        true_flux_njy=flux,
        truth=_truth(kind.name, parameters),
    )


def _limits(calendar: SurveyCalendar) -> PriorLimits:
    cadence = calendar.cadence
    return PriorLimits(
        mjd_start=float(calendar.midnight_mjd[0]),
        mjd_end=float(calendar.midnight_mjd[-1]),
        bright_mag=cadence.bright_mag,
        faint_mag=cadence.faint_mag,
    )


def _draw_position(
    calendar: SurveyCalendar, min_epochs: int, rng: np.random.Generator
) -> tuple[float, Epochs]:
    for _ in range(50):
        ra_deg = float(rng.uniform(0.0, 360.0))
        epochs = draw_epochs(calendar, ra_deg, rng=rng)
        if len(epochs.mjd_tai) >= min_epochs:
            return ra_deg, epochs
    raise InvalidInputError(
        f"no position got {min_epochs} exposures in {len(calendar.midnight_mjd)} nights; "
        "raise n_years or lower min_epochs"
    )


def _template_flux(mjd_tai: FloatArray, band: BandArray, flux: FloatArray) -> FloatArray:
    """Mean true flux of each band in its first 100 days."""
    template = np.empty(len(flux))
    for name in np.unique(band):
        rows = band == name
        first = mjd_tai[rows] <= mjd_tai[rows][0] + 100.0
        template[rows] = flux[rows][first].mean()
    return template


def _truth(name: str, parameters: Parameters) -> LightCurveTruth:
    amplitude = parameters["amplitude_mag"]
    return LightCurveTruth(
        class_name=name,
        period_d=parameters["period_d"],
        amplitude_mag=amplitude if math.isfinite(amplitude) else math.nan,
        parameters=dict(parameters),
    )


def simulate_light_curves(
    config: LightCurveConfig, start: int, stop: int
) -> list[SimulatedLightCurve]:
    """Simulate objects `start` to `stop - 1`; the same as one by one.

    Examples
    --------
    >>> len(simulate_light_curves(LightCurveConfig(n_years=1.0), 0, 2))
    2
    """
    calendar = survey_calendar(config)
    return [simulate_light_curve(config, i, calendar=calendar) for i in range(start, stop)]
