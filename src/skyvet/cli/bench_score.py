"""`skyvet bench score`: speed of scoring on this machine."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.sources import InputArgument
from skyvet.models.bundle import load_bundle

__all__ = ["bench_score_command"]


def bench_score_command(
    inputs: InputArgument,
    *,
    bundle: Annotated[
        str, typer.Option(help="Bundle folder, or the name of one that ships with skyvet.")
    ] = "default",
    n: Annotated[int, typer.Option(min=1, help="Alerts to use at most.")] = 2000,
    as_json: JsonOption = False,
) -> None:
    """Measure how fast this machine decodes and scores alerts."""
    from skyvet.inference.speed import measure_scoring_speed

    loaded = load_bundle(bundle)
    speed = measure_scoring_speed(inputs, loaded, n_max=n)
    rows = [
        ("decode packets (1 core)", speed.decode_per_second),
        ("prepare stamps (1 core)", speed.prepare_per_second),
        ("infer (all cores)", speed.infer_per_second),
        ("all, one after another", speed.total_per_second),
    ]
    table = make_table(f"{speed.n_alerts} alerts, {loaded.label}", ["stage", "alerts/s"], rows)
    closing = f"Peak memory: {speed.peak_memory_mb:.0f} MB"
    document = {"bundle": loaded.label, **dataclasses.asdict(speed)}
    show_result(document, table, closing, as_json=as_json)
