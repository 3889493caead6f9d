"""Where a sky position falls on a FITS image: TAN projection with TPV or SIP distortion.

The forward chain is pixel -> (SIP) -> CD matrix -> (TPV) -> gnomonic projection; a position is
carried back through it, the two polynomials inverted by iteration. Calabretta & Greisen 2002
(A&A 395, 1077); Shupe et al. 2005 (SIP); the TPV convention of the FITS registry.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from skyvet.core.errors import InvalidInputError
from skyvet.io.fits_headers import card_number, card_text, has_card

__all__ = ["TangentWcs", "read_wcs"]

_N_ITERATIONS = 20
_TOLERANCE = 1e-9
# Powers of (x, y, r) of each TPV coefficient up to the third order and the sixth r term.
_TPV_TERMS: dict[int, tuple[int, int, int]] = {
    0: (0, 0, 0), 1: (1, 0, 0), 2: (0, 1, 0), 3: (0, 0, 1), 4: (2, 0, 0), 5: (1, 1, 0),
    6: (0, 2, 0), 7: (3, 0, 0), 8: (2, 1, 0), 9: (1, 2, 0), 10: (0, 3, 0), 11: (0, 0, 3),
    12: (4, 0, 0), 13: (3, 1, 0), 14: (2, 2, 0), 15: (1, 3, 0), 16: (0, 4, 0), 17: (5, 0, 0),
    18: (4, 1, 0), 19: (3, 2, 0), 20: (2, 3, 0), 21: (1, 4, 0), 22: (0, 5, 0), 23: (0, 0, 5),
}  # fmt: skip
_MAX_SIP_ORDER = 9
_MAX_PX = 1e9

_Polynomial = dict[tuple[int, int, int], float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TangentWcs:
    """A tangent-plane world coordinate system.

    Parameters
    ----------
    reference_px : tuple of float
        CRPIX1, CRPIX2: the reference point, the first pixel's centre being 1.
    reference_deg : tuple of float
        CRVAL1, CRVAL2: its right ascension and declination [deg].
    matrix : tuple of float
        CD1_1, CD1_2, CD2_1, CD2_2 [deg / pixel].
    tpv : tuple of dict
        TPV coefficients of both axes by their powers of (x, y, r); empty = none.
    sip : tuple of dict
        SIP coefficients A and B by their powers of (u, v, 0); empty = none.
    """

    reference_px: tuple[float, float]
    reference_deg: tuple[float, float]
    matrix: tuple[float, float, float, float]
    tpv: tuple[_Polynomial, _Polynomial] = field(default_factory=lambda: ({}, {}))
    sip: tuple[_Polynomial, _Polynomial] = field(default_factory=lambda: ({}, {}))

    @property
    def pixel_scale_arcsec(self) -> float:
        """Side of a pixel at the reference point [arcsec]."""
        a, b, c, d = self.matrix
        return 3600.0 * math.sqrt(abs(a * d - b * c))

    def pixel_of(self, ra_deg: float, dec_deg: float) -> tuple[float, float]:
        """Return column and row of a position; the first pixel's centre is 0.

        Parameters
        ----------
        ra_deg, dec_deg : float
            Position [deg], in the system of the header.

        Raises
        ------
        InvalidInputError
            If the position is on the other side of the sky, a distortion cannot be inverted, or
            the numbers of the header make no sense.
        """
        try:
            column, row = self._pixel_of(ra_deg, dec_deg)
        except (OverflowError, ZeroDivisionError):
            column = row = math.inf
        if not max(abs(column), abs(row)) < _MAX_PX:
            raise InvalidInputError("the header's sky coordinates are absurd")
        return column, row

    def _pixel_of(self, ra_deg: float, dec_deg: float) -> tuple[float, float]:
        xi, eta = self._project(ra_deg, dec_deg)
        x, y = _inverted(self.tpv, xi, eta) if any(self.tpv) else (xi, eta)
        a, b, c, d = self.matrix
        determinant = a * d - b * c
        u, v = (d * x - b * y) / determinant, (a * y - c * x) / determinant
        if any(self.sip):
            u, v = _inverted(_with_identity(self.sip), u, v)
        return u + self.reference_px[0] - 1.0, v + self.reference_px[1] - 1.0

    def _project(self, ra_deg: float, dec_deg: float) -> tuple[float, float]:
        """Return the standard coordinates of a position [deg]."""
        ra0, dec0 = map(math.radians, self.reference_deg)
        ra, dec = math.radians(ra_deg) - ra0, math.radians(dec_deg)
        cosine = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(ra)
        if not cosine > 0.1:
            raise InvalidInputError(
                f"position {ra_deg:.5f}, {dec_deg:.5f} deg is more than 84 deg off the image"
            )
        xi = math.cos(dec) * math.sin(ra) / cosine
        north = math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(ra)
        return math.degrees(xi), math.degrees(north / cosine)


def read_wcs(cards: Mapping[bytes, bytes]) -> TangentWcs | None:
    """Return the world coordinates of a header, or None where it has none that is known here.

    Parameters
    ----------
    cards : mapping of bytes to bytes
        Header of a `skyvet.io.fits_stamps.FitsImage`.

    Returns
    -------
    TangentWcs or None
        None where cards are missing, the matrix is singular, or the projection is another one.

    Examples
    --------
    >>> read_wcs({b"NAXIS": b" 2"}) is None
    True
    """
    kinds = [card_text(cards, f"CTYPE{axis}") for axis in (1, 2)]
    if not (kinds[0].startswith("RA--") and kinds[1].startswith("DEC-")):
        return None
    projection = kinds[0][5:].lstrip("-")
    pixel = (card_number(cards, "CRPIX1"), card_number(cards, "CRPIX2"))
    sky = (card_number(cards, "CRVAL1"), card_number(cards, "CRVAL2"))
    matrix = _matrix(cards)
    numbers = (*pixel, *sky, *matrix)
    is_singular = matrix[0] * matrix[3] == matrix[1] * matrix[2]
    if projection not in ("TAN", "TPV", "TAN-SIP") or is_singular or math.isnan(sum(numbers)):
        return None
    has_tpv = projection == "TPV" or (projection == "TAN" and has_card(cards, "PV1_1"))
    return TangentWcs(
        reference_px=pixel,
        reference_deg=sky,
        matrix=matrix,
        tpv=(_tpv(cards, 1), _tpv(cards, 2)) if has_tpv else ({}, {}),
        sip=(_sip(cards, "A"), _sip(cards, "B")) if projection == "TAN-SIP" else ({}, {}),
    )


def _matrix(cards: Mapping[bytes, bytes]) -> tuple[float, float, float, float]:
    """Return the CD matrix, from CD, PC and CDELT, or CDELT and CROTA2."""
    places = [(i, j) for i in (1, 2) for j in (1, 2)]
    if any(has_card(cards, f"CD{i}_{j}") for i, j in places):
        a, b, c, d = (_or(card_number(cards, f"CD{i}_{j}"), 0.0) for i, j in places)
        return a, b, c, d
    steps = [card_number(cards, f"CDELT{i}") for i in (1, 2)]
    if any(has_card(cards, f"PC{i}_{j}") for i, j in places):
        a, b, c, d = (_or(card_number(cards, f"PC{i}_{j}"), float(i == j)) for i, j in places)
    else:
        angle = math.radians(_or(card_number(cards, "CROTA2"), 0.0))
        ratio = steps[1] / steps[0] if steps[0] else math.nan
        a = d = math.cos(angle)
        b, c = -math.sin(angle) * ratio, math.sin(angle) / ratio if ratio else math.nan
    return a * steps[0], b * steps[0], c * steps[1], d * steps[1]


def _or(value: float, default: float) -> float:
    return default if math.isnan(value) else value


def _tpv(cards: Mapping[bytes, bytes], axis: int) -> _Polynomial:
    """Return the coefficients of one axis; the second exchanges x and y."""
    found: _Polynomial = {}
    for number, (i, j, k) in _TPV_TERMS.items():
        value = _or(card_number(cards, f"PV{axis}_{number}"), 1.0 if number == 1 else 0.0)
        if value != 0.0:
            found[(i, j, k) if axis == 1 else (j, i, k)] = value
    return found


def _sip(cards: Mapping[bytes, bytes], letter: str) -> _Polynomial:
    order = int(min(_or(card_number(cards, f"{letter}_ORDER"), 0.0), _MAX_SIP_ORDER))
    powers = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    values = {(i, j, 0): card_number(cards, f"{letter}_{i}_{j}") for i, j in powers}
    return {power: value for power, value in values.items() if not math.isnan(value)}


def _with_identity(pair: tuple[_Polynomial, _Polynomial]) -> tuple[_Polynomial, _Polynomial]:
    """Turn corrections to (u, v) into polynomials that give the corrected ones."""
    first, second = (dict(polynomial) for polynomial in pair)
    first[1, 0, 0] = first.get((1, 0, 0), 0.0) + 1.0
    second[0, 1, 0] = second.get((0, 1, 0), 0.0) + 1.0
    return first, second


def _value(polynomial: _Polynomial, x: float, y: float) -> float:
    r = math.hypot(x, y)
    return sum(c * x**i * y**j * r**k for (i, j, k), c in polynomial.items())


def _inverted(
    pair: tuple[_Polynomial, _Polynomial], x_target: float, y_target: float
) -> tuple[float, float]:
    """Solve polynomial(x, y) = target by Newton's method with finite differences."""
    x, y = x_target, y_target
    step = 1e-4 * max(1.0, abs(x), abs(y))
    for _ in range(_N_ITERATIONS):
        fx, fy = (_value(polynomial, x, y) for polynomial in pair)
        a, c = ((_value(p, x + step, y) - f) / step for p, f in zip(pair, (fx, fy), strict=True))
        b, d = ((_value(p, x, y + step) - f) / step for p, f in zip(pair, (fx, fy), strict=True))
        determinant = a * d - b * c
        if not abs(determinant) > 0:
            break
        dx, dy = x_target - fx, y_target - fy
        move_x, move_y = (d * dx - b * dy) / determinant, (a * dy - c * dx) / determinant
        x, y = x + move_x, y + move_y
        if math.hypot(move_x, move_y) < _TOLERANCE * max(1.0, math.hypot(x, y)):
            return x, y
    raise InvalidInputError("the distortion of the image's coordinates cannot be inverted")
