"""Keep big activation buffers in the heap, so that training does not fault them in at every step.

By default glibc gives every large block back to the kernel when it is freed; a training step then
spends up to half of its time on page faults.
"""

from __future__ import annotations

import ctypes
import logging
import sys

__all__ = ["keep_freed_memory"]

_LOGGER = logging.getLogger(__name__)
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3
_TOP_PAD_BYTES = 64 << 20
_LARGEST_INT = (1 << 31) - 1


def keep_freed_memory() -> bool:
    """Tell the C library to keep freed memory for the next step.

    Affects the whole process from then on: its resident memory stays near the peak of its use.

    Returns
    -------
    bool
        False where this is not glibc on Linux; nothing was changed then.

    Examples
    --------
    >>> isinstance(keep_freed_memory(), bool)
    True
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    try:
        mallopt = library.mallopt
    except AttributeError:  # musl has none
        _LOGGER.debug("this C library has no mallopt; training may be slower")
        return False
    settings = {
        _M_MMAP_THRESHOLD: _LARGEST_INT,
        _M_TRIM_THRESHOLD: _LARGEST_INT,
        _M_TOP_PAD: _TOP_PAD_BYTES,
    }
    return all(mallopt(option, value) == 1 for option, value in settings.items())
