"""A run folder remembers its settings."""

from __future__ import annotations

import pytest

from skyvet.core.errors import DatasetError
from skyvet.strategies.rounds.settings import claim_run_folder

SETTINGS = {"error_rate": 0.05, "rounds": {"seed": 1, "member": {"hardware": {"n_threads": 1}}}}


def test_same_settings_go_on(tmp_path):
    claim_run_folder(tmp_path / "run", SETTINGS)
    claim_run_folder(tmp_path / "run", SETTINGS)


def test_a_changed_setting_is_named_with_both_values(tmp_path):
    claim_run_folder(tmp_path / "run", SETTINGS)
    changed = {"error_rate": 0.1, "rounds": {"seed": 1, "test": "abc"}}
    with pytest.raises(DatasetError) as caught:
        claim_run_folder(tmp_path / "run", changed)
    assert "error_rate was 0.05, now 0.1" in str(caught.value)
    assert 'rounds.test was not set, now "abc"' in str(caught.value)
    assert "rounds.seed" not in str(caught.value)


def test_hardware_may_change(tmp_path):
    claim_run_folder(tmp_path / "run", SETTINGS)
    rounds = {"seed": 1, "member": {"hardware": {"n_threads": 8}}}
    claim_run_folder(tmp_path / "run", {"error_rate": 0.05, "rounds": rounds})


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kind": "other", "settings": {}}'])
def test_a_folder_with_something_else_is_refused(tmp_path, text):
    (tmp_path / "rounds.json").write_text(text)
    with pytest.raises(DatasetError):
        claim_run_folder(tmp_path, SETTINGS)


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(DatasetError, match="no run of rounds"):
        claim_run_folder(tmp_path, SETTINGS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.tex"]
