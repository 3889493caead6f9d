"""Conventions of surveys: names of columns and bands, meaning of times and flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skyvet.io.light_curve_sources.configs import TimeScale

__all__ = [
    "COLUMN_NAMES",
    "FLUX_NAMES",
    "PRESETS",
    "TIME_SCALE_OF_NAME",
    "UNIT_OF_NAME",
    "Preset",
    "preset_for",
]

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "source_id": (
        "source_id", "object_id", "objectid", "star_id", "oid", "diaobjectid", "lightcurve_id",
        "ps1_objid", "objid", "obj_id", "sourceid", "source", "tid", "star", "name", "id", "_id",
    ),
    "time": (
        "mjd_tai", "midpointmjdtai", "mjd", "hmjd", "hjd", "jd", "bjd", "time", "t", "obs_time",
        "mjd_obs",
    ),
    "brightness": (
        "flux_njy", "psfflux", "mag", "magnitude", "mag_tot", "psfmag", "flux", "m",
    ),
    "error": (
        "flux_err_njy", "psffluxerr", "magerr", "mag_err", "magnitude_err", "sigma_mag_tot",
        "psfmagerr", "fluxerr", "flux_err", "sigma", "err", "e",
    ),
    "band": ("band", "filtercode", "filter", "filterid", "fid", "filt", "passband"),
    "flags": ("catflags", "flags", "quality_flags", "psfflux_flag"),
    "upper_limit": ("is_upper_limit", "upper_limit"),
    "ra": ("ra_deg", "ra", "objra", "coord_ra", "raj2000", "radeg"),
    "dec": ("dec_deg", "dec", "objdec", "coord_dec", "dej2000", "decdeg", "decl"),
}  # fmt: skip
"""Names in use for each thing, in any case; the first that a table has is taken."""

FLUX_NAMES = ("flux_njy", "psfflux", "flux")
"""Names of brightness columns that hold fluxes."""

UNIT_OF_NAME: Mapping[str, str] = {
    "flux_njy": "flux in nJy", "psfflux": "flux in nJy", "mag": "magnitudes",
    "magnitude": "magnitudes", "mag_tot": "magnitudes", "psfmag": "magnitudes",
}  # fmt: skip
"""What a brightness column holds for certain; ``flux`` holds magnitudes in some tables."""

TIME_SCALE_OF_NAME: Mapping[str, TimeScale] = {
    "mjd_tai": "mjd_tai", "midpointmjdtai": "mjd_tai", "mjd": "mjd_utc", "hmjd": "hmjd_utc",
    "hjd": "hjd_utc", "jd": "jd_utc", "bjd": "hjd_utc", "mjd_obs": "mjd_utc",
}  # fmt: skip
"""What times are by the name of their column."""

_ZTF_BANDS = {"1": "g", "2": "r", "3": "i", "zg": "g", "zr": "r", "zi": "i", "R": "r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Conventions of one survey's tables.

    Parameters
    ----------
    survey : str
        Name.
    marks : tuple of frozenset of str
        Sets of names, in lower case; a table that has all of one set is of this kind.
    band_names : mapping of str to str
        Their names of filters to ours.
    brightness : str, default "auto"
        ``magnitude`` or ``flux``, where the column's name misleads.
    time_scales : mapping of str to str
        What a column of times is, where its name misleads.
    exposures_s : mapping of str to float
        Exposure time [s] by column of times, where these are the start of the exposure.
    bad_flags : int, default -1
        Bits that make an epoch unusable; -1 = any.
    """

    survey: str = ""
    marks: tuple[frozenset[str], ...] = ()
    band_names: Mapping[str, str] = field(default_factory=dict)
    brightness: str = "auto"
    time_scales: Mapping[str, TimeScale] = field(default_factory=dict)
    exposures_s: Mapping[str, float] = field(default_factory=dict)
    bad_flags: int = -1


PRESETS: Mapping[str, Preset] = {
    "ztf": Preset(
        survey="ztf",
        marks=(
            frozenset({"hmjd", "catflags"}),
            frozenset({"filtercode", "catflags"}),
            frozenset({"forcediffimflux", "mag_tot"}),
        ),
        band_names=_ZTF_BANDS,
        exposures_s={"mjd": 30.0},
        bad_flags=32_768,
    ),
    "rubin": Preset(
        survey="lsst", marks=(frozenset({"midpointmjdtai"}), frozenset({"objectforcedsource"}))
    ),
    "sdss": Preset(survey="sdss", time_scales={"time": "mjd_tai", "mjd": "mjd_tai"}),
    "eros": Preset(survey="eros", brightness="magnitude", time_scales={"time": "days"}),
    "generic": Preset(),
}
"""The presets by name. ``eros`` is for tables whose ``flux`` holds magnitudes."""


def preset_for(names: frozenset[str]) -> str:
    """Return the preset that a table's columns speak for.

    Parameters
    ----------
    names : frozenset of str
        Names of columns, in lower case, also of those inside others.

    Examples
    --------
    >>> preset_for(frozenset({"objectid", "hmjd", "mag", "magerr", "catflags"}))
    'ztf'
    >>> preset_for(frozenset({"star_id", "time", "mag"}))
    'generic'
    """
    for name, preset in PRESETS.items():
        if any(marks <= names for marks in preset.marks):
            return name
    return "generic"
