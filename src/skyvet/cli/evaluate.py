"""`skyvet evaluate`: scores and labels to a report."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.cross_validated import FoldChoice, Scheme
from skyvet.cli.evaluated_sources import SourceJudgement, is_for_sources
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.configs import MAX_SEED
from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import EvaluationResult

if TYPE_CHECKING:
    from skyvet.cli.judged_scores import Judged

__all__ = ["evaluate_command"]

_SCORES = "scores.parquet"


def evaluate_command(
    *,
    scores: Annotated[
        Path | None, typer.Option(help="Score table of candidates, objects or sources.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Label file or store; default the labels that --data carries."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for report.html and report.json.")] = Path(
        "report"
    ),
    data: Annotated[
        Path | None,
        typer.Option(
            help="Dataset folder of the candidates, for the pictures; or frame sequences (frames "
            "or embeddings), or the features of sources. Without --scores these are scored with "
            "--bundle, or cross-validated."
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            help="Score --data with this bundle, in place of --scores; for scores of sources also "
            "the one that made them, for thresholds and features."
        ),
    ] = None,
    frames: Annotated[
        Path | None,
        typer.Option(help="Frames of the objects, for the evidence strips; default --data."),
    ] = None,
    light_curves: Annotated[
        Path | None, typer.Option(help="Light curves of the objects or sources.")
    ] = None,
    folds: Annotated[
        Scheme, typer.Option(help="Cross-validation: what a test fold is new in.")
    ] = "stratified",
    n_folds: Annotated[int, typer.Option(min=2, help="Cross-validation: folds.")] = 5,
    fold_seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Cross-validation: seed.")
    ] = 42,
    light_curve_preset: Annotated[
        str, typer.Option(help="Classes of sources: names and units of --light-curves (preset).")
    ] = "",
    taxonomy: Annotated[
        str,
        typer.Option(
            help="Classes of sources: ontological, phenomenological or a YAML file; default the "
            "bundle's, else ontological."
        ),
    ] = "",
    min_vote: Annotated[
        float,
        typer.Option(help="Classes of sources: a vote of at least this is a yes.", min=0.51, max=1),
    ] = 0.7,
    classifiers: Annotated[
        str, typer.Option(help="Cross-validation: members, separated by commas.")
    ] = "pooled",
    light_curve: Annotated[
        bool, typer.Option(help="Cross-validation: use light-curve features where there are any.")
    ] = True,
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
    if is_for_sources(scores, bundle):
        judgement = SourceJudgement(
            scores=scores,
            labels=labels,
            bundle=bundle,
            taxonomy=taxonomy,
            features=data,
            light_curves=light_curves,
            preset=light_curve_preset,
            min_vote=min_vote,
            out=out,
        )
        judgement.run(config, as_json=as_json)
        return
    choice = FoldChoice(
        scheme=folds,
        n_folds=n_folds,
        seed=fold_seed,
        classifiers=classifiers,
        with_light_curve=light_curve,
    )
    show = _pictures(data, frames, light_curves)
    judged = _judged(scores, labels, data, bundle, choice, out=out, quiet=as_json)
    result = _evaluate(judged, config)
    if injections is not None:
        own = injection_scores or scores or out / _SCORES
        result = _with_injections(result, injections, own)
    _report(result, judged, out, show, as_json=as_json)


def _judged(
    scores: Path | None,
    labels: str | None,
    data: Path | None,
    bundle: str | None,
    choice: FoldChoice,
    *,
    out: Path,
    quiet: bool,
) -> Judged:
    """Read scores, or make them with the bundle or by cross-validation."""
    from skyvet.cli.cross_validated import cross_validate
    from skyvet.cli.judged_scores import read_judged, scored_with_bundle

    if scores is not None and bundle is not None:
        raise InvalidInputError("give --scores or --bundle, not both")
    if scores is not None:
        return read_judged(scores, labels, data)
    if data is None:
        raise InvalidInputError("nothing to judge: give --scores, or --data to be scored")
    with shown_progress(quiet=quiet) as progress:
        if bundle is not None:
            return scored_with_bundle(data, bundle, labels, out=out / _SCORES, progress=progress)
        return cross_validate(data, labels, choice, out=out / _SCORES, progress=progress)


def _evaluate(judged: Judged, config: EvaluationConfig) -> EvaluationResult:
    from skyvet.evaluation.report import evaluate

    is_own = "threshold" not in config.model_fields_set and judged.threshold is not None
    if is_own:
        config = config.model_copy(update={"threshold": judged.threshold})
    result = evaluate(judged.table, config, protocol=judged.protocol)
    if is_own and config.target == "none":
        return result.model_copy(update={"threshold_origin": "the bundle's own"})
    return result


def _pictures(
    data: Path | None, frames: Path | None, light_curves: Path | None
) -> dict[str, Callable[..., Any]]:
    """Return what the page shows: stamps of a dataset, or frames of sequences, or nothing."""
    from skyvet.io.dataset import Dataset
    from skyvet.io.frame_lookup import FrameLookup
    from skyvet.io.parts import manifest_kind
    from skyvet.io.sequence_inputs import SequenceForm, sequence_form
    from skyvet.io.stamp_lookup import StampLookup

    if frames is not None:
        return {"fetch_frames": FrameLookup(frames, light_curves)}
    if data is None:
        return {}
    form = sequence_form(data)
    if form is SequenceForm.FRAMES:
        return {"fetch_frames": FrameLookup(data, light_curves)}
    if form is SequenceForm.EMBEDDINGS:
        return {}
    if manifest_kind(data) is None:
        raise InvalidInputError(
            f"--data {data} is neither a dataset folder (skyvet ingest) nor frame sequences (a "
            "frame store, FITS frames in one folder an object, or embeddings)"
        )
    return {"fetch": StampLookup(Dataset.open(data))}


def _report(
    result: EvaluationResult,
    judged: Judged,
    out: Path,
    show: dict[str, Callable[..., Any]],
    *,
    as_json: bool,
) -> None:
    """Write the page and say what it says."""
    from skyvet.evaluation.pages import write_report
    from skyvet.evaluation.summary import SummaryRow, headline_numbers, summary_rows

    paths = write_report(result, out, **show)
    document = {
        "report": str(paths.html),
        "facts": str(paths.json),
        "requirement": result.gate.outcome,
        **headline_numbers(result),
    }
    rows = summary_rows(result)
    if judged.fold_aucs:
        mean, spread = statistics.fmean(judged.fold_aucs), statistics.pstdev(judged.fold_aucs)
        document |= {"fold_auc_mean": mean, "fold_auc_std": spread}
        each = ", ".join(f"{auc:.3f}" for auc in judged.fold_aucs)
        text = f"{mean:.4f} \N{PLUS-MINUS SIGN} {spread:.4f}"
        rows = (*rows, SummaryRow("ROC AUC over the folds", text, "", each))
    table = make_table(result.title, ["figure", "value", "interval", "note"], rows)
    show_result(document, table, f"Report: {paths.html}", as_json=as_json)


def _with_injections(result: EvaluationResult, truth: Path, scores: Path) -> EvaluationResult:
    """Add completeness of injected sources at the report's threshold."""
    from skyvet.evaluation.completeness import CompletenessConfig, measure_completeness
    from skyvet.io.injection_tables import read_injection_truth
    from skyvet.io.score_tables import read_scores

    config = CompletenessConfig(
        threshold=result.threshold, confidence=result.confidence, seed=result.seed
    )
    facts = measure_completeness(read_injection_truth(truth), read_scores(scores).rows, config)
    return result.model_copy(update={"injections": facts})
