"""IRSA's cutout service: a piece of an image instead of the whole 36 MB.

``GET <image>?center=<ra>,<dec>&size=<n>pix&gzip=false``, position in degrees. The service rounds to
whole pixels outwards: it may send one row or column more than asked, and fewer at an edge.
"""

from __future__ import annotations

from skyvet.io.archives.http_client import ArchiveClient
from skyvet.io.fits_stamps import read_fits_images

__all__ = ["IrsaCutouts", "cutout_url"]

_MAX_BYTES = 4 << 20


class IrsaCutouts:
    """Client of the service.

    Parameters
    ----------
    client : ArchiveClient
        Carries the requests.
    """

    def __init__(self, client: ArchiveClient) -> None:
        self._client = client

    def cutout(self, image_url: str, target: tuple[float, float], size_px: int) -> bytes:
        """Return the FITS file of a cutout, checked to be one that can be read.

        Parameters
        ----------
        image_url : str
            Address of the whole image.
        target : tuple of float
            Right ascension and declination of its centre [deg].
        size_px : int
            Side [pixels].

        Raises
        ------
        ArchiveError
            See `ArchiveClient.get`.
        """
        url = cutout_url(image_url, target, size_px)
        return self._client.get(url, _checked, max_bytes=_MAX_BYTES)


def cutout_url(image_url: str, target: tuple[float, float], size_px: int) -> str:
    """Return the address of a cutout.

    Examples
    --------
    >>> cutout_url("https://host/a_sciimg.fits", (10.5, -3.25), 28)
    'https://host/a_sciimg.fits?center=10.5000000,-3.2500000&size=28pix&gzip=false'
    """
    ra_deg, dec_deg = target
    return f"{image_url}?center={ra_deg:.7f},{dec_deg:.7f}&size={size_px}pix&gzip=false"


def _checked(data: bytes) -> bytes:
    read_fits_images(data)
    return data
