"""A folder of files that is whole and unaltered, or refused: what every saved model is."""

from __future__ import annotations

import json
import re
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
    "check_replaceable",
    "find_saved",
    "is_bundle_folder",
    "locate_saved",
    "read_saved_info",
    "write_bundle_folder",
]

_Info = TypeVar("_Info", bound=Config)

SUMS_FILE = "SHA256SUMS"
"""Lists the hash of every file of the folder (check by hand: sha256sum -c SHA256SUMS)."""

_INFO_FILES = ("bundle.json", "encoder.json")
_SUMS_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")


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
        If `path` exists and is no saved model, one of another kind, or holds other files as well.
    """
    info_file = next((name for name in _INFO_FILES if name in files), "")
    check_replaceable(path, info_file=info_file, kind=_kind_in(files.get(info_file, b"")))
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


def check_replaceable(path: Path, *, info_file: str, kind: str = "") -> None:
    """Refuse to put a saved model in place of anything else.

    Parameters
    ----------
    path : Path
        Folder to be written.
    info_file : str
        ``bundle.json`` or ``encoder.json``: the file that says all of the new model.
    kind : str, optional
        Kind that the new model's `info_file` names; "" = any.

    Raises
    ------
    BundleError
        If `path` exists, unless as a saved model of this kind with no other file in it.

    Examples
    --------
    >>> check_replaceable(Path("no-such-folder"), info_file="bundle.json")
    """
    if not (path.exists() or path.is_symlink()):
        return
    found = [name for name in _INFO_FILES if (path / name).is_file()]
    if not (found and is_bundle_folder(path)):
        raise BundleError(f"{path} exists and is no bundle; choose another folder")
    _check_listed(path, _read_sums(path), advice="choose another folder")
    old = _kind_in((path / found[0]).read_bytes())
    if found != [info_file] or (kind and old and kind != old):
        raise BundleError(
            f"{path} is a saved model of another kind ({old or found[0]}); choose another folder"
        )


def _kind_in(document: bytes) -> str:
    """Return the kind that an info file names; empty where it names none."""
    try:
        found = json.loads(document)
    except ValueError:
        return ""
    return str(found.get("kind", "")) if isinstance(found, dict) else ""


def _read_sums(path: Path) -> dict[str, str]:
    """Return the listed hashes by file name."""
    sums = path / SUMS_FILE
    recorded: dict[str, str] = {}
    try:
        lines = sums.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{sums} cannot be read: {error}") from error
    for line in lines:
        match = _SUMS_LINE.fullmatch(line)
        if match is None or not match[2].isprintable():
            raise BundleError(f"{sums} has a line that is no hash and name: {line[:80]!r}")
        name = match[2]
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BundleError(f"{sums} lists {name!r}, which lies outside of the folder")
        recorded[name] = match[1]
    return recorded


def _check_listed(path: Path, recorded: Collection[str], *, advice: str) -> None:
    """Refuse a folder whose files are not exactly those listed."""
    try:
        found = {
            file.relative_to(path).as_posix()
            for file in path.rglob("*")
            if file.is_symlink() or not file.is_dir()
        } - {SUMS_FILE}
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}") from error
    if missing := sorted(set(recorded) - found):
        raise BundleError(f"{path / missing[0]} is missing; copy the bundle again as a whole")
    if foreign := sorted(found - set(recorded)):
        raise BundleError(f"{path / foreign[0]} is not listed in {SUMS_FILE}; {advice}")


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
        inside = [*find_saved(path).values()]
        hint = f"; did you mean {inside[0]}?" if inside else ""
        raise BundleError(f"{path} is not a bundle: it has no {SUMS_FILE}{hint}")
    recorded = _read_sums(path)
    if not set(needed) <= set(recorded):
        raise BundleError(
            f"{sums} must list {', '.join(sorted(needed))}; got {', '.join(sorted(recorded))}"
        )
    _check_listed(path, recorded, advice="take it out, or get the bundle again")
    for name, expected in recorded.items():
        try:
            found = sha256_of_file(path / name)
        except OSError as error:
            raise BundleError(f"{path / name} cannot be read: {error.strerror}") from error
        if found != expected:
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
    except (OSError, ValidationError) as error:
        what = f"describes no {described}" if described else "cannot be understood"
        raise BundleError(f"{file} {what}: {error}") from error
    found = int(getattr(info, "format_version", format_version))
    if found > format_version:
        raise BundleError(
            f"{file.parent} has format {found}; this skyvet reads up to {format_version}"
        )
    return info
