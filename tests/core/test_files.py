"""Files are whole or absent, whatever happens on the way."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

import pytest

from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path, held_alone, sha256_of_file, write_json_atomic


def _write_half(target: Path, error: BaseException | None) -> None:
    with atomic_path(target) as draft:
        draft.write_text("half")
        if error is not None:
            raise error


def test_file_appears_only_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    with atomic_path(target) as draft:
        draft.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target], "the draft is gone"


@pytest.mark.parametrize("error", [RuntimeError("crash"), KeyboardInterrupt()])
def test_crash_leaves_the_old_file_as_it_was(tmp_path, error):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(type(error)):
        _write_half(target, error)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_full_disk_is_one_clear_error_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(DatasetError, match=r"file\.txt: No space left.*untouched"):
        _write_half(target, OSError(errno.ENOSPC, "No space left on device"))
    assert target.read_text() == "old"


def test_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DatasetError, match="cannot write"):
        _write_half(tmp_path / "file" / "inner.txt", None)


def test_json_document_is_stable_text(tmp_path):
    write_json_atomic(tmp_path / "a.json", {"b": 1, "a": [2.5, None]})
    write_json_atomic(tmp_path / "b.json", {"a": [2.5, None], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [2.5, None], "b": 1}


@pytest.mark.parametrize("n_bytes", [0, 1, (1 << 20) + 1])
def test_hash_is_that_of_all_bytes(tmp_path, n_bytes):
    path = Path(tmp_path / "data")
    path.write_bytes(bytes(i % 251 for i in range(n_bytes)))
    assert sha256_of_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_device_is_never_replaced(tmp_path):
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DatasetError, match="not a regular file"), atomic_path(pipe):
        pass
    assert pipe.is_fifo()


def _fail_while_holding(path: Path, *, made: str = "") -> None:
    with held_alone(path):
        if made:
            (path / made).write_text("x")
        raise KeyError(made)


def test_a_refused_run_leaves_no_folder_behind(tmp_path):
    with pytest.raises(KeyError):
        _fail_while_holding(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("made", ["work", ""])
def test_a_failed_run_keeps_what_was_there(tmp_path, made):
    if not made:
        (tmp_path / "run").mkdir()
    with pytest.raises(KeyError):
        _fail_while_holding(tmp_path / "run", made=made)
    assert (tmp_path / "run").is_dir()
    assert (tmp_path / "run" / "work").exists() == bool(made)
