"""Silence around PyTorch tools that announce themselves or warn of their own insides."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

__all__ = ["quiet_torch"]


@contextlib.contextmanager
def quiet_torch(*loggers: str, level: int = logging.ERROR) -> Iterator[None]:
    """Raise the level of some loggers meanwhile, and ignore one warning about PyTorch's own names.

    PyTorch and Lightning still use ``LeafSpec``, which PyTorch 2.13 deprecates; nobody else can
    mend that. Every other warning passes.

    Parameters
    ----------
    *loggers : str
        Names of loggers.
    level : int, default logging.ERROR
        What they still tell.

    Examples
    --------
    >>> with quiet_torch("torch.onnx"):
    ...     logging.getLogger("torch.onnx").isEnabledFor(logging.WARNING)
    False
    """
    chosen = [logging.getLogger(name) for name in loggers]
    levels = [logger.level for logger in chosen]
    try:
        for logger in chosen:
            logger.setLevel(level)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*LeafSpec", FutureWarning)
            yield
    finally:
        for logger, before in zip(chosen, levels, strict=True):
            logger.setLevel(before)
