"""Answers in a label store: kept, joined over labellers, of this pool alone."""

from __future__ import annotations

import pytest

from skyvet.io.label_store.store import open_label_store
from skyvet.records.label_events import LabelEvent
from skyvet.records.labels import Label, LabelValue
from skyvet.strategies.rounds.store_answers import StoreAnswers

REAL, BOGUS, UNKNOWN = LabelValue.REAL, LabelValue.BOGUS, LabelValue.UNKNOWN


@pytest.fixture
def store(tmp_path):
    with open_label_store(tmp_path / "labels.db") as opened:
        yield opened


def event(identifier, value, labeller, survey="ztf"):
    return LabelEvent(survey=survey, candidate_id=identifier, labeller=labeller, value=value)


@pytest.mark.parametrize(
    ("votes", "stands"),
    [
        ([REAL], REAL),
        ([REAL, BOGUS], UNKNOWN),
        ([REAL, BOGUS, BOGUS], BOGUS),
        ([UNKNOWN, REAL], REAL),
        ([UNKNOWN], UNKNOWN),
    ],
)
def test_most_labellers_decide_and_a_tie_is_unknown(store, votes, stands):
    store.append([event(7, value, f"labeller {i}") for i, value in enumerate(votes)])
    assert dict(StoreAnswers(store, {"7": "ztf"}, strategy="margin").standing()) == {"7": stands}


def test_labels_of_other_candidates_and_surveys_are_passed_over(store):
    store.append([event(7, REAL, "ada", survey="lsst"), event(8, REAL, "ada")])
    assert not StoreAnswers(store, {"7": "ztf"}, strategy="margin").standing()


def test_an_answer_is_in_the_history_with_expert_and_strategy(store):
    answers = StoreAnswers(store, {"7": "ztf"}, strategy="margin")
    answers.add(Label(candidate_id=7, value=BOGUS, source="simulated expert"))
    (stored,) = store.history()
    assert (stored.event.labeller, stored.event.shown.strategy) == ("simulated expert", "margin")
    assert dict(answers.standing()) == {"7": BOGUS}
