"""Options generated from config classes: every kind of field, every way to be wrong."""

from __future__ import annotations

import re
import tomllib
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field, model_validator
from typer.testing import CliRunner

from skyvet.cli.fields import options_of
from skyvet.cli.options import build_config, read_config_file, with_config_options
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.learners.supervised import FEW_LABEL_TRAINING
from skyvet.strategies.rounds.settings import RoundsConfig
from skyvet.training.configs import EnsembleConfig
from skyvet.training.tune_config import TuneConfig


class Shape(Enum):
    ROUND = "round"
    FLAT = "flat"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Documented(Config):
    """Settings that are explained in their docstring alone.

    Parameters
    ----------
    title : str
        Heading; `empty` for
        the bundle's name.
    low, high : float, default 0
        Bounds [px].

    Raises
    ------
    high : float
        Not this.
    """

    title: str = ""
    low: float = 0
    high: float = Field(default=0, description="Upper bound.")


class Small(Config):
    kind: Literal["small"] = "small"
    width: int = Field(default=8, gt=0)


class Large(Config):
    kind: Literal["large"] = "large"
    depth: int = 50


class Inner(Config):
    size_px: int = Field(default=63, gt=0, description="Side of the stamp [px].")
    shape: Shape = Shape.ROUND


class Everything(Config):
    name: str = "auto"
    rate: float = Field(default=1e-3, ge=0, le=1, description="Learning rate.")
    is_fast: bool = True
    scaling: Literal["l2", "minmax"] = "l2"
    level: Level = Level.LOW
    limit: int | None = None
    folder: Path = Path("here")
    bands: tuple[str, ...] = ("g", "r")
    span: tuple[float, float] = (0.0, 1.0)
    inner: Inner = Inner()
    network: Annotated[Small | Large, Field(discriminator="kind")] = Small()
    extra: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Everything:
        if self.span[0] > self.span[1]:
            raise ValueError("span must not fall")
        return self


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("name", "ztf", "ztf"),
        ("rate", "0.5", 0.5),
        ("is_fast", False, False),
        ("scaling", "minmax", "minmax"),
        ("scaling", "MinMax", "minmax"),
        ("level", "high", Level.HIGH),
        ("limit", "3", 3),
        ("limit", "none", None),
        ("folder", "a/b", Path("a/b")),
        ("bands", "i", ("i",)),
        ("bands", "g, i", ("g", "i")),
        ("bands", "", ()),
        ("span", "0.1,0.2", (0.1, 0.2)),
        ("inner.size_px", "51", 51),
        ("inner.shape", "flat", Shape.FLAT),
        ("network", "large", Large()),
        ("network", '{"kind": "small", "width": 3}', Small(width=3)),
        ("extra", '{"a": 1.5}', {"a": 1.5}),
    ],
)
def test_text_of_an_option_becomes_the_value_of_its_field(path, text, expected):
    found = build_config(Everything, {}, {path: text})
    for key in path.split("."):
        found = getattr(found, key)
    assert found == expected
    assert type(found) is type(expected)


def test_shown_default_given_as_text_builds_the_default_config():
    """The law that keeps help honest: what it shows as default is what one may type."""
    texts = {
        option.path: option.default_text
        for option in options_of(Everything)
        if not option.is_flag and option.path != "extra"
    }
    assert build_config(Everything, {}, texts) == Everything()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"rate": "fast"}, "--rate: input should be a valid number.*got 'fast'"),
        ({"rate": "2"}, "--rate: input should be less than or equal to 1, got '2'"),
        ({"inner.size_px": "0"}, "--inner.size-px: input should be greater than 0"),
        ({"scaling": "l3"}, "--scaling: input should be 'l2' or 'minmax', got 'l3'"),
        ({"network": "medium"}, "--network: .*got 'medium'"),
        ({"network": '{"kind": "small", "width": 0}'}, r"--network \(small.width\): .*greater"),
        ({"network": "{small}"}, "--network: not valid JSON"),
        ({"span": "2,1"}, "settings: span must not fall"),
        ({"bands": "g", "rate": "x", "limit": "y"}, "--rate: .*; --limit: "),
    ],
)
def test_wrong_value_is_one_line_that_names_the_option(texts, expected):
    with pytest.raises(InvalidInputError, match=expected) as caught:
        build_config(Everything, {}, texts)
    assert "\n" not in str(caught.value)


def test_command_line_beats_file_beats_default():
    tree = {"rate": 0.25, "inner": {"size_px": 51, "shape": "flat"}}
    config = build_config(Everything, tree, {"inner.size_px": "31"})
    assert (config.rate, config.inner.size_px, config.inner.shape) == (0.25, 31, Shape.FLAT)
    assert tree["inner"]["size_px"] == 51, "the caller's tree is left as it was"


def test_unknown_setting_of_a_file_is_named_with_its_nearest_neighbour():
    with pytest.raises(InvalidInputError, match=r"unknown setting 'inner.size'.*inner.size_px"):
        build_config(Everything, {"inner": {"size": 3}}, {})


def test_missing_required_setting_is_named():
    class Needs(Config):
        out_path: Path

    with pytest.raises(InvalidInputError, match="--out-path: is needed"):
        build_config(Needs, {}, {})


def _program(function) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(with_config_options(function))
    return app


def test_command_receives_configs_beside_its_own_arguments(tmp_path):
    seen = {}

    def command(
        paths: list[str],
        *,
        config: Everything,
        training: Inner,
        n_workers: Annotated[int, typer.Option(help="Workers.")] = 1,
    ) -> None:
        """Do it."""
        seen.update(paths=paths, config=config, training=training, n_workers=n_workers)

    settings = tmp_path / "settings.toml"
    settings.write_text('name = "ztf"\n[training]\nsize_px = 9\nshape = "flat"\n')
    line = f"a b --config {settings} --training.size-px 7 --no-is-fast --n-workers 2"
    result = CliRunner().invoke(_program(command), line.split(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert seen == {
        "paths": ["a", "b"],
        "config": Everything(name="ztf", is_fast=False),
        "training": Inner(size_px=7, shape=Shape.FLAT),
        "n_workers": 2,
    }


def test_help_shows_type_choices_default_bounds_and_unit():
    def command(*, config: Everything) -> None:
        """Do it."""

    result = CliRunner().invoke(_program(command), ["--help"], terminal_width=200)
    text = " ".join(result.output.split())
    for expected in (
        "--inner.size-px INT Side of the stamp [px]. (> 0) [default: 63]",
        "--rate FLOAT Learning rate. (>= 0, <= 1) [default: 0.001]",
        "--scaling l2|minmax",
        "--level low|high",
        "--network small|large",
        "--limit INT|none",
        "--bands TEXT,...",
        "--no-is-fast",
        "--config FILE.toml",
    ):
        assert expected in text


def test_meaning_comes_from_the_description_or_the_docstring():
    assert [option.meaning for option in options_of(Documented)] == [
        "Heading; empty for the bundle's name.",
        "Bounds [px].",
        "Upper bound.",
    ]


def test_two_options_of_one_name_are_refused():
    def command(*, name: str, config: Everything) -> None:
        """Do it."""

    with pytest.raises(TypeError, match="one name: name"):
        with_config_options(command)


def test_command_without_config_is_left_as_it_is():
    def command(path: str) -> None:
        """Do it."""

    assert with_config_options(command) is command


def test_table_for_no_config_of_the_command_is_refused(tmp_path):
    def command(*, training: Inner) -> None:
        """Do it."""

    settings = tmp_path / "settings.toml"
    settings.write_text("[trainnig]\nsize_px = 9\n")
    result = CliRunner().invoke(_program(command), ["--config", str(settings)])
    assert isinstance(result.exception, InvalidInputError)
    assert "trainnig" in str(result.exception)


@pytest.mark.parametrize("content", [None, b"a = = 3", b"\xff\xfe"])
def test_unreadable_settings_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"settings\.toml"):
        read_config_file(path)


class Steps(Config):
    n_steps: int = 100
    decay: float = 0.9
    network: Annotated[Small | Large, Field(discriminator="kind")] = Small()


class Fold(Config):
    kind: Literal["fold"] = "fold"
    steps: Steps = Steps(decay=0.5, network=Large(depth=18))


class Whole(Config):
    kind: Literal["whole"] = "whole"
    steps: Steps = Steps(n_steps=7)


class Study(Config):
    learner: Annotated[Fold | Whole, Field(discriminator="kind")] = Fold()
    fallback: Whole | None = None


def test_a_partial_table_changes_the_named_key_alone():
    built = build_config(Study, {"learner": {"steps": {"n_steps": 3}}}, {})
    assert built.learner == Fold(steps=Steps(n_steps=3, decay=0.5, network=Large(depth=18)))


def test_a_partial_table_of_another_kind_keeps_that_kinds_defaults():
    built = build_config(Study, {"learner": {"kind": "whole", "steps": {"decay": 0.1}}}, {})
    assert built.learner == Whole(steps=Steps(n_steps=7, decay=0.1))


def test_a_partial_table_may_change_the_kind_of_an_inner_default():
    built = build_config(Study, {"learner": {"steps": {"network": {"kind": "small"}}}}, {})
    assert built.learner == Fold(steps=Steps(decay=0.5, network=Small()))


def test_a_partial_table_of_an_absent_config_keeps_its_class_defaults():
    built = build_config(Study, {"fallback": {"steps": {"decay": 0.1}}}, {})
    assert built.fallback == Whole(steps=Steps(n_steps=7, decay=0.1))


def test_the_kind_on_the_line_keeps_the_files_settings_of_that_kind():
    tree = {"learner": {"kind": "whole", "steps": {"decay": 0.1}}}
    built = build_config(Study, tree, {"learner": "whole"})
    assert built.learner == Whole(steps=Steps(n_steps=7, decay=0.1))


def test_another_kind_on_the_line_drops_the_files_settings():
    tree = {"learner": {"kind": "whole", "steps": {"decay": 0.1}}}
    assert build_config(Study, tree, {"learner": "fold"}).learner == Fold()


def test_none_in_a_file_is_none_where_none_may_be():
    built = build_config(Everything, {"limit": "none", "name": "none"}, {})
    assert (built.limit, built.name) == (None, "none")
    assert build_config(Study, {"fallback": "none"}, {}).fallback is None


def test_a_wrong_value_in_a_partial_table_is_named():
    with pytest.raises(InvalidInputError, match=r"--learner \(fold.steps.n_steps\)"):
        build_config(Study, {"learner": {"steps": {"n_steps": "many"}}}, {})


def test_an_unknown_key_in_a_partial_table_is_refused():
    with pytest.raises(InvalidInputError, match=r"'learner\.fold\.steps\.n_step'.*'n_steps'"):
        build_config(Study, {"learner": {"steps": {"n_step": 3}}}, {})


def test_an_unknown_key_far_from_all_others_is_refused_with_the_list_of_keys():
    with pytest.raises(InvalidInputError, match="it takes n_steps, decay, network"):
        build_config(Study, {"learner": {"steps": {"zzz": 3}}}, {})


def test_a_few_label_learner_keeps_its_training_beside_one_named_key():
    tree = {"learner": {"kind": "supervised", "member": {"n_epochs": 40}}}
    member = build_config(RoundsConfig, tree, {}).learner.member
    assert member == FEW_LABEL_TRAINING.model_copy(update={"n_epochs": 40})


def test_a_semi_supervised_learner_keeps_its_consistency_beside_one_named_key():
    tree = {"learner": {"kind": "semi_supervised", "member": {"steps": {"n_steps": 9}}}}
    member = build_config(RoundsConfig, tree, {}).learner.member
    default = SemiSupervisedLearner().member
    steps = default.steps.model_copy(update={"n_steps": 9})
    assert member == default.model_copy(update={"steps": steps})
    assert member.consistency.kind == "fixmatch"


def test_settings_files_of_the_guide_to_few_labels_are_read():
    guide = Path(__file__).parents[2] / "docs" / "guides" / "few_labels.md"
    files = re.findall(r"```toml\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    kinds = []
    for text in files:
        tree = tomllib.loads(text)
        tree.pop("stamps", None)  # a config of its own
        kinds.append(build_config(RoundsConfig, tree, {}).learner.kind)
    assert kinds == ["supervised", "semi_supervised"]


@pytest.mark.parametrize("config_class", [EnsembleConfig, TuneConfig, RoundsConfig])
def test_every_single_key_of_a_command_changes_that_key_alone(config_class):
    default = config_class().model_dump()
    free = {key: value for key, value in default.items() if key != "ranges"}  # a range is whole
    for path, value in leaves(free):
        tree = nested(path, value)
        assert build_config(config_class, tree, {}).model_dump() == default, path


def leaves(tree, above=()):
    """Yield path and value of each setting that TOML can say."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        elif value is not None:
            yield (*above, key), value


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value
