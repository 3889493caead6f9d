"""The finer classes that a labeller may choose from, each with a key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.records.labels import LabelValue
from skyvet.records.taxonomy import CandidateClass

__all__ = ["CheckSubclass", "Subclass", "default_subclasses", "read_subclasses", "side_check"]

CheckSubclass = Callable[[str, LabelValue | None], None]
"""Raises `InvalidInputError` where a finer class (not empty) does not go with a label."""

_KEYS = "123456789defjkoqwy"  # the others are keys of the page itself


class Subclass(Config):
    """A finer class on one side of the question."""

    name: str = Field(min_length=1, max_length=60, description="as it is stored")
    label: Literal["real", "bogus"] = Field(description="the side that it implies")
    key: str = Field(
        default="", max_length=1, description="key that gives it; empty = the next free digit"
    )
    meaning: str = Field(default="", max_length=200, description="one sentence for a person")

    @property
    def value(self) -> LabelValue:
        """REAL or BOGUS."""
        return LabelValue(self.label)


class _SubclassFile(Config):
    subclass: tuple[Subclass, ...] = Field(min_length=1)


def default_subclasses() -> tuple[Subclass, ...]:
    """Return the classes of `skyvet.records.taxonomy.CandidateClass`, each side with its keys.

    Examples
    --------
    >>> default_subclasses()[0].name, default_subclasses()[0].key
    ('supernova', '1')
    """
    return _with_keys(
        [
            Subclass(
                name=kind.value,
                label="real" if kind.label is LabelValue.REAL else "bogus",
                meaning=kind.meaning,
            )
            for kind in CandidateClass
        ]
    )


def read_subclasses(path: Path) -> tuple[Subclass, ...]:
    r"""Read the finer classes from a TOML file.

    Parameters
    ----------
    path : Path
        One table ``[[subclass]]`` a class, with ``name``, ``label`` (real or bogus) and, if
        wanted, ``key`` and ``meaning``.

    Returns
    -------
    tuple of Subclass
        In the order of the file, each with a key where one was left.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or a name or a key of one side stands there twice.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "classes.toml"
    >>> _ = path.write_text('[[subclass]]\nname = "glint"\nlabel = "bogus"\n')
    >>> read_subclasses(path)[0].key
    '1'
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        classes = _SubclassFile.model_validate(document).subclass
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as a list of classes: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(
            f"{path}: {place}: {first['msg']}; write one [[subclass]] table a class with name and "
            'label = "real" or "bogus"'
        ) from error
    names = [item.name for item in classes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidInputError(f"{path} names the class {twice!r} twice; keep one")
    return _with_keys(classes)


def _with_keys(classes: Sequence[Subclass]) -> tuple[Subclass, ...]:
    """Give each class without a key the next one that is free on its side."""
    taken = {(item.label, item.key) for item in classes if item.key}
    if len(taken) < sum(bool(item.key) for item in classes):
        raise InvalidInputError("two classes of one side have the same key; give each its own")
    finished = []
    for item in classes:
        key = item.key or next((k for k in _KEYS if (item.label, k) not in taken), "")
        taken.add((item.label, key))
        finished.append(item.model_copy(update={"key": key}))
    return tuple(finished)


def side_check(subclasses: Sequence[Subclass]) -> CheckSubclass:
    """Return what refuses unknown finer classes, and those of the other side.

    Examples
    --------
    >>> side_check(default_subclasses())("supernova", LabelValue.BOGUS)
    Traceback (most recent call last):
    ...
    skyvet.core.errors.InvalidInputError: subclass 'supernova' is a kind of real, the label ...
    """
    side_of = {item.name: item.value for item in subclasses}

    def check(subclass: str, value: LabelValue | None) -> None:
        side = side_of.get(subclass)
        if side is None:
            known = ", ".join(side_of) or "none"
            raise InvalidInputError(f"subclass must be one of {known}, got {subclass!r}")
        if value not in (side, LabelValue.UNKNOWN):
            raise InvalidInputError(
                f"subclass {subclass!r} is a kind of {side.value}, the label says "
                f"{value.value if value else 'nothing'}"
            )

    return check
