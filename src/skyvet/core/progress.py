"""Progress of long work: reported through an argument, shown only by the command line."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "SilentProgress"]


class Progress(Protocol):
    """Where long work tells how far it is."""

    def start(self, description: str, total: int | None) -> None:
        """Begin a stage of `total` steps; None where the number is not known."""

    def advance(self, n_steps: int = 1) -> None:
        """Say that `n_steps` more are done."""

    def finish(self) -> None:
        """End the stage."""


class SilentProgress:
    """Progress that nobody watches."""

    def start(self, description: str, total: int | None) -> None:
        """Ignore the start of a stage."""

    def advance(self, n_steps: int = 1) -> None:
        """Ignore steps."""

    def finish(self) -> None:
        """Ignore the end of a stage."""
