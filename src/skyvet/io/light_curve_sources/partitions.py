"""Light curves in pieces of work that can be read alone, anywhere, again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from skyvet.io.light_curve_sources.blocks import Block
from skyvet.records.light_curve_batch import LightCurveBatch
from skyvet.records.rejections import Rejection

__all__ = ["LightCurvePartition", "LightCurveSource", "Span"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows of one block.

    Parameters
    ----------
    block : Block
        Where they stand.
    start, stop : int
        First row and the one after the last.
    """

    block: Block
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LightCurvePartition:
    """One piece of work; can be pickled.

    Parameters
    ----------
    name : str
        Unique in its source, and the same whenever the same input is opened again.
    n_sources, n_epochs : int or None
        How many it holds, about where `bucket` picks; None = not known before it is read.
    n_bytes : int
        Size in memory, about.
    spans : tuple of Span
        Rows to read; empty = all rows of the source, of which `bucket` picks.
    bucket : int, default -1
        Number of the group of sources; -1 = all of the rows.
    paths : tuple of str
        Files, where they hold no rows: alert packets.
    fault : str
        Why nothing can be read from it; empty = it can.
    """

    name: str
    n_sources: int | None = None
    n_epochs: int | None = None
    n_bytes: int = 0
    spans: tuple[Span, ...] = ()
    bucket: int = -1
    paths: tuple[str, ...] = ()
    fault: str = ""


class LightCurveSource(Protocol):
    """Light curves of one input; can be pickled and sent to a worker."""

    @property
    def partitions(self) -> tuple[LightCurvePartition, ...]:
        """Pieces of work; each source is in one of them, whole."""
        ...

    @property
    def time_step_d(self) -> float:
        """Spacing of the input's times where they were stored too coarsely [d]; 0 = fine."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the input."""
        ...

    def read(self, partition: LightCurvePartition) -> tuple[LightCurveBatch, tuple[Rejection, ...]]:
        """Return the sources of a partition, and what of it could not be read.

        Never raises for bad content: a damaged piece becomes a rejection.
        """
        ...
