"""Ctrl-C while processes start: none of them sees it, and it is not lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

__all__ = ["interrupts_deferred"]


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Keep Ctrl-C until the block is over; processes that start in it never see one.

    The signal is blocked, which threads and processes that start inherit for good: their parent
    alone ends the run. Elsewhere than in the main thread, where no Ctrl-C arrives, and where
    interrupts are ignored already, nothing is done.

    Yields
    ------
    None

    Raises
    ------
    KeyboardInterrupt
        At the end of the block, if Ctrl-C came within it.

    Examples
    --------
    >>> with interrupts_deferred():
    ...     started = "whole"
    >>> started
    'whole'
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not is_main or before == signal.SIG_IGN:
        yield
        return
    came: list[int] = []
    # Its start unblocks the signal in the thread that needs it first: it must run already.
    resource_tracker.ensure_running()
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    mask = _block()
    try:
        yield
    finally:
        _set_mask(mask)
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def _block() -> set[int]:
    """Block Ctrl-C in this thread; return what was blocked before."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return set()
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}))


def _set_mask(mask: set[int]) -> None:
    """Block these signals only; one that waits is handled before this returns."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
