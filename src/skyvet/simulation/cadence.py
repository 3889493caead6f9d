"""When a survey looks at one position, in which band and how deep.

Nights are cut by the Sun and the hour angle (so observing seasons, and times that cluster at one
clock time: the 1/d alias), lost to weather that all objects of a survey share, and filled by the
survey's rule: ZTF g and r in one night every two or three nights (Bellm et al. 2019, PASP 131,
068003), LSST pairs of neighbouring bands (Ivezic et al. 2019, ApJ 873, 111).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.simulation.variability.base import BandArray, band_values

__all__ = [
    "CADENCES",
    "Cadence",
    "Epochs",
    "SurveyCalendar",
    "draw_epochs",
    "make_calendar",
    "observable_window_h",
]

_EQUINOX_MJD = 51_623.3
_YEAR_D = 365.2422
_NEW_MOON_MJD = 51_549.76
_SYNODIC_MONTH_D = 29.530589
_SIDEREAL_RATE = 1.00273791


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """A survey's site, rule and depths.

    Parameters
    ----------
    name : str
        Survey.
    midnight_utc_h : float
        Local midnight [h, UTC].
    winter_solstice_mjd : float
        Any date with the longest night [MJD].
    max_hour_angle_h : float
        Objects are observed within this hour angle [h].
    revisit_nights : float
        Mean number of nights between visits in good weather.
    pair_gap_min : tuple of float
        Shortest and longest time between the two exposures of a visit [min].
    pairs : tuple of (first band, second band, weight in dark time, weight in bright time)
        An empty second band means a single exposure.
    depth_mag : mapping
        Median 5-sigma limit of one exposure in dark time [AB mag].
    moon_loss_mag : mapping
        Loss of depth at full Moon [mag].
    clear_nights, cloudy_nights : float
        Mean length of clear and of lost spells [nights].
    systematic : float
        Calibration error as a fraction of the flux.
    bright_mag, faint_mag : float
        Range of r magnitudes that simulated objects get.
    """

    name: str
    midnight_utc_h: float
    winter_solstice_mjd: float
    max_hour_angle_h: float
    revisit_nights: float
    pair_gap_min: tuple[float, float]
    pairs: tuple[tuple[str, str, float, float], ...]
    depth_mag: Mapping[str, float] = field(default_factory=dict)
    moon_loss_mag: Mapping[str, float] = field(default_factory=dict)
    clear_nights: float = 6.0
    cloudy_nights: float = 2.0
    systematic: float = 0.01
    bright_mag: float = 14.0
    faint_mag: float = 20.0


_ZTF = Cadence(
    name="ztf",
    midnight_utc_h=7.79,
    winter_solstice_mjd=51_899.6,
    max_hour_angle_h=4.5,
    revisit_nights=2.5,
    pair_gap_min=(30.0, 150.0),
    pairs=(
        ("g", "r", 0.78, 0.60),
        ("g", "", 0.06, 0.05),
        ("r", "", 0.10, 0.15),
        ("i", "", 0.06, 0.20),
    ),
    depth_mag={"g": 20.8, "r": 20.6, "i": 19.9},
    moon_loss_mag={"g": 1.0, "r": 0.6, "i": 0.3},
)
_LSST = Cadence(
    name="lsst",
    midnight_utc_h=4.72,
    winter_solstice_mjd=51_716.1,
    max_hour_angle_h=3.5,
    revisit_nights=3.5,
    pair_gap_min=(15.0, 60.0),
    pairs=(
        ("u", "g", 0.10, 0.00),
        ("u", "r", 0.08, 0.00),
        ("g", "r", 0.17, 0.04),
        ("r", "i", 0.30, 0.22),
        ("i", "z", 0.18, 0.28),
        ("z", "y", 0.10, 0.26),
        ("y", "y", 0.07, 0.20),
    ),
    depth_mag={"u": 23.78, "g": 24.81, "r": 24.35, "i": 23.92, "z": 23.34, "y": 22.45},
    moon_loss_mag={"u": 1.5, "g": 1.0, "r": 0.6, "i": 0.35, "z": 0.2, "y": 0.1},
    systematic=0.005,
    bright_mag=16.5,
    faint_mag=23.5,
)
CADENCES: dict[str, Cadence] = {cadence.name: cadence for cadence in (_ZTF, _LSST)}
"""Cadences by survey."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurveyCalendar:
    """The nights of a survey and their weather, shared by all its objects.

    Parameters
    ----------
    cadence : Cadence
        The survey.
    midnight_mjd : ndarray, shape (n_nights,), float64
        Local midnights [MJD].
    is_clear : ndarray, shape (n_nights,), bool
        False on lost nights.
    """

    cadence: Cadence
    midnight_mjd: FloatArray
    is_clear: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Epochs:
    """Exposures of one position in time order.

    Parameters
    ----------
    mjd_tai : ndarray, shape (n_epochs,), float64
        Mid-exposure times [d, TAI].
    band : ndarray, shape (n_epochs,), str
        Filter.
    depth_mag : ndarray, shape (n_epochs,), float64
        5-sigma limit of each exposure [AB mag].
    """

    mjd_tai: FloatArray
    band: BandArray
    depth_mag: FloatArray


def make_calendar(
    cadence: Cadence, mjd_start: float, n_years: float, *, rng: np.random.Generator
) -> SurveyCalendar:
    """Draw the weather of a survey: clear and cloudy spells of geometric length.

    Raises
    ------
    InvalidInputError
        If the survey lasts less than a night.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> len(make_calendar(CADENCES["ztf"], 59000.0, 1.0, rng=rng).midnight_mjd)
    365
    """
    n_nights = int(n_years * _YEAR_D)
    if n_nights < 1:
        raise InvalidInputError(f"a survey must last at least one night, got n_years={n_years}")
    midnight = np.floor(mjd_start) + np.arange(n_nights) + cadence.midnight_utc_h / 24.0
    is_clear = np.empty(n_nights, dtype=bool)
    i_night, clear = 0, True
    while i_night < n_nights:
        mean = cadence.clear_nights if clear else cadence.cloudy_nights
        length = int(rng.geometric(1.0 / mean))
        is_clear[i_night : i_night + length] = clear
        i_night, clear = i_night + length, not clear
    return SurveyCalendar(cadence=cadence, midnight_mjd=midnight, is_clear=is_clear)


def observable_window_h(
    cadence: Cadence, midnight_mjd: FloatArray, ra_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Return when a position can be observed: hours from midnight, start and end.

    Parameters
    ----------
    cadence : Cadence
        Site and hour-angle limit.
    midnight_mjd : ndarray, shape (n_nights,)
        Local midnights [MJD].
    ra_deg : float
        Right ascension [deg].

    Returns
    -------
    start, end : ndarray, shape (n_nights,)
        ``end <= start`` where the position is not up in the dark.
    """
    sun_ra_deg = 360.0 * (midnight_mjd - _EQUINOX_MJD) / _YEAR_D
    hour_angle = ((sun_ra_deg + 180.0 - ra_deg + 180.0) % 360.0 - 180.0) / 15.0
    season = 2 * np.pi * (midnight_mjd - cadence.winter_solstice_mjd) / _YEAR_D
    half_dark_h = 0.5 * (9.6 + 1.7 * np.cos(season))
    start = np.maximum(-half_dark_h, (-cadence.max_hour_angle_h - hour_angle) / _SIDEREAL_RATE)
    end = np.minimum(half_dark_h, (cadence.max_hour_angle_h - hour_angle) / _SIDEREAL_RATE)
    return start, end


def draw_epochs(calendar: SurveyCalendar, ra_deg: float, *, rng: np.random.Generator) -> Epochs:
    """Draw the exposures of one position.

    Parameters
    ----------
    calendar : SurveyCalendar
        Nights and weather.
    ra_deg : float
        Right ascension [deg]; it decides the seasons.
    rng : Generator
        Source of randomness.

    Returns
    -------
    Epochs
        In time order; may be empty for a very short survey.
    """
    cadence = calendar.cadence
    start_h, end_h = observable_window_h(cadence, calendar.midnight_mjd, ra_deg)
    is_possible = calendar.is_clear & (end_h - start_h > cadence.pair_gap_min[1] / 60.0)
    nights = _choose_nights(is_possible, cadence.revisit_nights, rng)
    midnight = calendar.midnight_mjd[nights]
    moon = _moon_illumination(midnight)
    i_pair = _choose_pairs(cadence, moon, rng)
    gap_h = rng.uniform(*cadence.pair_gap_min, len(nights)) / 60.0
    latest = end_h[nights] - gap_h
    # fields are preferred near culmination
    first_h = np.clip(rng.normal(0.5 * (start_h[nights] + latest), 1.0), start_h[nights], latest)
    names = np.array([pair[:2] for pair in cadence.pairs])
    first_band, second_band = names[i_pair].reshape(-1, 2).T
    times = np.concatenate([midnight + first_h / 24.0, midnight + (first_h + gap_h) / 24.0])
    band = np.concatenate([first_band, second_band])
    order = np.argsort(times, kind="stable")
    order = order[band[order] != ""]
    depth = _depth(cadence, band[order], np.tile(moon, 2)[order], rng)
    return Epochs(mjd_tai=times[order], band=band[order], depth_mag=depth)


def _choose_nights(
    is_possible: BoolArray, revisit_nights: float, rng: np.random.Generator
) -> FloatArray:
    """Pick nights by gaps drawn around the mean revisit time; a lost night delays the visit."""
    possible = np.flatnonzero(is_possible)
    low = max(1, int(np.floor(revisit_nights)) - 1)
    chosen = []
    due = int(rng.integers(low + 1))
    while (i_next := int(np.searchsorted(possible, due))) < len(possible):
        chosen.append(possible[i_next])
        gap = low + rng.poisson(max(revisit_nights - low, 0.0))
        due = int(possible[i_next]) + int(gap)
    return np.array(chosen, dtype=np.int64)


def _moon_illumination(mjd: FloatArray) -> FloatArray:
    phase = 2 * np.pi * (mjd - _NEW_MOON_MJD) / _SYNODIC_MONTH_D
    return np.asarray(0.5 * (1 - np.cos(phase)))


def _choose_pairs(cadence: Cadence, moon: FloatArray, rng: np.random.Generator) -> FloatArray:
    dark = np.array([pair[2] for pair in cadence.pairs])
    bright = np.array([pair[3] for pair in cadence.pairs])
    weight = np.outer(1 - moon, dark / dark.sum()) + np.outer(moon, bright / bright.sum())
    threshold = rng.random((len(moon), 1))
    return np.asarray((np.cumsum(weight, axis=1) < threshold).sum(axis=1).clip(0, len(dark) - 1))


def _depth(
    cadence: Cadence, band: BandArray, moon: FloatArray, rng: np.random.Generator
) -> FloatArray:
    nominal = band_values(band, cadence.depth_mag)
    loss = moon**2 * band_values(band, cadence.moon_loss_mag)
    clouds = np.where(rng.random(len(band)) < 0.08, rng.exponential(0.4, len(band)), 0.0)
    return np.asarray(
        nominal - loss - np.minimum(clouds, 2.0) + 0.15 * rng.standard_normal(len(band))
    )
