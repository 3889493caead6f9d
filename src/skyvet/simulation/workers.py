"""Numbered items made by several processes, handed back in order."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

__all__ = ["simulate_in_order"]

Item = TypeVar("Item")


def simulate_in_order(
    simulate_block: Callable[[int, int], list[Item]],
    bounds: tuple[int, int],
    *,
    n_workers: int = 1,
    block_size: int = 64,
) -> Iterator[Item]:
    """Yield items `start` to `stop - 1` in order, made in blocks by `n_workers` processes.

    The result does not depend on the number of workers if each item depends on its number alone.
    At most two blocks a worker wait in memory.

    Parameters
    ----------
    simulate_block : callable
        Takes start and stop and returns the items between; picklable for several workers.
    bounds : tuple of int
        First item and one past the last.
    n_workers : int, default 1
        Processes; 1 works in this one.
    block_size : int, default 64
        Items a task.

    Yields
    ------
    object
        The items.

    Examples
    --------
    >>> list(simulate_in_order(lambda start, stop: list(range(start, stop)), (0, 3)))
    [0, 1, 2]
    """
    start, stop = bounds
    blocks = [(low, min(low + block_size, stop)) for low in range(start, stop, block_size)]
    if n_workers <= 1 or len(blocks) <= 1:
        for low, high in blocks:
            yield from simulate_block(low, high)
        return
    context = multiprocessing.get_context("spawn")
    waiting: deque[Future[list[Item]]] = deque()
    with ProcessPoolExecutor(n_workers, mp_context=context) as pool:
        try:
            for low, high in blocks:
                waiting.append(pool.submit(simulate_block, low, high))
                if len(waiting) >= 2 * n_workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
