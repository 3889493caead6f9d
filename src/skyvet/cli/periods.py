"""`skyvet periods`: light curves to a table of periods."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import show_result
from skyvet.cli.light_curve_inputs import (
    BrightStarsOption,
    HatsOption,
    InputsArgument,
    LightCurveChoice,
    PartitionWork,
    run_rows,
    written_hats,
)
from skyvet.cli.options import JsonOption
from skyvet.cli.partitioned import (
    ClusterOption,
    DryRunOption,
    WorkersOption,
    check_all_done,
    cluster_config,
)
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.preprocessing.light_curve_cuts import CutConfig

__all__ = ["periods_command"]


def periods_command(
    inputs: InputsArgument,
    *,
    out: Annotated[
        Path,
        typer.Option(help="Folder to write: one part a partition, and periods.parquet of all."),
    ],
    table_format: HatsOption = "parquet",
    bright_stars: BrightStarsOption = None,
    cluster: ClusterOption = "none",
    workers: WorkersOption = 0,
    dry_run: DryRunOption = False,
    light_curves: LightCurveInputConfig,
    cuts: CutConfig,
    config: PeriodSearchConfig,
    as_json: JsonOption = False,
) -> None:
    """Search light curves for periods."""
    from skyvet.inference.partitions.periods import PeriodTask, join_periods
    from skyvet.io.inputs import check_output_apart

    where = cluster_config(cluster, workers)
    check_output_apart(inputs, out)
    choice = LightCurveChoice(
        inputs=inputs, config=light_curves, cuts=cuts, bright_stars=bright_stars
    )
    opened = choice.open()
    task = PeriodTask(reading=opened.reading, config=config)
    work = PartitionWork(task=task, partitions=opened.partitions, folder=out, where=where)
    if dry_run:
        work.show_cost(as_json=as_json)
        return
    run, seconds = work.run(as_json=as_json)
    joined = join_periods(out)
    closing = f"Periods: {joined}\nRejections: {out / 'rejections.parquet'}"
    closing += written_hats(joined, out / "hats", table_format)
    more = [
        ("with a period", run.counts.get("n_with_period", 0)),
        ("  significant (false-alarm probability <= 1 %)", run.counts.get("n_significant", 0)),
    ]
    document, table = run_rows(run, seconds, title="Periods searched", more=more)
    show_result({**document, "periods": joined}, table, closing, as_json=as_json)
    check_all_done([failed.name for failed in run.failed], out)
