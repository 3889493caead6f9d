"""`skyvet features`: light curves to a table of features."""

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
    MatchOption,
    MatchRadiusOption,
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
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.preprocessing.light_curve_cuts import CutConfig

__all__ = ["features_command"]


def features_command(
    inputs: InputsArgument,
    *,
    out: Annotated[
        Path,
        typer.Option(help="Folder to write: one part a partition, and features.parquet of all."),
    ],
    table_format: HatsOption = "parquet",
    match: MatchOption = None,
    match_radius_arcsec: MatchRadiusOption = 2.0,
    bright_stars: BrightStarsOption = None,
    cluster: ClusterOption = "none",
    workers: WorkersOption = 0,
    dry_run: DryRunOption = False,
    light_curves: LightCurveInputConfig,
    cuts: CutConfig,
    config: FeatureConfig,
    as_json: JsonOption = False,
) -> None:
    """Compute features of light curves."""
    from skyvet.inference.partitions.features import FeatureTask, join_features
    from skyvet.io.inputs import check_output_apart

    where = cluster_config(cluster, workers)
    check_output_apart(inputs, out)
    choice = LightCurveChoice(
        inputs=inputs,
        config=light_curves,
        cuts=cuts,
        match=match or (),
        match_radius_arcsec=match_radius_arcsec,
        bright_stars=bright_stars,
    )
    opened = choice.open()
    task = FeatureTask(reading=opened.reading, config=config)
    work = PartitionWork(task=task, partitions=opened.partitions, folder=out, where=where)
    if dry_run:
        work.show_cost(as_json=as_json)
        return
    run, seconds = work.run(as_json=as_json)
    joined = join_features(out, config, cuts=cuts, light_curves=light_curves)
    closing = f"Features: {joined}\nRejections: {out / 'rejections.parquet'}"
    closing += written_hats(joined, out / "hats", table_format)
    document, table = run_rows(run, seconds, title="Features computed")
    show_result({**document, "features": joined}, table, closing, as_json=as_json)
    check_all_done([failed.name for failed in run.failed], out)
