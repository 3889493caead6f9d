"""The code of README and docs runs: nothing that a reader may type is broken.

In a page, blocks fenced as ``python`` and ``console`` run from top to bottom in one empty folder;
blocks of other kinds (``bash``, ``text``, ``toml``) are only shown. In a ``console`` block,
lines that begin with ``$`` are commands and all others are output, which is not compared;
training is cut short, as what is tested is that the commands fit together.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.simulation.night import NightConfig, simulate_candidate

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if not {"generated", "_build"} & set(path.parts)
]
NIGHTS = {"night": "labels.csv", "another-night": "more-labels.csv"}
N_PER_NIGHT = 60
QUICK = {
    "skyvet train triplet": " --member.n-epochs 2 --n-members 2",
    "skyvet train sequence": " --n-inner-folds 2",
    "skyvet train sources": " --n-inner-folds 2",
}
_FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    text: str
    line: int

    @property
    def commands(self) -> list[str]:
        """The commands of a console block, continued lines joined."""
        text = self.text.replace("\\\n", " ")
        return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for match in _FENCE.finditer(text)
        if match[1] in {"python", "console"}
    ]


def _run_commands(block: Block, page: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path}
    for command in block.commands:
        more = "".join(text for start, text in QUICK.items() if command.startswith(start))
        done = subprocess.run(
            command + more, shell=True, env=env, capture_output=True, text=True, check=False,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{page.name}:{block.line}: $ {command}\n{done.stderr}"


def _lay_out_nights(folder: Path) -> None:
    """Put into a folder what the pages assume that a reader has: two nights with labels."""
    for i_night, (night, labels) in enumerate(NIGHTS.items()):
        config = NightConfig(n=N_PER_NIGHT, prior=0.5, seed=11 + i_night)
        rows = ["candid,label"]
        (folder / night).mkdir()
        for i in range(config.n):
            made = simulate_candidate(config, i)
            name = f"{made.truth.candidate_id}.avro"
            (folder / night / name).write_bytes(encode_ztf_alert(made.candidate))
            rows.append(f"{made.truth.candidate_id},{made.truth.label.value}")
        (folder / labels).write_text("\n".join(rows) + "\n")


@pytest.mark.integration
@pytest.mark.parametrize(
    "page", [page for page in PAGES if _blocks(page)], ids=lambda page: page.stem
)
def test_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    if any(block.kind == "console" for block in _blocks(page)):
        _lay_out_nights(tmp_path)
    for block in _blocks(page):
        if block.kind == "python":
            code = "\n" * block.line + block.text
            exec(compile(code, str(page), "exec"), module.__dict__)
        else:
            _run_commands(block, page)


def test_blocks_are_found():
    """Were the fence pattern wrong, every page would pass."""
    assert _blocks_of_text("```python\na = 1\n```\n\n```bash\nrm x\n```\n") == ["python"]


def _blocks_of_text(text: str) -> list[str]:
    return [match[1] for match in _FENCE.finditer(text) if match[1] in {"python", "console"}]
