"""Files that are either whole or absent, and hashes of their content."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from skyvet.core.errors import DatasetError

if sys.platform != "win32":
    import fcntl

__all__ = [
    "atomic_path",
    "fingerprint_files",
    "held_alone",
    "sha256_of_file",
    "write_json_atomic",
]

_BLOCK_BYTES = 1 << 20


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it only on success.

    A crash, an interrupt or a full disk leaves the old file as it was.

    Parameters
    ----------
    path : Path
        The final file; its folder is created.

    Raises
    ------
    DatasetError
        If the file cannot be written (full disk, no permission).

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_path(target) as draft:
    ...     _ = draft.write_text("done")
    >>> target.read_text()
    'done'
    """
    if path.exists() and not path.is_file():
        raise DatasetError(f"{path} is not a regular file; give another name for the output")
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open("rb") as handle:
            os.fsync(handle.fileno())
        draft.replace(path)
    except OSError as error:
        raise DatasetError(
            f"cannot write {path}: {error.strerror or error}; what was written before is untouched"
        ) from error
    finally:
        with suppress(OSError):  # its folder may never have come to be
            draft.unlink(missing_ok=True)


@contextmanager
def held_alone(path: Path) -> Iterator[None]:
    """Hold a folder for this process alone while the block runs.

    A folder that was made for it and is still bare when the block fails is removed again.

    The hold is a lock of the operating system on the file ``.lock`` in the folder: it ends with
    the process, however that ends. Where the system has no such locks, nothing is held.

    Parameters
    ----------
    path : Path
        Folder; it is created.

    Raises
    ------
    DatasetError
        If another process holds it, or it cannot be written.
    """
    if sys.platform == "win32":
        yield
        return
    is_new = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("w")
    except OSError as error:
        raise DatasetError(f"cannot write {path}: {error.strerror or error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatasetError(
                f"{path} is in use by another run; wait for its end, or choose another folder"
            ) from error
        try:
            yield
        except BaseException:
            if is_new:
                _remove_if_bare(path)
            raise


def _remove_if_bare(path: Path) -> None:
    """Remove a folder that holds nothing but its lock: what was refused leaves nothing behind."""
    with suppress(OSError):
        if [entry.name for entry in path.iterdir()] == [".lock"]:
            (path / ".lock").unlink()
            path.rmdir()


def write_json_atomic(path: Path, document: Any) -> None:  # noqa: ANN401 - any JSON document
    """Write a JSON document so that readers see the old or the new one, never half."""
    with atomic_path(path) as draft:
        draft.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def fingerprint_files(files: Iterable[str | Path]) -> str:
    """Return a hash of which files these are: their names, sizes and times of change.

    Parameters
    ----------
    files : iterable of str or Path
        In order; one that does not exist counts by its name.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> fingerprint_files([]) == fingerprint_files(["missing"])
    False
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(os.fsencode(file))
        if Path(file).exists():
            facts = Path(file).stat()
            digest.update(f"\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
