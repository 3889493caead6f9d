"""`skyvet models`: the bundles at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.models.bundle import find_bundles, load_bundle

__all__ = ["models_list", "models_show"]


def models_list(
    *,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of bundles; default those shipped with skyvet.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List bundles."""
    bundles = [load_bundle(path) for path in find_bundles(folder).values()]
    rows = [
        (
            bundle.path.name,
            bundle.info.version,
            ", ".join(bundle.info.surveys),
            f"{bundle.info.stamps.size_px} px",
            bundle.info.summary,
        )
        for bundle in bundles
    ]
    names = ("name", "version", "surveys", "stamps", "summary")
    document = {"bundles": [dict(zip(names, row, strict=True)) for row in rows]}
    show_result(document, make_table("Bundles", names, rows), as_json=as_json)


def models_show(
    bundle: Annotated[str, typer.Argument(help="Bundle folder, or a name that 'list' prints.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show a bundle's model card."""
    loaded = load_bundle(bundle)
    document = {"path": str(loaded.path), "sha256": loaded.sha256, **loaded.info.model_dump()}
    show_result(document, Markdown(loaded.card), as_json=as_json)
