"""From errors to one clear line and a documented exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from skyvet.core.errors import (
    BundleError,
    DatasetError,
    IncompleteRunError,
    LabelStoreError,
    MissingDependencyError,
    SkyvetError,
)
from skyvet.core.optional import EXTRA_OF_PACKAGE, missing_dependency

__all__ = ["ExitCode", "exit_code_of", "reported_errors"]


class ExitCode(IntEnum):
    """What the number that a command ends with means.

    Examples
    --------
    >>> ExitCode.BUNDLE.value, ExitCode.BUNDLE.meaning
    (4, 'the bundle is altered, incomplete or does not fit the input')
    """

    meaning: str

    OK = 0, "the command did what was asked; rejected alerts are counted, not errors"
    BUG = 1, "an error inside skyvet; please report it with the traceback"
    USAGE = 2, "the command line cannot be understood: unknown command, option or argument"
    INPUT = 3, "bad input or settings: nothing to read, unusable labels, a value out of range"
    BUNDLE = 4, "the bundle is altered, incomplete or does not fit the input"
    OUTPUT = 5, "the output cannot be written; a dataset folder or label store cannot be used"
    DEPENDENCY = 6, "an optional package is missing; the message says how to install it"
    INCOMPLETE = 7, "some partitions of the input failed; the rest is done, run again to try them"
    INTERRUPTED = 130, "interrupted (Ctrl-C); what is done is kept, the same command continues"
    PIPE_CLOSED = 141, "the reader of standard output went away (as with `| head`)"

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        """Make a member that carries its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


_CODE_OF_ERROR: tuple[tuple[type[SkyvetError], ExitCode], ...] = (
    (BundleError, ExitCode.BUNDLE),
    (DatasetError, ExitCode.OUTPUT),
    (LabelStoreError, ExitCode.OUTPUT),
    (IncompleteRunError, ExitCode.INCOMPLETE),
    (MissingDependencyError, ExitCode.DEPENDENCY),
)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def exit_code_of(error: Exception) -> ExitCode:
    """Return the exit code that an error leads to.

    Parameters
    ----------
    error : Exception
        A `SkyvetError`, an `OSError` that names a file, or anything else, which is a bug.

    Returns
    -------
    ExitCode

    Examples
    --------
    >>> exit_code_of(DatasetError("no manifest")).name, exit_code_of(KeyError("x")).name
    ('OUTPUT', 'BUG')
    """
    if isinstance(error, SkyvetError):
        found = (code for kind, code in _CODE_OF_ERROR if isinstance(error, kind))
        return next(found, ExitCode.INPUT)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return ExitCode.OUTPUT
    if isinstance(error, OSError) and error.filename is not None:
        return ExitCode.INPUT
    return ExitCode.BUG


@contextmanager
def reported_errors(*, debug: bool = False) -> Iterator[None]:
    """Turn what goes wrong inside into a line on standard error and an exit code.

    Parameters
    ----------
    debug : bool, default False
        Print the traceback of expected errors too; that of a bug is always printed.

    Raises
    ------
    SystemExit
        With the value of an `ExitCode`, after any error.
    """
    try:
        yield
        sys.stdout.flush()  # a closed pipe shows here, not at the interpreter's end
    except KeyboardInterrupt:
        _say("interrupted; what is done is kept; run the same command to continue")
        raise SystemExit(ExitCode.INTERRUPTED.value) from None
    except BrokenPipeError:
        _silence_stdout()
        raise SystemExit(ExitCode.PIPE_CLOSED.value) from None
    except Exception as raised:
        error = _named(raised)
        code = exit_code_of(error)
        if debug or code is ExitCode.BUG:
            traceback.print_exc()
        _say(_message(error, code))
        raise SystemExit(code.value) from raised


def _named(error: Exception) -> Exception:
    """Return the failed import of an extra's package as the error that says how to install it."""
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        extra = EXTRA_OF_PACKAGE.get(error.name.split(".")[0])
        if extra is not None:
            return missing_dependency(error.name, extra=extra)
    return error


def _message(error: Exception, code: ExitCode) -> str:
    if code is ExitCode.BUG:
        return "error: this is a bug in skyvet; please report it with the lines above"
    if isinstance(error, OSError) and not isinstance(error, SkyvetError):
        return f"error: {error.filename or 'output'}: {error.strerror}"
    return f"error: {error}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _silence_stdout() -> None:
    """Let the interpreter's last flush of standard output go nowhere, as nobody reads it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
