"""Errors of a command become one line and a documented exit code."""

from __future__ import annotations

import errno
import os

import pytest

from skyvet.cli.errors import ExitCode, exit_code_of, reported_errors
from skyvet.core import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInputError("x"), 3),
        (errors.LabelError("x"), 3),
        (errors.LabelRefusedError({"key": "x"}), 3),
        (errors.LeakageError("x"), 3),
        (errors.PacketError("truncated", "x"), 3),
        (errors.BundleError("x"), 4),
        (errors.DatasetError("x"), 5),
        (errors.LabelStoreError("x"), 5),
        (errors.StoreUnavailableError("x"), 5),
        (errors.RequestRefusedError("x", code="token", status=401), 3),
        (errors.MissingDependencyError("x"), 6),
        (errors.IncompleteRunError("x"), 7),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 5),
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "labels.csv"), 3),
        (OSError("no file named"), 1),
        (KeyError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code, capsys):
    with pytest.raises(SystemExit) as caught, reported_errors():
        raise error
    assert caught.value.code == code == exit_code_of(error)
    assert capsys.readouterr().err


def test_every_error_class_of_the_tree_is_mapped():
    """A new branch of the tree that forgets its exit code would count as bad input."""
    roots = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    direct = {kind.__name__ for kind in roots if errors.SkyvetError in kind.__bases__}
    assert direct == {
        "InvalidInputError", "PacketError", "DatasetError", "BundleError", "MissingDependencyError",
            "ArchiveError", "LabelStoreError", "RequestRefusedError", "IncompleteRunError",
    }  # fmt: skip


def test_failed_import_of_an_extra_says_how_to_install_it(capsys):
    with pytest.raises(SystemExit) as caught, reported_errors():
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")
    assert caught.value.code == ExitCode.DEPENDENCY
    assert 'pip install "skyvet[train]"' in capsys.readouterr().err


def test_failed_import_of_anything_else_is_a_bug():
    with pytest.raises(SystemExit) as caught, reported_errors():
        raise ModuleNotFoundError("No module named 'skyvet.nothing'", name="skyvet.nothing")
    assert caught.value.code == ExitCode.BUG


def test_expected_error_is_one_line_without_traceback(capsys):
    with pytest.raises(SystemExit), reported_errors():
        raise errors.BundleError("weights.onnx was altered; download the bundle again")
    shown = capsys.readouterr()
    assert shown.err == "error: weights.onnx was altered; download the bundle again\n"
    assert shown.out == ""


def test_debug_adds_the_traceback(capsys):
    with pytest.raises(SystemExit), reported_errors(debug=True):
        raise errors.BundleError("altered")
    assert "Traceback" in capsys.readouterr().err


def test_bug_always_shows_its_traceback(capsys):
    with pytest.raises(SystemExit) as caught, reported_errors():
        _ = {}["missing"]
    assert caught.value.code == ExitCode.BUG
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "bug in skyvet" in shown


def test_interrupt_says_how_to_go_on(capsys):
    with pytest.raises(SystemExit) as caught, reported_errors():
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert "run the same command to continue" in capsys.readouterr().err


def test_nothing_is_said_where_nothing_goes_wrong(capsys):
    with reported_errors():
        pass
    assert capsys.readouterr() == ("", "")
