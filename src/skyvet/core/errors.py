"""The errors of skyvet.

::

    SkyvetError
    ├── InvalidInputError (also ValueError)    a bad argument, setting or file content
    │   ├── LabelError                         a label file that cannot be used
    │   └── LeakageError                       one object on both sides of a split
    ├── PacketError                            one alert that cannot become a candidate
    ├── DatasetError                           a dataset or output folder that cannot be used
    ├── BundleError                            a saved model that cannot be trusted or used
    └── MissingDependencyError (also ImportError)   an optional package is not installed
"""

from __future__ import annotations

__all__ = [
    "BundleError",
    "DatasetError",
    "InvalidInputError",
    "LabelError",
    "LeakageError",
    "MissingDependencyError",
    "PacketError",
    "SkyvetError",
]


class SkyvetError(Exception):
    """Base of every error that skyvet raises on purpose."""


class InvalidInputError(SkyvetError, ValueError):
    """An argument, setting or file content is not what was asked for."""


class LabelError(InvalidInputError):
    """A label file cannot be used: unknown ids, missing classes, contradictions."""


class LeakageError(InvalidInputError):
    """The same object stands on both sides of a split."""


class PacketError(SkyvetError):
    """One alert could not be decoded; readers turn it into a counted rejection.

    Parameters
    ----------
    reason : str
        Value of a `skyvet.records.rejections.RejectionReason`.
    detail : str
        What was found, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class DatasetError(SkyvetError):
    """A dataset or output folder is damaged, foreign or not writable."""


class BundleError(SkyvetError):
    """A saved model is altered, incomplete or does not fit the input."""


class MissingDependencyError(SkyvetError, ImportError):
    """An optional package is missing; the message names the extra to install."""
