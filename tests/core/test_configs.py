"""Settings are compared leaf by leaf."""

from __future__ import annotations

from skyvet.core.configs import changed_settings


def test_equal_settings_have_no_changes():
    assert changed_settings({"a": {"b": [1]}}, {"a": {"b": [1]}}) == ""


def test_new_gone_and_other_values_are_named():
    changed = changed_settings({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}, "d": "x"})
    assert changed == 'a.b was 1, now 3; a.c was 2, now not set; d was not set, now "x"'


def test_what_may_change_is_passed_over():
    assert changed_settings({"a": {"n": {"m": 1}}}, {"a": {"n": 2}}, may_change=("n",)) == ""


def test_many_changes_are_cut_short():
    changed = changed_settings(dict.fromkeys("abcdefgh", 1), dict.fromkeys("abcdefgh", 2))
    assert changed.count("was") == 6
    assert changed.endswith("; ...")


def test_a_long_value_is_cut_short():
    assert len(changed_settings({"a": "x" * 500}, {})) < 100
