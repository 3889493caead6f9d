"""Base of every config class: frozen, typed, unknown keys refused."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["MAX_SEED", "Config", "FiniteConfig", "changed_settings", "each_once"]

_N_NAMED = 6
_MAX_SHOWN = 60

MAX_SEED = 4_000_000_000
"""Largest seed for scikit-learn: it takes 32 bits, and seeds of folds and members are above it."""


class Config(BaseModel):
    """What a user chose for one component.

    Frozen, with real defaults; an unknown or wrongly typed key is refused. Configs travel in
    bundles as JSON (``model_dump(mode="json")``) and come back with ``model_validate``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class FiniteConfig(Config):
    """Settings whose numbers are all finite; ``inf`` and ``nan`` are refused.

    Examples
    --------
    >>> class Radius(FiniteConfig):
    ...     arcsec: float = 1.0
    >>> Radius.model_validate({"arcsec": float("nan")})
    Traceback (most recent call last):
    ...
    pydantic_core._pydantic_core.ValidationError: ...
    """

    model_config = ConfigDict(allow_inf_nan=False)


def each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names unless one is empty or stands twice; for validators of fields.

    Raises
    ------
    ValueError
        If one is or does.

    Examples
    --------
    >>> each_once(("g", "r"))
    ('g', 'r')
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if "" in names:
        raise ValueError("one of the names is empty; leave it out")
    if twice:
        raise ValueError(f"{', '.join(twice)} stands more than once; name each once")
    return names


def changed_settings(
    before: Mapping[str, Any], now: Mapping[str, Any], *, may_change: Collection[str] = ()
) -> str:
    """Say which settings differ and what they were; empty where none do.

    Parameters
    ----------
    before, now : mapping
        Nested settings, as JSON knows them.
    may_change : collection of str
        Keys that are passed over, with all that is below them.

    Examples
    --------
    >>> changed_settings({"stamps": {"size_px": 63}}, {"stamps": {"size_px": 31}})
    'stamps.size_px was 63, now 31'
    """
    old, new = dict(_leaves(before, may_change)), dict(_leaves(now, may_change))
    changed = [
        f"{key} was {_shown(old.get(key))}, now {_shown(new.get(key))}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    return "; ".join(changed[:_N_NAMED]) + ("; ..." if len(changed) > _N_NAMED else "")


def _leaves(
    tree: Mapping[str, Any], may_change: Collection[str], above: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield each setting with its dotted name."""
    for key, value in tree.items():
        if key in may_change:
            continue
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, may_change, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _shown(value: object) -> str:
    text = "not set" if value is None else json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
