"""Compiled functions whose cache on disk is renewed whenever any of their sources changes.

Numba keeps machine code beside the source and renews it when that one file changes. A function
that calls one of another file holds a copy of it: after an update of the other file alone the
stored code would be stale, give old results or crash. Here the stamp of the cache is that of all
sources of compiled functions together.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import IndexDataCacheFile

__all__ = ["compiled", "sources_stamp"]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401 - Numba's
    """Return what compiles a function, as ``numba.njit`` does, and keeps the machine code on disk.

    Parameters
    ----------
    **options
        Of ``numba.njit``; ``cache`` is always on.

    Returns
    -------
    callable
        A decorator of functions that stand in a file.
    """

    def decorate(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - a Numba dispatcher
        dispatcher = njit(cache=True, **options)(function)
        cache = dispatcher._cache
        cache._cache_file = IndexDataCacheFile(  # type: ignore[no-untyped-call]
            cache_path=cache._cache_path,
            filename_base=cache._impl.filename_base,
            source_stamp=(sources_stamp(), cache._impl.locator.get_source_stamp()),
        )
        return dispatcher

    return decorate


@functools.cache
def sources_stamp(folder: Path = Path(__file__).parents[1]) -> str:
    """Return a hash of all sources below a folder.

    Parameters
    ----------
    folder : Path, optional
        The folder ``skyvet/features``.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
