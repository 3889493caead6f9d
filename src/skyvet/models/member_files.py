"""Members of a classifier as files of its bundle: graphs beside one archive of arrays."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from skyvet.core.errors import BundleError
from skyvet.models.sequences.interface import MemberParts

__all__ = ["member_files", "read_member"]

_Member = TypeVar("_Member")


def member_files(i_member: int, parts: MemberParts) -> dict[str, bytes]:
    """Return the content of a member's files by their names.

    Parameters
    ----------
    i_member : int
        Its place in the bundle.
    parts : MemberParts
        The member taken apart; its settings go into ``bundle.json``.

    Examples
    --------
    >>> parts = MemberParts(settings={}, graphs={"a.onnx": b""}, arrays={"b": np.zeros(2)})
    >>> list(member_files(0, parts))
    ['member-0.a.onnx', 'member-0.npz']
    """
    files = {f"member-{i_member}.{name}": graph for name, graph in parts.graphs.items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **parts.arrays)
    return {**files, f"member-{i_member}.npz": buffer.getvalue()}


def read_member(
    path: Path,
    i_member: int,
    *,
    settings: Mapping[str, Any],
    load: Callable[[MemberParts], _Member],
) -> _Member:
    """Rebuild a member from a bundle's folder, whose hashes were checked.

    Parameters
    ----------
    path : Path
        The folder.
    i_member : int
        Place of the member.
    settings : mapping
        Its settings, from ``bundle.json``.
    load : callable
        Makes a member of its parts.

    Raises
    ------
    BundleError
        If a file cannot be read or the parts do not fit.
    """
    prefix = f"member-{i_member}."
    graphs = {
        file.name.removeprefix(prefix): file.read_bytes() for file in path.glob(f"{prefix}*.onnx")
    }
    file = path / f"{prefix}npz"
    try:
        arrays = _unpacked(file.read_bytes())
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, struct.error) as error:
        raise BundleError(f"{file} cannot be read: {error}") from error
    try:
        return load(MemberParts(settings=settings, graphs=graphs, arrays=arrays))
    except BundleError:
        raise
    except Exception as error:  # arrays of any shape and type may stand in the file
        raise BundleError(f"member {i_member} of {path} is not whole: {error}") from error


def _unpacked(content: bytes) -> dict[str, NDArray[Any]]:
    archive = np.load(io.BytesIO(content), allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it is a single array and no archive")
    with archive:
        return dict(archive)
