"""Options of commands that work on light curves, and the work itself as they show it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from rich.table import Table

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.partitioned import estimate_rows, estimated_cost, note_on_cost
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import InvalidInputError
from skyvet.inference.partitions.configs import ClusterConfig
from skyvet.io.catalogues.configs import CatalogueName, CrossMatchConfig
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.preprocessing.light_curve_cuts import CutConfig

if TYPE_CHECKING:
    from skyvet.inference.partitions.engine import PartitionRun
    from skyvet.inference.partitions.light_curve_input import OpenedLightCurves
    from skyvet.inference.partitions.task import Partition, PartitionTask

__all__ = [
    "BrightStarsOption",
    "HatsOption",
    "InputsArgument",
    "LightCurveChoice",
    "MatchOption",
    "MatchRadiusOption",
    "PartitionWork",
    "run_rows",
    "written_hats",
]

InputsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Light curves: Parquet (nested or long) or CSV files, folders of them, HATS "
        "catalogues, or alert packets.",
    ),
]
MatchOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CATALOGUE[=FILE]",
        help="Add the columns of the nearest counterpart in gaia, allwise or ps1, from a file or "
        "else from VizieR; may be repeated.",
    ),
]
MatchRadiusOption = Annotated[
    float, typer.Option(help="Largest separation of a counterpart [arcsec].", min=0.01)
]
BrightStarsOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Leave out sources in the light of a bright star of this Gaia file; 'vizier' asks "
        "VizieR.",
    ),
]
HatsOption = Annotated[
    Literal["parquet", "hats"],
    typer.Option("--format", help="hats: also a HATS catalogue of the result, in OUT/hats."),
]
_VIZIER = "vizier"


@dataclass(frozen=True, slots=True, kw_only=True)
class LightCurveChoice:
    """What a user says of the light curves on the command line."""

    inputs: list[str]
    config: LightCurveInputConfig
    cuts: CutConfig
    match: Sequence[str] = ()
    match_radius_arcsec: float = 2.0
    bright_stars: str | None = None

    def open(self) -> OpenedLightCurves:
        """Open the light curves and say what a person should know of them."""
        from skyvet.inference.partitions.light_curve_input import open_light_curve_input

        opened = open_light_curve_input(
            self.inputs,
            config=self.config,
            cuts=self.cuts,
            matches=[_match(text, self.match_radius_arcsec) for text in self.match],
            bright_stars=_gaia_file(self.bright_stars),
        )
        for text in opened.notes:
            note(f"note: {text}")
        return opened


def _match(text: str, radius_arcsec: float) -> CrossMatchConfig:
    """Return the settings of ``gaia=FILE``.

    Examples
    --------
    >>> _match("ps1", 1.0).radius_arcsec
    1.0
    """
    name, _, path = text.partition("=")
    if name not in get_args(CatalogueName):
        raise InvalidInputError(
            f"--match: expected {', '.join(get_args(CatalogueName))}, or one of them and =FILE, "
            f"got {text!r}"
        )
    return CrossMatchConfig(
        catalogue=name,  # type: ignore[arg-type]
        path=_absolute(path),
        radius_arcsec=radius_arcsec,
    )


def _gaia_file(text: str | None) -> str | None:
    return None if text is None else _absolute("" if text == _VIZIER else text)


def _absolute(path: str) -> str:
    if path and not Path(path).is_file():
        raise InvalidInputError(f"the catalogue {path} does not exist")
    return str(Path(path).absolute()) if path else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionWork:
    """A task over partitions, as a command shows it.

    Parameters
    ----------
    task : PartitionTask
        What is done.
    partitions : sequence of Partition
        To what.
    folder : Path
        Folder of parts.
    where : ClusterConfig
        By whom.
    """

    task: PartitionTask
    partitions: Sequence[Partition]
    folder: Path
    where: ClusterConfig

    def show_cost(self, *, as_json: bool) -> None:
        """Show what the run would cost, and do nothing else."""
        _note_on_compiling(self.task)
        cost = estimated_cost(
            self.task, self.partitions, self.folder, config=self.where, is_dry_run=True
        )
        document, table = estimate_rows(cost)
        show_result(document, table, as_json=as_json)

    def run(self, *, as_json: bool) -> tuple[PartitionRun, float]:
        """Say what it costs, do it, and return its counts and its duration [s]."""
        from skyvet.inference.partitions.engine import run_partitions

        started = time.monotonic()
        _note_on_compiling(self.task)
        note_on_cost(
            estimated_cost(
                self.task, self.partitions, self.folder, config=self.where, is_dry_run=False
            )
        )
        with shown_progress(quiet=as_json) as progress:
            run = run_partitions(
                self.task, self.partitions, self.folder, config=self.where, progress=progress
            )
        return run, time.monotonic() - started


def _note_on_compiling(task: PartitionTask) -> None:
    from skyvet.inference.partitions.compiling import must_compile

    if must_compile(task):
        note("note: first run: compiling, about a minute, once")


def run_rows(
    run: PartitionRun, seconds: float, *, title: str, more: Sequence[tuple[str, object]] = ()
) -> tuple[dict[str, Any], Table]:
    """Return a run for machines and for people.

    Parameters
    ----------
    run : PartitionRun
        Its counts.
    seconds : float
        Duration [s].
    title : str
        What was done.
    more : sequence of tuple
        Further rows.
    """
    cuts = [(name, n) for name, n in run.counts.items() if name.startswith("cut_")]
    rows: list[tuple[str, object]] = [
        ("partitions", run.n_partitions),
        *([("  done before", run.n_before)] if run.n_before else []),
        *([("  failed", len(run.failed))] if run.failed else []),
        *([("sources read", run.counts["n_sources"])] if "n_sources" in run.counts else []),
        *((f"  left out: {name[4:]}", n) for name, n in cuts),
        ("  in the result", run.n_results),
        ("rejected", run.n_rejected),
        *((f"  {reason}", n) for reason, n in run.rejections.items()),
        *more,
        ("largest memory of a process [MB]", round(run.peak_memory_mb)),
    ]
    document = {**dataclasses.asdict(run), "seconds": seconds}
    return document, make_table(f"{title} in {seconds:.1f} s", ["what", "n"], rows)


def written_hats(table: Path, out: Path, table_format: str) -> str:
    """Write a HATS catalogue where one is asked for, and say so.

    Parameters
    ----------
    table : Path
        Joined result.
    out : Path
        Folder of the catalogue.
    table_format : str
        ``hats``, or anything else for none.
    """
    if table_format != "hats":
        return ""
    from skyvet.inference.partitions.hats_catalogues import write_hats_catalogue

    n_placed, n_without = write_hats_catalogue(table, out)
    left = f" ({n_without} sources without a position are not in it)" if n_without else ""
    return f"\nHATS catalogue: {out} of {n_placed} sources{left}"
