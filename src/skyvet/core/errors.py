"""The errors of skyvet.

::

    SkyvetError
    ├── InvalidInputError (also ValueError)    a bad argument, setting or file content
    │   ├── LabelError                         a label file that cannot be used
    │   │   └── LabelRefusedError              label events that a label store does not take
    │   └── LeakageError                       one object on both sides of a split
    ├── PacketError                            one alert that cannot become a candidate
    ├── DatasetError                           a dataset or output folder that cannot be used
    ├── LabelStoreError                        a label store that cannot be used
    │   └── StoreUnavailableError              it cannot be reached or written now
    ├── RequestRefusedError                    a request that a service of skyvet does not answer
    ├── ArchiveError                           a server did not deliver what was asked of it
    │   └── ArchiveOutageError                 it does not deliver at all; come back later
    ├── IncompleteRunError                     some of the work is not done; run again to continue
    ├── BundleError                            a saved model that cannot be trusted or used
    └── MissingDependencyError (also ImportError)   an optional package is not installed
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ArchiveError",
    "ArchiveOutageError",
    "BundleError",
    "DatasetError",
    "IncompleteRunError",
    "InvalidInputError",
    "LabelError",
    "LabelRefusedError",
    "LabelStoreError",
    "LeakageError",
    "MissingDependencyError",
    "PacketError",
    "RequestRefusedError",
    "SkyvetError",
    "StoreUnavailableError",
]


class SkyvetError(Exception):
    """Base of every error that skyvet raises on purpose."""


class InvalidInputError(SkyvetError, ValueError):
    """An argument, setting or file content is not what was asked for."""


class LabelError(InvalidInputError):
    """A label file cannot be used: unknown ids, missing classes, contradictions."""


class LabelRefusedError(LabelError):
    """Label events that a label store does not take; none of their batch was stored.

    Parameters
    ----------
    reasons : mapping of str to str
        Event key to why it was refused, for a person. Not empty.
    """

    def __init__(self, reasons: Mapping[str, str]) -> None:
        first = next(iter(reasons.values()))
        others = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        super().__init__(f"nothing was stored: {first}{others}")
        self.reasons = dict(reasons)


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


class LabelStoreError(SkyvetError):
    """A label store cannot be used: damaged, foreign, or of a newer version of skyvet."""


class StoreUnavailableError(LabelStoreError):
    """A label store cannot be reached or written now; nothing was stored, try again later."""


class RequestRefusedError(SkyvetError):
    """A service of skyvet does not answer a request as it is.

    Parameters
    ----------
    detail : str
        Why, and what to do, for a person.
    code : str
        The same as one word for programs, such as ``token`` or ``read_only``.
    status : int
        HTTP status of the answer.
    """

    def __init__(self, detail: str, *, code: str, status: int) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status


class ArchiveError(SkyvetError):
    """A server did not deliver what was asked of it.

    Parameters
    ----------
    detail : str
        What happened, for a person.
    url : str, default ""
        What was asked.
    status : int, default 0
        HTTP status of the last answer; 0 where there was none.
    is_permanent : bool, default False
        True where asking again would give the same: not found, not allowed, no such content.
    """

    def __init__(
        self, detail: str, *, url: str = "", status: int = 0, is_permanent: bool = False
    ) -> None:
        super().__init__(f"{url}: {detail}" if url else detail)
        self.detail = detail
        self.url = url
        self.status = status
        self.is_permanent = is_permanent


class ArchiveOutageError(ArchiveError):
    """A server delivers nothing any more; what was fetched is kept."""


class IncompleteRunError(SkyvetError):
    """Some of the work is not done; what is done is kept, and the same run continues it."""


class BundleError(SkyvetError):
    """A saved model is altered, incomplete or does not fit the input."""


class MissingDependencyError(SkyvetError, ImportError):
    """An optional package is missing; the message names the extra to install."""
