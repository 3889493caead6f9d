"""The one table of survey adapters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from skyvet.core.errors import InvalidInputError
from skyvet.io.surveys.base import SurveyAdapter
from skyvet.io.surveys.lsst import LsstAdapter
from skyvet.io.surveys.mapped import MappedAdapter
from skyvet.io.surveys.mapping_config import SurveyMapping, mapping_from_toml
from skyvet.io.surveys.ztf import ZtfAdapter

__all__ = ["adapter_for_schema", "adapter_named", "all_adapters", "built_in_mappings"]


def all_adapters(mappings: Sequence[SurveyMapping] = ()) -> tuple[SurveyAdapter, ...]:
    """Return one adapter of every known survey.

    Parameters
    ----------
    mappings : sequence of SurveyMapping, optional
        Surveys of the user's own; they go before the built-in ones.

    Examples
    --------
    >>> [adapter.name for adapter in all_adapters()]
    ['ztf', 'lsst', 'atlas', 'decam', 'pgir', 'winter']
    """
    own = tuple(MappedAdapter(mapping) for mapping in mappings)
    mapped = tuple(MappedAdapter(mapping) for mapping in built_in_mappings())
    return (*own, ZtfAdapter(), LsstAdapter(), *mapped)


@cache
def built_in_mappings() -> tuple[SurveyMapping, ...]:
    """Return the mappings that come with the package, by name."""
    folder = files("skyvet.io.surveys") / "mappings"
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return tuple(
        mapping_from_toml(entry.read_text(encoding="utf-8"), source=entry.name)
        for entry in entries
        if entry.name.endswith(".toml")
    )


def adapter_named(name: str, adapters: tuple[SurveyAdapter, ...]) -> SurveyAdapter:
    """Return the adapter of a survey.

    Raises
    ------
    InvalidInputError
        If there is none; the message names the known surveys.
    """
    for adapter in adapters:
        if adapter.name == name:
            return adapter
    known = ", ".join(adapter.name for adapter in adapters)
    raise InvalidInputError(f"survey must be 'auto' or one of {known}, got {name!r}")


def adapter_for_schema(
    schema_name: str, field_names: frozenset[str], *, adapters: tuple[SurveyAdapter, ...]
) -> SurveyAdapter | None:
    """Return the first adapter that accepts a schema, or None."""
    return next((a for a in adapters if a.accepts(schema_name, field_names)), None)
