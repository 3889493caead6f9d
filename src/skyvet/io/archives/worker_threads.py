"""A few threads that work off a queue, and let go at once when the run is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

__all__ = ["WorkerThreads"]

_Result = TypeVar("_Result")
_Task = tuple[Future[Any], Callable[[], Any]]


class WorkerThreads:
    """Daemon threads: unlike those of the standard pool, none holds up an interrupted program.

    Parameters
    ----------
    n_threads : int
        At least 1.

    Examples
    --------
    >>> with WorkerThreads(2) as workers:
    ...     workers.submit(lambda: 6 * 7).result()
    42
    """

    def __init__(self, n_threads: int) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(n_threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            with suppress(Empty):
                while True:
                    self._tasks.get_nowait()
        for _ in self._threads:
            self._tasks.put(None)
        if kind is None:
            for thread in self._threads:
                thread.join()

    def submit(self, work: Callable[[], _Result]) -> Future[_Result]:
        """Put work at the end of the queue; tasks may submit further ones."""
        future: Future[_Result] = Future()
        self._tasks.put((future, work))
        return future

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, work = task
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - raised again where the result is asked
                future.set_exception(error)
