"""Optional packages: one place that says which extra brings them."""

from __future__ import annotations

import importlib
from types import ModuleType

from skyvet.core.errors import MissingDependencyError

__all__ = ["EXTRA_OF_PACKAGE", "missing_dependency", "require"]

EXTRA_OF_PACKAGE = {
    "torch": "train",
    "lightning": "train",
    "safetensors": "train",
    "onnx": "train",
    "onnxscript": "train",
    "optuna": "train",
    "sklearn": "train",
    "matplotlib": "report",
    "jinja2": "report",
    "numba": "simulate",
    "nifty_ls": "light-curves",
    "light_curve": "light-curves",
    "xgboost": "light-curves",
    "yaml": "light-curves",
    "dask": "cluster",
    "distributed": "cluster",
    "lsdb": "cluster",
    "hats": "cluster",
    "httpx": "fetch",
    "astroquery": "fetch",
    "sqlalchemy": "labels",
    "alembic": "labels",
    "psycopg": "labels",
    "fastapi": "labels",
    "uvicorn": "labels",
}
"""The extra of skyvet that installs each package that the plain install lacks."""


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
        raise missing_dependency(error.name or module, extra=extra) from error


def missing_dependency(module: str, *, extra: str) -> MissingDependencyError:
    """Return the error that names a missing package and the extra that brings it.

    Examples
    --------
    >>> print(missing_dependency("torch.nn", extra="train"))
    this needs the package 'torch'; install it with: pip install "skyvet[train]"
    """
    package = module.partition(".")[0]
    return MissingDependencyError(
        f"this needs the package '{package}'; install it with: pip install \"skyvet[{extra}]\""
    )
