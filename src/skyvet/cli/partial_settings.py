"""Settings that name some keys of a config, laid over the defaults of the others.

A field's default may be an instance whose values differ from those of its class (few labels are
trained otherwise than many). Pydantic builds a table anew from its class, which would lose them
all for the sake of one key; here a table changes the keys it names. TOML has no word for None; it
is written ``"none"``, as on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from skyvet.cli.fields import allows_none, config_classes_of, item_annotation, tag_of
from skyvet.core.configs import Config

__all__ = ["joined_settings", "over_defaults"]

_Tree = dict[str, Any]


def over_defaults(config_class: type[Config], tree: Mapping[str, Any]) -> _Tree:
    """Return settings for `config_class` in which a partial table keeps its field's defaults.

    Parameters
    ----------
    config_class : type
        Subclass of `Config`.
    tree : mapping
        Nested settings, as a TOML file gives them.

    Returns
    -------
    dict
        The same settings; where a field's default is a config of the kind that the table names, or
        the table names none, the default's other values are added. Nothing is checked.

    Examples
    --------
    >>> class Steps(Config):
    ...     n_steps: int = 100
    ...     decay: float = 0.9
    >>> class Learner(Config):
    ...     steps: Steps = Steps(decay=0.5)
    >>> over_defaults(Learner, {"steps": {"n_steps": 7}})
    {'steps': {'decay': 0.5, 'n_steps': 7}}
    """
    fields = config_class.model_fields
    return {
        key: _field_value(fields[key], value) if key in fields else value
        for key, value in tree.items()
    }


def joined_settings(below: object, above: object) -> object:
    """Return `above` laid over `below`: key by key where both are tables of one kind.

    Parameters
    ----------
    below, above : object
        Settings of one field; those of `above` win.

    Examples
    --------
    >>> joined_settings({"kind": "vgg6", "width": 8}, {"kind": "vgg6"})
    {'kind': 'vgg6', 'width': 8}
    >>> joined_settings({"kind": "vgg6", "width": 8}, {"kind": "resnet"})
    {'kind': 'resnet'}
    """
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    kinds = [tree["kind"] for tree in (below, above) if "kind" in tree]
    if len(set(map(str, kinds))) > 1:
        return above
    joined = {key: joined_settings(below[key], above[key]) for key in below if key in above}
    return {**below, **above, **joined}


def _field_value(field: FieldInfo, value: object) -> object:
    """Return the value of a field: a table is laid over the default that it changes."""
    if isinstance(value, str) and value.lower() == "none" and allows_none(field.annotation):
        return None
    if isinstance(value, list):
        return [_item(item_annotation(field.annotation), item) for item in value]
    if not isinstance(value, Mapping):
        return value
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(default, Config) and _may_change(default, value):
        return _over_instance(default, value)
    return _item(field.annotation, value)


def _item(annotation: Any, value: object) -> object:  # noqa: ANN401 - any annotation
    """Return a value that changes no default: a table is completed within its own class."""
    meant = _class_meant(annotation, value) if isinstance(value, Mapping) else None
    return over_defaults(meant, value) if meant and isinstance(value, Mapping) else value


def _over_instance(default: Config, tree: Mapping[str, Any]) -> _Tree:
    """Return what the default says, changed where the tree says otherwise."""
    merged = {name: getattr(default, name) for name in default.model_fields_set}
    for key, value in tree.items():
        now = getattr(default, key, None) if key in type(default).model_fields else None
        if isinstance(now, Config) and isinstance(value, Mapping) and _may_change(now, value):
            merged[key] = _over_instance(now, value)
        else:
            merged |= over_defaults(type(default), {key: value})
    tag, kind = tag_of(type(default))
    return {tag: kind, **merged} if tag else merged


def _may_change(default: Config, tree: Mapping[str, Any]) -> bool:
    """Say whether a table means a config of the default's kind."""
    tag, kind = tag_of(type(default))
    return not tag or str(tree.get(tag, kind)) == kind


def _class_meant(annotation: Any, tree: Mapping[str, Any]) -> type[Config] | None:  # noqa: ANN401
    """Return the config class that a table stands for; None where that is not clear."""
    classes = config_classes_of(annotation)
    named = [kind for kind in classes if tag_of(kind)[0] and _is_named(kind, tree)]
    if named:
        return named[0]
    return classes[0] if len(classes) == 1 else None


def _is_named(config_class: type[Config], tree: Mapping[str, Any]) -> bool:
    tag, kind = tag_of(config_class)
    return str(tree.get(tag)) == kind
