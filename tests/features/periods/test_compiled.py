"""Machine code on disk is never older than its sources."""

from __future__ import annotations

import os
import subprocess
import sys

from skyvet.features.periods.compiled import sources_stamp

CALLEE = """
from skyvet.features.periods.compiled import compiled

@compiled()
def inner(x):
    return x + {added}
"""
CALLER = """
from callee import inner
from skyvet.features.periods.compiled import compiled

@compiled()
def outer(x):
    return 10 * inner(x)
"""
PROGRAM = """
import sys
from skyvet.features.periods import compiled as module
module.sources_stamp = lambda: sys.argv[1]
from caller import outer
print(outer(1))
"""


def _run(folder, stamp):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, stamp],
        capture_output=True, text=True, check=True, env=environment, cwd=folder,
    )  # fmt: skip
    return int(done.stdout)


def _write(folder, added):
    (folder / "callee.py").write_text(CALLEE.format(added=added))


def test_a_function_is_compiled_anew_when_one_that_it_calls_changes(tmp_path):
    _write(tmp_path, 1)
    (tmp_path / "caller.py").write_text(CALLER)
    assert _run(tmp_path, "first") == 20
    _write(tmp_path, 2)
    # The file of `outer` is unchanged: with the old stamp its stored code would still be taken.
    assert _run(tmp_path, "first") == 20
    assert _run(tmp_path, "second") == 30


def test_processes_that_compile_at_once_do_not_take_each_others_code(tmp_path):
    _write(tmp_path, 1)
    (tmp_path / "caller.py").write_text(CALLER)
    program = PROGRAM.replace("outer(1)", "outer(int(sys.argv[2]) if sys.argv[2] != 'f' else 1.5)")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def start(argument):
        return subprocess.Popen(
            [sys.executable, "-c", program, "stamp", argument],
            stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
        )  # fmt: skip

    for _ in range(2):
        running = [start("1"), start("f")]
        assert [float(one.communicate()[0]) for one in running] == [20.0, 25.0]
    codes = {path.name for path in tmp_path.rglob("caller.outer*.nbc")}
    assert len(codes) == 2


def test_the_stamp_follows_every_file_with_a_compiled_function(tmp_path):
    (tmp_path / "a.py").write_text("@compiled()\nx = 1")
    (tmp_path / "b.py").write_text("x = 1")
    before = sources_stamp.__wrapped__(tmp_path)
    (tmp_path / "b.py").write_text("x = 2")
    assert sources_stamp.__wrapped__(tmp_path) == before
    (tmp_path / "a.py").write_text("@compiled()\nx = 2")
    assert sources_stamp.__wrapped__(tmp_path) != before
