"""The mapping file of a folder of cutouts: how files are named and what header cards mean.

::

    name = "my-survey"
    layout = "{object_id}/*/{time}_{band}.fits"   # below the folder; {time}, {band} are optional
    size_px = 63                                  # None: the most frequent size of an object
    pixel_scale_arcsec = 0.25                     # where a file has no sky coordinates
    exposure_card = "EXPTIME"
    seeing_card = "FWHM"
    seeing_unit = "px"
    zero_point_card = "ZPAB"

    [band]
    names = { "1" = "g", "2" = "r" }              # of the card, or of {band}

    [[times]]                                     # tried in turn
    card = "MJD-OBS"                              # without card: {time} of the file's name
    scale = "tai"
    reference = "start"
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.times import (
    heliocentric_delay_s,
    hmjd_utc_to_mjd_tai,
    mjd_utc_to_mjd_tai,
)
from skyvet.io.fits_headers import card_number, card_text

__all__ = ["FrameBand", "FrameMapping", "FrameTime", "frame_mapping"]

_JD_OF_MJD_ZERO = 2_400_000.5
_UNIX_EPOCH_MJD = 40_587.0
_SECONDS_PER_DAY = 86_400.0
_MIN_MJD, _MAX_MJD = 40_000.0, 100_000.0
_FIELDS = {
    "object_id": r"(?P<object_id>[^/]+?)",
    "time": r"(?P<time>\d+(?:\.\d+)?)",
    "band": r"(?P<band>[^/]+?)",
}
Keyword = Annotated[str, Field(pattern=r"^[A-Z0-9_-]{1,8}$")]


class FrameTime(Config):
    """One place where the time of a frame may stand.

    Parameters
    ----------
    card : str, optional
        Header card; None for ``{time}`` in the file's name.
    kind : {"mjd", "jd", "iso"}
        Modified or Julian date [d], or text such as ``2024-05-01T04:00:00``.
    scale : {"utc", "tai"}
        Time scale.
    reference : {"start", "middle"}
        Whether it is the start or the middle of the exposure.
    is_heliocentric : bool, default False
        True where it was reduced to the Sun; then turned back with the object's position.
    """

    card: Keyword | None = None
    kind: Literal["mjd", "jd", "iso"] = "mjd"
    scale: Literal["utc", "tai"] = "utc"
    reference: Literal["start", "middle"] = "middle"
    is_heliocentric: bool = False

    def mjd_tai(
        self,
        cards: Mapping[bytes, bytes],
        *,
        file_time: str = "",
        exposure_s: float = 0.0,
        target: tuple[float, float] | None = None,
    ) -> float:
        """Return the middle of the exposure [MJD, TAI]; NaN where this place has no date.

        Parameters
        ----------
        cards : mapping of bytes to bytes
            Header of the frame.
        file_time : str, default ""
            ``{time}`` of its name.
        exposure_s : float, default 0
            Exposure time [s].
        target : tuple of float, optional
            Right ascension and declination of the object [deg]. Without it a heliocentric time
            stays as it is, up to 8.4 minutes off.

        Examples
        --------
        >>> FrameTime(scale="tai").mjd_tai({}, file_time="58849.5")
        58849.5
        """
        text = file_time if self.card is None else card_text(cards, self.card)
        if self.kind == "iso":
            mjd = _mjd_of_iso(text)
        else:
            days = _number(text) if self.card is None else card_number(cards, self.card)
            mjd = days - _JD_OF_MJD_ZERO if self.kind == "jd" else days
        if not _MIN_MJD < mjd < _MAX_MJD:
            return math.nan
        if self.reference == "start":
            mjd += 0.5 * exposure_s / _SECONDS_PER_DAY
        return self._on_earth(mjd, target)

    def _on_earth(self, mjd: float, target: tuple[float, float] | None) -> float:
        if not self.is_heliocentric or target is None:
            return mjd if self.scale == "tai" else mjd_utc_to_mjd_tai(mjd)
        ra_deg, dec_deg = target
        if self.scale == "utc":
            return hmjd_utc_to_mjd_tai(mjd, ra_deg=ra_deg, dec_deg=dec_deg)
        delay_s = heliocentric_delay_s(mjd, ra_deg=ra_deg, dec_deg=dec_deg)
        return mjd - delay_s / _SECONDS_PER_DAY


class FrameBand(Config):
    """The filter: a card, ``{band}`` of the file's name, or one constant.

    Parameters
    ----------
    card : str, optional
        Header card; None for ``{band}`` of the name.
    names : dict of str to str
        Name for each value; other values keep theirs.
    constant : str, default ""
        Filter where neither gives one.
    """

    card: Keyword | None = None
    names: dict[str, str] = Field(default_factory=dict)
    constant: str = ""


class FrameMapping(Config):
    """Everything that the mapping file of one archive's cutouts says.

    Parameters
    ----------
    name : str
        Survey: small letters, digits, ``_`` and ``-``.
    layout : str
        Names of the files below the folder, with ``{object_id}`` and, optionally, ``{time}`` and
        ``{band}``; ``*`` stands for anything but ``/``. A ``.fits`` may be ``.fits.gz``.
    size_px : int, optional
        Side of the frames [pixels]; None takes each object's most frequent size.
    pixel_scale_arcsec : float
        Pixel scale [arcsec] of files without sky coordinates.
    times : tuple of FrameTime
        Where the time stands; the first that gives a date is taken.
    band : FrameBand
        Where the filter stands.
    exposure_card : str, optional
        Card with the exposure time [s].
    exposure_s : float, default 0
        Exposure time [s] where there is no such card.
    ra_card, dec_card : str, optional
        Cards with the object's position [deg].
    seeing_card : str, optional
        Card with the full width at half maximum of the PSF.
    seeing_unit : {"arcsec", "px"}
        Its unit.
    zero_point_card : str, optional
        Card with the magnitude of one count.
    zero_point_offset : float, default 0
        Added to make it AB [mag].
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    layout: str = "{object_id}/{time}.fits"
    size_px: int | None = Field(default=None, gt=0, le=3072)
    pixel_scale_arcsec: float = Field(gt=0)
    times: tuple[FrameTime, ...] = (FrameTime(),)
    band: FrameBand = FrameBand()
    exposure_card: Keyword | None = None
    exposure_s: float = Field(default=0.0, ge=0, le=100_000)
    ra_card: Keyword | None = None
    dec_card: Keyword | None = None
    seeing_card: Keyword | None = None
    seeing_unit: Literal["arcsec", "px"] = "arcsec"
    zero_point_card: Keyword | None = None
    zero_point_offset: float = 0.0

    @field_validator("layout")
    @classmethod
    def _check_layout(cls, layout: str) -> str:
        used = re.findall(r"\{(.*?)\}", layout)
        if "object_id" not in used or not set(used) <= set(_FIELDS) or len(set(used)) < len(used):
            raise ValueError(
                "layout needs {object_id} once and may have {time} and {band} once each, "
                f"got {layout!r}"
            )
        return layout

    def pattern(self) -> re.Pattern[str]:
        """Return the layout as a regular expression for paths below the folder."""
        pieces = re.split(r"(\{\w+\}|\*)", self.layout)
        text = "".join(
            _FIELDS[piece[1:-1]] if piece[:1] == "{" else "[^/]*" if piece == "*"
            else re.escape(piece)
            for piece in pieces
        )  # fmt: skip
        return re.compile(text + (r"(?:\.gz)?" if self.layout.endswith(".fits") else ""))


def frame_mapping(mapping: FrameMapping | str | Path | None = None) -> FrameMapping:
    """Return a mapping: itself, a built-in one by its name, or that of a TOML file.

    Parameters
    ----------
    mapping : FrameMapping, str or Path, optional
        None is ``"ztf"``, which also reads any ``<object>/<mjd>.fits``.

    Raises
    ------
    InvalidInputError
        If there is no such file or name, it is no TOML, or a key is unknown or wrong.

    Examples
    --------
    >>> frame_mapping("ztf").layout
    '{object_id}/{time}.fits'
    """
    if isinstance(mapping, FrameMapping):
        return mapping
    name = "ztf" if mapping is None else str(mapping)
    built_in = _built_in()
    if name in built_in:
        return _from_toml(built_in[name], source=name)
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(built_in))
        raise InvalidInputError(
            f"frame mapping {name!r} is neither built in ({known}) nor a file that can be read: "
            f"{error}"
        ) from error
    return _from_toml(text, source=name)


@cache
def _built_in() -> dict[str, str]:
    folder = files("skyvet.io") / "frame_mappings"
    entries = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return {entry.name.removesuffix(".toml"): entry.read_text("utf-8") for entry in entries}


def _from_toml(text: str, *, source: str) -> FrameMapping:
    try:
        return FrameMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"frame mapping {source} is no valid TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InvalidInputError(f"frame mapping {source} cannot be used: {faults}") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _mjd_of_iso(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp() / _SECONDS_PER_DAY + _UNIX_EPOCH_MJD
