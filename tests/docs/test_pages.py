"""The pages say what the code says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from skyvet import __version__
from skyvet.cli.errors import ExitCode
from skyvet.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PROSE = [
    path
    for path in (ROOT / "README.md", *DOCS.rglob("*.md"))
    if not {"generated", "_build"} & set(path.parts)
]


def test_exit_codes_are_listed_with_their_meaning():
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.+) \|$", (DOCS / "exit_codes.md").read_text(), re.M)
    assert rows == [(str(code.value), code.name, code.meaning) for code in ExitCode]


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.words)
def test_every_command_is_used_somewhere_in_the_prose(row):
    assert any(f"skyvet {row.words}" in page.read_text() for page in PROSE)


def test_every_command_in_the_prose_exists():
    known = {row.words for row in COMMANDS}
    groups = {words.split()[0] for words in known if " " in words}
    for page in PROSE:
        for line in re.findall(r"^\$ skyvet (.+)$", page.read_text(), re.M):
            words = line.split()
            name = " ".join(words[:2]) if words[0] in groups else words[0]
            assert name in known or name.startswith("-"), f"{page.name}: $ skyvet {line}"


def test_every_page_stands_in_the_contents():
    listed = set(re.findall(r"^([a-z0-9_/]+)$", (DOCS / "index.md").read_text(), re.M))
    pages = {str(path.relative_to(DOCS).with_suffix("")) for path in PROSE if DOCS in path.parents}
    assert pages - {"index"} <= listed


def test_readme_names_every_extra_that_there_is():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = set(re.findall(r"skyvet\[([\w-]+)\]", (ROOT / "README.md").read_text()))
    assert named == set(extras["optional-dependencies"]) - {"docs", "dev"}


def test_changelog_knows_this_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"[{__version__}]" in text or "[Unreleased]" in text


def test_docs_carry_no_path_of_a_machine():
    for page in PROSE:
        assert not re.search(r"/(home|root|work|Users)/", page.read_text()), page
