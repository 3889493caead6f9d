"""The few rows that a terminal shows after an evaluation."""

from __future__ import annotations

from typing import NamedTuple

from skyvet.evaluation.facts import Estimate, EvaluationResult
from skyvet.evaluation.words import interval_text, number_text

__all__ = ["SummaryRow", "headline_numbers", "summary_rows"]

_MIXES = {"prior": "at prior {prior:g}", "counted": "as counted", "none": ""}


class SummaryRow(NamedTuple):
    """One row of the terminal's table; all text.

    Attributes
    ----------
    name, value, interval, note : str
        Interval and note may be empty.
    """

    name: str
    value: str
    interval: str
    note: str


def summary_rows(result: EvaluationResult) -> tuple[SummaryRow, ...]:
    """Return the headline as rows of text: requirement first, then figures, then counts.

    Parameters
    ----------
    result : EvaluationResult
        From `skyvet.evaluation.report.evaluate`.

    Returns
    -------
    tuple of SummaryRow
    """
    gate = result.gate
    first = SummaryRow(gate.requirement, gate.outcome, "", gate.advice)
    figures = tuple(
        SummaryRow(
            figure.name,
            number_text(figure.estimate.value),
            interval_text(figure.estimate),
            _MIXES[figure.weighting].format(prior=result.prior),
        )
        for figure in result.headline
    )
    counts = result.counts
    last = SummaryRow(
        "Labelled real / bogus",
        f"{counts.n_real:,} / {counts.n_bogus:,}",
        "",
        f"of {counts.n_scored:,} scored; {counts.n_unknown:,} unknown left out",
    )
    return (first, *figures, last)


def headline_numbers(result: EvaluationResult) -> dict[str, float | str | None]:
    """Return the headline as one flat JSON object for machines.

    Parameters
    ----------
    result : EvaluationResult
        From `skyvet.evaluation.report.evaluate`.

    Returns
    -------
    dict
        ``gate`` and, for each figure, its key, ``KEY_low`` and ``KEY_high``; None where it cannot
        be computed.
    """
    numbers: dict[str, float | str | None] = {"gate": result.gate.outcome}
    for figure in result.headline:
        numbers |= _ends(figure.key, figure.estimate)
    return numbers


def _ends(key: str, estimate: Estimate) -> dict[str, float | None]:
    return {key: estimate.value, f"{key}_low": estimate.low, f"{key}_high": estimate.high}
