"""A folder of files that is whole and unaltered, or refused: what every saved model is."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import ValidationError

from skyvet.core.configs import Config
from skyvet.core.errors import BundleError, DatasetError
from skyvet.core.files import sha256_of_file

__all__ = [
    "SUMS_FILE",
    "check_bundle_folder",
    "find_saved",
    "is_bundle_folder",
    "locate_saved",
    "read_saved_info",
    "write_bundle_folder",
]

_Info = TypeVar("_Info", bound=Config)

SUMS_FILE = "SHA256SUMS"
"""Lists the hash of every file of the folder (check by hand: sha256sum -c SHA256SUMS)."""


def is_bundle_folder(path: Path) -> bool:
    """Say whether a folder looks like a saved model."""
    return (path / SUMS_FILE).is_file()


def write_bundle_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files; an existing one is replaced only when the new one is whole.

    Parameters
    ----------
    path : Path
        The folder; absent, or another saved model.
    files : mapping of str to bytes
        Content by file name; ``/`` makes a folder below.

    Raises
    ------
    DatasetError
        If the folder cannot be written.
    BundleError
        If `path` exists and is no saved model.
    """
    if path.exists() and not is_bundle_folder(path):
        raise BundleError(f"{path} exists and is no bundle; choose another folder")
    draft = path.with_name(f".{path.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name, content in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(content)
        sums = [f"{sha256_of_file(draft / name)}  {name}\n" for name in sorted(files)]
        (draft / SUMS_FILE).write_text("".join(sums), encoding="ascii")
        for file in draft.rglob("*"):
            file.chmod(0o755 if file.is_dir() else 0o644)
        shutil.rmtree(path, ignore_errors=True)
        draft.rename(path)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise DatasetError(f"cannot write bundle {path}: {error.strerror or error}") from error


def check_bundle_folder(path: Path, *, needed: Collection[str]) -> str:
    """Compare every file with its recorded hash.

    Parameters
    ----------
    path : Path
        The folder.
    needed : collection of str
        Files that must be among those listed.

    Returns
    -------
    str
        Hash of the list itself: identifies the saved model.

    Raises
    ------
    BundleError
        If it is no saved model, or a file is missing, altered or not expected.
    """
    sums = path / SUMS_FILE
    if not sums.is_file():
        raise BundleError(f"{path} is not a bundle: it has no {SUMS_FILE}")
    lines = [line.split(maxsplit=1) for line in sums.read_text("ascii").splitlines() if line]
    recorded = {line[-1]: line[0] for line in lines}
    if not set(needed) <= set(recorded):
        raise BundleError(
            f"{sums} must list {', '.join(sorted(needed))}; got {', '.join(sorted(recorded))}"
        )
    for name, expected in recorded.items():
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BundleError(f"{sums} lists {name!r}, which lies outside of the folder")
        if not (path / name).is_file():
            raise BundleError(f"{path / name} is missing; copy the bundle again as a whole")
        if sha256_of_file(path / name) != expected:
            raise BundleError(
                f"{path / name} was altered (its hash differs from {SUMS_FILE}); "
                "get the bundle again from where it came"
            )
    return sha256_of_file(sums)


def find_saved(folder: Path) -> dict[str, Path]:
    """Return the saved models in a folder by name; none where there is no such folder."""
    if not folder.is_dir():
        return {}
    return {p.name: p for p in sorted(folder.iterdir()) if is_bundle_folder(p)}


def locate_saved(path_or_name: str | Path, shipped: Mapping[str, Path], *, what: str) -> Path:
    """Return the folder that a person means: a path, or the name of a model that ships.

    Parameters
    ----------
    path_or_name : str or Path
        What was given.
    shipped : mapping of str to Path
        Models that ship, by name.
    what : str
        ``bundle`` or ``encoder``, for the message.

    Raises
    ------
    BundleError
        If it is neither.
    """
    path = Path(path_or_name)
    if path.is_dir():
        return path
    if str(path_or_name) not in shipped:
        names = ", ".join(sorted(shipped)) or "none"
        raise BundleError(
            f"no {what} '{path_or_name}': neither a folder nor one of those shipped ({names})"
        )
    return shipped[str(path_or_name)]


def read_saved_info(
    file: Path, kind: type[_Info], *, format_version: int, described: str = ""
) -> _Info:
    """Read the JSON file that says all of a saved model.

    Parameters
    ----------
    file : Path
        ``bundle.json`` or ``encoder.json``.
    kind : type
        Its config class, with a field ``format_version``.
    format_version : int
        Highest that this skyvet reads.
    described : str, default ""
        What the file should describe, for the message.

    Raises
    ------
    BundleError
        If it does not fit, or is of a newer format.
    """
    try:
        info = kind.model_validate_json(file.read_bytes())
    except ValidationError as error:
        what = f"describes no {described}" if described else "cannot be understood"
        raise BundleError(f"{file} {what}: {error}") from error
    found = int(getattr(info, "format_version", format_version))
    if found > format_version:
        raise BundleError(
            f"{file.parent} has format {found}; this skyvet reads up to {format_version}"
        )
    return info
