"""SNAD's finder: which exposures stand behind a ZTF data-release light curve.

``GET <finder>/api/v1/urls/by/oid?oid=<int>&dr=dr8&base_url=IPAC`` answers a list with one item an
exposure: ``urls.sciimg``, ``inputs.ra``, ``inputs.dec`` [deg], ``inputs.hmjd`` (heliocentric, UTC,
mid-exposure [d]) and ``inputs.filter`` (``zg``, ``zr``, ``zi``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from skyvet.core.errors import ArchiveError, InvalidInputError
from skyvet.io.archives.http_client import ArchiveClient, is_http_address

__all__ = [
    "FINDER_URL",
    "Exposure",
    "ExposureList",
    "ZtfFinder",
    "band_of_oid",
    "exposures_from_json",
]

FINDER_URL = "https://finder.fits.ztf.snad.space"
"""SNAD's service."""

_BANDS = {"1": "g", "2": "r", "3": "i"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One exposure of an object.

    Parameters
    ----------
    hmjd : float
        Heliocentric mid-exposure [d, UTC].
    url : str
        Address of the whole science image.
    """

    hmjd: float
    url: str

    @property
    def key(self) -> str:
        """The time as text to the hundredth of a second, the same in every run."""
        return f"{self.hmjd:.7f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureList:
    """All exposures of an object.

    Parameters
    ----------
    ra_deg, dec_deg : float
        The object's position [deg].
    exposures : tuple of Exposure
        By time, one a time.
    n_unusable : int
        Items left out: without a time or an address, or at the time of another.
    """

    ra_deg: float
    dec_deg: float
    exposures: tuple[Exposure, ...]
    n_unusable: int = 0


class ZtfFinder:
    """Client of the finder.

    Parameters
    ----------
    client : ArchiveClient
        Carries the requests.
    url : str
        Address of the service.
    release : str, default "dr8"
        Data release of the light curves: ``latest`` or ``dr<number>``.
    base_url : str, default "IPAC"
        Where the images are: ``IPAC``, ``SNAD`` or the address of a mirror.
    """

    def __init__(
        self,
        client: ArchiveClient,
        *,
        url: str = FINDER_URL,
        release: str = "dr8",
        base_url: str = "IPAC",
    ) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._query = f"dr={quote(release)}&base_url={quote(base_url, safe='')}"

    def exposures(self, oid: int) -> ExposureList:
        """Return the exposures of an object.

        Raises
        ------
        ArchiveError
            With status 404 where the object is not known; otherwise see `ArchiveClient.get`.
        """
        url = f"{self._url}/api/v1/urls/by/oid?oid={oid}&{self._query}"
        found = self._client.get(url, exposures_from_json)
        if not found.exposures:
            said = f"{found.n_unusable} unusable items" if found.n_unusable else "an empty list"
            raise ArchiveError(
                f"the finder knows no exposure ({said})", url=url, status=404, is_permanent=True
            )
        return found


def band_of_oid(oid: int) -> str:
    """Return the filter that a ZTF object identifier names; empty where it is none.

    Examples
    --------
    >>> band_of_oid(633207400004730), band_of_oid(1633107400004730), band_of_oid(12)
    ('r', 'g', '')
    """
    text = str(oid)
    return _BANDS.get(text[-12], "") if len(text) in (15, 16) else ""


def exposures_from_json(data: bytes) -> ExposureList:
    """Read an answer of the finder.

    Raises
    ------
    InvalidInputError
        If it is no JSON list of exposures; pages of HTML are named as such.

    Examples
    --------
    >>> answer = b'[{"inputs": {"hmjd": 59000.5, "ra": 1, "dec": 2}, "urls": {"sciimg": "http://x"}}]'
    >>> exposures_from_json(answer).exposures[0].key
    '59000.5000000'
    """
    try:
        items = json.loads(data)
    except (ValueError, RecursionError) as error:
        kind = "a page of HTML" if data.lstrip()[:1] == b"<" else f"{data[:40]!r}"
        raise InvalidInputError(f"the finder's list was expected, got {kind}") from error
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidInputError(f"the finder's list was expected, got {data[:80]!r}")
    usable = {e.key: e for e in reversed([_exposure(item) for item in items]) if e is not None}
    places = [_place(item) for item in items]
    ra_deg, dec_deg = next((p for p in places if p is not None), (math.nan, math.nan))
    if math.isnan(ra_deg):
        usable = {}
    ordered = tuple(sorted(usable.values(), key=lambda exposure: exposure.hmjd))
    return ExposureList(
        ra_deg=ra_deg, dec_deg=dec_deg, exposures=ordered, n_unusable=len(items) - len(ordered)
    )


def _exposure(item: dict[str, Any]) -> Exposure | None:
    (hmjd,) = _numbers(item, ("hmjd",))
    urls = item.get("urls")
    url = urls.get("sciimg") if isinstance(urls, dict) else None
    if math.isnan(hmjd) or not isinstance(url, str) or not is_http_address(url):
        return None
    return Exposure(hmjd=hmjd, url=url)


def _place(item: dict[str, Any]) -> tuple[float, float] | None:
    ra_deg, dec_deg = _numbers(item, ("ra", "dec"))
    return (ra_deg, dec_deg) if 0 <= ra_deg <= 360 and -90 <= dec_deg <= 90 else None


def _numbers(item: dict[str, Any], names: Sequence[str]) -> list[float]:
    inputs = item.get("inputs")
    values = [inputs.get(name) if isinstance(inputs, dict) else None for name in names]
    return [
        float(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        else math.nan
        for value in values
    ]
