"""Options that say where alerts come from, shared by the commands that read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from skyvet.io.schemas import SchemaSource, schema_source
from skyvet.io.surveys.mapping_config import SurveyMapping, load_mapping

__all__ = [
    "InputArgument",
    "MappingOption",
    "SchemasOption",
    "SourceOptions",
    "read_source_options",
]

InputArgument = Annotated[
    list[str],
    typer.Argument(help="Packets: files, folders, globs, .tar or .tar.gz nights, or - for stdin."),
]
SchemasOption = Annotated[
    str | None,
    typer.Option(help="Folder or registry URL of schemas, for wire-format packets."),
]
MappingOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--mapping",
        help="Mapping file (TOML) of a further survey or of FITS frames; may be repeated.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What the options were read to.

    Parameters
    ----------
    schemas : SchemaSource or None
        Where schemas of the wire format come from.
    mappings : tuple of SurveyMapping
        Further surveys.
    """

    schemas: SchemaSource | None
    mappings: tuple[SurveyMapping, ...]


def read_source_options(schemas: str | None, mapping: list[Path] | None) -> SourceOptions:
    """Open the schema source and read the mapping files that the options name."""
    return SourceOptions(
        schemas=None if schemas is None else schema_source(schemas),
        mappings=tuple(load_mapping(path) for path in mapping or ()),
    )
