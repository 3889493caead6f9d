"""Rounds: what is learnt, asked, kept."""

from __future__ import annotations

from skyvet.strategies.rounds.loop import run_rounds


def test_every_round_spends_its_labels_and_is_measured_on_the_test_set(
    candidates, make_run, expert
):
    result = run_rounds(candidates, make_run())
    assert [record.point.n_labels for record in result.records] == [0, 6, 12]
    assert [record.judged_on for record in result.records] == ["nothing", "test", "test"]
    assert len(expert.asked) == len(set(expert.asked)) == 12
    assert result.records[2].point.figures["auc"].value is not None
    assert result.bundle is not None
    assert (result.bundle / "model.onnx").is_file()
