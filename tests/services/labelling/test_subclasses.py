"""The list of finer classes is the user's, each with a key of its own."""

from __future__ import annotations

import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.records.taxonomy import CandidateClass
from skyvet.services.labelling.subclasses import default_subclasses, read_subclasses

PAGE_KEYS = set("rbuszgacivlmhxtpn?0+-[] ")


def test_default_classes_are_those_of_the_taxonomy_with_free_keys():
    classes = default_subclasses()
    assert [item.name for item in classes] == [kind.value for kind in CandidateClass]
    for side in ("real", "bogus"):
        keys = [item.key for item in classes if item.label == side]
        assert len(set(keys)) == len(keys)
        assert not PAGE_KEYS & set(keys)


def test_own_classes_are_read_in_order_and_keep_their_keys(tmp_path):
    path = tmp_path / "classes.toml"
    path.write_text(
        '[[subclass]]\nname = "glint"\nlabel = "bogus"\n'
        '[[subclass]]\nname = "nova"\nlabel = "real"\nkey = "1"\n'
        '[[subclass]]\nname = "kilonova"\nlabel = "real"\n'
    )
    found = [(item.name, item.label, item.key) for item in read_subclasses(path)]
    assert found == [("glint", "bogus", "1"), ("nova", "real", "1"), ("kilonova", "real", "2")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "subclass"),
        ("not toml", "cannot be read"),
        ('[[subclass]]\nname = "a"\nlabel = "maybe"', "label"),
        ('[[subclass]]\nlabel = "real"', "name"),
        ('[[subclass]]\nname = "a"\nlabel = "real"\ncolour = "red"', "colour"),
        ('[[subclass]]\nname = "a"\nlabel = "real"\n' * 2, "twice"),
        (
            '[[subclass]]\nname = "a"\nlabel = "real"\nkey = "1"\n'
            '[[subclass]]\nname = "b"\nlabel = "real"\nkey = "1"',
            "same key",
        ),
    ],
)
def test_unusable_list_is_refused_with_what_is_wrong(tmp_path, text, said):
    path = tmp_path / "classes.toml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=said):
        read_subclasses(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"none\.toml"):
        read_subclasses(tmp_path / "none.toml")
