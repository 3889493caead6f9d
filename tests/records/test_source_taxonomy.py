"""Trees of classes: what is refused, and what stands above what."""

from __future__ import annotations

import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.source_taxonomy import SourceTaxonomy, TaxonomyNode


def _tree(*pairs, **changes):
    nodes = tuple(TaxonomyNode(tag=tag, name=tag, parent=parent) for tag, parent in pairs)
    return SourceTaxonomy(name="t", nodes=nodes, **changes)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ((), "at least one class"),
        ((("a", ""), ("a", "")), "a tag of its own"),
        ((("", ""),), "a tag of its own"),
        ((("../../a", ""),), "name of columns and files"),
        ((("a/b", ""),), "name of columns and files"),
        (((".a", ""),), "name of columns and files"),
        ((("a\0", ""),), "name of columns and files"),
        ((("a\n", ""),), "name of columns and files"),
        ((("a", "b"),), "refers to 'b', which is no class"),
        ((("a", "b"), ("b", "a")), "circle"),
        ((("a", "a"),), "circle"),
        ((("top", ""), ("a", "b"), ("b", "c"), ("c", "a")), "circle"),
    ],
)
def test_what_is_no_tree_is_refused(pairs, message):
    with pytest.raises(InvalidInputError, match=message):
        _tree(*pairs)


def test_an_opposite_below_another_class_is_refused():
    nodes = (
        TaxonomyNode(tag="a", name="a"),
        TaxonomyNode(tag="b", name="b", parent="a"),
        TaxonomyNode(tag="c", name="c", complement_of="b"),
    )
    with pytest.raises(InvalidInputError, match="must stand at the top"):
        SourceTaxonomy(name="t", nodes=nodes)


def test_two_opposites_of_each_other_are_refused():
    nodes = (
        TaxonomyNode(tag="a", name="a", complement_of="b"),
        TaxonomyNode(tag="b", name="b", complement_of="a"),
    )
    with pytest.raises(InvalidInputError, match="only one of them"):
        SourceTaxonomy(name="t", nodes=nodes)


def test_classes_of_other_lists_must_mean_classes_of_the_tree():
    with pytest.raises(InvalidInputError, match="class_tags names z"):
        _tree(("a", ""), class_tags={"other": ("z",)})


def test_top_down_puts_every_class_behind_those_above_it():
    tree = _tree(("d", "c"), ("c", "b"), ("b", "a"), ("a", ""), ("e", "a"))
    order = tree.top_down()
    assert sorted(order) == sorted(tree.tags)
    for tag in tree.tags:
        assert all(order.index(above) < order.index(tag) for above in tree.ancestors(tag))


def test_parent_among_skips_classes_that_are_not_there():
    tree = _tree(("a", ""), ("b", "a"), ("c", "b"), ("x", ""))
    assert tree.parent_among(("a", "c", "x")).tolist() == [-1, 0, -1]
    assert tree.parent_among(("c",)).tolist() == [-1]


def test_descendants_and_ancestors_say_the_same():
    tree = _tree(("a", ""), ("b", "a"), ("c", "b"), ("x", ""))
    for above in tree.tags:
        for below in tree.tags:
            assert (below in tree.descendants(above)) == (above in tree.ancestors(below))


def test_an_unknown_class_is_named_with_those_that_exist():
    with pytest.raises(InvalidInputError, match="no class 'z'; it has a"):
        _tree(("a", "")).node("z")
