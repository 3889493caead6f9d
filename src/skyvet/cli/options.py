"""Command-line options made from config classes.

A command says which config it takes; every field becomes an option with its type, default,
unit and choices, and the command gets the validated config::

    class StampConfig(Config):
        size_px: int = Field(default=63, gt=0, description="Side of the stamp [px].")
        scaling: Literal["l2", "minmax"] = Field(default="l2", description="Normalisation.")

    class IngestConfig(Config):
        survey: str = Field(default="auto", description="Name of the survey.")
        stamps: StampConfig = StampConfig()

    def ingest(inputs: list[str], *, config: IngestConfig, as_json: JsonOption = False) -> None:
        \"\"\"Turn alert packets into a dataset.\"\"\"

After `with_config_options`, which `skyvet.cli.main` applies to every command,
``skyvet ingest night/ --config night.toml --stamps.size-px 51`` calls
``ingest(["night/"], config=IngestConfig(...), as_json=False)``.

Rules:

- The parameter named ``config`` gives options without prefix; any other parameter that is a
  config gives options and a TOML table that begin with its name (``training: TrainingConfig``
  becomes ``--training.epochs`` and ``[training]``). A config inside a config does the same.
- Command line beats ``--config FILE.toml`` beats default, key by key: a table that names one key of
  a config leaves the field's other defaults as they are, unless it names another kind.
- A tuple is given with commas (``--bands g,r``), None as ``none`` (``"none"`` in a file), a choice
  between config classes by its tag (``--network vgg6``) or as JSON
  (``--network '{"kind": "vgg6"}'``).
- A value that does not fit ends with exit code 3 and one line that names the option.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from pydantic import ValidationError

from skyvet.cli.fields import ConfigOption, config_at, config_class_of, options_of
from skyvet.cli.partial_settings import joined_settings, over_defaults
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError

__all__ = ["JsonOption", "build_config", "read_config_file", "with_config_options"]

JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on standard output and nothing else there."),
]
"""Type of a command's `as_json` parameter."""

_Tree = dict[str, Any]


def with_config_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command whose config parameters became options.

    Parameters
    ----------
    function : callable
        A Typer command; parameters annotated with a subclass of `Config` are keyword-only and
        have no default. Without such parameters it is returned as it is.

    Returns
    -------
    callable
        Has a signature that Typer understands.

    Raises
    ------
    TypeError
        If two parameters would have one name.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    classes = {name: found for name in parameters if (found := config_class_of(hints[name]))}
    if not classes:
        return function
    options = {name: options_of(found, _prefix(name)) for name, found in classes.items()}

    @functools.wraps(function)
    def run(*args: Any, config_file: Path | None = None, **given: Any) -> Any:  # noqa: ANN401
        texts = {}
        for option in (option for some in options.values() for option in some):
            value = given.pop(option.parameter, None)
            if value is not None:
                texts[option.path] = value
        tree = {} if config_file is None else read_config_file(config_file)
        configs = _build_all(classes, tree, texts)
        return function(*args, **given, **configs)

    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in parameters.items()
        if name not in classes
    ]
    generated = [option.as_parameter() for some in options.values() for option in some]
    signature = inspect.Signature([*own, _config_file_parameter(), *_unique(own, generated)])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    del run.__dict__["__wrapped__"]
    return run


def build_config(
    config_class: type[Config],
    tree: Mapping[str, Any],
    texts: Mapping[str, str | bool],
    *,
    prefix: str = "",
) -> Config:
    """Return a config from a tree of settings, overridden by what the command line says.

    Parameters
    ----------
    config_class : type
        Subclass of `Config`.
    tree : mapping
        Nested settings, as a TOML file gives them; those left out keep the default of the field
        that they are part of.
    texts : mapping of str to str or bool
        Dotted path of a field (with underscores) to the text of its option; flags are bools.
    prefix : str, default ""
        Stands before the option names in messages: ``"training."``.

    Returns
    -------
    Config

    Raises
    ------
    InvalidInputError
        If a value does not fit or a name is unknown; one line that names the options.

    Examples
    --------
    >>> class Stamps(Config):
    ...     size_px: int = 63
    >>> build_config(Stamps, {"size_px": 51}, {})
    Stamps(size_px=51)
    >>> build_config(Stamps, {"size_px": 51}, {"size_px": "31"})
    Stamps(size_px=31)
    >>> build_config(Stamps, {}, {"size_px": "wide"})
    Traceback (most recent call last):
    ...
    skyvet.core.errors.InvalidInputError: --size-px: input should be a valid integer...
    """
    known = {option.path: option for option in options_of(config_class, prefix)}
    merged = _copy(tree)
    for path, text in texts.items():
        _set(merged, path.split("."), known[prefix + path].parse(text))
    try:
        return config_class.model_validate(over_defaults(config_class, merged))
    except ValidationError as error:
        raise InvalidInputError(_explain(error, config_class, prefix, [*known])) from error


def read_config_file(path: Path) -> _Tree:
    """Return the settings of a TOML file.

    Raises
    ------
    InvalidInputError
        If the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"--config {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"--config {path}: not a TOML file: {error}") from error


def _build_all(
    classes: Mapping[str, type[Config]], tree: _Tree, texts: Mapping[str, str | bool]
) -> dict[str, Config]:
    """Hand each config its table of the file and its options of the line."""
    tables = {name: tree.pop(name, {}) for name in classes if name != "config"}
    if tree and "config" not in classes:
        raise InvalidInputError(f"--config: unknown settings {', '.join(sorted(tree))}")
    configs = {}
    for name, config_class in classes.items():
        prefix = _prefix(name)
        own = {p.removeprefix(prefix): text for p, text in texts.items() if p.startswith(prefix)}
        if not prefix:
            others = tuple(f"{other}." for other in tables)
            own = {path: text for path, text in own.items() if not path.startswith(others)}
        table = tables.get(name, tree)
        configs[name] = build_config(config_class, table, own, prefix=prefix)
    return configs


def _prefix(name: str) -> str:
    return "" if name == "config" else f"{name}."


def _config_file_parameter() -> inspect.Parameter:
    option = typer.Option(
        "--config", metavar="FILE.toml", help="File of settings; options given here beat it."
    )
    return inspect.Parameter(
        "config_file",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Path | None, option],
    )


def _unique(
    own: list[inspect.Parameter], generated: list[inspect.Parameter]
) -> list[inspect.Parameter]:
    names = [parameter.name for parameter in [*own, *generated]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TypeError(f"two options would have one name: {', '.join(twice)}")
    return generated


def _copy(tree: Mapping[str, Any]) -> _Tree:
    return {key: _copy(item) if isinstance(item, Mapping) else item for key, item in tree.items()}


def _set(tree: _Tree, keys: list[str], value: object) -> None:
    *above, last = keys
    for key in above:
        tree = tree.setdefault(key, {})
    tree[last] = joined_settings(tree.get(last), value)


def _explain(
    error: ValidationError, config_class: type[Config], prefix: str, known: list[str]
) -> str:
    """Return one line: each wrong option, what is wrong with it and what came."""
    lines = []
    for fault in error.errors():
        path = prefix + ".".join(str(part) for part in fault["loc"] if not isinstance(part, int))
        if fault["type"] == "extra_forbidden":
            owner = None if len(fault["loc"]) == 1 else config_at(config_class, fault["loc"][:-1])
            lines.append(f"unknown setting {path!r}{_hint(path, known, owner)}")
        elif fault["type"] == "missing":
            lines.append(f"{ConfigOption.name_of(path)}: is needed and has no default")
        else:
            lines.append(f"{_subject(path, known)}: {_complaint(fault)}")
    return "; ".join(lines)


def _hint(path: str, known: list[str], owner: type[Config] | None) -> str:
    """Return what may have been meant by an unknown setting, or what its owner takes."""
    last = path.rpartition(".")[2]
    near = difflib.get_close_matches(path, known, n=1)
    if owner is not None and not near:
        near = difflib.get_close_matches(last, owner.model_fields, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it takes {', '.join(owner.model_fields)}" if owner is not None else ""


def _subject(path: str, known: list[str]) -> str:
    """Return the option that a fault's place belongs to: a union adds its tag to the place."""
    if not path:
        return "settings"
    owners = [name for name in known if path.startswith(f"{name}.")]
    if not owners:
        return ConfigOption.name_of(path)
    owner = max(owners, key=len)
    return f"{ConfigOption.name_of(owner)} ({path.removeprefix(owner + '.')})"


def _complaint(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = fault["input"]
    return message if isinstance(given, Mapping) else f"{message}, got {given!r}"
