"""`skyvet tune triplet`: search for training settings on validation folds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.cli.searched import search_document, write_settings
from skyvet.preprocessing.normalization import StampConfig
from skyvet.training.datasets import load_labelled_rows
from skyvet.training.tune_config import TuneConfig

__all__ = ["tune_triplet_command"]


def tune_triplet_command(
    *,
    data: Annotated[Path, typer.Option(help="Dataset folder (from skyvet ingest).")],
    labels: Annotated[str, typer.Option(help="Label file or store; no test rows.")],
    out: Annotated[Path, typer.Option(help="TOML file of the best settings, for train triplet.")],
    storage: Annotated[
        Path | None, typer.Option(help="SQLite file of the trials; a stopped search goes on.")
    ] = None,
    stamps: StampConfig,
    config: TuneConfig,
    as_json: JsonOption = False,
) -> None:
    """Search for the training settings that validate best."""
    from skyvet.training.tune import tune

    rows = load_labelled_rows(data, labels, stamps=stamps)
    with shown_progress(quiet=as_json) as progress:
        result = tune(rows.arrays, config, storage=storage, progress=progress)
    write_settings(out, {f"member.{name}": value for name, value in result.settings.items()})
    document = search_document(result, out=out, n_trials=config.n_trials)
    table = make_table("Best settings", ["setting", "value"], [*result.settings.items()])
    closing = f"Use them: skyvet train triplet --config {out} ..."
    show_result(document, table, closing, as_json=as_json)
