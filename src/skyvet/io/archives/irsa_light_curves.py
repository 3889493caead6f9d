"""IRSA's light-curve service: ``GET <service>?ID=<oid>&ID=<oid>&COLLECTION=ztf_dr8&FORMAT=CSV``.

The service knows only objects of the collection: others are simply not in its answer. The format
has no end mark: an answer cut in the middle of a line is refused, but one cut between two lines of
the last object asked for looks whole, and nothing here can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from skyvet.io.archives.http_client import ArchiveClient
from skyvet.io.light_curve_tables import LightCurveRow
from skyvet.io.ztf_light_curves import rows_from_irsa_csv

__all__ = ["LIGHT_CURVE_URL", "IrsaLightCurves"]

LIGHT_CURVE_URL = "https://irsa.ipac.caltech.edu/cgi-bin/ZTF/nph_light_curves"
"""IRSA's service."""

_MAX_BYTES = 256 << 20


class IrsaLightCurves:
    """Client of the service.

    Parameters
    ----------
    client : ArchiveClient
        Carries the requests.
    url : str
        Address of the service.
    release : str, default "latest"
        Data release: ``latest`` or ``dr<number>``.
    bad_catflags : int, default 32768
        Epochs with one of these bits are left out; 0 keeps all.
    """

    def __init__(
        self,
        client: ArchiveClient,
        *,
        url: str = LIGHT_CURVE_URL,
        release: str = "latest",
        bad_catflags: int = 32_768,
    ) -> None:
        self._client = client
        self._url = url
        self._tail = "" if release == "latest" else f"&COLLECTION=ztf_{release}"
        self._parse = partial(rows_from_irsa_csv, bad_catflags=bad_catflags)

    def light_curves(self, oids: Sequence[int]) -> list[LightCurveRow]:
        """Return the light curves of those objects that the service knows.

        Raises
        ------
        ArchiveError
            See `ArchiveClient.get`.
        """
        return self._client.get(self.address(oids), self._parse, max_bytes=_MAX_BYTES)

    def address(self, oids: Sequence[int]) -> str:
        """Return the address that asks for objects."""
        wanted = "&".join(f"ID={oid}" for oid in oids)
        return f"{self._url}?{wanted}{self._tail}&FORMAT=CSV"
