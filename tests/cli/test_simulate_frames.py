"""The commands `skyvet simulate frames` and `skyvet simulate light-curves`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skyvet.cli.main import CommandRow, build_app
from skyvet.io.frame_store import FrameStore
from skyvet.io.light_curve_tables import read_light_curves

ROWS = (
    CommandRow(
        "simulate light-curves",
        "simulate_light_curves:simulate_light_curves_command",
        "Simulate light curves of known kind.",
    ),
    CommandRow(
        "simulate frames",
        "simulate_frames:simulate_frames",
        "Simulate sequences of science frames with known artefacts.",
    ),
)


def call(*words):
    with pytest.raises(SystemExit) as ended:
        build_app(words, commands=ROWS)(args=list(words))
    return ended.value.code


def test_frames_are_written_and_a_second_call_extends_them(tmp_path, capsys):
    out = tmp_path / "frames"
    words = ("simulate", "frames", "--out", str(out), "--max-epochs", "8", "--json")
    assert call(*words, "--n", "3") == 0
    first = FrameStore(out).sequence(1).sequence.frames
    assert call(*words, "--n", "5") == 0
    store = FrameStore(out)
    assert len(store) == 5
    np.testing.assert_array_equal(store.sequence(1).sequence.frames, first)
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert document["n"] == 5
    assert document["n_frames"] == store.n_frames


def test_frames_of_other_settings_are_refused(tmp_path, capsys):
    out = tmp_path / "frames"
    words = ("simulate", "frames", "--out", str(out), "--max-epochs", "6", "--n", "1")
    assert call(*words) == 0
    assert call(*words, "--seed", "9") == 5
    assert "other settings" in capsys.readouterr().err


def test_light_curves_are_the_same_for_any_number_of_workers(tmp_path):
    for workers in ("1", "2"):
        out = str(tmp_path / f"{workers}.parquet")
        words = ("simulate", "light-curves", "--out", out, "--n", "70", "--workers", workers)
        assert call(*words, "--n-years", "0.5") == 0
    one, two = (list(read_light_curves(tmp_path / f"{w}.parquet")) for w in "12")
    assert len(one) == 70
    for a, b in zip(one, two, strict=True):
        assert a.class_name == b.class_name
        np.testing.assert_array_equal(a.light_curve.flux_njy, b.light_curve.flux_njy)


def test_an_unknown_class_ends_with_code_3(tmp_path, capsys):
    out = str(tmp_path / "a.parquet")
    assert call("simulate", "light-curves", "--out", out, "--classes", "cow") == 3
    assert "choose from" in capsys.readouterr().err
