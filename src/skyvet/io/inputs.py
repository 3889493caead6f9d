"""Where packets come from: files, folders, globs, tar archives and standard input."""

from __future__ import annotations

import glob
import io
import os
import stat
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Self

from skyvet.core.errors import InvalidInputError
from skyvet.core.files import fingerprint_files
from skyvet.io.avro import CONTAINER_MAGIC, WIRE_MAGIC

__all__ = [
    "READ_ERRORS",
    "Payload",
    "check_output_apart",
    "fingerprint_inputs",
    "iter_payloads",
    "list_files",
]

_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_PACKET_SUFFIX = ".avro"
_STDIN = "-"
READ_ERRORS = (OSError, tarfile.TarError, EOFError, zlib.error)
"""What reading a damaged file or archive may raise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Payload:
    """One file, tar member or standard input, opened for reading.

    Parameters
    ----------
    source : str
        Path as it was given; members of an archive follow behind a slash.
    i_file : int
        Position in input order.
    stream : binary file, optional
        Its bytes; usable only until the next payload is asked for. None where `error` is set.
    error : str
        Why it cannot be read; empty where it can.
    """

    source: str
    i_file: int
    stream: BinaryIO | None = None
    error: str = ""


def iter_payloads(
    inputs: Sequence[str | Path], *, start_file: int = 0, stdin: BinaryIO | None = None
) -> Iterator[Payload]:
    """Yield payloads in input order, one open at a time.

    A folder is searched recursively for ``.avro``, ``.tar``, ``.tar.gz`` and ``.tgz`` files in
    sorted order; all else in it, and names that begin with a dot, is ignored, as are members of
    archives other than ``.avro`` files. Files named one by one are read whatever their name.
    Archives are streamed, never extracted. ``-`` is standard input: a tar archive (gzipped or
    not), an Avro container or one wire-format message, told apart by the first bytes.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders, glob patterns or ``-``.
    start_file : int, default 0
        Payloads before this position are passed over unread.
    stdin : binary file, optional
        Read in place of standard input.

    Raises
    ------
    InvalidInputError
        At once, if nothing is given, a path does not exist or a pattern matches nothing.
    """
    if not inputs:
        raise InvalidInputError("no input given; name a file, a folder, a pattern or '-' for stdin")
    paths = [path for text in inputs for path in _resolve(str(text))]
    if all(os.path.isdir(path) for path in paths) and not any(map(_has_files, paths)):  # noqa: PTH112
        raise InvalidInputError(f"no {_PACKET_SUFFIX} file or tar archive under {paths}")
    return _numbered(paths, start_file=start_file, stdin=stdin)


_Opener = Callable[[], BinaryIO]


def _numbered(paths: list[str], *, start_file: int, stdin: BinaryIO | None) -> Iterator[Payload]:
    openers = (found for path in paths for found in _openers(path, stdin=stdin))
    for i_file, (source, opener) in enumerate(openers):
        if i_file < start_file:
            continue
        try:
            stream = opener()
        except READ_ERRORS as error:
            yield Payload(source=_printable(source), i_file=i_file, error=_reason(error))
            continue
        with closing(stream):
            yield Payload(source=_printable(source), i_file=i_file, stream=stream)


def _printable(source: str) -> str:
    """Return a name that can be written as text, whatever bytes the file system holds."""
    return os.fsencode(source).decode("utf-8", "backslashreplace")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def fingerprint_inputs(inputs: Sequence[str | Path]) -> str:
    """Return a hash of which files the inputs are: their paths, sizes and times of change.

    A run that continues an earlier one compares it, so that positions mean the same alerts.

    Parameters
    ----------
    inputs : sequence of str or Path
        As for `iter_payloads`; standard input has no fingerprint of its content.

    Raises
    ------
    InvalidInputError
        As for `iter_payloads`.
    """
    return fingerprint_files(list_files(inputs))


def list_files(inputs: Sequence[str | Path]) -> list[str]:
    """Return the files that the inputs are, in input order; ``-`` stands for itself.

    Parameters
    ----------
    inputs : sequence of str or Path
        As for `iter_payloads`.

    Raises
    ------
    InvalidInputError
        As for `iter_payloads`.

    Examples
    --------
    >>> list_files(["-"])
    ['-']
    """
    iter_payloads(inputs)
    paths = (path for text in inputs for path in _resolve(str(text)))
    return [file for path in paths for file in (_walk(path) if Path(path).is_dir() else [path])]


def check_output_apart(
    inputs: Sequence[str | Path], out: Path, *, models: Sequence[Path] = ()
) -> None:
    """Refuse an output that is one of the inputs, lies inside one, or holds one.

    Parameters
    ----------
    inputs : sequence of str or Path
        As for `iter_payloads`; what does not exist is passed over.
    out : Path
        File or folder to be written.
    models : sequence of Path, optional
        Folders of the bundles and encoders that are used.

    Raises
    ------
    InvalidInputError
        If writing `out` would change or destroy what is read.

    Examples
    --------
    >>> check_output_apart(["night.tar"], Path("scores.parquet"))
    """
    target = out.resolve()
    read = [("input", path) for text in inputs for path in _found(str(text))]
    for what, path in [*read, *(("model", str(model)) for model in models)]:
        source = Path(path).resolve()
        if source == target:
            article = "an" if what == "input" else "the"
            raise InvalidInputError(f"{out} is {article} {what}; give another name for the output")
        if source in target.parents:
            raise InvalidInputError(
                f"{out} lies inside the {what} {path}; give an output outside of it"
            )
        if target in source.parents:
            raise InvalidInputError(f"{out} holds the {what} {path}; give an output that does not")


def _found(text: str) -> list[str]:
    """Return the paths that a text names; none for standard input."""
    if text == _STDIN:
        return []
    if glob.has_magic(text) and not os.path.lexists(text):
        return glob.glob(text, recursive=True)  # noqa: PTH207 - absolute patterns too
    return [text]


def _resolve(text: str) -> list[str]:
    if text == _STDIN or os.path.lexists(text):
        return [text]
    if glob.has_magic(text):
        found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - absolute patterns too
        if found:
            return found
        raise InvalidInputError(f"no file matches the pattern {text!r}")
    raise InvalidInputError(f"input {text!r} does not exist")


def _openers(path: str, *, stdin: BinaryIO | None) -> Iterator[tuple[str, _Opener]]:
    if path == _STDIN:
        yield from _stdin_openers(stdin or sys.stdin.buffer)
    elif Path(path).is_dir():
        for file in _walk(path):
            yield from _file_openers(file)
    else:
        yield from _file_openers(path)


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            is_packet = name.endswith((_PACKET_SUFFIX, *_TAR_SUFFIXES))
            if is_packet and not name.startswith("."):
                yield str(Path(parent) / name)


def _has_files(folder: str) -> bool:
    return next(_walk(folder), None) is not None


def _file_openers(path: str) -> Iterator[tuple[str, _Opener]]:
    if path.endswith(_TAR_SUFFIXES):
        yield from _tar_openers(path, partial(_open, path))
    else:
        yield path, partial(_open, path)


def _stdin_openers(stream: BinaryIO) -> Iterator[tuple[str, _Opener]]:
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    head = buffered.peek(4)[:4]
    if head == CONTAINER_MAGIC or head[:1] == WIRE_MAGIC:
        yield "<stdin>", lambda: buffered
    else:
        yield from _tar_openers("<stdin>", lambda: buffered)


def _tar_openers(source: str, opener: _Opener) -> Iterator[tuple[str, _Opener]]:
    """Stream an archive; damage ends it with one payload that cannot be opened."""
    try:
        with opener() as stream, _open_tar(stream) as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                if member.isfile() and name.endswith(_PACKET_SUFFIX) and not name.startswith("."):
                    yield f"{source}/{member.name}", partial(_member, archive, member)
                archive.members.clear()  # type: ignore[attr-defined]
    except READ_ERRORS as error:
        yield source, partial(_fail, error)


class _StrictTarInfo(tarfile.TarInfo):
    """Header of a tar member; a damaged one is an error and not the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header; tarfile takes an invalid one after the first for the end."""
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"damaged header: {error}") from error


def _open_tar(stream: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="r|*", tarinfo=_StrictTarInfo)


def _open(path: str) -> BinaryIO:
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError("is not a regular file")
    return Path(path).open("rb")


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    stream = archive.extractfile(member)
    if stream is None:
        raise tarfile.ReadError(f"{member.name} is no regular file")
    return stream  # type: ignore[return-value]


def _fail(error: Exception) -> BinaryIO:
    raise error
