"""A SQLite label store when things go wrong: nothing lost, nothing overwritten, clear words."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time

import pytest

from skyvet.core.errors import InvalidInputError, LabelStoreError, StoreUnavailableError
from skyvet.io.label_store import engines
from skyvet.io.label_store.engines import parse_store_url
from skyvet.io.label_store.store import open_label_store
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue

# Labels one candidate after the other and says of each that the store has it.
LABELLER = """
import sys
from skyvet.io.label_store.store import open_label_store
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue
if sys.argv[2]:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
store = open_label_store(sys.argv[1])
for i in range(500):
    store.append([LabelEvent(survey="ztf", candidate_id=i, labeller=sys.argv[3], comment="x" * 400,
                             value=LabelValue.REAL)])
    print(i, flush=True)
"""


def start_labeller(place, *, max_bytes="", name="ada"):
    return subprocess.Popen(
        [sys.executable, "-c", LABELLER, str(place), str(max_bytes), name],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def label(candidate_id=7):
    return LabelEvent(
        survey="ztf", candidate_id=candidate_id, labeller="ada", value=LabelValue.REAL
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.db"


def test_folder_of_a_new_store_is_made(tmp_path):
    with open_label_store(tmp_path / "deep" / "er" / "labels.db") as store:
        assert store.append([label()]) == 1


def test_url_and_path_name_the_same_store(path):
    with open_label_store(f"sqlite:///{path}") as store:
        store.append([label()])
    with open_label_store(path, must_exist=True) as store:
        assert len(store.history()) == 1
        assert store.label == str(path)


@pytest.mark.parametrize(
    "content",
    [
        b"x", b"123456789", b"candid,label\n7,real\n", b"SQLite format 3\0 and then nothing",
        b"\0", b"\0" * 600, b"x" * 511, b"x" * 5000,
    ],
)  # fmt: skip
def test_file_that_is_no_database_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(LabelStoreError, match=r"labels\.db"):
        open_label_store(path)
    assert path.read_bytes() == content


def test_database_of_something_else_is_refused_and_left_alone(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE galaxies (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(LabelStoreError, match="no label store: it holds galaxies"):
        open_label_store(path)
    assert path.read_bytes() == before


def test_what_cannot_be_a_store_by_its_name_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="skyvet labels import"):
        open_label_store(tmp_path / "labels.csv")
    with pytest.raises(LabelStoreError, match="is a folder"):
        open_label_store(tmp_path)
    for text in ("mysql://u@h/d", "sqlite://", "sqlite:///:memory:", "postgresql://h:port/d"):
        with pytest.raises(InvalidInputError, match="label store"):
            open_label_store(text)


def test_password_is_in_no_label_or_message():
    given = "postgresql://ada:se%40cret@127.0.0.1:1/labels?password=se%40cret"
    assert "cret" not in parse_store_url(given).label
    with pytest.raises(StoreUnavailableError) as caught:
        open_label_store(given)
    assert "cret" not in str(caught.value)
    with pytest.raises(InvalidInputError) as caught:
        parse_store_url("postgresql://ada:secret@host:port/labels")
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "address",
    [
        "ada:se@cret@db.example.org:5599/labels", "ada:@secret@db.example.org/labels",
        "ada:se@cret/@db.example.org/labels", "ada:se@cret?x=1@db.example.org/labels",
    ],
)  # fmt: skip
def test_password_with_an_at_sign_is_refused_and_no_part_of_it_told(address):
    with pytest.raises(InvalidInputError, match="%40") as caught:
        parse_store_url(f"postgresql://{address}")
    assert "cret" not in str(caught.value)


def test_at_signs_that_belong_to_no_password_are_read():
    assert parse_store_url("postgresql://ada@example.org:x@h/d").url.username == "ada@example.org"
    assert parse_store_url("postgresql://ada:se%40cret@h/d").url.password == "se@cret"


def test_missing_store_is_not_made_where_one_must_be(path):
    with pytest.raises(LabelStoreError, match="there is no label store"):
        open_label_store(path, must_exist=True)
    assert not path.exists()


def test_read_only_file_is_read_but_not_written(path, monkeypatch):
    with open_label_store(path) as store:
        store.append([label()])
    monkeypatch.setattr(engines, "_is_writable", lambda _: False)  # root may write everywhere
    with open_label_store(path) as store:
        assert len(store.history()) == 1
        with pytest.raises(StoreUnavailableError, match="readonly"):
            store.append([label(8)])
        assert len(store.history()) == 1


def test_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailableError, match="cannot be made"):
        open_label_store(tmp_path / "file" / "labels.db")


def test_store_that_another_holds_is_told_and_free_again_afterwards(path, monkeypatch):
    monkeypatch.setattr(engines, "_WAIT_S", 0.1)
    with open_label_store(path) as store:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            store.append([label()])
        assert store.history() == []
        holder.execute("ROLLBACK")
        holder.close()
        assert store.append([label()]) == 1


def test_file_that_was_moved_away_takes_no_label_until_it_is_back(path):
    with open_label_store(path) as store:
        store.append([label(1)])
        path.rename(path.with_name("away"))
        with pytest.raises(StoreUnavailableError):
            store.append([label(2)])
        assert not path.exists()
        path.with_name("away").rename(path)
        assert store.append([label(2)]) == 1
        assert len(store.history()) == 2


def test_commits_reach_the_disk_before_append_returns(path):
    """What makes SQLite sync its log at each commit; without it a power cut loses labels."""
    with open_label_store(path) as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_full_disk_is_told_and_loses_nothing_that_was_acknowledged(path):
    if sys.platform == "win32":
        pytest.skip("this system has no limit on the size of files")
    worker = start_labeller(path, max_bytes=150_000)
    out, err = worker.communicate(timeout=60)
    acknowledged = [int(line) for line in out.split()]
    assert 5 < len(acknowledged) < 500
    assert "StoreUnavailableError" in err
    with open_label_store(path) as store:
        stored = [entry.event.candidate_id for entry in store.history()]
        assert stored == acknowledged
        assert store.append([label(9999)]) == 1


@pytest.mark.integration
@pytest.mark.parametrize("seed", range(3))
def test_killed_process_loses_nothing_that_was_acknowledged(path, seed):
    worker = start_labeller(path)
    assert worker.stdout is not None
    first = worker.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.05, 0.8))
    worker.kill()
    rest, _ = worker.communicate()
    acknowledged = [int(line) for line in (first + rest).split()]
    with open_label_store(path) as store:
        stored = [entry.event.candidate_id for entry in store.history()]
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) - len(acknowledged) in (0, 1)  # stored, killed before it could say so
    assert acknowledged


@pytest.mark.integration
def test_processes_write_one_store_at_once(path):
    open_label_store(path).close()
    workers = [start_labeller(path, name=f"labeller {i}") for i in range(3)]
    for worker in workers:
        _, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
    with open_label_store(path) as store:
        assert len(store.current()) == 1500


def test_leftovers_of_a_closed_store_are_one_file(path):
    with open_label_store(path) as store:
        store.append([label()])
    assert [file.name for file in path.parent.iterdir()] == ["labels.db"]
