"""How far a run over partitions is, counted in its inputs."""

from __future__ import annotations

from collections.abc import Sequence

from skyvet.core.progress import Progress
from skyvet.inference.partitions.task import Partition

__all__ = ["PartitionProgress", "RunProgress"]


class RunProgress:
    """One stage over all partitions; each counts as many steps as it has inputs.

    A partition may tell of each input, or of all at once when it ends: what it has not told by
    then (inputs that were cut, or a number that was only about right) is made up. Where a
    partition does not know its number of inputs, all count one step each.

    Parameters
    ----------
    progress : Progress
        Who is told.
    partitions : sequence of Partition
        All of the run; names differ.
    unit : str
        What an input is called, in the plural.

    Examples
    --------
    >>> from skyvet.core.progress import SilentProgress
    >>> run = RunProgress(SilentProgress(), [Partition(name="a", n_items=3)], unit="sources")
    >>> run.of("a").advance(2)
    >>> run.end("a")
    >>> run.n_done
    3
    """

    def __init__(self, progress: Progress, partitions: Sequence[Partition], *, unit: str) -> None:
        self._progress = progress
        self._is_by_item = all(partition.n_items is not None for partition in partitions)
        self._n_steps = {
            partition.name: (partition.n_items or 0) if self._is_by_item else 1
            for partition in partitions
        }
        self._told = dict.fromkeys(self._n_steps, 0)
        progress.start(unit if self._is_by_item else "partitions", sum(self._n_steps.values()))

    @property
    def n_done(self) -> int:
        """Steps done so far."""
        return sum(self._told.values())

    def of(self, name: str) -> PartitionProgress:
        """Return what the work on a partition tells of its inputs."""
        return PartitionProgress(self, name)

    def tell(self, name: str, n_items: int) -> None:
        """Say that so many inputs of a partition are done in all; less than before is no news."""
        if self._is_by_item:
            self._raise_to(name, min(n_items, self._n_steps[name]))

    def end(self, name: str) -> None:
        """Say that a partition is finished."""
        self._raise_to(name, self._n_steps[name])

    def finish(self) -> None:
        """End the stage."""
        self._progress.finish()

    def _raise_to(self, name: str, n_steps: int) -> None:
        n_new = n_steps - self._told[name]
        if n_new > 0:
            self._told[name] = n_steps
            self._progress.advance(n_new)


class PartitionProgress:
    """What one partition tells of its inputs; satisfies `skyvet.core.progress.Progress`.

    Parameters
    ----------
    run : RunProgress
        Adds it up.
    name : str
        Of the partition.
    """

    def __init__(self, run: RunProgress, name: str) -> None:
        self._run = run
        self._name = name
        self._n_items = 0

    def start(self, description: str, total: int | None) -> None:
        """Ignore the start of a stage: the run is one stage."""

    def advance(self, n_steps: int = 1) -> None:
        """Say that `n_steps` more inputs are done."""
        self._n_items += n_steps
        self._run.tell(self._name, self._n_items)

    def finish(self) -> None:
        """Ignore the end of a stage: the run is one stage."""
