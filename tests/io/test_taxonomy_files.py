"""Taxonomies as YAML: those that come with skyvet, and a user's own."""

from __future__ import annotations

import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.io.taxonomy_files import (
    SHIPPED_TAXONOMIES,
    read_taxonomy,
    taxonomy_document,
    taxonomy_from_document,
    write_taxonomy,
)
from skyvet.simulation.variability.registry import VARIABILITY_NAMES

# Tag to parent, as ../shared/specs/source_classification.md, section 5, lists them.
PHENOMENOLOGICAL = {
    "vnv": "", "pnp": "vnv", "sin": "pnp", "el": "sin", "saw": "pnp", "mp": "pnp", "longt": "pnp",
    "e": "pnp", "ea": "e", "eb": "e", "ew": "e", "wp": "pnp", "hp": "wp", "dp": "wp", "i": "vnv",
    "fla": "i", "dip": "i", "bogus": "nonvar", "ext": "bogus", "blend": "bogus", "bright": "bogus",
    "artfct": "bogus",
}  # fmt: skip
ONTOLOGICAL = {
    "agn": "accr", "cv": "accr", "yso": "accr", "bis": "", "blyr": "bis", "rscvn": "bis",
    "wuma": "bis", "emsms": "bis", "cbin": "bis", "hwvir": "bis", "nnser": "peccb",
    "rdbkp": "cbin", "puls": "", "rrlyr": "puls", "rrab": "rrlyr", "rrc": "rrlyr", "rrd": "rrlyr",
    "rrblz": "rrlyr", "lpv": "puls", "mir": "lpv", "srv": "lpv", "osarg": "lpv", "rvtau": "puls",
    "dscu": "puls", "ceph2": "puls", "blher": "ceph2", "wvir": "ceph2", "ceph": "puls",
    "f": "ceph", "o": "ceph",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parents"), [("phenomenological", PHENOMENOLOGICAL), ("ontological", ONTOLOGICAL)]
)
def test_shipped_taxonomies_hold_every_class_of_the_specification(name, parents):
    tree = read_taxonomy(name)
    assert {tag: tree.node(tag).parent for tag in parents} == parents
    others = set(tree.tags) - set(parents)
    assert others == ({"nonvar"} if name == "phenomenological" else {"accr", "peccb", "rre"})


def test_the_two_trees_hold_fifty_two_classes_and_share_none():
    assert len(PHENOMENOLOGICAL) + len(ONTOLOGICAL) == 52
    assert not set(PHENOMENOLOGICAL) & set(ONTOLOGICAL)


@pytest.mark.parametrize("name", SHIPPED_TAXONOMIES)
def test_every_class_is_explained_and_named_once(name):
    nodes = read_taxonomy(name).nodes
    assert all(len(node.meaning) > 20 for node in nodes)
    assert len({node.name.casefold() for node in nodes}) == len(nodes)


@pytest.mark.parametrize("name", SHIPPED_TAXONOMIES)
def test_every_simulated_class_has_a_place(name):
    assert set(read_taxonomy(name).class_tags) == set(VARIABILITY_NAMES)


def test_not_variable_is_the_opposite_of_variable():
    assert read_taxonomy("phenomenological").node("nonvar").complement_of == "vnv"


@pytest.mark.parametrize("name", SHIPPED_TAXONOMIES)
def test_a_taxonomy_survives_files_and_documents(name, tmp_path):
    tree = read_taxonomy(name)
    assert taxonomy_from_document(taxonomy_document(tree)) == tree
    write_taxonomy(tmp_path / "own.yaml", tree)
    assert read_taxonomy(tmp_path / "own.yaml") == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "needs a list 'classes'"),
        ("classes: 3", "'classes' must be a list"),
        ("classes: [{name: x}]", "a tag that is text"),
        ("classes: [{tag: on}]", "put it in quotes"),
        ("classes: [{tag: a, colour: red}]", "unknown key colour"),
        ("classes: [{tag: a}]\nextra: 1", "unknown key extra"),
        ("classes: [{tag: a}, {tag: a}]", "a tag of its own"),
        ("classes: [{tag: a}]\nclass_tags: {x: [b]}", "names b"),
        ("classes: [{tag: a}]\nclass_tags: {x: 3}", "must be a list of tags"),
        ("classes: [{tag: a}]\nclass_tags: {x: a}", "must be a list of tags"),
        ("classes: &all [{tag: a, classes: *all}]", "in a circle"),
        ("classes: [{tag: a}]\nversion: [1, 2]", "'version' must be text"),
        ("classes: [{tag: a, meaning: {b: 1}}]", "'meaning' must be text"),
        ("classes: [{tag: [[1], [2]]}]", "got list; put it in quotes"),
        ("classes: " + "[" * 3000 + "]" * 3000, "nested too deep"),
        ("a: [", "cannot be read as YAML"),
        ("classes: [{tag: a, meaning: !!python/object/apply:os.system [x]}]", "cannot be read"),
    ],
)
def test_what_is_no_taxonomy_is_refused_in_one_line(text, message, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_taxonomy(path)


def test_an_absent_taxonomy_is_told_with_those_that_ship():
    with pytest.raises(InvalidInputError, match="phenomenological, ontological"):
        read_taxonomy("no-such-taxonomy")
