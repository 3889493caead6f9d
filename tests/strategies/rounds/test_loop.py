"""Rounds: what is learnt, asked, kept, and taken up again."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from skyvet.core.errors import DatasetError
from skyvet.models.bundle import load_bundle
from skyvet.models.predictor import Predictor
from skyvet.records.labels import Label, LabelValue
from skyvet.strategies.rounds.answers import FileAnswers
from skyvet.strategies.rounds.loop import RoundsResult, run_rounds
from skyvet.strategies.rounds.records import read_ask, read_round, round_folder


class PowerCutError(Exception):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def _bundles_only_where_they_are_tested(request, monkeypatch):
    """Export takes seconds."""
    if request.node.get_closest_marker("integration") is None:
        monkeypatch.setattr("skyvet.strategies.rounds.loop._pack", lambda *_: False)


def content(result: RoundsResult) -> list[dict[str, object]]:
    """All that a run found, but for the seconds it took."""
    return [record.model_dump(exclude={"seconds"}) for record in result.records]


def test_every_round_spends_its_labels_and_is_measured_on_the_test_set(
    candidates, make_run, expert
):
    result = run_rounds(candidates, make_run())
    assert [record.point.n_labels for record in result.records] == [0, 6, 12]
    assert [record.judged_on for record in result.records] == ["nothing", "test", "test"]
    assert len(expert.asked) == len(set(expert.asked)) == 12
    assert result.records[2].point.figures["auc"].value is not None
    assert result.n_missing == 0


@pytest.mark.integration
def test_bundle_of_the_last_round_scores_like_its_card_says(candidates, make_run):
    result = run_rounds(candidates, make_run())
    bundle = load_bundle(result.bundle)
    logits = Predictor(bundle).run(np.array(candidates.test.rows.stamps, dtype=np.float32), None)
    assert np.isfinite(logits).all()
    assert "12 labels spent" in bundle.card
    assert "of the candidates is real (" in " ".join(bundle.card.split())
    assert "`least_confidence`" in bundle.card
    assert "Labelled by: truth." in bundle.card
    assert bundle.info.training["learner"]["kind"] == "supervised"
    assert bundle.info.metrics["n_labels_spent"] == 12


def test_no_candidate_or_object_of_the_test_set_is_asked_for(candidates, make_run, expert):
    run_rounds(candidates, make_run(n_rounds=2, n_per_round=15))
    assert len(expert.asked) == len(candidates.pool) == 30
    assert not set(expert.asked) & set(candidates.test.rows.candidate_ids.tolist())


def test_run_ends_when_the_pool_is_empty(candidates, make_run):
    result = run_rounds(candidates, make_run(n_rounds=9, n_per_round=20))
    assert [record.n_asked for record in result.records] == [20, 10, 0]


def test_unknown_answers_are_spent_and_never_learnt_from(candidates, make_run, make_expert):
    expert = make_expert(unknown=set(range(0, 30, 3)))
    result = run_rounds(candidates, make_run(expert=expert, n_rounds=2, n_per_round=15))
    last = result.records[-1].point
    assert (last.n_labels, last.n_unknown) == (30, 10)
    assert last.n_real + last.n_bogus == 20
    assert len(set(expert.asked)) == 30


@pytest.mark.parametrize("n_answers", [0, 5, 7])
def test_a_run_cut_off_between_answers_ends_as_one_that_was_not(
    candidates, make_run, make_expert, n_answers, tmp_path
):
    whole = run_rounds(
        candidates,
        make_run(folder=tmp_path / "whole", answers=FileAnswers(tmp_path / "whole.csv")),
    )
    first, second = make_expert(), make_expert()
    answer = first.ask

    def ask(candidate_id):
        if len(first.asked) == n_answers:
            raise PowerCutError
        return answer(candidate_id)

    first.ask = ask
    with pytest.raises(PowerCutError):
        run_rounds(candidates, make_run(expert=first))
    result = run_rounds(candidates, make_run(expert=second))
    assert content(result) == content(whole)
    assert len(first.asked) + len(second.asked) == 12
    assert not set(first.asked) & set(second.asked)


def test_a_run_cut_off_in_a_fit_learns_from_the_labels_it_began_with(
    candidates, make_run, monkeypatch, candidate_ids
):
    learner = "skyvet.strategies.rounds.loop.learn_round"
    with monkeypatch.context() as patched:
        patched.setattr(learner, lambda *_, **__: (_ for _ in ()).throw(PowerCutError))
        with pytest.raises(PowerCutError):
            run_rounds(candidates, make_run())
    run = make_run()
    run.answers.add(Label(candidate_id=candidate_ids[3], value=LabelValue.BOGUS, source="later"))
    assert run_rounds(candidates, run).records[0].point.n_labels == 0


def test_a_finished_run_does_nothing_more(candidates, make_run, expert):
    first = run_rounds(candidates, make_run())
    n_asked = len(expert.asked)
    again = run_rounds(candidates, make_run())
    assert content(again) == content(first)
    assert len(expert.asked) == n_asked


def test_more_rounds_go_on_where_fewer_ended(candidates, make_run, expert):
    short = run_rounds(candidates, make_run(n_rounds=1))
    longer = run_rounds(candidates, make_run(n_rounds=2))
    assert content(longer)[:2] == content(short)
    assert len(expert.asked) == 12


def test_people_are_waited_for_and_other_labels_count_too(candidates, make_run, candidate_ids):
    run = make_run(expert=None, n_rounds=1, n_per_round=4)
    assert run_rounds(candidates, run).n_missing == 4
    asked = read_ask(run.folder, 0)
    others = [i for i in candidate_ids[:30] if i not in asked][:2]
    for identifier in [*asked[:2], *others]:
        value = LabelValue.REAL if identifier % 2 == 0 else LabelValue.BOGUS
        run.answers.add(Label(candidate_id=identifier, value=value, source="ada"))
    result = run_rounds(candidates, run)
    assert result.n_missing == 0
    assert result.records[1].point.n_labels == 4


def test_waiting_ends_when_the_labels_are_there(candidates, make_run, candidate_ids):
    missing: list[int] = []
    run = make_run(expert=None, n_rounds=1, n_per_round=3)

    def label_one(n_missing: int) -> bool:
        missing.append(n_missing)
        asked = read_ask(run.folder, 0)[3 - n_missing]
        run.answers.add(Label(candidate_id=asked, value=LabelValue.UNKNOWN, source="ada"))
        return True

    result = run_rounds(candidates, dataclasses.replace(run, wait=label_one))
    assert missing == [3, 2, 1]
    assert result.n_missing == 0
    assert result.records[1].point.n_unknown == 3


@pytest.mark.integration
def test_strategies_that_need_members_and_embeddings_get_them(candidates, make_run):
    for kind in ("badge", "disagreement"):
        folder = candidates_folder = make_run().folder.with_name(kind)
        run = make_run(
            folder=folder,
            answers=FileAnswers(candidates_folder / "a.csv"),
            strategy={"kind": kind},
            n_rounds=1,
            n_per_round=10,
        )
        result = run_rounds(candidates, run)
        assert result.records[1].asked_by == kind
        assert result.records[1].n_asked == 10
    assert round_folder(folder, 1).is_dir()


def test_a_round_that_is_gone_below_later_ones_is_refused(candidates, make_run, expert):
    run_rounds(candidates, make_run())
    shutil.rmtree(round_folder(make_run().folder, 1))
    n_asked = len(expert.asked)
    with pytest.raises(DatasetError, match=r"round-001 is missing.*round-002.*remove"):
        run_rounds(candidates, make_run())
    assert len(expert.asked) == n_asked


@pytest.mark.parametrize("content", ["{}", "[1", '{"i_round": -1}'])
def test_a_damaged_record_is_one_line_that_says_what_to_do(tmp_path, content):
    folder = round_folder(tmp_path, 0)
    folder.mkdir()
    (folder / "round.json").write_text(content)
    with pytest.raises(DatasetError, match=r"is damaged.*remove this round") as caught:
        read_round(tmp_path, 0)
    assert "\n" not in str(caught.value)
    assert "http" not in str(caught.value)
