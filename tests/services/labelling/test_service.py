"""The queue gives every candidate to one labeller, and no label is ever lost."""

from __future__ import annotations

import datetime as dt
import threading

import numpy as np
import pytest
from tests.services.labelling.conftest import (
    ADA,
    BO,
    EVE,
    ask,
    keys_of,
    label,
    label_all,
    true_value,
)

from skyvet.core.errors import InvalidInputError, RequestRefusedError, StoreUnavailableError
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue
from skyvet.services.labelling.messages import ReleaseRequest

N = 40
LATER = dt.timedelta(seconds=60)


def standing(store):
    return {(e.labeller, str(e.candidate_id)): e.value.value for e in store.current()}


def test_queue_goes_over_the_whole_dataset_once(make_service):
    service = make_service()
    seen = []
    while items := keys_of(ask(service, n=7)):
        seen += items
        label_all(service, items)
    assert len(seen) == len(set(seen)) == N
    assert service.progress(ADA).n_left == 0


def test_no_candidate_is_given_to_two_labellers_at_once(make_service):
    service = make_service()
    given = {"ada": [], "bo": []}
    start = threading.Barrier(2)

    def work(viewer):
        start.wait()
        while items := keys_of(ask(service, viewer, n=3, exclude=tuple(given[viewer.name]))):
            given[viewer.name] += items

    threads = [threading.Thread(target=work, args=(viewer,)) for viewer in (ADA, BO)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not set(given["ada"]) & set(given["bo"])
    assert len(given["ada"]) + len(given["bo"]) == N


def test_two_servers_on_one_store_share_the_reservations(make_service):
    first, second = make_service(), make_service()
    ada = keys_of(ask(first, ADA, n=30))
    bo = keys_of(ask(second, BO, n=30))
    assert not set(ada) & set(bo)
    assert len(bo) == 10
    label_all(second, bo, BO)
    assert first.progress(ADA).n_labelled == 10, "what another server stored is seen"


def test_order_is_the_same_again_after_a_restart(make_service):
    assert keys_of(ask(make_service(), n=40)) == keys_of(ask(make_service(), n=40))


def test_most_uncertain_by_the_bundle_come_first(make_service):
    items = ask(make_service(strategy="margin"), n=40).items
    # The ranker starts from the bundle's logit and nothing else.
    distance = [abs(item.score - 0.5) for item in items]
    np.testing.assert_allclose(distance, sorted(distance), rtol=0, atol=1e-12)  # float noise


def test_without_a_bundle_the_first_candidates_are_spread_out_then_uncertain(make_service):
    service = make_service(with_bundle=False)
    first = ask(service, n=5)
    assert first.strategy == "k_center"
    assert all(item.score is None for item in first.items)
    label_all(service, keys_of(first))
    service.progress(ADA)
    service.close()
    assert ask(service, n=1).strategy == "margin"


@pytest.mark.parametrize("kind", ["random", "entropy", "disagreement", "badge", "k_center"])
def test_strategy_may_be_changed_with_any_request(make_service, kind):
    service = make_service(strategy="margin")
    answer = ask(service, n=40, strategy=kind)
    assert answer.strategy == kind
    assert {item.strategy for item in answer.items} == {kind}
    assert len(set(keys_of(answer))) == N


def test_strategies_order_differently(make_service):
    service = make_service()
    orders = {
        kind: tuple(keys_of(ask(service, n=40, strategy=kind))) for kind in ("random", "margin")
    }
    assert len(set(orders.values())) == 2
    assert len(set(keys_of(ask(service, n=40, queue="all")))) == N


def test_every_strategy_of_the_registry_ranks_a_session(make_service):
    service = make_service()
    for strategy in service.session(ADA).strategies:
        assert len(ask(service, n=40, strategy=strategy.kind).items) == N


def test_unknown_strategy_is_refused_with_the_known_ones(make_service):
    with pytest.raises(InvalidInputError, match="margin"):
        ask(make_service(), strategy="tarot")


def test_labels_change_the_order_of_the_next_round(make_service):
    service = make_service(strategy="margin", refit_every=8)
    before = ask(service, EVE, n=40)
    label_all(service, keys_of(before)[:8])
    service.close()
    after = ask(service, EVE, n=40)
    assert (before.round, after.round) == (0, 1)
    expected = [key for key in keys_of(before) if key in keys_of(after)]
    assert keys_of(after) != expected
    progress = service.progress(ADA)
    assert [(row.round, row.n_labels) for row in progress.history] == [(1, 8)]
    assert progress.n_labels_to_next_round == 8


def test_order_stays_while_labels_are_too_few_for_a_round(make_service):
    service = make_service(strategy="margin", refit_every=100)
    before = keys_of(ask(service, EVE, n=40))
    label_all(service, before[:5])
    assert keys_of(ask(service, EVE, n=40)) == before[5:]


def test_refit_learns_what_is_real(make_service):
    service = make_service(with_bundle=False, refit_every=10)
    for _ in range(2):
        label_all(service, keys_of(ask(service, n=10)))
        service.progress(ADA)
        service.close()
    assert service.progress(ADA).history[-1].agreement > 0.8


def test_labels_of_an_earlier_session_are_learned_from_at_the_start(make_service):
    label_all(make_service(refit_every=8), keys_of(ask(make_service(), n=16)))
    again = make_service(refit_every=8)
    assert again.progress(ADA).round == 2
    assert again.progress(ADA).n_left == N - 16


def test_stamps_are_those_of_the_dataset_bit_for_bit(make_service, opened):
    service = make_service()
    keys = keys_of(ask(service, n=40, queue="all"))
    for row in (0, 17, 39):
        expected = opened.stamps(np.array([row]))[0]
        found = service.stamps(keys[row])
        assert found.tobytes() == np.ascontiguousarray(expected, dtype="<f4").tobytes()


def test_stamps_of_an_unknown_candidate_are_not_found(make_service):
    with pytest.raises(RequestRefusedError, match="holds no"):
        make_service().stamps("ztf:1")


def test_event_delivered_again_is_stored_once_and_acknowledged_again(make_service, store):
    service = make_service()
    event = label(keys_of(ask(service, n=1))[0])
    for _ in range(3):
        answer = service.record(ADA, [event, event])
        assert answer.acknowledged == (event["event_key"],)
    assert len(store.history()) == 1


def test_event_delivered_again_after_a_restart_with_another_bundle_is_acknowledged(
    make_service, store
):
    event = label(keys_of(ask(make_service(), n=1))[0])
    make_service().record(ADA, [event])
    answer = make_service(with_bundle=False, blind=True).record(ADA, [event])
    assert answer.acknowledged == (event["event_key"],)
    assert len(store.history()) == 1


def test_event_key_of_another_act_is_refused(make_service, store):
    service = make_service()
    first, second = keys_of(ask(service, n=2))
    service.record(ADA, [label(first, event_key="the-same-key")])
    answer = service.record(BO, [label(second, event_key="the-same-key"), label(second)])
    assert [refusal.event_key for refusal in answer.refused] == ["the-same-key"]
    assert answer.acknowledged == (label(second)["event_key"],)


def test_undo_takes_the_label_back_and_the_candidate_returns(make_service, store):
    service = make_service()
    key = keys_of(ask(service, n=1))[0]
    event = label(key)
    service.record(ADA, [event])
    undo = label(key, None, action="undo", event_key="take-it-back", undoes=event["event_key"])
    assert service.record(ADA, [undo]).acknowledged == ("take-it-back",)
    assert standing(store) == {}
    assert len(store.history()) == 2, "an undo is a new row"
    assert key in keys_of(ask(service, BO, n=40))
    again = service.record(ADA, [{**undo, "event_key": "take-it-back-again"}])
    assert "does not stand" in again.refused[0].reason


def test_label_and_its_undo_may_come_in_one_request(make_service, store):
    service = make_service()
    key = keys_of(ask(service, n=1))[0]
    undo = label(key, None, action="undo", event_key="undo-at-once", undoes=label(key)["event_key"])
    assert len(service.record(ADA, [label(key), undo]).acknowledged) == 2
    assert standing(store) == {}


def test_one_cannot_take_back_what_another_said(make_service, store):
    service = make_service()
    key = keys_of(ask(service, n=1))[0]
    service.record(ADA, [label(key)])
    undo = label(key, None, action="undo", event_key="not-my-label", undoes=label(key)["event_key"])
    assert service.record(BO, [undo]).refused
    assert len(standing(store)) == 1


def test_last_label_stands(make_service, store):
    service = make_service()
    key = keys_of(ask(service, n=1))[0]
    service.record(ADA, [label(key, "real")])
    service.record(ADA, [label(key, "bogus")])
    assert set(standing(store).values()) == {"bogus"}
    assert service.progress(ADA).n_labelled == 1
    assert [found.value for found in service.recent(ADA, 9).labels] == [LabelValue.BOGUS]


def test_bad_events_are_refused_each_with_its_reason_and_the_others_stored(make_service, store):
    service = make_service()
    good = keys_of(ask(service, n=1))[0]
    bad = {
        "unknown": (label("ztf:12"), "holds no 'ztf:12'"),
        "no-value": (label(good, None), "LABEL with a value"),
        "other-side": (label(good, "real", subclass="dipole"), "kind of bogus"),
        "no-class": (label(good, "real", subclass="unicorn"), "subclass must be one of"),
        "confident": (label(good, confidence=2), "confidence"),
        "odd-field": (label(good, mood="fine"), "mood"),
        "no-zone": (label(good, labelled_at="2026-01-01T00:00:00"), "labelled_at"),
        "nul": (label(good, comment="a\0b"), "NUL"),
        "no-target": (label(good, None, action="undo", undoes="nothing-there"), "no event"),
    }
    events = [{**event, "event_key": f"event-{name}"} for name, (event, _) in bad.items()]
    answer = service.record(ADA, [*events[:4], label(good), *events[4:]])
    assert answer.acknowledged == (label(good)["event_key"],)
    reasons = {refusal.event_key: refusal.reason for refusal in answer.refused}
    assert set(reasons) == {f"event-{name}" for name in bad}
    for name, (_, expected) in bad.items():
        assert expected in reasons[f"event-{name}"]
    assert len(store.history()) == 1


def test_event_without_a_key_stops_the_request(make_service, store):
    service = make_service()
    good = keys_of(ask(service, n=1))[0]
    with pytest.raises(InvalidInputError, match="event_key"):
        service.record(ADA, [label(good), {"key": good}])
    assert not store.history()


def test_label_says_what_was_shown(make_service, store):
    service = make_service()
    item = ask(service, n=1).items[0]
    service.record(ADA, [label(item.key, strategy=item.strategy, subclass="supernova")])
    event = store.history()[0].event
    assert event.shown.bundle == "tiny-1+0"
    assert event.shown.score == pytest.approx(item.score)
    assert (event.shown.page_version, event.shown.strategy) == ("test", "margin")
    assert (event.labeller, event.subclass) == ("ada", "supernova")
    assert not event.shown.is_score_hidden


def test_blind_labelling_hides_every_score_until_the_own_label(make_service, store):
    service = make_service(blind=True, labels_wanted=2)
    items = ask(service, n=4).items
    assert all(item.score is None and item.suspicion is None for item in items)
    key = items[0].key
    assert "survey score" not in {number.name for number in items[0].numbers}
    answer = service.record(ADA, [label(key)])
    assert answer.scores[key] is not None
    assert service.items(ADA, [key]).items[0].score == answer.scores[key]
    assert service.items(BO, [key]).items[0].score is None
    assert store.history()[0].event.shown.is_score_hidden
    service.record(
        ADA,
        [label(key, None, action="undo", event_key="undo-blind", undoes=label(key)["event_key"])],
    )
    assert service.items(ADA, [key]).items[0].score is None


def test_score_that_was_revealed_once_is_hidden_no_more(make_service, store):
    """Whoever labels anew after the answer has seen the score, undone or not."""
    service = make_service(blind=True, labels_wanted=2)
    one, two = keys_of(ask(service, n=2))
    undo = label(one, None, action="undo", event_key="take-back", undoes=label(one)["event_key"])
    service.record(ADA, [label(one), label(two), label(two, "bogus")])
    service.record(ADA, [undo])
    service.record(ADA, [label(one), label(one, event_key="once-again", is_score_hidden=True)])
    service.record(ADA, [label(two, "unknown")])
    service.record(BO, [label(one, event_key="label of bo")])
    assert [found.event.shown.is_score_hidden for found in store.history()] == [
        True, True, True, False, False, False, True,
    ]  # fmt: skip


def test_hidden_score_stays_revealed_after_a_restart(make_service, store):
    key = keys_of(ask(make_service(blind=True), n=1))[0]
    make_service(blind=True).record(ADA, [label(key)])
    make_service(blind=True).record(ADA, [label(key, "bogus")])
    assert [e.event.shown.is_score_hidden for e in store.history()] == [True, False]


def test_read_only_viewer_may_not_label(make_service):
    service = make_service()
    for call in (lambda: service.record(EVE, []), lambda: service.release(EVE, ReleaseRequest())):
        with pytest.raises(RequestRefusedError, match="may look but not label"):
            call()


def test_lapsed_lease_is_told_when_another_took_the_candidate(make_service, monkeypatch):
    service = make_service(lease_s=5.0)
    mine = keys_of(ask(service, ADA, n=5))
    answer = ask(service, ADA, n=0, exclude=tuple(mine))
    assert answer.lost == ()
    monkeypatch.setattr(
        service._store, "_clock", lambda clock=service._store._clock: clock() + LATER
    )
    others = keys_of(ask(service, BO, n=40))
    assert set(mine) < set(others)
    assert set(ask(service, ADA, n=0, exclude=tuple(mine)).lost) == set(mine)


def test_released_candidates_go_to_others(make_service):
    service = make_service()
    mine = keys_of(ask(service, ADA, n=40))
    assert keys_of(ask(service, BO, n=40)) == []
    service.release(ADA, ReleaseRequest(keys=tuple(mine[:3])))
    assert keys_of(ask(service, BO, n=40)) == mine[:3]
    service.release(ADA, ReleaseRequest(keys=None))
    assert len(ask(service, BO, n=40).items) == 40


def test_skipped_candidates_come_last_for_whom_skipped_them(make_service):
    service = make_service()
    skipped = keys_of(ask(service, ADA, n=2))
    service.release(ADA, ReleaseRequest(keys=tuple(skipped), is_skipped=True))
    assert keys_of(ask(service, BO, n=2)) == skipped
    service.release(BO, ReleaseRequest(keys=None))
    assert keys_of(ask(service, ADA, n=40))[-2:] == skipped


def test_two_labels_a_candidate_where_two_are_wanted(make_service):
    service = make_service(labels_wanted=2)
    first = keys_of(ask(service, ADA, n=3))
    label_all(service, first, ADA)
    assert not set(first) & set(keys_of(ask(service, ADA, n=40)))
    service.release(ADA, ReleaseRequest(keys=None))
    assert set(first) < set(keys_of(ask(service, BO, n=40)))
    label_all(service, first, BO)
    assert service.progress(ADA).n_done == 3
    assert service.progress(ADA).n_by_labeller == {"ada": 3, "bo": 3}


def test_audit_queue_begins_with_wrong_labels_and_ends_with_a_new_one(make_service):
    service = make_service(with_bundle=False, refit_every=40, audit=True)
    keys = keys_of(ask(service, n=40))
    wrong = set(keys[5:25:10])
    label_all(service, keys, wrong=wrong)
    service.progress(ADA)
    service.close()
    assert service.session(ADA).default_queue == "audit"
    items = ask(service, ADA, n=40, queue="audit").items
    assert {item.key for item in items[:2]} == wrong
    for item in items[:2]:
        assert item.given_label.value != true_value(item.key)
        assert item.given_by == "ada"
        assert 0.5 < item.suspicion <= 1
    assert not set(keys_of(ask(service, BO, n=40, queue="audit"))) & set(keys_of_items(items))
    n_before = service.progress(ADA).n_suspects
    for item in items[:2]:
        service.record(ADA, [label(item.key, true_value(item.key), strategy="audit")])
    assert service.progress(ADA).n_suspects == n_before - 2
    assert not {item.key for item in items[:2]} & set(keys_of(ask(service, n=40, queue="audit")))


def keys_of_items(items):
    return [item.key for item in items]


def test_what_stands_is_what_the_store_says(make_service, store):
    """A random history through the service and past it; counted here and in SQL."""
    service = make_service(labels_wanted=2)
    rng = np.random.default_rng(5)
    keys = keys_of(ask(service, EVE, n=12, queue="all"))
    for i in range(150):
        viewer = (ADA, BO)[rng.integers(2)]
        key = keys[rng.integers(len(keys))]
        held = {e.event_key: e for e in store.current(labellers=[viewer.name])}
        if held and rng.random() < 0.4:
            event = list(held.values())[rng.integers(len(held))]
            key = f"{event.survey}:{event.candidate_id}"
            sent = label(key, None, action="undo", undoes=event.event_key)
        else:
            sent = label(key, ("real", "bogus", "unknown")[rng.integers(3)])
        answer = service.record(viewer, [{**sent, "event_key": f"event-{i:04d}"}])
        assert not answer.refused
    current = store.current()
    progress = service.progress(ADA)
    assert progress.n_labelled == len(current)
    for value in LabelValue:
        assert progress.n_by_value[value.value] == sum(e.value is value for e in current)
    for viewer in (ADA, BO):
        own = [e.event_key for e in store.current(labellers=[viewer.name])]
        assert [found.event_key for found in service.recent(viewer, 99).labels] == own[::-1]


def test_labels_of_other_nights_in_the_store_are_passed_over(make_service, store):
    store.append([LabelEvent(survey="ztf", candidate_id=9, labeller="ada", value=LabelValue.REAL)])
    assert make_service().progress(ADA).n_labelled == 0


def test_store_that_goes_away_is_told_and_comes_back(make_service, store, tmp_path):
    service = make_service()
    keys = keys_of(ask(service, n=3))
    label_all(service, keys[:1])
    away = tmp_path / "away.db"
    (tmp_path / "labels.db").rename(away)
    for call in (
        lambda: service.record(ADA, [label(keys[1])]),
        lambda: ask(service, n=1),
        lambda: service.progress(ADA),
    ):
        with pytest.raises(StoreUnavailableError):
            call()
    assert not service.health().store_ok
    service.stamps(keys[1])
    away.rename(tmp_path / "labels.db")
    assert service.record(ADA, [label(keys[1])]).acknowledged
    assert service.health().store_ok
    assert len(standing(store)) == 2


def test_requests_that_waited_for_a_store_that_fails_do_not_wait_one_after_another(
    make_service, store, monkeypatch
):
    service = make_service()
    n_calls = []
    is_waiting = threading.Event()

    def failing(**_):
        n_calls.append(1)
        is_waiting.wait(5)
        raise StoreUnavailableError("the store is away")

    monkeypatch.setattr(store, "history", failing)
    failures = []

    def work():
        try:
            service.progress(ADA)
        except StoreUnavailableError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    threading.Timer(0.3, is_waiting.set).start()
    for thread in threads:
        thread.join()
    assert failures == ["the store is away"] * 8
    assert len(n_calls) == 1
    monkeypatch.undo()
    assert service.progress(ADA).n_labelled == 0
