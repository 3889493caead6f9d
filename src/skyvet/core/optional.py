"""Optional packages: one place that says which extra brings them."""

from __future__ import annotations

import importlib
from types import ModuleType

from skyvet.core.errors import MissingDependencyError

__all__ = ["require"]


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional package or say how to install it.

    Parameters
    ----------
    module : str
        Name to import.
    extra : str
        The extra of skyvet that installs it.

    Returns
    -------
    module

    Raises
    ------
    MissingDependencyError
        If the package is not installed.

    Examples
    --------
    >>> require("no_such_module", extra="train")
    Traceback (most recent call last):
    ...
    skyvet.core.errors.MissingDependencyError: this needs the package 'no_such_module'; install ...
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = (error.name or module).split(".")[0]
        raise MissingDependencyError(
            f"this needs the package '{package}'; install it with: pip install \"skyvet[{extra}]\""
        ) from error
