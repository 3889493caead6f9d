"""Settings of reading light curves; importing this loads no reader."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from skyvet.core.configs import Config, FiniteConfig, each_once

__all__ = ["LightCurveColumns", "LightCurveInputConfig", "TimeScale"]

TimeScale = Literal["mjd_tai", "mjd_utc", "hmjd_utc", "jd_utc", "hjd_utc", "days"]
"""What a table's times may be; ``days`` are days from any zero point, taken as they are."""


class LightCurveColumns(Config):
    """Names of the columns; empty = found by the names that are in use.

    A column inside another one is named with a dot: ``lightcurve.hmjd``.
    """

    source_id: str = Field(default="", description="Identifier of the source.")
    time: str = Field(default="", description="Times [d].")
    brightness: str = Field(default="", description="Magnitudes or fluxes.")
    error: str = Field(default="", description="Errors of the brightness.")
    band: str = Field(default="", description="Filter, of each epoch or of the source.")
    flags: str = Field(default="", description="Quality bits of each epoch.")
    upper_limit: str = Field(default="", description="True where nothing was seen.")
    ra: str = Field(default="", description="Right ascension [deg].")
    dec: str = Field(default="", description="Declination [deg].")


class LightCurveInputConfig(FiniteConfig):
    """How light curves are read.

    Parameters
    ----------
    form, preset, columns
        What the input looks like; found out where not given.
    brightness, zero_point_mag, time_scale, exposure_s
        What the numbers mean.
    band, band_names, bands, bad_flags
        Which epochs are taken, and of which filter they are.
    packet_flux, max_reference_arcsec
        What is made of the difference fluxes of alert packets.
    survey, carry_columns
        What else is known of a source.
    sources_per_partition, epochs_per_partition
        Size of a piece of work.

    Examples
    --------
    >>> LightCurveInputConfig(form="long", columns={"source_id": "star"}).columns.source_id
    'star'
    """

    form: Literal["auto", "skyvet", "nested", "long", "csv", "hats", "packets"] = Field(
        default="auto",
        description="One row a source with lists (skyvet, nested, hats), one row an epoch (long, "
        "csv), or alert packets and datasets made of them (packets).",
    )
    preset: Literal["auto", "generic", "ztf", "rubin", "sdss", "eros"] = Field(
        default="auto", description="Whose conventions of names, times, bands and flags hold."
    )
    columns: LightCurveColumns = LightCurveColumns()
    brightness: Literal["auto", "magnitude", "flux"] = Field(
        default="auto", description="Unit of the brightness; auto goes by the column's name."
    )
    zero_point_mag: float = Field(
        default=31.4,
        description="AB magnitude of flux 1: 31.4 for nJy, 23.9 for uJy, 8.9 for Jy.",
    )
    time_scale: Literal["auto", "mjd_tai", "mjd_utc", "hmjd_utc", "jd_utc", "hjd_utc", "days"] = (
        Field(default="auto", description="What the times are; auto goes by name and size.")
    )
    exposure_s: float | None = Field(
        default=None,
        ge=0,
        description="Exposure time whose half is added [s], where times are its start; none = "
        "the preset's.",
    )
    band: str = Field(default="", description="Filter of all epochs, where no column says it.")
    band_names: tuple[str, ...] = Field(
        default=(), description="Further names of filters, as theirs=ours: R=r,1=g."
    )
    bands: Annotated[tuple[str, ...], AfterValidator(each_once)] = Field(
        default=(), description="Filters that are taken; empty = all that have a name."
    )
    bad_flags: int | None = Field(
        default=None,
        ge=-1,
        description="Epochs with one of these bits are left out; 0 keeps all, -1 stands for any "
        "bit, none = the preset's (ztf: 32768; else any).",
    )
    packet_flux: Literal["difference", "total"] = Field(
        default="difference",
        description="Of alert packets: flux of difference images, or that of the source itself "
        "(reference and difference), which magnitudes, features and periods need.",
    )
    max_reference_arcsec: float = Field(
        default=1.5,
        gt=0,
        description="An epoch has a total flux if its reference has a source this near [arcsec].",
    )
    survey: str = Field(default="", description="Name of the survey; empty = the preset's.")
    carry_columns: tuple[str, ...] = Field(
        default=(),
        description="Columns carried along; empty = all of one value a source, none of long "
        "tables.",
    )
    sources_per_partition: int = Field(
        default=1000, gt=0, description="Sources of one piece of work, at most."
    )
    epochs_per_partition: int = Field(
        default=1_000_000, gt=0, description="Epochs of one piece of a long table, about."
    )

    @field_validator("band_names")
    @classmethod
    def _are_pairs(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            theirs, sign, ours = name.partition("=")
            if not (theirs and sign and ours):
                raise ValueError(f"a pair such as R=r is needed, got {name!r}")
        return names
