"""How much memory this process has taken."""

from __future__ import annotations

import sys

__all__ = ["peak_memory_mb"]

if sys.platform != "win32":
    import resource


def peak_memory_mb() -> float:
    """Return the largest memory of this process so far [MB]; 0 where the system does not tell.

    Examples
    --------
    >>> peak_memory_mb() >= 0
    True
    """
    if sys.platform == "win32":
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
