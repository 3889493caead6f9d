"""The requirement in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import GateFacts
from skyvet.evaluation.gate import judge_requirement
from skyvet.evaluation.tables import sample_of_table


def _gate(n_tp: int, n_fn: int, n_fp: int, n_tn: int, **settings: float) -> GateFacts:
    score = np.repeat([0.9, 0.1, 0.9, 0.1], [n_tp, n_fn, n_fp, n_tn])
    label = np.repeat(["real", "real", "bogus", "bogus"], [n_tp, n_fn, n_fp, n_tn])
    table = pa.table(
        {
            "candidate_id": range(len(score)),
            "score": score,
            "label": label,
            "snr": np.full(len(score), 8.0),
        }
    )
    return judge_requirement(sample_of_table(table)[0], EvaluationConfig(**settings), threshold=0.5)


def test_many_good_labels_pass() -> None:
    gate = _gate(980, 20, 1, 4999)
    assert gate.outcome == "PASS"
    assert gate.requirement == "OSS-REQ-0353"
    assert "completeness 98.0%" in gate.sentence
    assert "met" in gate.sentence


def test_an_impure_selection_fails_and_no_labels_would_help() -> None:
    gate = _gate(980, 20, 500, 4500)
    assert gate.outcome == "FAIL"
    assert "interval of purity lies wholly below" in gate.advice


def test_few_labels_are_undecided_and_say_how_many_more() -> None:
    gate = _gate(20, 1, 0, 100)
    assert gate.outcome == "UNDECIDED"
    assert gate.n_more_real is not None
    assert f"{gate.n_more_real:,} more labelled real" in gate.advice


def test_the_promised_number_of_labels_does_decide() -> None:
    first = _gate(96, 4, 1, 999)
    assert first.outcome == "UNDECIDED"
    assert first.n_more_real is not None
    assert first.n_more_bogus is not None
    # Whole multiples keep the observed rates as they are.
    multiple = int(np.ceil(1 + max(first.n_more_real / 100, first.n_more_bogus / 1000)))
    later = _gate(*(multiple * n for n in (96, 4, 1, 999)))
    assert later.outcome == "PASS"


def test_a_missing_class_asks_for_labels_of_it() -> None:
    assert "Label some bogus candidates" in _gate(50, 0, 0, 0).advice
    assert "cannot be measured" in _gate(50, 0, 0, 0).sentence


@pytest.mark.parametrize("prior", [0.01, 0.1, 0.5])
def test_a_rarer_signal_never_makes_the_selection_purer(prior: float) -> None:
    assert (_gate(95, 5, 5, 995, prior=prior).purity.value or 0) <= (
        _gate(95, 5, 5, 995, prior=0.9).purity.value or 0
    )


def test_another_requirement_is_not_called_by_the_survey_name() -> None:
    assert _gate(50, 1, 1, 50, min_purity=0.8).requirement == "own requirement"
