"""Progress bars for people: on standard error, and only where a person looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichBars

from skyvet.core.progress import Progress, SilentProgress

__all__ = ["TerminalProgress", "shown_progress"]


class TerminalProgress:
    """Bars in a terminal, one a stage; satisfies `skyvet.core.progress.Progress`.

    Parameters
    ----------
    bars : rich.progress.Progress
        The live display, started and stopped by its owner (see `shown_progress`).
    """

    def __init__(self, bars: RichBars) -> None:
        self._bars = bars
        self._stages: list[TaskID] = []

    def start(self, description: str, total: int | None) -> None:
        """Show a new bar; a stage begun inside another one stands below it."""
        self._stages.append(self._bars.add_task(description, total=total))

    def advance(self, n_steps: int = 1) -> None:
        """Move the innermost bar; without a stage there is nothing to move."""
        if self._stages:
            self._bars.advance(self._stages[-1], n_steps)

    def finish(self) -> None:
        """Leave the innermost bar as it stands and go back to the one around it."""
        if self._stages:
            self._bars.stop_task(self._stages.pop())


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Give a progress that is shown on standard error while the block runs.

    Parameters
    ----------
    quiet : bool, default False
        Show nothing (``--json``, ``--quiet``). Nothing is shown either where standard error
        is not a terminal, so that logs hold no control characters.

    Yields
    ------
    Progress

    Examples
    --------
    >>> with shown_progress(quiet=True) as progress:
    ...     progress.start("scoring", total=2)
    ...     progress.advance(2)
    ...     progress.finish()
    """
    if quiet or not sys.stderr.isatty():
        yield SilentProgress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with RichBars(*columns, console=Console(stderr=True)) as bars:
        yield TerminalProgress(bars)
