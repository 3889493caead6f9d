"""A label store on a real PostgreSQL server that goes away, crashes, refuses and comes back."""

from __future__ import annotations

import signal
import subprocess
import sys
import traceback

import pytest
from tests.postgresql_server import PostgresqlServer, find_binaries

from skyvet.core.errors import LabelStoreError, StoreUnavailableError
from skyvet.io.label_sources import read_label_source
from skyvet.io.label_store.store import open_label_store
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue

pytestmark = pytest.mark.integration

# Takes and labels candidates until none is left, and says which it got.
LABELLER = """
import sys
from skyvet.io.label_store.store import open_label_store
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue
name = sys.argv[2]
with open_label_store(sys.argv[1]) as store:
    while got := store.reserve("ztf", list(range(90)), labeller=name, n=4, lease_s=600):
        for i in got:
            event = LabelEvent(survey="ztf", candidate_id=i, labeller=name, value=LabelValue.REAL)
            store.append([event])
            print(i, flush=True)
"""


@pytest.fixture(scope="module")
def server():
    """A server of this module alone, as it is stopped and killed here."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    own = PostgresqlServer(binaries)
    yield own
    own.remove()


@pytest.fixture
def place(server):
    return server.new_place()


def label(candidate_id=7, by="ada"):
    return LabelEvent(survey="ztf", candidate_id=candidate_id, labeller=by, value=LabelValue.REAL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_store_recovers_by_itself_when_the_server_is_back(server, place, how):
    with open_label_store(place) as store:
        store.append([label(1)])
        kept = label(2)
        server.stop(how)
        try:
            for call in (lambda: store.append([kept]), store.history, store.current):
                with pytest.raises(StoreUnavailableError, match="try again"):
                    call()
        finally:
            server.start()
        assert store.append([kept]) == 1
        assert [entry.event.candidate_id for entry in store.history()] == [1, 2]


def test_cut_connections_are_made_anew_without_an_error(server, place):
    with open_label_store(place) as store:
        store.append([label(1)])
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'skyvet'"
        )
        assert store.append([label(2)]) == 1


def test_server_that_may_only_be_read_is_read_and_says_so(server, place):
    with open_label_store(place) as store:
        store.append([label(1)])
        server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        server.execute("SELECT pg_reload_conf()")
        try:
            with open_label_store(place) as reader:
                assert len(reader.history()) == 1
                with pytest.raises(StoreUnavailableError, match="read-only"):
                    reader.append([label(2)])
        finally:
            server.execute("ALTER SYSTEM RESET default_transaction_read_only")
            server.execute("SELECT pg_reload_conf()")
    with open_label_store(place) as again:
        assert again.append([label(2)]) == 1


def test_wrong_password_is_told_without_any_password(server, place):
    wrong = place.replace(server.password, "a-wrong-secret")
    with pytest.raises(StoreUnavailableError, match="password authentication failed") as caught:
        open_label_store(wrong)
    told = "".join(traceback.format_exception(caught.value))
    assert "a-wrong-secret" not in told
    assert server.password not in told


def test_missing_database_and_missing_right_are_told(server, place):
    with pytest.raises(LabelStoreError, match="does not exist"):
        open_label_store(server.url("nowhere"))
    schema = place.rpartition("%3D")[2]
    server.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    server.execute(f"GRANT USAGE ON SCHEMA {schema} TO guest")
    as_guest = place.replace(f"skyvet:{server.password}", "guest:guest")
    open_label_store(place).close()
    with pytest.raises(LabelStoreError, match="permission denied"):
        open_label_store(as_guest).history()


def test_store_lives_beside_tables_of_others(server, place):
    schema = place.rpartition("%3D")[2]
    server.execute(f"CREATE TABLE {schema}.galaxies (name text)")
    with open_label_store(place) as store:
        assert store.append([label()]) == 1


def test_tables_of_others_with_our_names_are_refused_and_left_alone(server, place):
    schema = place.rpartition("%3D")[2]
    server.execute(f"CREATE TABLE {schema}.label_events (name text)")
    with pytest.raises(LabelStoreError, match="no label store: it holds label_events"):
        open_label_store(place)
    assert server.execute(f"SELECT count(*) FROM {schema}.label_events") == [(0,)]


def test_processes_that_race_never_get_the_same_candidate(place):
    open_label_store(place).close()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", LABELLER, place, f"labeller {i}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(3)
    ]  # fmt: skip
    got = []
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
        got += [int(line) for line in out.split()]
    assert sorted(got) == list(range(90))
    with open_label_store(place) as store:
        assert len(store.current()) == 90


def test_process_killed_in_mid_session_loses_nothing_acknowledged_and_holds_no_lock(place):
    worker = subprocess.Popen(
        [sys.executable, "-c", LABELLER, place, "ada"], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    first = [worker.stdout.readline() for _ in range(10)]
    worker.kill()
    rest, _ = worker.communicate()
    acknowledged = [int(line) for line in [*first, *rest.split()]]
    with open_label_store(place) as store:
        stored = [entry.event.candidate_id for entry in store.history()]
        assert stored[: len(acknowledged)] == acknowledged
        assert store.append([label(999, by="bo")]) == 1


def test_training_commands_read_labels_from_the_server(place):
    with open_label_store(place) as store:
        store.append([label(7), label(8), label(8, by="bo")])
    table = read_label_source(place)
    assert table.select(["candidate_id", "label"]).to_pylist() == [
        {"candidate_id": 7, "label": "real"},
        {"candidate_id": 8, "label": "real"},
    ]
