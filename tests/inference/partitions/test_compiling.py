"""A person is told when the first source waits for a compiler."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from skyvet.features.light_curves.configs import FeatureConfig
from skyvet.features.periods import compiled
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.inference.partitions.compiling import must_compile
from skyvet.inference.partitions.features import FeatureTask
from skyvet.inference.partitions.periods import PeriodTask
from skyvet.inference.partitions.sources import FeatureScoreTask

PROGRAM = """
import one
from skyvet.features.periods.compiled import has_machine_code
print(has_machine_code(one))
one.double(1)
print(has_machine_code(one))
"""


def test_machine_code_is_there_after_the_first_call(tmp_path):
    source = (
        "from skyvet.features.periods.compiled import compiled\n"
        "@compiled()\ndef double(x):\n    return 2 * x\n"
    )
    (tmp_path / "one.py").write_text(source)
    for said in (["False", "True"], ["True", "True"]):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True, text=True, check=True, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        assert done.stdout.split() == said


@pytest.mark.parametrize("has_code", [True, False])
def test_work_on_light_curves_compiles_where_there_is_no_code(monkeypatch, has_code):
    monkeypatch.setattr(compiled, "has_machine_code", lambda module: has_code)
    assert must_compile(PeriodTask(reading=None, config=PeriodSearchConfig())) is not has_code
    assert must_compile(FeatureTask(reading=None, config=FeatureConfig())) is not has_code
    assert not must_compile(FeatureScoreTask(bundle="b", survey="", document={}))
