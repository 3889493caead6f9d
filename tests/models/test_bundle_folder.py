"""Folders of saved models: only a whole, known one is read, and only one of its kind replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skyvet.core.errors import BundleError
from skyvet.core.files import sha256_of_file
from skyvet.models.bundle_folder import (
    SUMS_FILE,
    check_bundle_folder,
    check_replaceable,
    write_bundle_folder,
)

_BUNDLE = {"bundle.json": b'{"kind": "one"}', "card.md": b"# card\n"}
_ENCODER = {"encoder.json": b'{"kind": "other"}', "card.md": b"# card\n"}


def _sums_of(folder: Path) -> None:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    lines = [f"{sha256_of_file(file)}  {file.relative_to(folder)}\n" for file in files]
    (folder / SUMS_FILE).write_text("".join(lines))


def test_folder_is_written_read_and_replaced_by_its_like(tmp_path: Path) -> None:
    write_bundle_folder(tmp_path / "b", {**_BUNDLE, "encoder/encoder.json": b"{}"})
    first = check_bundle_folder(tmp_path / "b", needed=["bundle.json"])
    write_bundle_folder(tmp_path / "b", _BUNDLE)
    assert check_bundle_folder(tmp_path / "b", needed=["bundle.json"]) != first
    assert not (tmp_path / "b" / "encoder").exists()


@pytest.mark.parametrize("extra", ["thesis.tex", "deep/thesis.tex", ".hidden"])
def test_folder_with_a_foreign_file_is_never_replaced(tmp_path: Path, extra: str) -> None:
    folder = tmp_path / "b"
    write_bundle_folder(folder, _BUNDLE)
    (folder / extra).parent.mkdir(exist_ok=True)
    (folder / extra).write_text("years of work")
    with pytest.raises(BundleError, match=r"thesis|hidden"):
        write_bundle_folder(folder, _BUNDLE)
    assert (folder / extra).read_text() == "years of work"


def test_listed_folder_that_is_no_model_is_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    _sums_of(folder)
    with pytest.raises(BundleError, match="no bundle"):
        write_bundle_folder(folder, _BUNDLE)
    assert (folder / "thesis.tex").exists()


def test_file_in_the_way_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("years of work")
    with pytest.raises(BundleError, match="no bundle"):
        write_bundle_folder(tmp_path / "b", _BUNDLE)
    assert (tmp_path / "b").read_text() == "years of work"


@pytest.mark.parametrize(("old", "new"), [(_ENCODER, _BUNDLE), (_BUNDLE, _ENCODER)])
def test_model_of_another_kind_is_never_replaced(
    tmp_path: Path, old: dict[str, bytes], new: dict[str, bytes]
) -> None:
    write_bundle_folder(tmp_path / "b", old)
    with pytest.raises(BundleError, match="another kind"):
        write_bundle_folder(tmp_path / "b", new)
    with pytest.raises(BundleError, match="another kind"):
        check_replaceable(tmp_path / "b", info_file=next(iter(new)))
    assert check_bundle_folder(tmp_path / "b", needed=old)


def test_bundle_of_another_kind_is_never_replaced(tmp_path: Path) -> None:
    write_bundle_folder(tmp_path / "b", _BUNDLE)
    other = {**_BUNDLE, "bundle.json": json.dumps({"kind": "two"}).encode()}
    with pytest.raises(BundleError, match="another kind"):
        write_bundle_folder(tmp_path / "b", other)


@pytest.mark.parametrize("extra", ["member-0.npz", "encoder/encoder.onnx"])
def test_file_that_is_not_listed_is_refused(tmp_path: Path, extra: str) -> None:
    write_bundle_folder(tmp_path / "b", _BUNDLE)
    (tmp_path / "b" / extra).parent.mkdir(exist_ok=True)
    (tmp_path / "b" / extra).write_bytes(b"")
    with pytest.raises(BundleError, match=extra):
        check_bundle_folder(tmp_path / "b", needed=["bundle.json"])


@pytest.mark.parametrize(
    "sums",
    [
        b"",
        b"\n",
        b"word\n",
        "déadbeef  bundle.json\n".encode(),
        b"\xff\xfe\x00",
        b"0" * 64 + b"  bundle.json\n   \n",
        b"0" * 64 + b"  a\0b\n",
        b"0" * 64 + b"  /etc/passwd\n",
        b"0" * 64 + b"  ../b/bundle.json\n",
        b"0" * 64 + b"  " + b"a" * 5000 + b"\n",
    ],
)
def test_odd_list_of_hashes_is_refused(tmp_path: Path, sums: bytes) -> None:
    write_bundle_folder(tmp_path / "b", _BUNDLE)
    (tmp_path / "b" / SUMS_FILE).write_bytes(sums)
    with pytest.raises(BundleError):
        check_bundle_folder(tmp_path / "b", needed=[])
    with pytest.raises(BundleError):
        write_bundle_folder(tmp_path / "b", _BUNDLE)


def test_a_run_folder_is_refused_with_the_bundle_inside_it(tmp_path):
    write_bundle_folder(tmp_path / "run" / "bundle", {"bundle.json": b"{}"})
    with pytest.raises(BundleError, match=r"did you mean .*run/bundle\?"):
        check_bundle_folder(tmp_path / "run", needed=())
