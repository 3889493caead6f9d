"""`skyvet simulate light-curves`: variable objects of known kind as a survey measures them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.io.light_curve_tables import LightCurveRow, write_light_curves
from skyvet.records.light_curve_batch import SIMULATED_SUFFIX
from skyvet.simulation.light_curves import (
    LightCurveConfig,
    SimulatedLightCurve,
    simulate_light_curves,
)
from skyvet.simulation.workers import simulate_in_order

__all__ = ["simulate_light_curves_command"]


def simulate_light_curves_command(
    *,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    n: Annotated[int, typer.Option(min=1, help="Number of objects.")] = 1000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    config: LightCurveConfig,
    as_json: JsonOption = False,
) -> None:
    """Simulate light curves of known kind."""
    if out.suffix != ".parquet":
        raise InvalidInputError(f"--out must end in .parquet, got {out}")
    started = time.monotonic()
    counts: Counter[str] = Counter()
    with shown_progress(quiet=as_json) as progress:
        progress.start("light curves", total=n)
        items = simulate_in_order(partial(simulate_light_curves, config), (0, n), n_workers=workers)
        write_light_curves(out, _rows(items, counts, progress))
        progress.finish()
    seconds = time.monotonic() - started
    document = {"out": str(out), "n": n, "classes": dict(sorted(counts.items()))}
    table = make_table("Light curves", ["class", "n"], sorted(counts.items()))
    show_result({**document, "seconds": seconds}, table, f"{n} objects in {out}", as_json=as_json)


def _rows(
    items: Iterator[SimulatedLightCurve], counts: Counter[str], progress: Progress
) -> Iterator[LightCurveRow]:
    for item in items:
        counts[item.truth.class_name] += 1
        yield LightCurveRow(
            object_id=item.object_id,
            light_curve=item.light_curve,
            survey=f"{item.survey}{SIMULATED_SUFFIX}",
            ra_deg=item.ra_deg,
            class_name=item.truth.class_name,
            period_d=item.truth.period_d,
            amplitude_mag=item.truth.amplitude_mag,
            parameters=item.truth.parameters,
        )
        progress.advance()
