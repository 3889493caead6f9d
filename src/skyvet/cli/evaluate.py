"""`skyvet evaluate`: scores and labels to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import EvaluationResult
from skyvet.io.dataset import Dataset
from skyvet.io.injection_tables import read_injection_truth
from skyvet.io.label_files import read_labels
from skyvet.io.score_tables import read_scores
from skyvet.io.stamp_lookup import StampLookup

__all__ = ["evaluate_command"]


def evaluate_command(
    *,
    scores: Annotated[Path, typer.Option(help="Score table (from skyvet score).")],
    labels: Annotated[Path, typer.Option(help="Label file, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html and report.json.")],
    data: Annotated[
        Path | None, typer.Option(help="Dataset folder of the same candidates, for the pictures.")
    ] = None,
    injections: Annotated[
        Path | None,
        typer.Option(help="Truth of injected sources (truth.parquet from skyvet inject)."),
    ] = None,
    injection_scores: Annotated[
        Path | None, typer.Option(help="Their score table, where it is not the one of --scores.")
    ] = None,
    config: EvaluationConfig,
    as_json: JsonOption = False,
) -> None:
    """Judge scores by labels and write a report."""
    from skyvet.evaluation.pages import write_report
    from skyvet.evaluation.report import evaluate
    from skyvet.evaluation.summary import headline_numbers, summary_rows
    from skyvet.evaluation.tables import join_labels

    table = read_scores(scores)
    if "threshold" not in config.model_fields_set and table.threshold is not None:
        config = config.model_copy(update={"threshold": table.threshold})
    result = evaluate(join_labels(table.rows, read_labels(labels)), config)
    if injections is not None:
        result = _with_injections(result, injections, injection_scores or scores)
    fetch = None if data is None else StampLookup(Dataset.open(data))
    paths = write_report(result, out, fetch)
    document = {
        "report": str(paths.html),
        "facts": str(paths.json),
        "requirement": result.gate.outcome,
        **headline_numbers(result),
    }
    rows = make_table(result.title, ["figure", "value", "interval", "note"], summary_rows(result))
    show_result(document, rows, f"Report: {paths.html}", as_json=as_json)


def _with_injections(result: EvaluationResult, truth: Path, scores: Path) -> EvaluationResult:
    """Add completeness of injected sources at the report's threshold."""
    from skyvet.evaluation.completeness import CompletenessConfig, measure_completeness

    config = CompletenessConfig(
        threshold=result.threshold, confidence=result.confidence, seed=result.seed
    )
    facts = measure_completeness(read_injection_truth(truth), read_scores(scores).rows, config)
    return result.model_copy(update={"injections": facts})
