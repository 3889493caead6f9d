"""Taxonomies as files (YAML) and as documents in bundles; two come with skyvet.

::

    name: my classes
    version: "1"
    classes:
      - tag: puls
        name: pulsator
        meaning: Star whose brightness changes because it swells and shrinks.
        classes:                     # what it contains
          - {tag: rrab, name: RR Lyrae ab}
    class_tags:                      # classes of other lists, such as simulated ones
      rr_lyrae_ab: [rrab]
      constant: []                   # none of these classes

A class may also say ``group: true`` (it only holds others together) or ``complement_of: TAG``.
Tags that YAML would take for something else (``y``, ``on``, ``1``) need quotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from skyvet.core.errors import InvalidInputError
from skyvet.core.files import atomic_path
from skyvet.core.optional import require
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode

__all__ = [
    "SHIPPED_TAXONOMIES",
    "read_taxonomy",
    "taxonomy_document",
    "taxonomy_from_document",
    "write_taxonomy",
]

SHIPPED_TAXONOMIES = ("phenomenological", "ontological")
"""What the light curve looks like; what the object is."""

_KEYS = {"name", "version", "classes", "class_tags"}
_SCALARS = (str, int, float, date)
_MOST_LEVELS = 50
_CLASS_KEYS = {"tag", "name", "meaning", "classes", "complement_of", "group"}


def read_taxonomy(path_or_name: str | Path) -> SourceTaxonomy:
    """Read a taxonomy from a YAML file, or one that comes with skyvet by its name.

    Raises
    ------
    InvalidInputError
        If there is none, the file is no YAML, has an unknown key, or is no set of trees.
    MissingDependencyError
        If the package PyYAML is not installed.

    Examples
    --------
    >>> tree = read_taxonomy("ontological")
    >>> tree.ancestors("rrab"), tree.tags_of_class("rr_lyrae_ab")
    (('rrlyr', 'puls'), ('rrab',))
    """
    yaml = require("yaml", extra="light-curves")
    path: Any = Path(path_or_name)
    if str(path_or_name) in SHIPPED_TAXONOMIES and not path.is_file():
        path = files("skyvet.io") / "taxonomies" / f"{path_or_name}.yaml"
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidInputError(
            f"there is no taxonomy '{path_or_name}': neither a file nor one of "
            f"{', '.join(SHIPPED_TAXONOMIES)}"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInputError(f"{path_or_name} cannot be read as YAML: {error}") from error
    except RecursionError as error:
        raise InvalidInputError(f"{path_or_name} is no taxonomy: it is nested too deep") from error
    return taxonomy_from_document(document, where=str(path_or_name))


def write_taxonomy(path: Path, taxonomy: SourceTaxonomy) -> None:
    """Write a taxonomy as a YAML file that `read_taxonomy` reads.

    Raises
    ------
    DatasetError
        If the file cannot be written.
    """
    yaml = require("yaml", extra="light-curves")
    text = yaml.safe_dump(taxonomy_document(taxonomy), sort_keys=False, allow_unicode=True)
    with atomic_path(path) as draft:
        draft.write_text(text, encoding="utf-8")


def taxonomy_document(taxonomy: SourceTaxonomy) -> dict[str, Any]:
    """Return a taxonomy as JSON types; `taxonomy_from_document` reads it back."""
    return {
        "name": taxonomy.name,
        "version": taxonomy.version,
        "classes": [_class_document(taxonomy, tag) for tag in taxonomy.roots],
        "class_tags": {name: list(tags) for name, tags in taxonomy.class_tags.items()},
    }


def taxonomy_from_document(document: object, *, where: str = "taxonomy") -> SourceTaxonomy:
    """Return the taxonomy of a document.

    Parameters
    ----------
    document : object
        As YAML or JSON gives it.
    where : str, default "taxonomy"
        Where it comes from, for messages.

    Raises
    ------
    InvalidInputError
        If it does not fit.

    Examples
    --------
    >>> taxonomy_from_document({"name": "mine", "classes": [{"tag": "agn"}]}).tags
    ('agn',)
    """
    if not isinstance(document, Mapping) or "classes" not in document:
        raise InvalidInputError(f"{where} is no taxonomy: it needs a list 'classes'")
    _refuse_others(document, _KEYS, where)
    try:
        mapped = dict(document.get("class_tags") or {})
        return SourceTaxonomy(
            name=_text(document, "name", "") or Path(where).stem,
            version=_text(document, "version", "1"),
            nodes=tuple(_nodes(document["classes"], "", ())),
            class_tags={str(name): _tags(name, tags) for name, tags in mapped.items()},
        )
    except (TypeError, AttributeError) as error:
        raise InvalidInputError(f"{where} is no taxonomy: {error}") from error
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from error


def _nodes(classes: object, parent: str, above: tuple[object, ...]) -> Iterator[TaxonomyNode]:
    """Yield classes, each before those that it contains; `above` are the lists that they are in."""
    if not isinstance(classes, list):
        raise InvalidInputError("'classes' must be a list")
    if any(classes is one for one in above) or len(above) > _MOST_LEVELS:
        raise InvalidInputError("classes contain each other in a circle, or are nested too deep")
    for document in classes:
        if not isinstance(document, Mapping) or not isinstance(document.get("tag"), str):
            got = document.get("tag") if isinstance(document, Mapping) else document
            shown = repr(got) if got is None or isinstance(got, _SCALARS) else type(got).__name__
            raise InvalidInputError(
                f"every class needs a tag that is text, got {shown}; put it in quotes"
            )
        _refuse_others(document, _CLASS_KEYS, f"class '{document['tag']}'")
        yield TaxonomyNode(
            tag=document["tag"],
            name=_text(document, "name", document["tag"]),
            parent=parent,
            meaning=" ".join(_text(document, "meaning", "").split()),
            complement_of=_text(document, "complement_of", ""),
            is_group=bool(document.get("group", False)),
        )
        yield from _nodes(document.get("classes", []), document["tag"], (*above, classes))


def _text(document: Mapping[Any, Any], key: str, default: str) -> str:
    """Return a value as text; lists are refused, as aliases can make them larger than memory."""
    value = document.get(key, default)
    if value is not None and not isinstance(value, _SCALARS):
        raise InvalidInputError(f"'{key}' must be text, got a {type(value).__name__}")
    return "" if value is None else str(value)


def _tags(name: object, tags: object) -> tuple[str, ...]:
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidInputError(f"class_tags of '{name}' must be a list of tags, such as [rrab]")
    return tuple(tags)


def _class_document(taxonomy: SourceTaxonomy, tag: str) -> dict[str, Any]:
    node = taxonomy.node(tag)
    document: dict[str, Any] = {"tag": node.tag, "name": node.name, "meaning": node.meaning}
    if node.complement_of:
        document["complement_of"] = node.complement_of
    if node.is_group:
        document["group"] = True
    below = [_class_document(taxonomy, child) for child in taxonomy.children(tag)]
    return {**document, "classes": below} if below else document


def _refuse_others(document: Mapping[Any, Any], known: set[str], where: str) -> None:
    foreign = [str(key) for key in document if key not in known]
    if foreign:
        raise InvalidInputError(
            f"{where} has the unknown key {', '.join(foreign)}; it takes {', '.join(sorted(known))}"
        )
