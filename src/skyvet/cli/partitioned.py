"""Options of commands that work partition by partition, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from skyvet.cli.console import make_table, note
from skyvet.core.errors import IncompleteRunError, InvalidInputError
from skyvet.inference.partitions.configs import ClusterConfig

if TYPE_CHECKING:
    from skyvet.inference.partitions.estimate import CostEstimate
    from skyvet.inference.partitions.task import Partition, PartitionTask

__all__ = [
    "ClusterOption",
    "DryRunOption",
    "WorkersOption",
    "check_all_done",
    "cluster_config",
    "estimate_rows",
    "estimated_cost",
    "note_on_cost",
]

ClusterOption = Annotated[
    str,
    typer.Option(
        help="Where to work: none (this process), local (processes of this machine) or the address "
        "of a Dask scheduler, tcp://host:port."
    ),
]
WorkersOption = Annotated[
    int, typer.Option(help="Processes of a local cluster; 0 = one a core.", min=0, max=1024)
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Only say what the run would cost, from a small sample of it."),
]

_N_WORTH_A_SAMPLE = 500


def cluster_config(cluster: str, workers: int) -> ClusterConfig:
    """Return where the work is done.

    Raises
    ------
    InvalidInputError
        If the two options do not fit together.

    Examples
    --------
    >>> cluster_config("local", 2).workers
    2
    """
    try:
        return ClusterConfig(cluster=cluster, workers=workers)
    except ValidationError as error:
        fault = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise InvalidInputError(f"--cluster, --workers: {fault}") from error


def estimated_cost(
    task: PartitionTask,
    partitions: Sequence[Partition],
    folder: Path,
    *,
    config: ClusterConfig,
    is_dry_run: bool,
) -> CostEstimate | None:
    """Estimate the cost of what is still to do; None where that would not be worth its time.

    Parameters
    ----------
    task, partitions, folder
        As for `skyvet.inference.partitions.engine.run_partitions`.
    config : ClusterConfig
        Where the work is done.
    is_dry_run : bool
        Estimate also a run of few inputs.
    """
    from skyvet.inference.partitions.engine import partitions_to_do
    from skyvet.inference.partitions.estimate import estimate_cost, n_workers_of

    todo = partitions_to_do(partitions, folder)
    n_items = sum(_N_WORTH_A_SAMPLE if p.n_items is None else p.n_items for p in todo)
    is_small = n_items < _N_WORTH_A_SAMPLE or len(todo) < 2
    if is_small and not is_dry_run:
        return None
    return estimate_cost(task, todo, n_workers=n_workers_of(config), starts_workers=config.is_local)


def estimate_rows(cost: CostEstimate | None) -> tuple[dict[str, Any], Table]:
    """Return an estimate for machines and for people."""
    if cost is None:
        return {"n_partitions": 0}, make_table("Nothing to do or to try", ["what", "value"], [])
    rows: list[tuple[str, object]] = [
        ("partitions to do", cost.n_partitions),
        ("inputs in them, about", "not known yet" if cost.n_items is None else cost.n_items),
        ("inputs tried", cost.n_sampled),
        ("time of one [ms]", f"{1000 * cost.seconds_per_item:.3g}"),
        ("worked on at once", cost.n_workers),
        ("start of workers", _duration(cost.start_seconds)),
        ("duration", _duration(cost.seconds)),
        ("memory of one worker [MB]", f"{cost.memory_mb:.0f}"),
        ("output [MB]", f"{cost.output_mb:.3g}"),
    ]
    document = {name: getattr(cost, name) for name in cost.__slots__}
    return document, make_table("What the run would cost", ["what", "value"], rows)


def note_on_cost(cost: CostEstimate | None) -> None:
    """Say the estimate on standard error before the work begins."""
    if cost is None:
        return
    what = f"{cost.n_partitions} partitions"
    if cost.n_items is not None:
        what += f" of about {cost.n_items} inputs"
    note(
        f"estimate: {what} on {cost.n_workers} worker(s) take {_duration(cost.seconds)}, up to "
        f"{cost.memory_mb:.0f} MB of memory each and {cost.output_mb:.3g} MB on disk"
    )


def check_all_done(failed: Sequence[str], out: Path) -> None:
    """Raise where partitions failed, after the result of the others was shown.

    Raises
    ------
    IncompleteRunError
        Names some of them and says what to do.
    """
    if not failed:
        return
    names = ", ".join(failed[:3]) + (", ..." if len(failed) > 3 else "")
    raise IncompleteRunError(
        f"{len(failed)} partitions of {out} failed, as their worker died again and again ({names});"
        " the rest is done; give workers more memory, or fewer of them, and run the same command "
        "to try these again"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
