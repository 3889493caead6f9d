"""Arrays, configs, errors, optional packages: what everything else stands on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from skyvet.core import errors
from skyvet.core.arrays import as_readonly, check_same_length
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError, MissingDependencyError
from skyvet.core.optional import EXTRA_OF_PACKAGE, require
from skyvet.core.progress import SilentProgress


class Settings(Config):
    size_px: int = 63
    bands: tuple[str, ...] = ("g",)


def test_readonly_view_refuses_writes_and_leaves_the_callers_array_alone():
    mine = np.zeros(3, dtype=np.float32)
    view = as_readonly(mine, np.float32)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    mine[0] = 1
    assert np.shares_memory(mine, view), "no copy where the type is right"


def test_readonly_converts_what_has_another_type():
    assert as_readonly([1, 2], np.float64).dtype == np.float64


def test_same_length_accepts_equal_and_nothing():
    check_same_length()
    check_same_length(a=np.zeros(0), b=np.zeros((0, 3)))


@pytest.mark.parametrize(
    "settings", [{"size": 3}, {"size_px": "wide"}, {"size_px": 2.5}, {"bands": "g"}]
)
def test_config_refuses_unknown_and_wrong_settings(settings):
    with pytest.raises(ValidationError):
        Settings.model_validate(settings)


def test_config_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().size_px = 3


def test_config_comes_back_from_json_as_it_was():
    settings = Settings(size_px=51, bands=("g", "r"))
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_derives_from_the_base_and_stands_in_the_drawn_tree(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.SkyvetError)
    assert name in errors.__doc__


def test_errors_of_arguments_are_value_errors_and_of_packages_import_errors():
    assert issubclass(InvalidInputError, ValueError)
    assert issubclass(MissingDependencyError, ImportError)


def test_packet_error_carries_reason_and_detail():
    error = errors.PacketError("truncated_packet", "ended after 12 bytes")
    assert (error.reason, error.detail) == ("truncated_packet", "ended after 12 bytes")


def test_present_package_is_returned():
    assert require("json", extra="train").dumps([1]) == "[1]"


def test_absent_package_names_itself_and_its_extra():
    with pytest.raises(MissingDependencyError, match=r"'no_such'.*skyvet\[report\]"):
        require("no_such.inner", extra="report")


def test_packages_of_the_extras_are_those_of_the_project_file():
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    module_of = {"scikit-learn": "sklearn"}
    for extra in ("train", "report", "simulate", "fetch"):
        packages = {re.split(r"[<>=\[]", entry)[0] for entry in extras[extra]}
        modules = {module_of.get(package, package) for package in packages}
        assert modules == {name for name, its in EXTRA_OF_PACKAGE.items() if its == extra}


def test_silent_progress_takes_all_calls():
    progress = SilentProgress()
    progress.start("work", None)
    progress.advance()
    progress.finish()
