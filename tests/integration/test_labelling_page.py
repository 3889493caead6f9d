"""The labelling page in a real browser: what is pressed arrives in the store."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.conftest import make_candidate
from tests.integration.conftest import N_CANDIDATES, bare_id

from skyvet.records.label_events import LabelAction, LabelEvent
from skyvet.records.labels import LabelValue

pytestmark = pytest.mark.integration


def test_each_label_key_brings_its_label_into_the_store(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    seen = opened.press("r", "b", "u")
    opened.wait_until_saved()
    stored = desk.labels()
    assert [stored[bare_id(key)].value.value for key in seen] == ["real", "bogus", "unknown"]
    assert all(0 < event.time_taken_s < 60 for event in stored.values())
    assert {event.labeller for event in stored.values()} == {"ada"}
    assert all(event.shown.page_version for event in stored.values())


def test_buttons_do_what_their_keys_do(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    first = opened.key
    opened.page.get_by_role("button", name="Bogus", exact=True).click()
    opened.wait_until_saved()
    assert desk.labels()[bare_id(first)].value is LabelValue.BOGUS
    opened.press("r")  # the button gave the focus back
    opened.wait_until_saved()
    assert len(desk.labels()) == 2


def test_subclass_keys_give_the_class_and_its_side(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    seen = opened.press("1", "Shift+Digit1")
    opened.wait_until_saved()
    found = [(desk.labels()[bare_id(key)].value.value, desk.labels()[bare_id(key)].subclass)
             for key in seen]  # fmt: skip
    assert found == [("bogus", "dipole"), ("real", "supernova")]


def test_every_subclass_has_a_key_of_its_own(open_desk, visit):
    opened = visit().open(open_desk().address)
    hints = opened.page.eval_on_selector_all(
        ".label-bar [aria-keyshortcuts]",
        "found => found.map(e => e.getAttribute('aria-keyshortcuts'))",
    )
    assert len(hints) == len(set(hints)) == 26


def test_confidence_and_comment_come_from_the_keyboard_and_go_with_one_label(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    keyboard = opened.page.keyboard
    keyboard.press("]")
    keyboard.press("]")
    keyboard.press("c")
    keyboard.type("rub: barred spiral")
    keyboard.press("Enter")
    first, second = opened.press("r", "b")
    opened.wait_until_saved()
    noted, plain = (desk.labels()[bare_id(key)] for key in (first, second))
    assert (noted.confidence, noted.comment) == (0.5, "rub: barred spiral")
    assert math.isnan(plain.confidence)
    assert plain.comment == ""


@pytest.mark.parametrize("key", ["z", "Control+z"])
def test_undo_takes_the_label_back_and_shows_the_candidate_again(open_desk, visit, key):
    desk = open_desk()
    opened = visit().open(desk.address)
    (first,) = opened.press("r")
    opened.wait_until_saved()
    opened.press(key)
    assert opened.key == first
    opened.wait_until_saved()
    assert desk.labels() == {}
    actions = [stored.event.action for stored in desk.store.history()]
    assert actions == [LabelAction.LABEL, LabelAction.UNDO]
    opened.press("b")
    opened.wait_until_saved()
    assert desk.labels()[bare_id(first)].value is LabelValue.BOGUS


def test_undo_works_after_a_reload(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    (first,) = opened.press("r")
    opened.wait_until_saved()
    opened.open(desk.address)
    opened.page.wait_for_selector(".entry")
    opened.press("z")
    assert opened.key == first
    opened.wait_until_saved()
    assert desk.labels() == {}


def test_a_skipped_candidate_gets_no_label_and_comes_last(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    (first,) = opened.press("s")
    opened.press(*"bbbbb")
    opened.wait_until_saved()
    assert bare_id(first) not in desk.labels()
    assert len(desk.labels()) == 5


def test_undo_brings_a_skipped_candidate_back(open_desk, visit):
    opened = visit().open(open_desk().address)
    (first,) = opened.press("s")
    opened.press("z")
    assert opened.key == first


def test_a_sweep_of_the_grid_labels_all_but_the_marked(open_desk, visit):
    desk = open_desk()
    opened = visit().open(desk.address)
    page = opened.page
    page.keyboard.press("g")
    opened.until("() => document.querySelectorAll('.cell').length === 48")
    opened.until("() => document.activeElement.matches('.cell')")
    page.get_by_role("button", name="Label 48").wait_for()
    keys = page.eval_on_selector_all(".cell", "cells => cells.map(c => c.dataset.key)")
    for key in (" ", "ArrowRight", "u", "ArrowRight", "s", "ArrowRight", " ", " "):
        page.keyboard.press(key)
    page.get_by_role("button", name="Label 47").wait_for()  # what is left out gets no label
    page.keyboard.press("Enter")
    opened.until("key => document.querySelector('.cell').dataset.key !== key", keys[0])
    opened.wait_until_saved()
    values = {key: event.value.value for key, event in desk.labels().items()}
    expected = dict.fromkeys(map(bare_id, keys), "bogus")
    expected[bare_id(keys[0])] = "real"
    expected[bare_id(keys[1])] = "unknown"
    del expected[bare_id(keys[2])]
    assert values == expected
    page.keyboard.press("z")
    opened.until("key => document.querySelector('.cell').dataset.key === key", keys[0])
    opened.wait_until_saved()
    assert desk.labels() == {}


def test_blind_labelling_reveals_the_score_after_the_label(open_desk, visit):
    from skyvet.services.labelling.service import BundleScores

    score = np.linspace(0.01, 0.99, N_CANDIDATES)
    scores = BundleScores(bundle="tiny 1", score=score, logits=np.log(score / (1 - score)))
    desk = open_desk(scores=scores, blind=True)
    opened = visit().open(desk.address)
    page = opened.page
    assert page.locator(".score").inner_text().split("\n")[-1] == "Hidden until you label"
    assert "survey score" not in page.locator(".side").inner_text()
    (first,) = opened.press("r")
    opened.until("() => /score [<>]?\\s?[01]/.test(document.querySelector('.entry').textContent)")
    event = desk.labels()[bare_id(first)]
    assert event.shown.is_score_hidden
    shown = float(page.locator(".entry small").first.inner_text().split()[-1])
    assert shown == pytest.approx(event.shown.score, abs=6e-4)  # three decimals are shown


def test_two_labellers_never_see_the_same_candidate(open_desk, visit):
    desk = open_desk(accounts={"ada": "label", "bo": "label"})
    opened = [visit().open(f"{desk.address}?token={token}") for token in desk.tokens.values()]
    seen: list[list[str]] = [[], []]
    for _ in range(12):
        for i, one in enumerate(opened):
            seen[i] += one.press("b")
    for one in opened:
        one.wait_until_saved()
    assert not set(seen[0]) & set(seen[1])
    assert {event.labeller for event in desk.labels().values()} == {"ada", "bo"}
    assert len(desk.labels()) == 24


def test_a_read_only_link_shows_and_takes_nothing(open_desk, visit):
    desk = open_desk(accounts={"guest": "read"})
    opened = visit().open(f"{desk.address}?token={desk.tokens['guest']}")
    page = opened.page
    assert page.locator(".label-bar").count() == 0
    assert page.locator(".delivery").inner_text() == "Read only"
    first = opened.key
    page.keyboard.press("r")
    page.wait_for_timeout(200)
    assert opened.key == first
    opened.press("s")
    below = page.locator(".side").bounding_box()
    assert below["y"] > page.locator("#triplet").bounding_box()["height"], "no blank in its place"
    assert below["y"] + below["height"] < 768
    page.keyboard.press("g")
    page.wait_for_selector(".cell")
    page.keyboard.press("Enter")
    page.wait_for_timeout(200)
    assert desk.labels() == {}
    assert "token" not in page.url


def test_a_link_that_opens_nothing_says_why_once(open_desk, visit):
    desk = open_desk(accounts={"ada": "label"})
    page = visit(may_fail=True).page
    for link, words in (
        ("", ["This page needs an account", "Open it with the link that you were given."]),
        (
            "?token=wrong",
            [
                "This link is not valid (any more)",
                "Ask for a new one; labels that this browser keeps are delivered then.",
            ],
        ),
    ):
        page.goto(f"{desk.address}{link}")
        page.get_by_text(words[1]).wait_for()
        assert page.locator(".start").inner_text().split("\n") == [words[0], "", words[1]]


def planted_labels(n: int) -> tuple[LabelEvent, ...]:
    """Right labels of the first candidates, but one of a source that is called bogus."""
    return tuple(
        LabelEvent(
            survey="ztf",
            candidate_id=make_candidate(i).candidate_id,
            labeller="bo",
            value=LabelValue.REAL if i % 2 == 0 and i != 10 else LabelValue.BOGUS,
        )
        for i in range(n)
    )


def test_the_audit_queue_shows_the_given_label_and_flips_it(open_desk, visit):
    desk = open_desk(events=planted_labels(60), audit=True)
    opened = visit().open(desk.address)
    page = opened.page
    assert bare_id(opened.key) == str(make_candidate(10).candidate_id)
    assert page.locator(".audit p").inner_text().startswith("Labelled bogus by bo · suspicion")
    page.keyboard.press("f")
    opened.wait_until_saved()
    page.wait_for_selector(".entry")
    own = [e for e in desk.store.current() if e.labeller == "ada"]
    assert [(str(e.candidate_id), e.value.value) for e in own] == [
        (str(make_candidate(10).candidate_id), "real")
    ]


def test_a_round_is_learned_while_labelling_and_told(open_desk, visit):
    opened = visit().open(open_desk(refit_every=6).address)
    for _ in range(8):
        i: Any = int(bare_id(opened.key)) - make_candidate(0).candidate_id
        opened.press("r" if i % 2 == 0 else "b")
    opened.page.get_by_text("Round 1", exact=True).wait_for()
    opened.page.get_by_text("Round 1: the queue is ranked anew").wait_for(state="attached")


def test_the_last_candidate_ends_in_a_plain_sentence(open_desk, visit):
    events = planted_labels(N_CANDIDATES - 2)
    opened = visit().open(open_desk(events=events).address)
    row_of_labels = opened.page.locator(".label-row").first
    before = row_of_labels.bounding_box()
    opened.press("b")
    opened.page.keyboard.press("b")
    opened.page.get_by_text("The queue is finished").wait_for()
    opened.page.get_by_text("Every candidate has its label.").wait_for()
    assert abs(row_of_labels.bounding_box()["y"] - before["y"]) < 1, "nothing jumps"
    opened.page.keyboard.press("z")
    opened.page.wait_for_selector("#triplet")
