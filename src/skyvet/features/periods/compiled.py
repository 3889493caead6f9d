"""Compiled functions whose machine code on disk is never stale and never another's.

Numba keeps machine code beside the source. Two things go wrong there, both up to a crash:

- It renews the code when that one file changes. A function that calls one of another file holds a
  copy of it, which an update of the other file leaves as it was. Here the stamp of the cache is
  that of all sources together.
- It numbers the files of code by what the index holds. Two processes that compile other
  signatures of one function at the same time both write number 1, and the index of the one then
  names the code of the other. Here a file is named after what it holds.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from numba import njit
from numba.core.caching import IndexDataCacheFile

_N_DIGITS = 12

__all__ = ["compiled", "has_machine_code", "sources_stamp"]


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
        cache._cache_file = _CacheFile(  # type: ignore[no-untyped-call]
            cache_path=cache._cache_path,
            filename_base=cache._impl.filename_base,
            source_stamp=(sources_stamp(), cache._impl.locator.get_source_stamp()),
        )
        return dispatcher

    return decorate


class _CacheFile(IndexDataCacheFile):
    """Index and code of one function; processes may write them at the same time."""

    def save(self, key: Any, data: Any) -> None:  # noqa: ANN401 - Numba's
        """Store the code of one signature: first the code, then the index that names it."""
        overloads = self._load_index()  # type: ignore[no-untyped-call]
        content = repr((self._version, self._source_stamp, key)).encode()
        number = int(hashlib.sha256(content).hexdigest()[:_N_DIGITS], 16)
        overloads[key] = self._data_name(number)  # type: ignore[no-untyped-call]
        self._save_data(overloads[key], data)  # type: ignore[no-untyped-call]
        self._save_index(overloads)  # type: ignore[no-untyped-call]


def has_machine_code(module: ModuleType) -> bool:
    """Say whether the disk holds machine code of a module, made from the sources as they are.

    Parameters
    ----------
    module : ModuleType
        One with `compiled` functions.

    Returns
    -------
    bool
        True where any function of the module need not be compiled again.
    """
    files = [
        function._cache._cache_file
        for function in vars(module).values()
        if isinstance(getattr(getattr(function, "_cache", None), "_cache_file", None), _CacheFile)
    ]
    return any(file._load_index() for file in files)


@functools.cache
def sources_stamp(folder: Path = Path(__file__).parents[1]) -> str:
    """Return a hash of all files below a folder that hold a compiled function.

    Parameters
    ----------
    folder : Path, optional
        The folder ``skyvet/features``.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        if b"@compiled(" in content:
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(content)
    return digest.hexdigest()
