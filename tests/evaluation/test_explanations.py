"""How good the reasons are: kinds and guilty frames against what is known of each object."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from skyvet.evaluation import pages
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import EvaluationResult, ExplanationFacts
from skyvet.evaluation.report import evaluate
from skyvet.evaluation.tables import join_labels
from skyvet.scoring.intervals import wilson_interval

QUICK = EvaluationConfig(n_resamples=20, n_examples=1)

SCORES = pa.table(
    {
        "candidate_id": list("abcdef"),
        "object_id": list("abcdef"),
        "score": [0.1, 0.2, 0.3, 0.8, 0.9, 0.1],
        "n_frames": [10, 10, 20, 10, 10, 10],
        "subtype": ["ghost", "track", "track", "ghost", "ghost", "ghost"],
        "top_frames": [[3, 1, 2], [0, 4, 5], [7, 8, 9], [1, 2, 3], [1, 2, 3], [1, 2, 3]],
    }
)
LABELS = pa.table(
    {
        "candidate_id": list("abcdef"),
        "label": ["bogus"] * 4 + ["real"] * 2,
        "subclass": ["ghost", "ghost", "ghost, track", "ghost", None, None],
        "guilty_frames": pa.array([[3], [5], [1], None, [], [1]], pa.list_(pa.int32())),
    }
)


def explained(scores: pa.Table = SCORES, labels: pa.Table = LABELS) -> ExplanationFacts | None:
    return evaluate(join_labels(scores, labels), QUICK).explanations


def test_a_kind_is_right_where_it_is_one_of_the_tags_of_an_object_called_bogus() -> None:
    facts = explained()
    assert facts is not None
    ghost, track, every = facts.kinds
    assert (ghost.name, ghost.n, ghost.n_called_bogus) == ("ghost", 4, 3)
    assert ghost.called_bogus.value == pytest.approx(3 / 4)
    assert ghost.right.value == pytest.approx(2 / 3)
    wilson = wilson_interval(2, 3, level=0.95)
    assert (ghost.right.low, ghost.right.high) == pytest.approx((wilson.low, wilson.high))
    assert (track.name, track.n, track.right.value) == ("track", 1, 1.0)
    assert (every.name, every.n) == ("any kind", 4)
    assert every.right.value == pytest.approx(2 / 3)


def test_guilty_frames_are_looked_for_among_the_first_of_each_object_that_has_any() -> None:
    facts = explained()
    assert facts is not None
    assert facts.n_with_guilty_frames == 3
    found = {fact.n_first: fact.found.value for fact in facts.frames}
    assert found == {1: pytest.approx(1 / 3), 3: pytest.approx(2 / 3)}


def test_chance_is_what_blind_draws_give() -> None:
    facts = explained()
    assert facts is not None
    rng = np.random.default_rng(2)
    drawn = [
        np.mean([0 in rng.choice(n, size=3, replace=False) for _ in range(4000)])
        for n in (10, 10, 20)
    ]
    assert facts.frames[1].by_chance == pytest.approx(np.mean(drawn), abs=0.02)


def test_what_is_not_known_is_not_measured() -> None:
    assert explained(SCORES.drop(["subtype", "top_frames"])) is None
    facts = explained(labels=LABELS.drop(["guilty_frames"]))
    assert facts is not None
    assert (facts.frames, facts.n_with_guilty_frames) == ((), 0)
    facts = explained(labels=LABELS.drop(["subclass"]))
    assert facts is not None
    assert facts.kinds == ()


def test_a_kind_never_called_bogus_has_no_share_that_is_right() -> None:
    all_kept = SCORES.set_column(2, "score", pa.array([0.9] * 6))
    facts = explained(all_kept)
    assert facts is not None
    assert facts.kinds[0].called_bogus.value == 0.0
    assert facts.kinds[0].right.value is None
    assert "NaN" not in facts.model_dump_json()


def test_the_page_shows_both_tables() -> None:
    result: EvaluationResult = evaluate(join_labels(SCORES, LABELS), QUICK)
    page = pages.render_page(result)
    assert 'href="#reasons"' in page
    assert "Of 3 objects labelled bogus it is known which frames" in page
    assert "66.7%" in page
    without = pages.render_page(result.model_copy(update={"explanations": None}))
    assert "reasons" not in without
