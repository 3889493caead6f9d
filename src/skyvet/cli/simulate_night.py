"""`skyvet simulate night`: a night of packets with known truth."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.io.nights import Encode, read_truth, write_night
from skyvet.simulation.night import NightConfig, simulate_chunk
from skyvet.simulation.surveys import SurveyName

__all__ = ["simulate_night_command"]


def simulate_night_command(
    *,
    out: Annotated[Path, typer.Option(help="Folder of the night; one that stopped goes on.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    config: NightConfig,
    as_json: JsonOption = False,
) -> None:
    """Simulate a night of alert packets with known truth."""
    started = time.monotonic()
    with shown_progress(quiet=as_json) as progress:
        summary = write_night(
            out,
            n=config.n,
            make_chunk=partial(simulate_chunk, config),
            encode=_encoder(config.survey),
            settings=config.model_dump(mode="json"),
            n_workers=workers,
            progress=progress,
        )
    seconds = time.monotonic() - started
    truth = read_truth(out)
    classes = Counter(zip(truth["label"].to_pylist(), truth["subclass"].to_pylist(), strict=True))
    counts = [(label, subclass, n) for (label, subclass), n in sorted(classes.items())]
    document = {
        "out": str(out),
        "n": summary.n,
        "n_written": summary.n_written,
        "seconds": seconds,
        "classes": {subclass: n for _, subclass, n in counts},
    }
    table = make_table(f"Simulated candidates ({config.survey})", ["label", "class", "n"], counts)
    closing = f"Packets: {out / 'packets'}\nTruth: {out / 'truth.parquet'}"
    show_result(document, table, closing, as_json=as_json)


def _encoder(survey: SurveyName) -> Encode:
    """Return what writes the survey's own packets."""
    if survey is SurveyName.ZTF:
        from skyvet.io.surveys.ztf_packets import encode_ztf_alert

        return encode_ztf_alert
    from skyvet.io.surveys.lsst_packets import encode_lsst_alert

    return encode_lsst_alert
