"""What every label store promises, on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import datetime as dt
import math
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from skyvet.core.errors import InvalidInputError, LabelRefusedError, LabelStoreError
from skyvet.io.label_store.engines import make_engine, parse_store_url
from skyvet.io.label_store.migrating import VERSION_TABLE
from skyvet.io.label_store.store import open_label_store
from skyvet.io.label_store.tables import METADATA
from skyvet.records.label_events import LabelAction, LabelEvent, Shown
from skyvet.records.labels import LabelValue

REAL, BOGUS, UNKNOWN = LabelValue.REAL, LabelValue.BOGUS, LabelValue.UNKNOWN
WEST = dt.timezone(dt.timedelta(hours=-9))
START = dt.datetime(2026, 3, 1, 22, 0, tzinfo=dt.UTC)


class Clock:
    """A clock that stands still until it is set forward."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def forward(self, seconds):
        self.now += dt.timedelta(seconds=seconds)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)],
)
def place(request, tmp_path):
    """Address of a database with nothing in it."""
    if request.param == "sqlite":
        return str(tmp_path / "labels.db")
    return request.getfixturevalue("postgresql_server").new_place()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(place, clock):
    with open_label_store(place, clock=clock) as opened:
        yield opened


@pytest.fixture
def engine(place, store):
    """A bare connection past the store, as a careless person has it."""
    bare = make_engine(parse_store_url(place))
    yield bare
    bare.dispose()


def label(candidate_id=7, value=REAL, *, by="ada", **changes):
    return LabelEvent(survey="ztf", candidate_id=candidate_id, labeller=by, value=value, **changes)


def undo(event, **changes):
    taken_back = replace(event, action=LabelAction.UNDO, value=None, undoes=event.event_key)
    return replace(taken_back, **{"event_key": f"undo-{event.event_key}", **changes})


def standing(store, **choice):
    return {(e.candidate_id, e.labeller): e.value for e in store.current(**choice)}


@pytest.mark.parametrize(
    "event",
    [
        label(),
        label(-(2**63)),
        label(2**63 - 1, object_id=2**70),
        label("007", object_id="007"),
        label("ZTF18aabcdef", object_id=5, comment="Ünïcode, 星 and\nlines, '; --"),
        label(subclass="dipole", confidence=0.1, time_taken_s=1e-3),
        label(confidence=1.0, time_taken_s=0.0, value=UNKNOWN),
        label(
            shown=Shown(
                bundle="b 1", score=1 / 3, is_score_hidden=True, page_version="2", strategy="margin"
            )
        ),
        label(labelled_at=dt.datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=WEST)),
    ],
)  # fmt: skip
def test_event_comes_back_as_it_went_in(store, event):
    assert store.append([event]) == 1
    (back,) = store.history()
    assert repr(replace(back.event, labelled_at=event.labelled_at)) == repr(event)
    assert type(back.event.candidate_id) is type(event.candidate_id)
    assert back.event.labelled_at == event.labelled_at
    assert back.event.labelled_at.tzinfo is dt.UTC
    assert back.stored_at == START


def test_missing_numbers_are_null_in_the_database(store, engine):
    store.append([label()])
    with engine.connect() as connection:
        query = sa.text("SELECT confidence, time_taken_s, score, undoes FROM label_events")
        assert connection.execute(query).one() == (None, None, None, None)


def test_event_that_is_delivered_twice_is_stored_once(store):
    events = [label(1), label(2)]
    assert store.append([*events, events[0]]) == 2
    assert store.append(events) == 0
    assert len(store.history()) == 2


def test_same_instant_in_another_time_zone_is_the_same_event(store):
    event = label(labelled_at=START)
    store.append([event])
    elsewhere = START.astimezone(dt.timezone(dt.timedelta(hours=5)))
    assert store.append([replace(event, labelled_at=elsewhere)]) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"value": BOGUS}, {"candidate_id": 8}, {"candidate_id": "7"}, {"labeller": "bo"},
        {"comment": "x"}, {"confidence": 0.5}, {"survey": "lsst"}, {"shown": Shown(score=0.5)},
    ],
)  # fmt: skip
def test_key_of_another_event_is_refused(store, change):
    event = label()
    store.append([event])
    with pytest.raises(LabelRefusedError, match="belongs to another event") as caught:
        store.append([label(99), replace(event, **change)])
    assert list(caught.value.reasons) == [event.event_key]
    assert len(store.history()) == 1


def test_key_twice_in_one_batch_with_other_content_is_refused(store):
    event = label()
    with pytest.raises(LabelRefusedError, match="belongs to another event"):
        store.append([event, replace(event, value=BOGUS)])
    assert store.history() == []


@pytest.mark.parametrize("field", ["comment", "subclass", "survey", "labeller"])
@pytest.mark.parametrize(("text", "reason"), [("a\0b", "NUL"), ("a\ud800b", "half a character")])
def test_text_that_a_database_cannot_hold_is_refused_before_anything_is_stored(
    store, field, text, reason
):
    bad = replace(label(2), **{field: text})
    with pytest.raises(LabelRefusedError, match=reason):
        store.append([label(1), bad])
    assert store.history() == []


def test_nothing_to_append_is_fine(store):
    assert store.append([]) == 0
    assert store.history() == []
    assert store.current() == ()


def test_history_keeps_the_order_of_arrival(store):
    late = [label(i, labelled_at=START - dt.timedelta(days=i)) for i in range(5)]
    store.append(late[:2])
    store.append(late[2:])
    found = store.history()
    assert [entry.event.candidate_id for entry in found] == [0, 1, 2, 3, 4]
    assert [entry.number for entry in found] == sorted({entry.number for entry in found})
    assert [e.event.candidate_id for e in store.history(after=found[2].number)] == [3, 4]


def test_history_is_filtered_by_survey_candidate_and_labeller(store):
    store.append(
        [label(1), label("1", by="bo"), replace(label(1), survey="lsst"), label(2, by="bo")]
    )
    assert len(store.history(survey="ztf")) == 3
    assert len(store.history(survey="ztf", candidate_id=1)) == 2
    assert len(store.history(labeller="bo", candidate_id=2)) == 1


def test_last_label_stands_and_undo_brings_the_one_before_back(store):
    first, second = label(value=REAL), label(value=BOGUS)
    store.append([first, second])
    assert standing(store) == {(7, "ada"): BOGUS}
    store.append([undo(second)])
    assert standing(store) == {(7, "ada"): REAL}
    store.append([undo(first)])
    assert standing(store) == {}
    assert len(store.history()) == 4


def test_current_of_chosen_labellers(store):
    store.append([label(), label(by="bo", value=BOGUS), label(by="cy", value=UNKNOWN)])
    assert standing(store, labellers=["bo", "cy"]) == {(7, "bo"): BOGUS, (7, "cy"): UNKNOWN}
    assert standing(store, labellers=[]) == {}


def _standing_by_the_rule(history):
    """The rule of `LabelEvent`, in the plainest words."""
    taken_back = {event.undoes for event in history}
    held = {}
    for event in history:
        if event.action is LabelAction.LABEL and event.event_key not in taken_back:
            held[(event.survey, event.candidate_id, event.labeller)] = event
    return {key: event.value for key, event in held.items()}


@pytest.mark.parametrize("seed", range(2))
def test_current_follows_the_rule_on_random_histories(store, seed):
    rng = random.Random(seed)
    history = []
    for _ in range(100):
        labels = [e for e in history if e.action is LabelAction.LABEL]
        if labels and rng.random() < 0.4:
            event = undo(rng.choice(labels[-20:]))
        else:
            event = replace(
                label(rng.randrange(4), rng.choice([REAL, BOGUS, UNKNOWN]), by=rng.choice("ab")),
                survey=rng.choice(["ztf", "lsst"]),
            )
        try:
            store.append([event])
        except LabelRefusedError:
            continue
        if event.event_key not in {e.event_key for e in history}:
            history.append(event)
    current = {(e.survey, e.candidate_id, e.labeller): e.value for e in store.current()}
    assert current == _standing_by_the_rule(history)
    assert [entry.event.event_key for entry in store.history()] == [e.event_key for e in history]
    assert sum(event.action is LabelAction.UNDO for event in history) > 5


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda old, _: undo(label(), event_key="k"), "there is no event"),
        (lambda old, _: undo(old), "does not stand"),
        (lambda _, new: undo(new, labeller="bo"), "is not bo's"),
        (lambda _, new: undo(new, candidate_id=8), "is not ada's of ztf 8"),
        (lambda _, new: undo(undo(new), event_key="k"), "there is no event"),
    ],
)
def test_only_ones_own_standing_label_is_taken_back(store, make, reason):
    old, new = label(), label(value=BOGUS)
    store.append([old, new])
    with pytest.raises(LabelRefusedError, match=reason):
        store.append([label(99), make(old, new)])
    assert len(store.history()) == 2


def test_undo_of_an_undo_is_refused(store):
    event = label()
    store.append([event, undo(event)])
    with pytest.raises(LabelRefusedError, match="took a label back itself"):
        store.append([undo(undo(event), event_key="k")])


def test_label_is_taken_back_once(store):
    event = label()
    store.append([event, undo(event)])
    for is_history in (False, True):
        with pytest.raises(LabelRefusedError, match="does not stand"):
            store.append([undo(event, event_key="again")], is_history=is_history)


def test_history_of_another_store_may_take_back_what_was_replaced_here(store):
    old, new = label(), label(value=BOGUS)
    store.append([old, new])
    assert store.append([undo(old)], is_history=True) == 1
    assert standing(store) == {(7, "ada"): BOGUS}


def test_reserve_gives_the_first_that_nobody_holds(store):
    ids = list(range(10))
    assert store.reserve("ztf", ids, labeller="ada", n=3, lease_s=60) == (0, 1, 2)
    assert store.reserve("ztf", ids, labeller="bo", n=3, lease_s=60) == (3, 4, 5)
    assert store.reserve("ztf", ids, labeller="ada", n=4, lease_s=60) == (0, 1, 2, 6)
    assert store.reserve("lsst", ids, labeller="cy", n=1, lease_s=60) == (0,)


def test_reserved_identifiers_keep_their_type_and_order(store):
    ids = ["b", 2**63 - 1, "007", 7]
    assert store.reserve("ztf", ids, labeller="ada", n=9, lease_s=60) == tuple(ids)


@pytest.mark.parametrize("value", list(LabelValue))
def test_labelled_candidate_leaves_the_queue_and_comes_back_when_it_is_taken_back(store, value):
    event = label(0, value)
    store.append([event])
    assert store.reserve("ztf", [0, 1], labeller="bo", n=1, lease_s=60) == (1,)
    store.append([undo(event)])
    assert store.reserve("ztf", [0, 1], labeller="bo", n=1, lease_s=60) == (0,)


def test_candidate_is_done_when_labellers_enough_have_labelled_it(store):
    def offer(by):
        found = store.reserve("ztf", [0], labeller=by, n=1, lease_s=60, n_labels_wanted=2)
        store.release("ztf", by)
        return found

    store.append([label(0, by="ada"), label(0, BOGUS, by="ada")])
    assert offer("ada") == ()
    assert offer("bo") == (0,)
    store.append([label(0, by="bo")])
    assert offer("cy") == ()


def test_work_behind_a_long_labelled_front_is_found(store):
    store.append([label(i) for i in range(150)])
    store.reserve("ztf", [150], labeller="ada", n=1, lease_s=60)
    assert store.reserve("ztf", range(160), labeller="bo", n=3, lease_s=60) == (151, 152, 153)


def test_lease_ends_by_the_clock(store, clock):
    store.reserve("ztf", [0], labeller="ada", n=1, lease_s=60)
    clock.forward(59.9)
    assert store.reserve("ztf", [0], labeller="bo", n=1, lease_s=60) == ()
    clock.forward(0.1)
    assert store.reserve("ztf", [0], labeller="bo", n=1, lease_s=60) == (0,)
    assert store.reserve("ztf", [0], labeller="ada", n=1, lease_s=60) == ()


def test_asking_again_renews_a_lease(store, clock):
    store.reserve("ztf", [0], labeller="ada", n=1, lease_s=60)
    clock.forward(40)
    assert store.reserve("ztf", [0], labeller="ada", n=1, lease_s=60) == (0,)
    clock.forward(40)
    assert store.reserve("ztf", [0], labeller="bo", n=1, lease_s=60) == ()


def test_released_and_labelled_candidates_are_held_no_longer(store):
    store.reserve("ztf", [0, 1, 2], labeller="ada", n=3, lease_s=60)
    store.release("ztf", "ada", [1])
    assert store.reserve("ztf", [0, 1, 2], labeller="bo", n=3, lease_s=60) == (1,)
    store.append([label(0, by="ada")])
    two = {"n": 3, "lease_s": 60, "n_labels_wanted": 2}
    assert store.reserve("ztf", [0, 1, 2], labeller="bo", **two) == (0, 1)
    store.release("ztf", "ada")
    assert store.reserve("ztf", [0, 1, 2], labeller="bo", **two) == (0, 1, 2)


@pytest.mark.parametrize("wish", [{"n": -1}, {"lease_s": 0}, {"n_labels_wanted": 0}])
def test_senseless_wish_is_refused(store, wish):
    with pytest.raises(InvalidInputError, match="n must be"):
        store.reserve("ztf", [1], labeller="ada", **{"n": 1, "lease_s": 1, **wish})


def test_reserving_nothing_or_of_nothing_gives_nothing(store):
    assert store.reserve("ztf", [1], labeller="ada", n=0, lease_s=1) == ()
    assert store.reserve("ztf", [], labeller="ada", n=1, lease_s=1) == ()


def test_threads_that_race_never_get_the_same_candidate(store):
    ids = list(range(60))

    def work(name):
        mine = []
        while got := store.reserve("ztf", ids, labeller=name, n=3, lease_s=600):
            store.append([label(i, by=name) for i in got])
            mine.extend(got)
        return mine

    with ThreadPoolExecutor(6) as pool:
        shares = list(pool.map(work, [f"labeller {i}" for i in range(6)]))
    assert sorted(i for share in shares for i in share) == ids
    assert len(store.current()) == 60


def test_reader_that_asks_on_from_the_last_number_misses_nothing(store):
    n_writers, n_each = 4, 15
    seen, done = [], threading.Event()

    def read():
        last = 0
        while True:
            was_done = done.is_set()
            for entry in store.history(after=last):
                seen.append(entry.event.event_key)
                last = entry.number
            if was_done:
                return

    def write(i_writer):
        for i in range(n_each):
            store.append([label(i, by=f"w{i_writer}", event_key=f"{i_writer}-{i}")])

    with ThreadPoolExecutor(n_writers + 1) as pool:
        reader = pool.submit(read)
        list(pool.map(write, range(n_writers)))
        done.set()
        reader.result()
    assert len(seen) == len(set(seen)) == n_writers * n_each


def test_choice_that_reads_the_standing_labels_is_not_overtaken(store):
    """Each adds only where nobody stands yet: whoever reads outside the lock adds twice."""
    start = threading.Barrier(6)

    def add_what_lacks(standing):
        said = {event.candidate_id for event in standing}
        return [label(i) for i in range(20) if i not in said]

    def add(_):
        start.wait()
        return store.append_chosen(add_what_lacks)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(add, range(6))) == [0] * 5 + [20]
    assert store.append_chosen(lambda standing: [undo(standing[0])]) == 1
    assert len(store.current()) == 19
    with pytest.raises(LabelRefusedError):
        store.append_chosen(lambda _: [label(99), undo(label())])
    assert len(store.history()) == 21


def test_one_of_two_who_deliver_the_same_event_at_once_stores_it(store):
    event = label()
    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(lambda _: store.append([event]), range(6)))
    assert sum(counts) == len(store.history()) == 1


@pytest.mark.parametrize("act", ["change", "delete", "replace"])
def test_database_itself_refuses_to_change_the_history(store, engine, act):
    replacement = {
        "sqlite": "INSERT OR REPLACE INTO label_events SELECT * FROM label_events",
        "postgresql": "TRUNCATE label_events",
    }
    statement = {
        "change": "UPDATE label_events SET value = 'bogus'",
        "delete": "DELETE FROM label_events",
        "replace": replacement[engine.dialect.name],
    }[act]
    store.append([label()])
    with pytest.raises(sa.exc.DBAPIError, match="never changed or deleted"), engine.begin() as bare:
        bare.execute(sa.text(statement))
    assert standing(store) == {(7, "ada"): REAL}


def test_token_opens_its_account_until_it_is_revoked(store):
    token = store.add_labeller("ada", role="label", now=START)
    reader = store.add_labeller("guest", role="read", now=START)
    assert store.labeller_of(token).role == "label"
    assert (store.labeller_of(reader).name, store.labeller_of(reader).role) == ("guest", "read")
    assert store.labeller_of(token + "x") is None
    assert store.labeller_of("") is None
    assert store.labeller_of("\ud800\0") is None
    assert [account.name for account in store.labellers()] == ["ada", "guest"]
    store.revoke("ada")
    assert store.labeller_of(token) is None
    again = store.add_labeller("ada", role="read", now=START)
    assert again != token
    assert store.labeller_of(again).role == "read"
    assert store.labeller_of(token) is None


def test_token_itself_is_stored_nowhere(store, engine):
    token = store.add_labeller("ada", role="label", now=START)
    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT * FROM label_accounts")).one()
    assert token not in str(row)


def test_account_in_force_is_not_replaced(store):
    store.add_labeller("ada", role="label", now=START)
    with pytest.raises(InvalidInputError, match="revoke it first"):
        store.add_labeller("ada", role="read", now=START)


def test_senseless_accounts_are_refused(store):
    with pytest.raises(InvalidInputError, match="printable name"):
        store.add_labeller(" ", role="label", now=START)
    with pytest.raises(InvalidInputError, match="role must be"):
        store.add_labeller("ada", role="admin", now=START)
    with pytest.raises(InvalidInputError, match="there is no labeller 'bo'"):
        store.revoke("bo")


def test_all_is_there_when_it_is_opened_again(store, place, clock):
    token = store.add_labeller("ada", role="label", now=START)
    store.append([label()])
    store.reserve("ztf", [1], labeller="ada", n=1, lease_s=60)
    store.close()
    with open_label_store(place, must_exist=True, clock=clock) as again:
        assert standing(again) == {(7, "ada"): REAL}
        assert again.labeller_of(token).name == "ada"
        assert again.reserve("ztf", [1], labeller="bo", n=1, lease_s=60) == ()


def test_two_who_make_one_store_at_once_share_it(place):
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: open_label_store(place), range(4)))
    for i, opened in enumerate(stores):
        opened.append([label(i)])
        assert len(opened.history()) == i + 1
    for opened in stores:
        opened.close()


def test_store_of_a_newer_version_is_refused_and_left_alone(store, place, engine):
    store.append([label()])
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(LabelStoreError, match="newer skyvet"):
        open_label_store(place)
    assert len(store.history()) == 1


def test_migrations_make_the_tables_that_the_code_reads(store, engine):
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": False}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
    assert found == []


def test_place_without_a_store_is_refused_where_one_must_be(place):
    with pytest.raises(LabelStoreError, match="check the name"):
        open_label_store(place, must_exist=True)


def test_thousands_of_events_go_in_and_out(store):
    events = [label(i, REAL if i % 2 else BOGUS) for i in range(3000)]
    assert store.append(events) == 3000
    assert store.append(events) == 0
    assert [e.candidate_id for e in store.current()] == list(range(3000))
    got = store.reserve("ztf", list(range(3600)), labeller="bo", n=9999, lease_s=9)
    assert got == tuple(range(3000, 3600))
    assert math.isnan(store.current()[0].confidence)
