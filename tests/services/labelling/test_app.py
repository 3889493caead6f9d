"""What the page is told over HTTP, as the contract says."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest
from tests.services.labelling.conftest import label, true_value


@pytest.fixture
def served(serve):
    return serve(refit_every=4)


def items_of(served, **request):
    return served.post("/api/queue", request).json()["items"]


def test_session_says_who_labels_what_and_how(served):
    session = served.client.get("/api/session").json()
    assert session["labeller"] == "ada"
    assert session["dataset"] == {"name": "dataset", "n_candidates": 40, "surveys": ["ztf"]}
    assert session["bundle"] == "tiny-1+0"
    assert {"auto", "margin"} < {strategy["kind"] for strategy in session["strategies"]}
    assert session["subclasses"][0]["name"] == "supernova"
    assert session["default_queue"] == "strategy"


def test_identifiers_travel_as_text_because_they_have_64_bits(served):
    item = items_of(served, n=1)[0]
    assert item["key"] == f"ztf:{item['candidate_id']}"
    assert isinstance(item["candidate_id"], str)
    assert len(item["candidate_id"]) == 19


def test_stamps_arrive_bit_for_bit_with_missing_pixels(served, opened):
    items = items_of(served, n=40, queue="all")
    for row in (0, 23):
        answer = served.client.get(items[row]["stamps"])
        assert answer.headers["x-skyvet-shape"] == "3,63,63"
        assert "immutable" in answer.headers["cache-control"]
        found = np.frombuffer(answer.content, dtype="<f4").reshape(3, 63, 63)
        np.testing.assert_array_equal(found, opened.stamps(np.array([row]))[0])
    assert served.client.get("/api/stamps/" + quote("ztf:1/2?3", safe="")).status_code == 404


def test_labels_are_acknowledged_with_their_scores(served):
    item = items_of(served, n=1)[0]
    answer = served.post("/api/labels", {"events": [label(item["key"])]}).json()
    assert answer["acknowledged"] == [label(item["key"])["event_key"]]
    assert answer["refused"] == []
    assert answer["scores"] == {item["key"]: item["score"]}
    recent = served.client.get("/api/recent?n=5").json()["labels"]
    assert [(found["key"], found["value"]) for found in recent] == [(item["key"], "real")]
    assert recent[0]["item"]["stamps"] == item["stamps"]


def test_progress_counts_what_was_labelled(served):
    keys = [item["key"] for item in items_of(served, n=6)]
    served.post("/api/labels", {"events": [label(key, true_value(key)) for key in keys]})
    progress = served.client.get("/api/progress").json()
    assert (progress["n_total"], progress["n_labelled"], progress["n_left"]) == (40, 6, 34)
    assert sum(progress["n_by_value"].values()) == 6
    assert progress["n_by_labeller"] == {"ada": 6}
    assert progress["pace_per_minute"] > 0


@pytest.mark.parametrize(
    ("path", "document", "said"),
    [
        ("/api/queue", {"n": -1}, "n:"),
        ("/api/queue", {"n": 201}, "n:"),
        ("/api/queue", {"n": "many"}, "n:"),
        ("/api/queue", {"n": 1, "queue": "fast"}, "queue:"),
        ("/api/queue", {"n": 1, "strategy": "tarot"}, "strategy must be one of"),
        ("/api/queue", {"many": 1}, "many:"),
        ("/api/queue", [1], "the request:"),
        ("/api/labels", {"events": "all"}, "events:"),
        ("/api/labels", {"events": [3]}, "events.0:"),
        ("/api/labels", {"events": [{"key": "ztf:1"}]}, "event_key"),
        ("/api/labels", {"events": [label(f"ztf:{i}") for i in range(501)]}, "events:"),
    ],
)
def test_request_that_cannot_be_understood_is_refused_in_plain_words(served, path, document, said):
    answer = served.post(path, document)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"
    assert said in answer.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"", b"nothing", b'{"n": NaN}'])
def test_body_that_is_no_json_is_refused_in_plain_words(served, body):
    headers = {**served.headers(), "Content-Type": "application/json"}
    answer = served.client.post("/api/queue", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_form_of_a_foreign_page_is_no_request(served):
    headers = {**served.headers(), "Content-Type": "text/plain"}
    answer = served.client.post("/api/queue", content=b'{"n": 1}', headers=headers)
    assert answer.status_code == 422


def test_bad_label_is_refused_and_the_others_are_stored(served):
    key = items_of(served, n=1)[0]["key"]
    answer = served.post("/api/labels", {"events": [label("ztf:5"), label(key)]}).json()
    assert answer["acknowledged"] == [label(key)["event_key"]]
    assert "holds no " in answer["refused"][0]["reason"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labelled_at": "9999-12-31T23:59:59-12:00"}, "labelled_at"),
        ({"labelled_at": "0001-01-01T00:00:00+12:00"}, "labelled_at"),
        ({"labelled_at": "9999-12-31T23:59:59Z"}, "in the future"),
        ({"labelled_at": "1969-12-31T23:59:59Z"}, "before 1970"),
        ({"event_key": "aaaaaaaaaa\ud800"}, "unicode"),
        ({"comment": "\udfff"}, "unicode"),
        ({"key": "ztf:\ud800"}, "unicode"),
        ({"\ud800": 1}, "unicode"),
    ],
)
def test_event_that_no_store_can_hold_is_refused_and_the_others_are_stored(served, change, said):
    keys = [item["key"] for item in items_of(served, n=2)]
    events = [{**label(keys[0]), **change}, label(keys[1])]
    body = json.dumps({"events": events})
    headers = {**served.headers(), "Content-Type": "application/json"}
    answer = served.client.post("/api/labels", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["acknowledged"] == [label(keys[1])["event_key"]]
    (refusal,) = answer.json()["refused"]
    assert refusal["event_key"] == events[0]["event_key"].replace("\ud800", "?")
    assert said in refusal["reason"]
    assert len(served.store.history()) == 1


@pytest.mark.parametrize("path", ["/api/queue", "/api/queue/release", "/api/items", "/api/labels"])
@pytest.mark.parametrize(
    "body", ['{"\\ud800": 1}', '{"keys": ["ztf:\\ud800"], "n": 1}', '"\\ud800"']
)
def test_half_characters_are_refused_in_plain_words(served, path, body):
    headers = {**served.headers(), "Content-Type": "application/json"}
    answer = served.client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_store_that_went_away_is_a_503_until_it_is_back(served, tmp_path):
    key = items_of(served, n=1)[0]["key"]
    (tmp_path / "labels.db").rename(tmp_path / "away.db")
    for answer in (
        served.post("/api/labels", {"events": [label(key)]}),
        served.post("/api/queue", {"n": 1}),
        served.client.get("/api/progress"),
    ):
        assert answer.status_code == 503
        assert answer.json()["code"] == "store_away"
        assert "labels.db" in answer.json()["error"]
    assert served.client.get("/api/health").json() == {"ok": True, "store_ok": False}
    (tmp_path / "away.db").rename(tmp_path / "labels.db")
    assert served.post("/api/labels", {"events": [label(key)]}).json()["acknowledged"]
    assert served.client.get("/api/health").json() == {"ok": True, "store_ok": True}


def test_blind_page_learns_no_score_before_its_own_label(serve):
    served = serve(blind=True)
    item = items_of(served, n=1)[0]
    looked = [
        item,
        *served.post("/api/items", {"keys": [item["key"]]}).json()["items"],
        *items_of(served, n=1, queue="all"),
    ]
    assert all(seen["score"] is None for seen in looked)
    answer = served.post("/api/labels", {"events": [label(item["key"])]}).json()
    assert answer["scores"][item["key"]] is not None


def test_wrong_method_and_unknown_address_are_told_as_errors(served):
    assert served.client.get("/api/none").json()["code"] == "not_found"
    answer = served.client.get("/api/labels")
    assert (answer.status_code, answer.json()["code"]) == (405, "invalid")
