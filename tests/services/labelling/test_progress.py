"""Progress, rounds and the audit tell of the labels that stand, not of those that once did."""

from __future__ import annotations

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

from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import LabelValue

N = 40


def undo_of(key, n=0):
    return label(key, None, action="undo", event_key=f"undo-{n}-{key}", undoes=f"ada-{key}")


def audited(make_service, **settings):
    """Return a service with two wrong labels by ada, and its audit queue."""
    service = make_service(**{"with_bundle": False, "refit_every": 40, **settings})
    keys = keys_of(ask(service, n=40))
    label_all(service, keys, wrong=set(keys[5:25:10]))
    service.progress(ADA)
    service.close()
    return service, keys_of(ask(service, n=40, queue="audit"))


def test_label_that_was_taken_back_is_no_suspect(make_service):
    service, suspects = audited(make_service)
    assert len(suspects) >= 2
    service.record(ADA, [undo_of(suspects[0])])
    answer = ask(service, n=40, queue="audit", exclude=tuple(suspects))
    assert answer.lost == (suspects[0],), "nor does it stay in the browser"
    assert answer.n_left == service.progress(ADA).n_suspects == len(suspects) - 1
    service.record(ADA, [label(suspects[1], true_value(suspects[1]))])
    assert suspects[1] not in keys_of(ask(service, EVE, n=40, queue="audit")), "nor one changed"


def test_suspect_returns_when_the_audit_label_is_taken_back(make_service):
    service, (first, *others) = audited(make_service)
    given = service.items(ADA, [first]).items[0].given_label
    kept = label(first, given, strategy="audit", event_key="kept-label")
    service.record(ADA, [kept])
    assert keys_of(ask(service, EVE, n=40, queue="audit")) == others
    undo = label(first, None, action="undo", event_key="undo-the-keep", undoes="kept-label")
    assert service.record(ADA, [undo]).acknowledged
    assert keys_of(ask(service, EVE, n=40, queue="audit")) == [first, *others]


def test_progress_counts_candidates_beside_labels_where_two_are_wanted(make_service):
    service = make_service(labels_wanted=2)
    keys = keys_of(ask(service, EVE, n=6))
    label_all(service, keys, ADA)
    label_all(service, keys[:2], BO)
    for viewer, n_open in ((ADA, N - 6), (BO, N - 2), (EVE, N - 2)):
        now = service.progress(viewer)
        assert (now.n_labelled, now.n_begun, now.n_done, now.n_left) == (8, 6, 2, N - 2)
        assert now.n_open == n_open == ask(service, viewer, n=1).n_left


def test_labels_taken_back_never_move_the_next_round_away(make_service):
    service = make_service(refit_every=8)
    keys = keys_of(ask(service, EVE, n=40))
    label_all(service, keys[:8])
    service.progress(ADA)
    service.close()
    assert service.progress(ADA).round == 1
    service.record(ADA, [undo_of(key) for key in keys[:5]])
    assert service.progress(ADA).n_labels_to_next_round == 8
    label_all(service, keys[8:11])
    assert service.progress(ADA).n_labels_to_next_round == 5


def test_round_that_learned_from_labels_taken_back_is_replaced(make_service):
    service = make_service(refit_every=8)
    keys = keys_of(ask(service, EVE, n=40))
    label_all(service, keys[:8])
    service.progress(ADA)
    service.close()
    service.record(ADA, [undo_of(key) for key in keys[:8]])
    service.progress(ADA)
    service.close()
    now = service.progress(ADA)
    assert (now.round, now.n_labelled, now.n_labels_to_next_round) == (2, 0, 8)


def test_imported_labels_are_one_round_and_no_pace(make_service, store):
    keys = keys_of(ask(make_service(), EVE, n=20))
    imported = [
        LabelEvent(
            survey="ztf",
            candidate_id=int(key[4:]),
            labeller="bo",
            value=LabelValue(true_value(key)),
        )
        for key in keys
    ]
    store.append(imported)
    service = make_service(refit_every=4)
    now = service.progress(ADA)
    assert (now.round, now.n_labelled, now.pace_per_minute) == (1, 20, 0.0)
    label_all(service, keys[:2])
    assert service.progress(ADA).pace_per_minute > 0
