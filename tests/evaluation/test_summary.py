"""Rows for the terminal and numbers for machines."""

from __future__ import annotations

import shlex

import pyarrow as pa
import pytest

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import Estimate
from skyvet.evaluation.report import evaluate
from skyvet.evaluation.summary import headline_numbers, summary_rows
from skyvet.evaluation.words import command_line, number_text, percent_text


def test_rows_begin_with_the_gate_and_end_with_the_counts(
    table: pa.Table, quick_config: EvaluationConfig
) -> None:
    result = evaluate(table, quick_config)
    rows = summary_rows(result)
    assert rows[0].value == result.gate.outcome
    assert rows[-1].value == f"{result.counts.n_real} / {result.counts.n_bogus}"
    assert any(row.note == "at prior 0.1" for row in rows)


def test_numbers_carry_value_and_interval(table: pa.Table, quick_config: EvaluationConfig) -> None:
    numbers = headline_numbers(evaluate(table, quick_config))
    low, value, high = (numbers[k] for k in ("auc_low", "auc", "auc_high"))
    assert isinstance(low, float)
    assert isinstance(value, float)
    assert isinstance(high, float)
    assert low < value < high


@pytest.mark.parametrize("value", [0.99951, 0.00049, 0.9999, 0.0001])
def test_a_percentage_never_rounds_to_a_false_certainty(value: float) -> None:
    assert percent_text(value) not in ("100.0%", "100%", "0.0%", "0%", "0.00%", "100.00%")


def test_an_estimate_without_value_is_a_dash() -> None:
    assert percent_text(Estimate().value) == "\N{EN DASH}"


@pytest.mark.parametrize("value", [0.99996, 0.00004, -0.00004])
def test_a_figure_never_rounds_to_a_false_zero_or_one(value: float) -> None:
    assert float(number_text(value).replace("\N{MINUS SIGN}", "-")) not in (0.0, 1.0)


def test_the_command_line_gives_back_the_settings() -> None:
    config = EvaluationConfig(prior=0.25, snr_cuts=(0.0, 7.0), target="fpr", target_value=0.01)
    words = shlex.split(command_line(config))
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert given["--prior"] == "0.25"
    assert given["--snr-cuts"] == "0,7"
    assert given["--target"] == "fpr"
    assert "--seed" not in given
