"""`skyvet score`: alert packets to calibrated scores."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.cli.sources import InputArgument, MappingOption, SchemasOption, read_source_options
from skyvet.inference.configs import ScoreConfig
from skyvet.models.bundle import Bundle, load_bundle

if TYPE_CHECKING:
    from skyvet.inference.batch import ScoreSummary

__all__ = ["score_command"]


def score_command(
    inputs: InputArgument,
    *,
    out: Annotated[Path, typer.Option(help="Score table to write (Parquet).")],
    bundle: Annotated[
        str, typer.Option(help="Bundle folder, or the name of one that ships with skyvet.")
    ] = "default",
    schemas: SchemasOption = None,
    mapping: MappingOption = None,
    config: ScoreConfig,
    as_json: JsonOption = False,
) -> None:
    """Score alert packets, or a dataset, with a bundle."""
    from skyvet.inference.batch import score_alerts

    started = time.monotonic()
    loaded = load_bundle(bundle)
    sources = read_source_options(schemas, mapping)
    with shown_progress(quiet=as_json) as progress:
        summary = score_alerts(
            inputs,
            out,
            bundle=loaded,
            config=config,
            schemas=sources.schemas,
            mappings=sources.mappings,
            progress=progress,
        )
    seconds = time.monotonic() - started
    _warn(summary, loaded)
    document = {**dataclasses.asdict(summary), "bundle": loaded.label, "seconds": seconds}
    rows: list[tuple[str, object]] = [
        ("read", summary.n_read),
        ("scored", summary.n_scored),
        *((f"  {verdict}", count) for verdict, count in summary.verdicts.items()),
        ("rejected", summary.n_rejected),
        *((f"  {reason}", count) for reason, count in summary.rejections.items()),
    ]
    title = f"Alerts scored by {loaded.label} in {seconds:.1f} s"
    table = make_table(title, ["what", "n"], rows)
    closing = f"Scores: {summary.scores}\nRejections: {summary.rejected}"
    show_result(document, table, closing, as_json=as_json)


def _warn(summary: ScoreSummary, bundle: Bundle) -> None:
    """Say on standard error what a person must know before trusting the scores."""
    if n_refitted := summary.flags.get("resampled", 0):
        note(
            f"note: {n_refitted} alerts had stamps of another size than the bundle's "
            f"{bundle.placed_px} px; they were cropped or padded around the candidate "
            "(flag RESAMPLED)"
        )
    if summary.n_uncalibrated:
        known = ", ".join(bundle.info.surveys)
        note(
            f"warning: {summary.n_uncalibrated} scores are of surveys on which the bundle was not "
            f"calibrated (it knows: {known}); their verdict is 'review' and is_calibrated is False"
        )
