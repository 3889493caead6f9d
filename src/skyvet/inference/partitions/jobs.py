"""What is still to do, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from skyvet.inference.partitions.task import Partition
from skyvet.io.part_files import PartManifest

__all__ = ["FailedPartition", "Job", "Outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A partition and the number of the part that it becomes."""

    i_part: int
    partition: Partition


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPartition:
    """A partition that came to no end; a continued run tries it again.

    Parameters
    ----------
    name : str
        Of the partition.
    detail : str
        What happened, for a person.
    """

    name: str
    detail: str


Outcome = PartManifest | FailedPartition
"""What became of a partition."""
