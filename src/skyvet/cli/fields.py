"""One option for each field of a config class: name, type, default, unit, choices, parsing."""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError

__all__ = [
    "ConfigOption",
    "allows_none",
    "config_at",
    "config_class_of",
    "config_classes_of",
    "documented_parameters",
    "item_annotation",
    "options_of",
    "tag_of",
]

_METAVARS: dict[object, str] = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
_PARAMETER = re.compile(r"^(\w[\w, ]*) :.*\n((?:(?:[ ]+.*)?\n?)*)", re.MULTILINE)
_BOUND_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


@dataclass(frozen=True, slots=True)
class ConfigOption:
    """One field of a config as an option of the command line.

    Parameters
    ----------
    path : str
        Dotted place of the field, with underscores: ``"stamps.size_px"``.
    field : pydantic.fields.FieldInfo
        Type, default and bounds.
    meaning : str
        What it is, with its unit: the field's description, or what the docstring of its class
        says of it under ``Parameters``.
    """

    path: str
    field: FieldInfo
    meaning: str = ""

    @staticmethod
    def name_of(path: str) -> str:
        """Return the option's name.

        Examples
        --------
        >>> ConfigOption.name_of("stamps.size_px")
        '--stamps.size-px'
        """
        return "--" + path.replace("_", "-")

    @property
    def parameter(self) -> str:
        """Name of the Python parameter that carries the text."""
        return self.path.replace(".", "__")

    @property
    def is_flag(self) -> bool:
        """True where the option is a pair of flags, ``--name`` and ``--no-name``."""
        return self.field.annotation is bool

    def as_parameter(self) -> inspect.Parameter:
        """Return the parameter that makes Typer show and read this option."""
        name = self.name_of(self.path)
        kind: Any
        if self.is_flag:
            kind, names, metavar = bool | None, f"{name}/--no-{name[2:]}", ""
        else:
            kind, names, metavar = str | None, name, _metavar(self.field.annotation)
        option = typer.Option(names, metavar=metavar, help=self._help(), show_default=False)
        return inspect.Parameter(
            self.parameter,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind, option],
        )

    def parse(self, text: str | bool) -> object:  # noqa: FBT001 - a flag's value
        """Return the value that a text stands for; what it is worth, the config decides.

        Raises
        ------
        InvalidInputError
            If the text begins like JSON and is not.
        """
        if isinstance(text, bool):
            return text
        return _parse(text, self.field.annotation, self.name_of(self.path))

    def _help(self) -> str:
        bounds = [
            f"{sign} {getattr(item, key):g}"
            for item in self.field.metadata
            for key, sign in _BOUND_SIGNS.items()
            if isinstance(getattr(item, key, None), (int, float))
        ]
        range_text = f"({', '.join(bounds)})" if bounds else ""
        default = "needed" if self.field.is_required() else f"default: {self.default_text}"
        parts = (self.meaning, range_text, f"[{default}]")
        return " ".join(part for part in parts if part)

    @property
    def default_text(self) -> str:
        """The default as one would type it; empty where the field has none."""
        if self.field.is_required():
            return ""
        return _shown(self.field.get_default(call_default_factory=True))


def options_of(config_class: type[Config], prefix: str = "") -> list[ConfigOption]:
    """Return the options of a config class, those of configs inside it included.

    Parameters
    ----------
    config_class : type
        Subclass of `Config`.
    prefix : str, default ""
        Stands before every path: ``"training."``.

    Returns
    -------
    list of ConfigOption
        In the order of the fields.

    Examples
    --------
    >>> class Stamps(Config):
    ...     size_px: int = 63
    >>> [option.path for option in options_of(Stamps, "stamps.")]
    ['stamps.size_px']
    """
    found = []
    documented = documented_parameters(inspect.getdoc(config_class) or "")
    for name, field in config_class.model_fields.items():
        inner = config_class_of(field.annotation)
        if inner is None:
            meaning = field.description or documented.get(name, "")
            found.append(ConfigOption(prefix + name, field, meaning))
        else:
            found.extend(options_of(inner, f"{prefix}{name}."))
    return found


def documented_parameters(docstring: str) -> dict[str, str]:
    r"""Return what a NumPy docstring says of each parameter, as one line of plain text.

    Examples
    --------
    >>> documented_parameters('''
    ... Parameters
    ... ----------
    ... low, high : float
    ...     Bounds of ``flux``
    ...     [nJy].
    ... ''')
    {'low': 'Bounds of flux [nJy].', 'high': 'Bounds of flux [nJy].'}
    """
    _, _, section = docstring.partition("Parameters\n----------\n")
    section = re.split(r"\n\w+\n-{3,}\n", section)[0]
    found = {}
    for names, text in re.findall(
        r"^(\w[\w, ]*) :.*\n((?:(?:[ ]+.*)?\n?)*)", section, re.MULTILINE
    ):
        plain = " ".join(text.replace("`", "").split())
        found.update(dict.fromkeys(re.findall(r"\w+", names), plain))
    return found


def config_class_of(annotation: Any) -> type[Config] | None:  # noqa: ANN401 - any annotation
    """Return the config class that an annotation names, if it names exactly one."""
    plain = _bare(annotation)
    return plain if isinstance(plain, type) and issubclass(plain, Config) else None


def allows_none(annotation: Any) -> bool:  # noqa: ANN401 - any annotation
    """Say whether None is among the values of an annotation."""
    return type(None) in _alternatives(annotation)


def config_classes_of(annotation: Any) -> list[type[Config]]:  # noqa: ANN401 - any annotation
    """Return all config classes that an annotation allows."""
    return [found for kind in _alternatives(annotation) if (found := config_class_of(kind))]


def item_annotation(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return what the items of a tuple or list are; None where an annotation allows no such."""
    for kind in _alternatives(annotation):
        if get_origin(kind) in (tuple, list, frozenset, set):
            return next((arg for arg in get_args(kind) if arg is not Ellipsis), None)
    return None


def config_at(config_class: type[Config], place: Sequence[object]) -> type[Config] | None:
    """Return the config class at a place inside another; None where there is none.

    Parameters
    ----------
    config_class : type
        Subclass of `Config`.
    place : sequence
        Names of fields; after a union, the tag that says which of its classes.
    """
    classes, found = [config_class], [config_class]
    for step in place:
        found = [kind for kind in classes if tag_of(kind)[1] == step]
        if not found:
            fields = [kind.model_fields[step] for kind in classes if step in kind.model_fields]
            found = [kind for field in fields for kind in config_classes_of(field.annotation)]
        classes = found
    return found[0] if len(found) == 1 else None


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _alternatives(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any annotation
    """Return the types that a union joins; one type alone is its own only alternative."""
    plain = _bare(annotation)
    if get_origin(plain) in (Union, types.UnionType):
        return tuple(_bare(item) for part in get_args(plain) for item in _alternatives(part))
    return (plain,)


def _choices(annotation: Any) -> list[object]:  # noqa: ANN401 - any annotation
    """Return the values that an annotation lists, as Literal, Enum or tagged configs."""
    plain = _bare(annotation)
    if get_origin(plain) is Literal:
        return list(get_args(plain))
    if isinstance(plain, type) and issubclass(plain, Enum):
        return list(plain)
    if config_class_of(plain) is not None:
        return [tag for _, tag in [tag_of(plain)] if tag]
    return []


def tag_of(config_class: type[Config]) -> tuple[str, str]:
    """Return name and value of the field that tells a config class from others in a union."""
    for name, field in config_class.model_fields.items():
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            return name, str(get_args(field.annotation)[0])
    return "", ""


def _label(choice: object) -> str:
    if isinstance(choice, Enum):
        return choice.value if isinstance(choice.value, str) else choice.name.lower()
    return str(choice)


def _metavar(annotation: Any) -> str:  # noqa: ANN401 - any annotation
    parts: list[str] = []
    for kind in _alternatives(annotation):
        choices = _choices(kind)
        if choices:
            parts.extend(_label(choice) for choice in choices)
        elif kind is type(None):
            parts.append("none")
        elif get_origin(kind) in (tuple, list, frozenset, set):
            inner = next((arg for arg in get_args(kind) if arg is not Ellipsis), str)
            parts.append(f"{_metavar(inner)},...")
        else:
            parts.append(_METAVARS.get(kind, "JSON"))
    return "|".join(dict.fromkeys(parts))


def _parse(text: str, annotation: Any, name: str) -> object:  # noqa: ANN401 - any annotation
    kinds = _alternatives(annotation)
    if text.lower() == "none" and type(None) in kinds:
        return None
    for kind in kinds:
        for choice in _choices(kind):
            if _label(choice).lower() == text.lower():
                tagged = config_class_of(kind)
                return {tag_of(tagged)[0]: choice} if tagged else choice
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise InvalidInputError(f"{name}: not valid JSON: {error}") from error
    listed = [kind for kind in kinds if get_origin(kind) in (tuple, list, frozenset, set)]
    if listed:
        return [_parse(part.strip(), _item(listed[0]), name) for part in text.split(",") if part]
    return text


def _item(listed: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return the type of a sequence's items; that of the first for a fixed tuple."""
    return next((arg for arg in get_args(listed) if arg is not Ellipsis), str)


def _shown(value: object) -> str:
    """Return a default as one would type it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Config):
        tag = tag_of(type(value))[1]
        return tag or json.dumps(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, (tuple, list, set, frozenset)):
        return ",".join(_shown(item) for item in value) or "empty"
    return _label(value) if isinstance(value, Enum) else str(value) or "empty"
