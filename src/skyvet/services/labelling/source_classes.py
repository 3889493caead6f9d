"""The classes that a labeller gives a source: a tree to tick, and how it is written down."""

from __future__ import annotations

from collections.abc import Sequence

from skyvet.core.errors import InvalidInputError
from skyvet.records.labels import LabelValue
from skyvet.records.source_labels import CLASS_SEPARATOR
from skyvet.records.source_taxonomy import SourceTaxonomy
from skyvet.services.labelling.messages import SourceClass
from skyvet.services.labelling.subclasses import CheckSubclass

__all__ = ["shown_classes", "tags_check"]


def shown_classes(taxonomy: SourceTaxonomy) -> tuple[SourceClass, ...]:
    """Return the classes of a taxonomy as the page shows them, parents before their children.

    Examples
    --------
    >>> from skyvet.records.source_taxonomy import TaxonomyNode
    >>> tree = SourceTaxonomy(name="t", nodes=(TaxonomyNode(tag="agn", name="AGN"),))
    >>> [shown.tag for shown in shown_classes(tree)]
    ['agn']
    """
    nodes = [node for root in taxonomy.roots for node in _with_descendants(taxonomy, root)]
    return tuple(
        SourceClass(
            tag=tag,
            name=taxonomy.node(tag).name,
            parent=taxonomy.node(tag).parent,
            meaning=taxonomy.node(tag).meaning,
            can_vote=not taxonomy.node(tag).is_group,
        )
        for tag in nodes
    )


def tags_check(classes: Sequence[SourceClass]) -> CheckSubclass:
    """Return what refuses classes that are not in the tree, and classes of a source without any.

    A label of a source is REAL with the tags of its classes, joined by ``+``; BOGUS where it is of
    no class; UNKNOWN where the labeller cannot tell.

    Examples
    --------
    >>> tree = (SourceClass(tag="agn", name="AGN", parent="", meaning="", can_vote=True),)
    >>> tags_check(tree)("agn+rrab", LabelValue.REAL)
    Traceback (most recent call last):
    ...
    skyvet.core.errors.InvalidInputError: the tree has no class 'rrab' to vote for; it has agn
    """
    known = {shown.tag for shown in classes if shown.can_vote}

    def check(subclass: str, value: LabelValue | None) -> None:
        for tag in subclass.split(CLASS_SEPARATOR):
            if tag not in known:
                raise InvalidInputError(
                    f"the tree has no class {tag!r} to vote for; it has {', '.join(sorted(known))}"
                )
        if value is not LabelValue.REAL:
            raise InvalidInputError(
                f"a source with classes ({subclass}) must be labelled real, got "
                f"{value.value if value else 'nothing'}"
            )

    return check


def _with_descendants(taxonomy: SourceTaxonomy, tag: str) -> list[str]:
    """Return a class and all below it, each parent before its children, branch by branch."""
    below = [
        child for node in taxonomy.children(tag) for child in _with_descendants(taxonomy, node)
    ]
    return [tag, *below]
