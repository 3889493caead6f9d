"""`skyvet fetch ztf-frames`: science cutouts of ZTF light curves into a frame store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.io.archives.fetch_frames import ZtfFramesConfig

if TYPE_CHECKING:
    from skyvet.io.archives.fetch_frames import FrameFetchSummary
    from skyvet.io.oid_files import OidList

__all__ = ["fetch_ztf_frames_command"]


def fetch_ztf_frames_command(
    *,
    oids: Annotated[
        Path, typer.Option(help="Objects: text, one OID a line, or CSV or Parquet, column oid.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the frame store; continues a stopped run.")],
    config: ZtfFramesConfig,
    as_json: JsonOption = False,
) -> None:
    """Fetch cutouts of ZTF light curves into a frame store."""
    from skyvet.io.archives.fetch_frames import fetch_ztf_frames
    from skyvet.io.oid_files import read_oids

    started = time.monotonic()
    listed = read_oids(oids)
    if not as_json:
        _say_oddities(listed)
    with shown_progress(quiet=as_json) as progress:
        summary = fetch_ztf_frames(listed.oids, out, config=config, progress=progress)
    if summary.faults.n_unplaced:
        note(f"{summary.faults.n_unplaced} frames show another place, or are cut, and are left out")
    if not summary.is_complete:
        note(
            f"{summary.n_unfinished} objects are not complete; what is there is kept: run the same "
            "command to go on, or add --accept-missing to store them as they are"
        )
    _report(out, (listed, summary), time.monotonic() - started, as_json=as_json)


def _say_oddities(listed: OidList) -> None:
    if listed.n_duplicates:
        note(f"{listed.n_duplicates} repeated objects are fetched once")
    if listed.unusable:
        shown = ", ".join(repr(entry) for entry in listed.unusable[:3])
        note(f"{len(listed.unusable)} entries are no whole numbers and left out: {shown}")


def _report(
    out: Path, found: tuple[OidList, FrameFetchSummary], seconds: float, *, as_json: bool
) -> None:
    listed, summary = found
    objects: dict[str, Any] = {
        "stored before": summary.n_stored_before,
        "stored now": summary.n_stored,
        "no frame to be had": summary.n_rejected,
        "unfinished": summary.n_unfinished,
        "other band": summary.n_other_band,
        "unusable entries": len(listed.unusable),
    }
    document = {
        "out": str(out),
        "failures_table": str(out / "failures.parquet"),
        "is_complete": summary.is_complete,
        "n_duplicate_oids": listed.n_duplicates,
        "n_unusable_oids": len(listed.unusable),
        "summary": summary,
        "seconds": seconds,
    }
    rows = [(count.kind, count.n, count.example) for count in summary.failures]
    failures = make_table("Failures", ["reason", "n", "such as"], rows)
    text = (
        f"{summary.n_frames} frames of {summary.n_stored} objects added to {out} with "
        f"{summary.n_requests} requests; failures in {out / 'failures.parquet'}"
    )
    show_result(
        document, make_table("Objects", ["", "n"], [*objects.items()]), failures, text,
        as_json=as_json,
    )  # fmt: skip
