"""`skyvet ingest`: alert packets to a dataset folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.cli.sources import InputArgument, MappingOption, SchemasOption, read_source_options
from skyvet.preprocessing.ingest import IngestConfig, ingest

__all__ = ["ingest_command"]


def ingest_command(
    inputs: InputArgument,
    *,
    out: Annotated[Path, typer.Option(help="Dataset folder to write, or to continue.")],
    schemas: SchemasOption = None,
    mapping: MappingOption = None,
    config: IngestConfig,
    as_json: JsonOption = False,
) -> None:
    """Turn alert packets into a dataset folder."""
    sources = read_source_options(schemas, mapping)
    with shown_progress(quiet=as_json) as progress:
        manifest = ingest(
            inputs,
            out,
            config=config,
            schemas=sources.schemas,
            mappings=sources.mappings,
            progress=progress,
        )
    document = {"out": str(out), **manifest.model_dump(mode="json", exclude={"settings"})}
    rows: list[tuple[str, object]] = [
        ("read", manifest.n_candidates + manifest.n_rejected),
        ("kept", manifest.n_candidates),
        ("rejected", manifest.n_rejected),
        *((f"  {reason}", count) for reason, count in manifest.rejections.items()),
    ]
    table = make_table(f"Alerts ingested ({', '.join(manifest.surveys)})", ["what", "n"], rows)
    show_result(document, table, f"Dataset: {out}", as_json=as_json)
