"""The program: its table of commands, lazy imports, exit codes, help and start-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import typer

from skyvet import __version__
from skyvet.cli import main as program
from skyvet.cli.main import COMMANDS, GROUPS, CommandRow, build_app, main

HEAVY = frozenset(
    {
        "torch", "lightning", "sklearn", "matplotlib", "numba", "scipy", "onnx", "onnxruntime",
        "optuna", "jinja2", "pyarrow.dataset",
    }
)  # fmt: skip

# A network's config stands beside its layers, a calibration method beside its fit, a query beside
# its arithmetic.
NEEDED_FOR_OPTIONS = {
    "train triplet": {"torch", "scipy"},
    "train encoder": {"torch", "scipy"},
    "train sequence": {"torch", "scipy"},
    "train sources": {"torch", "scipy"},
    "tune triplet": {"torch", "scipy"},
    "tune sources": {"torch", "scipy"},
    "audit": {"torch", "scipy"},
    "rounds": {"torch", "scipy"},
    "labels choose": {"scipy"},
}

FAKES = (
    CommandRow("good", "fake_commands:good", "Count the words."),
    CommandRow("bad", "fake_commands:bad", "Fail as asked."),
    CommandRow("group one", "fake_commands:good", "Count the words."),
)
FAKE_SOURCE = '''
from __future__ import annotations
"""Commands for the tests of the program."""
from typing import Annotated
import typer
from skyvet.core.errors import BundleError, DatasetError

def good(words: list[str], *, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Count the words."""
    typer.echo(f"{len(words)} words")

def bad(kind: str) -> None:
    """Fail as asked."""
    if kind == "pipe":
        raise BrokenPipeError(32, "Broken pipe")
    raise {"bundle": BundleError, "dataset": DatasetError, "stop": KeyboardInterrupt,
           "bug": KeyError}[kind]("told so")
'''


@pytest.fixture
def fakes(monkeypatch):
    """The program with three small commands in place of its own."""
    module = types.ModuleType("skyvet.cli.fake_commands")
    exec(compile(FAKE_SOURCE, "fake_commands.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(program, "COMMANDS", FAKES)


def _run(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return caught.value.code or 0


@pytest.mark.usefixtures("fakes")
class TestProgram:
    def test_called_command_runs(self, capsys):
        assert _run("good", "a", "b") == 0
        assert capsys.readouterr().out == "2 words\n"

    def test_options_are_named_as_the_command_says(self, capsys):
        assert _run("good", "a", "--json") == 0
        assert capsys.readouterr().out == "1 words\n"

    def test_command_below_a_group_runs(self, capsys):
        assert _run("group", "one", "a") == 0
        assert capsys.readouterr().out == "1 words\n"

    @pytest.mark.parametrize(
        ("kind", "code"), [("bundle", 4), ("dataset", 5), ("stop", 130), ("bug", 1)]
    )
    def test_failure_has_its_code_and_says_so(self, kind, code, capsys):
        assert _run("bad", kind) == code
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "error" in shown.err or "interrupted" in shown.err
        assert ("Traceback" in shown.err) == (kind == "bug")

    def test_debug_is_understood_anywhere(self, capsys):
        for words in (("--debug", "bad", "bundle"), ("bad", "bundle", "--debug")):
            assert _run(*words) == 4
            assert "Traceback" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "words", [("nothing",), ("good",), ("good", "a", "--none"), ("group", "two"), ("--none",)]
    )
    def test_misuse_is_code_2(self, words, capsys):
        assert _run(*words) == 2
        assert "Usage: skyvet" in capsys.readouterr().err

    def test_help_lists_all_commands_and_loads_none(self, monkeypatch, capsys):
        monkeypatch.setattr(CommandRow, "load", lambda self: pytest.fail(f"loaded {self.words}"))
        assert _run("--help") == 0
        shown = capsys.readouterr().out
        assert "Count the words." in shown
        assert "group" in shown
        assert _run("group", "--help") == 0
        assert "one" in capsys.readouterr().out

    def test_only_the_called_command_is_loaded(self, monkeypatch):
        loaded = []
        load = CommandRow.load

        def spy(self):
            loaded.append(self.words)
            return load(self)

        monkeypatch.setattr(CommandRow, "load", spy)
        _run("good", "a")
        assert loaded == ["good"]

    def test_version_is_shown(self, capsys):
        assert _run("--version") == 0
        assert capsys.readouterr().out == f"skyvet {__version__}\n"


def test_options_after_tune_mean_the_search_of_triplets(capsys):
    """`skyvet tune` was a command before it became a group."""
    assert _run("tune", "--n-trials", "0") == _run("tune", "triplet", "--n-trials", "0") == 2
    assert "skyvet tune triplet" in capsys.readouterr().err
    assert _run("tune", "--help") == 0
    shown = capsys.readouterr().out
    assert "triplet" in shown
    assert "sources" in shown


@pytest.mark.parametrize("n_lines", [1, 100_000])
def test_closed_pipe_ends_quietly(n_lines):
    """`skyvet ... | head -1`: no traceback, no complaint at the interpreter's end."""
    code = (
        "import sys\n"
        "from skyvet.cli.errors import reported_errors\n"
        "with reported_errors():\n"
        "    print('first', flush=True)\n"
        "    sys.stdin.readline()\n"
        f"    for i in range({n_lines}):\n"
        "        print('a line of output', i)\n"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, env=buffered
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 141


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.words)
class TestEveryCommand:
    def test_help_of_the_table_is_the_first_line_of_the_docstring(self, row):
        assert (row.load().__doc__ or "").strip().splitlines()[0] == row.help

    def test_help_of_the_table_is_not_cut_at_80_columns(self, row):
        *above, _ = row.words.split()
        beside = [other.words.split() for other in COMMANDS]
        names = [words[len(above)] for words in beside if words[: len(above)] == above]
        assert len(row.help) <= 78 - 2 - max(map(len, names)) - 2  # Click's margin, indent, gap

    def test_every_option_and_argument_has_help(self, row):
        command = typer.main.get_command(build_app(row.words.split()))
        for word in row.words.split():
            command = command.commands[word]
        said = {param.name: getattr(param, "help", None) or "" for param in command.params}
        assert [name for name, text in said.items() if not text or text[0] in "[("] == []

    def test_group_has_help(self, row):
        *above, _ = row.words.split()
        assert all(group in GROUPS for group in above)


@pytest.mark.parametrize("words", ["", *(row.words for row in COMMANDS)])
def test_help_loads_nothing_heavy(words):
    """Start-up time by its cause: the modules that take long to import."""
    code = (
        "import json, sys\n"
        "from skyvet.cli.main import main\n"
        "try:\n"
        f"    main({[*words.split(), '--help']!r})\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy = HEAVY - NEEDED_FOR_OPTIONS.get(words, set())
    assert not heavy & set(json.loads(done.stderr))


def test_program_is_installed_beside_the_interpreter():
    script = Path(sys.executable).with_name("skyvet")
    if not script.exists():
        pytest.skip("skyvet is used from its source, without being installed")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"skyvet {__version__}\n"
