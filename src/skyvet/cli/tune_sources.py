"""`skyvet tune sources`: search for learners' settings on validation folds of sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.cli.searched import search_document, write_settings
from skyvet.training.sources.tune_config import SourceTuneConfig

__all__ = ["tune_sources_command"]


def tune_sources_command(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="FEATURES", help="Table of features (skyvet features), or folder of its parts."
        ),
    ],
    *,
    labels: Annotated[str, typer.Option(help="Label file or store; no test rows.")],
    out: Annotated[Path, typer.Option(help="TOML file of the best settings, for train sources.")],
    taxonomy: Annotated[
        str, typer.Option(help="phenomenological, ontological, or a YAML file of your own.")
    ] = "ontological",
    zeros_are_votes: Annotated[
        bool, typer.Option(help="A vote of 0 is a no; without, it means that nobody looked.")
    ] = True,
    storage: Annotated[
        Path | None, typer.Option(help="SQLite file of the trials; a stopped search goes on.")
    ] = None,
    config: SourceTuneConfig,
    as_json: JsonOption = False,
) -> None:
    """Search for settings of learners of sources that validate best."""
    from skyvet.io.inputs import check_output_apart
    from skyvet.training.sources.labelled_rows import load_labelled_sources
    from skyvet.training.sources.tune import changed_from_default, tune_sources

    check_output_apart([table, labels], out)
    rows = load_labelled_sources(
        table, labels, taxonomy, config=config.train, zeros_are_votes=zeros_are_votes
    )
    for remark in rows.remarks:
        note(f"note: {remark}")
    with shown_progress(quiet=as_json) as progress:
        result = tune_sources(rows.labelled, config, storage=storage, progress=progress)
    write_settings(out, changed_from_default(result.config))
    document = search_document(result, out=out, n_trials=config.n_trials)
    shown = [*result.settings.items(), (config.goal.value, f"{result.value:.4f}")]
    closing = f"Use them: skyvet train sources {table} --config {out} ..."
    show_result(document, make_table("Best settings", ["setting", "value"], shown), closing,
                as_json=as_json)  # fmt: skip
