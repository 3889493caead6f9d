"""Ctrl-C while processes start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from skyvet.inference.partitions.interrupts import interrupts_deferred

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

ASK_MASK = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"


def test_an_interrupt_is_raised_once_the_block_is_over():
    steps = []
    with pytest.raises(KeyboardInterrupt), interrupts_deferred():  # noqa: PT012 - two steps
        os.kill(os.getpid(), signal.SIGINT)
        steps.append("after")
    assert steps == ["after"]


def test_all_is_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_deferred():
        pass
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_an_error_of_the_block_is_the_one_that_is_seen():
    with pytest.raises(ValueError, match="no room"), interrupts_deferred():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("no room")


def test_processes_of_the_block_and_of_its_threads_never_see_an_interrupt():
    said = []

    def ask():
        answer = subprocess.run(
            [sys.executable, "-S", "-c", ASK_MASK], capture_output=True, text=True, check=True
        )
        said.append(answer.stdout.strip())

    with interrupts_deferred():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        ask()
    assert said == ["True", "True"]


def test_ignored_interrupts_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
