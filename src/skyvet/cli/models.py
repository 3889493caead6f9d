"""`skyvet models`: the saved models at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.models.catalogue import list_models, open_model

__all__ = ["models_list", "models_show"]


def models_list(
    *,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of models; default those shipped with skyvet.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List bundles and encoders."""
    rows = [
        (model.path.name, model.kind, model.version, model.surveys, model.takes, model.summary)
        for model in list_models(folder)
    ]
    names = ("name", "kind", "version", "surveys", "takes", "summary")
    document = {"models": [dict(zip(names, row, strict=True)) for row in rows]}
    show_result(document, make_table("Models", names, rows), as_json=as_json)


def models_show(
    bundle: Annotated[
        str,
        typer.Argument(help="Folder, or a name that 'list' prints; encoder:NAME for an encoder."),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the card of a bundle or encoder."""
    model = open_model(bundle)
    document = {"path": str(model.path), "sha256": model.sha256, **model.document}
    show_result(document, Markdown(model.card), as_json=as_json)
