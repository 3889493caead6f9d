"""Results for people and for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress as RichBars

from skyvet.cli.console import make_table, note, show_result, to_plain
from skyvet.cli.progress import TerminalProgress, shown_progress
from skyvet.core.configs import Config
from skyvet.core.progress import SilentProgress


class Colour(Enum):
    RED = "red"


class Settings(Config):
    size_px: int = 3
    limit: float = float("nan")


@dataclass(frozen=True)
class Point:
    x: float
    where: Path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(2**53 + 1), 2**53 + 1),
        (np.array([1.0, np.nan, np.inf]), [1.0, None, None]),
        (Colour.RED, "red"),
        (Settings(), {"size_px": 3, "limit": None}),
        (Point(float("-inf"), Path("a/b")), {"x": None, "where": "a/b"}),
        ({1: True, "none": None}, {"1": True, "none": None}),
        ((np.bool_(False), "text"), [False, "text"]),
    ],
)
def test_result_values_become_plain_json(value, expected):
    assert to_plain(value) == expected
    json.dumps(to_plain(value), allow_nan=False)


def test_json_result_is_one_object_and_nothing_else(capsys):
    show_result({"auc": float("nan")}, make_table("t", ["a"], [[1]]), as_json=True)
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert json.loads(shown) == {"auc": None}


def test_table_for_people_shows_missing_values_as_a_dash(capsys):
    rows = [["purity", 0.98765432], ["ece", float("nan")], ["note [bold]", None]]
    show_result({}, make_table("Scores", ["what", "value"], rows), "done [px]")
    shown = capsys.readouterr().out
    assert "0.9877" in shown
    assert "done [px]" in shown
    assert "note [bold]" in shown, "square brackets are text, not markup"
    assert shown.count(" - ") == 2


def test_note_leaves_standard_output_alone(capsys):
    note("reading night [1/2]")
    assert capsys.readouterr() == ("", "reading night [1/2]\n")


@pytest.mark.parametrize("quiet", [True, False])
def test_no_bar_where_nobody_looks(quiet, capsys):
    with shown_progress(quiet=quiet) as progress:
        progress.start("work", 3)
        progress.advance(3)
        progress.finish()
    assert isinstance(progress, SilentProgress)
    assert capsys.readouterr() == ("", "")


def test_stages_inside_stages_move_their_own_bar():
    bars = RichBars(disable=True)
    progress = TerminalProgress(bars)
    progress.start("folds", 2)
    progress.start("epochs", 10)
    progress.advance(4)
    progress.finish()
    progress.advance()
    progress.finish()
    progress.advance()
    progress.finish()
    assert [(task.description, task.completed) for task in bars.tasks] == [
        ("folds", 1),
        ("epochs", 4),
    ]
