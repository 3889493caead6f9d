"""What a ZTF data-release OID says of where its light curve was taken."""

from __future__ import annotations

from dataclasses import dataclass

from skyvet.core.errors import InvalidInputError
from skyvet.records.identifiers import Identifier

__all__ = ["ZtfOid", "parse_ztf_oid"]

_DIGITS = (15, 16)
_BANDS = {1: "g", 2: "r", 3: "i"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZtfOid:
    """The parts of an OID: field (3 to 4 digits), filter, CCD, quadrant and number (8 digits).

    Parameters
    ----------
    field : int
        Number of the pointing.
    band : str
        ``g``, ``r`` or ``i``.
    ccd : int
        Detector, 1 to 16.
    quadrant : int
        Of the detector, 1 to 4.
    """

    field: int
    band: str
    ccd: int
    quadrant: int

    @property
    def readout_channel(self) -> str:
        """Field, CCD and quadrant: objects that share the same corner of the camera and the sky."""
        return f"{self.field}-{self.ccd}-{self.quadrant}"


def parse_ztf_oid(oid: Identifier) -> ZtfOid:
    """Take an OID apart.

    Parameters
    ----------
    oid : int or str
        15 or 16 digits.

    Raises
    ------
    InvalidInputError
        If it cannot be an OID of ZTF.

    Examples
    --------
    >>> parse_ztf_oid(257201400048862)
    ZtfOid(field=257, band='r', ccd=1, quadrant=4)
    """
    digits = str(oid)
    if not digits.isdecimal() or len(digits) not in _DIGITS:
        raise InvalidInputError(f"a ZTF OID has 15 or 16 digits, got {oid!r}")
    band, ccd, quadrant = int(digits[-12]), int(digits[-11:-9]), int(digits[-9])
    if band not in _BANDS or not 1 <= ccd <= 16 or not 1 <= quadrant <= 4:
        raise InvalidInputError(
            f"{oid!r} is no ZTF OID: filter {band}, CCD {ccd}, quadrant {quadrant} do not exist"
        )
    return ZtfOid(field=int(digits[:-12]), band=_BANDS[band], ccd=ccd, quadrant=quadrant)
