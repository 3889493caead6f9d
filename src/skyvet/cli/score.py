"""`skyvet score`: alerts, frame sequences or light curves to calibrated scores."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.light_curve_inputs import (
    BrightStarsOption,
    LightCurveChoice,
    MatchOption,
    MatchRadiusOption,
)
from skyvet.cli.options import JsonOption
from skyvet.cli.partitioned import (
    ClusterOption,
    DryRunOption,
    WorkersOption,
    check_all_done,
    cluster_config,
    estimate_rows,
    estimated_cost,
    note_on_cost,
)
from skyvet.cli.progress import shown_progress
from skyvet.cli.sequence_scoring import (
    fitting_sequence_input,
    note_on_sequences,
    sequence_rows,
    uncalibrated_warning,
)
from skyvet.cli.source_scoring import SourceScoring, is_for_sources
from skyvet.cli.sources import MappingOption, SchemasOption, read_source_options
from skyvet.core.errors import InvalidInputError
from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.inference.configs import ScoreConfig, SequenceScoreConfig
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.preprocessing.light_curve_cuts import CutConfig

if TYPE_CHECKING:
    from skyvet.core.progress import Progress
    from skyvet.inference.alert_blocks import ScoreSummary
    from skyvet.inference.partitions.alerts import AlertJob
    from skyvet.inference.partitions.estimate import CostEstimate
    from skyvet.models.bundle import Bundle

__all__ = ["score_command"]

_Inputs = Annotated[
    list[str],
    typer.Argument(
        help="Packets (files, folders, globs, .tar or .tar.gz nights, - for stdin), one dataset "
        "folder, one folder of frame sequences (frame store, FITS frames, embeddings), or light "
        "curves or their features."
    ),
]


def score_command(
    inputs: _Inputs,
    *,
    out: Annotated[Path, typer.Option(help="Score table to write (Parquet).")],
    bundle: Annotated[
        str, typer.Option(help="Bundle folder, or the name of one that ships with skyvet.")
    ] = "default",
    kind: Annotated[
        Literal["auto", "light-curves"],
        typer.Option(help="What the input is; auto goes by the bundle and the input."),
    ] = "auto",
    match: MatchOption = None,
    match_radius_arcsec: MatchRadiusOption = 2.0,
    bright_stars: BrightStarsOption = None,
    schemas: SchemasOption = None,
    mapping: MappingOption = None,
    cluster: ClusterOption = "none",
    workers: WorkersOption = 0,
    dry_run: DryRunOption = False,
    config: ScoreConfig,
    sequences: SequenceScoreConfig,
    light_curves: LightCurveInputConfig,
    cuts: CutConfig,
    features: FeatureConfig,
    as_json: JsonOption = False,
) -> None:
    """Score alerts, frame sequences or light curves with a bundle."""
    where = cluster_config(cluster, workers)
    if kind == "light-curves" or is_for_sources(bundle):
        choice = LightCurveChoice(
            inputs=inputs,
            config=light_curves,
            cuts=cuts,
            match=match or (),
            match_radius_arcsec=match_radius_arcsec,
            bright_stars=bright_stars,
        )
        scoring = SourceScoring(
            choice=choice,
            out=out,
            bundle=bundle,
            features=features,
            where=where,
            survey="" if config.survey == "auto" else config.survey,
        )
        scoring.run(is_dry_run=dry_run, as_json=as_json)
        return
    folder = fitting_sequence_input(inputs, bundle, is_mapped=bool(mapping))
    if folder is not None:
        if where.is_distributed or dry_run:
            raise InvalidInputError(
                "frame sequences are scored in this process: leave --cluster and --dry-run out"
            )
        own = mapping[0] if mapping else None
        _score_sequences(folder, out, bundle, config, sequences, own, as_json=as_json)
        return
    run = _AlertRun(inputs, out, config, schemas, mapping, where)
    if dry_run:
        document, table = estimate_rows(run.cost(bundle, is_dry_run=True))
        show_result(document, table, as_json=as_json)
        return
    _score_alerts(run, bundle, as_json=as_json)


def _score_sequences(
    folder: Path,
    out: Path,
    bundle: str,
    config: ScoreConfig,
    sequences: SequenceScoreConfig,
    mapping: Path | None,
    *,
    as_json: bool,
) -> None:
    from skyvet.inference.sequences import score_sequences
    from skyvet.models.sequence_bundle import load_sequence_bundle

    started = time.monotonic()
    loaded = load_sequence_bundle(Path(bundle))
    with shown_progress(quiet=as_json) as progress:
        summary = score_sequences(
            folder,
            out,
            bundle=loaded,
            config=config,
            sequences=sequences,
            mapping=mapping,
            progress=progress,
        )
    seconds = time.monotonic() - started
    note_on_sequences(summary, loaded)
    document = {**dataclasses.asdict(summary), "bundle": loaded.label, "seconds": seconds}
    title = f"Objects scored by {loaded.label} in {seconds:.1f} s"
    table = make_table(title, ["what", "n"], sequence_rows(summary))
    closing = f"Scores: {summary.scores}\nRejections: {summary.rejected}"
    if summary.n_with_evidence:
        closing += (
            "\nMost suspicious frames of each object: columns top_frames, top_mjd_tai, top_evidence"
        )
    show_result(document, table, closing, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _AlertRun:
    """What is scored, how, and where."""

    inputs: list[str]
    out: Path
    config: ScoreConfig
    schemas: str | None
    mapping: list[Path] | None
    where: ClusterConfig

    def job(self, bundle: Bundle) -> AlertJob:
        """Cut the alerts into partitions."""
        from skyvet.inference.partitions.alerts import open_alert_job

        sources = read_source_options(self.schemas, self.mapping)
        return open_alert_job(
            self.inputs,
            self.out,
            bundle=bundle,
            config=self.config,
            schemas=sources.schemas,
            mappings=sources.mappings,
        )

    def cost(self, bundle: str, *, is_dry_run: bool) -> CostEstimate | None:
        """Estimate what scoring costs."""
        from skyvet.models.bundle import load_bundle

        job = self.job(load_bundle(bundle))
        return estimated_cost(
            job.task, job.partitions, job.parts, config=self.where, is_dry_run=is_dry_run
        )

    def score(self, bundle: Bundle, progress: Progress) -> ScoreSummary:
        """Score alerts in one go, or by partitions on a cluster."""
        from skyvet.inference.batch import score_alerts
        from skyvet.inference.partitions.alerts import score_alert_partitions

        if self.where.is_distributed:
            return score_alert_partitions(self.job(bundle), cluster=self.where, progress=progress)
        sources = read_source_options(self.schemas, self.mapping)
        return score_alerts(
            self.inputs,
            self.out,
            bundle=bundle,
            config=self.config,
            schemas=sources.schemas,
            mappings=sources.mappings,
            progress=progress,
        )


def _score_alerts(run: _AlertRun, bundle: str, *, as_json: bool) -> None:
    from skyvet.models.bundle import load_bundle

    started = time.monotonic()
    loaded = load_bundle(bundle)
    if run.where.is_distributed:
        note_on_cost(run.cost(bundle, is_dry_run=False))
    with shown_progress(quiet=as_json) as progress:
        summary = run.score(loaded, progress)
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
    check_all_done(summary.failed_partitions, run.out)


def _warn(summary: ScoreSummary, bundle: Bundle) -> None:
    """Say on standard error what a person must know before trusting the scores."""
    if n_refitted := summary.flags.get("resampled", 0):
        note(
            f"note: {n_refitted} alerts had stamps of another size than the bundle's "
            f"{bundle.placed_px} px; they were cropped or padded around the candidate "
            "(flag RESAMPLED)"
        )
    if summary.n_uncalibrated:
        note(uncalibrated_warning(summary.n_uncalibrated, bundle.info.surveys))
