"""Trees of classes of sources: which classes there are and which contains which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError

__all__ = ["SourceTaxonomy", "TaxonomyNode"]

_TAG = re.compile(r"\w[\w .+-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonomyNode:
    """One class of a taxonomy.

    Parameters
    ----------
    tag : str
        Short name in tables and files, such as ``rrab``: letters, digits, blanks and ``_+-.``.
    name : str
        For people, such as ``RR Lyrae ab``; label files may use it in place of the tag.
    parent : str, default ""
        Tag of the class that contains it; empty = at the top.
    meaning : str, default ""
        What belongs to it, in a sentence.
    complement_of : str, default ""
        Tag of the class that it is the opposite of (non-variable of variable): what is not one is
        the other. Never learned by itself.
    is_group : bool, default False
        It only holds others together; people vote on those.

    Examples
    --------
    >>> TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="rrlyr").parent
    'rrlyr'
    """

    tag: str
    name: str
    parent: str = ""
    meaning: str = ""
    complement_of: str = ""
    is_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTaxonomy:
    """A set of trees of classes; a source of a class is one of every class above it.

    Parameters
    ----------
    name : str
        Of the taxonomy.
    nodes : tuple of TaxonomyNode
        At least one, in the order of the user.
    version : str, default "1"
        Of the taxonomy.
    class_tags : mapping of str to tuple of str
        Classes of other lists (such as those that are simulated) and the tags that they mean
        here; no tag at all = none of these classes.

    Raises
    ------
    InvalidInputError
        If a tag stands twice, is empty or no name of a file, a parent or complement is not there,
        or classes contain each other in a circle.

    Examples
    --------
    >>> tree = SourceTaxonomy(name="stars", nodes=(
    ...     TaxonomyNode(tag="puls", name="pulsator"),
    ...     TaxonomyNode(tag="rrlyr", name="RR Lyrae", parent="puls"),
    ...     TaxonomyNode(tag="rrab", name="RR Lyrae ab", parent="rrlyr")))
    >>> tree.ancestors("rrab"), tree.descendants("puls"), tree.find_tag("rr lyrae AB")
    (('rrlyr', 'puls'), ('rrlyr', 'rrab'), 'rrab')
    """

    name: str
    nodes: tuple[TaxonomyNode, ...]
    version: str = "1"
    class_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the nodes are trees."""
        _check_tags(self.nodes, self.class_tags)
        _check_circles(self.nodes)
        _check_complements(self.nodes)

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of all classes, in the order of the nodes."""
        return tuple(node.tag for node in self.nodes)

    @property
    def roots(self) -> tuple[str, ...]:
        """Classes that no other contains."""
        return tuple(node.tag for node in self.nodes if not node.parent)

    def __contains__(self, tag: object) -> bool:
        """Say whether there is a class with this tag."""
        return tag in self.tags

    def node(self, tag: str) -> TaxonomyNode:
        """Return the class with this tag.

        Raises
        ------
        InvalidInputError
            If there is none.
        """
        for node in self.nodes:
            if node.tag == tag:
                return node
        raise InvalidInputError(
            f"taxonomy '{self.name}' has no class '{tag}'; it has {', '.join(self.tags)}"
        )

    def children(self, tag: str) -> tuple[str, ...]:
        """Return the classes right below one."""
        return tuple(node.tag for node in self.nodes if node.parent == tag)

    def ancestors(self, tag: str) -> tuple[str, ...]:
        """Return the classes that contain one, nearest first."""
        above = []
        node = self.node(tag)
        while node.parent:
            above.append(node.parent)
            node = self.node(node.parent)
        return tuple(above)

    def descendants(self, tag: str) -> tuple[str, ...]:
        """Return the classes that one contains, in the order of the nodes."""
        return tuple(node.tag for node in self.nodes if tag in self.ancestors(node.tag))

    def top_down(self, tags: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return classes so that each stands behind those above it and what it is opposite of."""
        wanted = self.tags if tags is None else tuple(tags)
        return tuple(sorted(wanted, key=self._level))

    def parent_among(self, tags: Sequence[str]) -> IntArray:
        """Return the place of each class's nearest ancestor among some classes.

        Parameters
        ----------
        tags : sequence of str
            Some classes of the taxonomy.

        Returns
        -------
        ndarray, shape (len(tags),), int64
            Place in `tags`; -1 where none of them contains it.
        """
        place = {tag: i for i, tag in enumerate(tags)}
        nearest = [
            next((place[above] for above in self.ancestors(tag) if above in place), -1)
            for tag in tags
        ]
        return np.array(nearest, dtype=np.int64)

    def find_tag(self, text: str) -> str | None:
        """Return the tag that a text means: a tag, or a name in any case; None if neither."""
        if text in self:
            return text
        wanted = text.strip().casefold()
        for node in self.nodes:
            if wanted in {node.name.casefold(), node.tag.casefold()}:
                return node.tag
        return None

    def tags_of_class(self, class_name: str) -> tuple[str, ...] | None:
        """Return the tags that a class of any list means; None where it is not known here.

        Parameters
        ----------
        class_name : str
            A tag, a name, or a key of `class_tags`.

        Returns
        -------
        tuple of str or None
            Empty where the class is none of this taxonomy's.
        """
        if class_name in self.class_tags:
            return tuple(self.class_tags[class_name])
        found = self.find_tag(class_name)
        return None if found is None else (found,)

    def _level(self, tag: str) -> int:
        """Return how many classes stand above; an opposite stands below what it is opposite of."""
        node = self.node(tag)
        below = self._level(node.parent) + 1 if node.parent else 0
        return max(below, self._level(node.complement_of) + 1) if node.complement_of else below


def _check_tags(nodes: Sequence[TaxonomyNode], class_tags: Mapping[str, tuple[str, ...]]) -> None:
    if not nodes:
        raise InvalidInputError("a taxonomy needs at least one class")
    counts = Counter(node.tag for node in nodes)
    twice = [tag for tag, n in counts.items() if n > 1]
    if twice or "" in counts:
        raise InvalidInputError(f"every class needs a tag of its own; these do not: {twice or ''}")
    odd = [tag for tag in counts if not _TAG.fullmatch(tag)]
    if odd:
        raise InvalidInputError(
            "a tag is a name of columns and files: up to 64 letters, digits, blanks, _ + - . and a "
            f"letter, digit or _ first, got {odd[0][:80]!r}"
        )
    for node in nodes:
        for above in (node.parent, node.complement_of):
            if above and above not in counts:
                raise InvalidInputError(
                    f"class '{node.tag}' refers to '{above}', which is no class; add it"
                )
    unknown = sorted({tag for tags in class_tags.values() for tag in tags} - set(counts))
    if unknown:
        raise InvalidInputError(f"class_tags names {', '.join(unknown)}, which are no classes")


def _check_circles(nodes: Sequence[TaxonomyNode]) -> None:
    parent = {node.tag: node.parent for node in nodes}
    for tag, right_above in parent.items():
        seen, above = {tag}, right_above
        while above:
            if above in seen:
                raise InvalidInputError(
                    f"classes contain each other in a circle: {', '.join(sorted(seen))}; "
                    "take out one of their parents"
                )
            seen.add(above)
            above = parent[above]


def _check_complements(nodes: Sequence[TaxonomyNode]) -> None:
    by_tag = {node.tag: node for node in nodes}
    for node in nodes:
        if not node.complement_of:
            continue
        if (
            node.parent
            or by_tag[node.complement_of].parent
            or (by_tag[node.complement_of].complement_of)
        ):
            raise InvalidInputError(
                f"class '{node.tag}' is the opposite of '{node.complement_of}': both must stand at "
                "the top, and only one of them may say so"
            )
