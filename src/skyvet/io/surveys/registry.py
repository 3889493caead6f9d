"""The one table of survey adapters."""

from __future__ import annotations

from skyvet.core.errors import InvalidInputError
from skyvet.io.surveys.base import SurveyAdapter
from skyvet.io.surveys.lsst import LsstAdapter
from skyvet.io.surveys.ztf import ZtfAdapter

__all__ = ["adapter_for_schema", "adapter_named", "all_adapters"]


def all_adapters() -> tuple[SurveyAdapter, ...]:
    """Return one adapter of every known survey."""
    return (ZtfAdapter(), LsstAdapter())


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
