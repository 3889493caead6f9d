"""Identifiers keep their survey's type and are never floats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from skyvet.core.errors import InvalidInputError

__all__ = ["Identifier", "check_identifier", "hash_identifiers"]

Identifier = int | str


def check_identifier(value: object, *, name: str) -> Identifier:
    """Return an identifier as Python int or str, refusing floats and emptiness.

    Parameters
    ----------
    value : object
        What the packet or table holds.
    name : str
        Argument name for the message.

    Raises
    ------
    InvalidInputError
        If the value is a float (64-bit ids lose digits), a bool, empty, or of another type.

    Examples
    --------
    >>> check_identifier(1095578115815010002, name="candidate_id")
    1095578115815010002
    >>> check_identifier(1.5, name="candidate_id")
    Traceback (most recent call last):
    ...
    skyvet.core.errors.InvalidInputError: candidate_id must be an integer or a text, got float 1.5
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value:
        return value
    raise InvalidInputError(
        f"{name} must be an integer or a text, got {type(value).__name__} {value!r}"
    )


def hash_identifiers(identifiers: Iterable[Identifier]) -> str:
    """Return the hash of a set of identifiers, by which a bundle names its training data.

    Examples
    --------
    >>> hash_identifiers([2, 1]) == hash_identifiers(["1", "2"])
    True
    """
    text = "\n".join(sorted(str(value) for value in identifiers))
    return hashlib.sha256(text.encode()).hexdigest()
