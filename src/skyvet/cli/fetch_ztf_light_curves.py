"""`skyvet fetch ztf-light-curves`: light curves of ZTF objects into one table."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import InvalidInputError
from skyvet.io.archives.fetch_light_curves import (
    LightCurveFetchSummary,
    ZtfLightCurvesConfig,
    collect_local_light_curves,
    fetch_ztf_light_curves,
)

__all__ = ["fetch_ztf_light_curves_command"]


def fetch_ztf_light_curves_command(
    *,
    oids: Annotated[
        Path, typer.Option(help="Objects: text, one OID a line, or CSV or Parquet, column oid.")
    ],
    out: Annotated[Path, typer.Option(help="Parquet file; continues a stopped run.")],
    local: Annotated[
        Path | None,
        typer.Option(help="Take them from this Parquet file, folder or HATS catalogue instead."),
    ] = None,
    config: ZtfLightCurvesConfig,
    as_json: JsonOption = False,
) -> None:
    """Fetch light curves of ZTF objects into one table."""
    from skyvet.io.oid_files import read_oids

    if out.suffix != ".parquet":
        raise InvalidInputError(f"--out must end in .parquet, got {out}")
    started = time.monotonic()
    listed = read_oids(oids)
    if local is not None:
        summary = collect_local_light_curves(
            local, listed.oids, out, bad_catflags=config.bad_catflags
        )
    else:
        with shown_progress(quiet=as_json) as progress:
            summary = fetch_ztf_light_curves(listed.oids, out, config=config, progress=progress)
    if not summary.is_complete:
        note(
            f"{summary.n_unfinished} light curves could not be had and the table waits for them; "
            "what is there is kept: run the same command to go on"
        )
    _report(out, summary, time.monotonic() - started, as_json=as_json)


def _report(out: Path, summary: LightCurveFetchSummary, seconds: float, *, as_json: bool) -> None:
    objects = {
        "there before": summary.n_there_before,
        "new": summary.n_new,
        "unknown to the archive": summary.n_unknown,
        "unfinished": summary.n_unfinished,
    }
    document = {
        "out": str(out), "is_complete": summary.is_complete, "summary": summary,
        "seconds": seconds,
    }  # fmt: skip
    text = f"{summary.n_epochs} new epochs with {summary.n_requests} requests; table: {out}"
    table = make_table("Light curves", ["", "n"], [*objects.items()])
    rows = [(count.kind, count.n, count.example) for count in summary.failures]
    failures = make_table("Failures", ["reason", "n", "such as"], rows)
    show_result(document, table, failures, text, as_json=as_json)
