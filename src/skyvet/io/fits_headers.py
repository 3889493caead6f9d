"""Values of FITS header cards, read from their raw text."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["card_number", "card_text", "has_card"]

RawCards = Mapping[bytes, bytes]


def has_card(cards: RawCards, key: str) -> bool:
    """Say whether the header has a card, whatever its value."""
    return key.encode("ascii") in cards


def card_number(cards: RawCards, key: str) -> float:
    """Return the number of a card; NaN where it is absent or no finite number.

    Parameters
    ----------
    cards : mapping of bytes to bytes
        Header of a `skyvet.io.fits_stamps.FitsImage`.
    key : str
        Keyword, such as ``EXPTIME``.

    Examples
    --------
    >>> card_number({b"EXPTIME": b" 30.0D0 / [s]"}, "EXPTIME")
    30.0
    """
    text = cards.get(key.encode("ascii"))
    if text is None:
        return math.nan
    words = (
        card_text(cards, key) if b"'" in text else text.split(b"/")[0].decode("ascii", "replace")
    )
    try:
        value = float(words.strip().upper().replace("D", "E"))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def card_text(cards: RawCards, key: str) -> str:
    """Return the text of a card without quotes and comment; empty where it is absent.

    Examples
    --------
    >>> card_text({b"FILTER": b" 'zr      '  / name"}, "FILTER")
    'zr'
    """
    raw = cards.get(key.encode("ascii"), b"").decode("ascii", "replace").strip()
    if not raw.startswith("'"):
        return raw.split("/")[0].strip()
    quoted = raw[1:].replace("''", "\0")
    return quoted.split("'")[0].replace("\0", "'").strip()
