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
            name=str(document.get("name") or Path(where).stem),
            version=str(document.get("version", "1")),
            nodes=tuple(_nodes(document["classes"], "", where)),
            class_tags={
                str(name): tuple(str(tag) for tag in tags) for name, tags in mapped.items()
            },
        )
    except (TypeError, AttributeError) as error:
        raise InvalidInputError(f"{where} is no taxonomy: {error}") from error
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from error


def _nodes(classes: object, parent: str, where: str) -> Iterator[TaxonomyNode]:
    """Yield classes, each before those that it contains."""
    if not isinstance(classes, list):
        raise InvalidInputError("'classes' must be a list")
    for document in classes:
        if not isinstance(document, Mapping) or not isinstance(document.get("tag"), str):
            raise InvalidInputError(
                f"every class needs a tag that is text, got {document!r}; put it in quotes"
            )
        _refuse_others(document, _CLASS_KEYS, f"class '{document['tag']}'")
        yield TaxonomyNode(
            tag=document["tag"],
            name=str(document.get("name", document["tag"])),
            parent=parent,
            meaning=" ".join(str(document.get("meaning", "")).split()),
            complement_of=str(document.get("complement_of", "")),
            is_group=bool(document.get("group", False)),
        )
        yield from _nodes(document.get("classes", []), document["tag"], where)


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
