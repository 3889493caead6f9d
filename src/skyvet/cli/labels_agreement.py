"""`skyvet labels agreement` and `skyvet labels consensus`: several labellers, compared."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.core.errors import LabelError
from skyvet.records.labels import LabelValue
from skyvet.strategies.consensus_configs import DawidSkeneConfig

if TYPE_CHECKING:
    from rich.table import Table

    from skyvet.strategies.consensus import Consensus, Ratings

__all__ = ["labels_agreement_command", "labels_consensus_command"]

StoreOption = Annotated[str, typer.Option(help="Label store: a path or postgresql://...")]
SurveyOption = Annotated[str | None, typer.Option(help="Only labels of this survey.")]


def labels_agreement_command(
    *,
    labels: StoreOption,
    survey: SurveyOption = None,
    config: DawidSkeneConfig,
    as_json: JsonOption = False,
) -> None:
    """Show how far labellers agree, and each with their consensus.

    Counts such as "real as bogus" take the consensus's label as the truth. The shares "model right
    of ..." are the model's own: a candidate counts for both classes by its probability, and
    --smoothing adds to each, so they differ from what the counts give.
    """
    from skyvet.scoring.agreement import count_votes, fleiss_kappa
    from skyvet.strategies.consensus import dawid_skene

    ratings = _ratings(labels, survey)
    votes = count_votes(ratings.labels, n_classes=2)
    consensus = dawid_skene(ratings, config)
    n_shared = int((votes.sum(axis=1) >= 2).sum())
    pairs, labellers = _pairs(ratings), _labellers(consensus)
    document = {
        "n_candidates": len(ratings.candidates), "n_with_two_labels": n_shared,
        "fleiss_kappa": fleiss_kappa(votes), "pairs": pairs, "labellers": labellers,
    }  # fmt: skip
    together = make_table(
        "All labellers together",
        ["candidates", "with two labels or more", "Fleiss' kappa"],
        [[len(ratings.candidates), n_shared, fleiss_kappa(votes)]],
    )
    tables = [
        together,
        _table("Pairs, on candidates that both call real or bogus", pairs),
        _table("Each labeller against the consensus (Dawid-Skene)", labellers),
    ]
    show_result(document, *tables, as_json=as_json)


def labels_consensus_command(
    out: Annotated[Path, typer.Argument(help="Label file to write, .csv or .parquet.")],
    *,
    labels: StoreOption,
    survey: SurveyOption = None,
    min_probability: Annotated[
        float,
        typer.Option(
            min=0.5, max=1.0, help="Candidates whose label is less probable become unknown."
        ),
    ] = 0.5,
    config: DawidSkeneConfig,
    as_json: JsonOption = False,
) -> None:
    """Write the labels on which labellers agree (Dawid-Skene)."""
    import pyarrow as pa

    from skyvet.io.label_store.event_tables import write_table
    from skyvet.io.tables import identifier_array
    from skyvet.strategies.consensus import dawid_skene

    ratings = _ratings(labels, survey)
    consensus = dawid_skene(ratings, config)
    real = consensus.probability_real
    values = [_value(p, min_probability).value for p in real]
    surveys, ids = zip(*ratings.candidates, strict=True)
    table = pa.table(
        {
            "survey": pa.array(surveys, pa.string()),
            "candidate_id": identifier_array(ids),
            "label": pa.array(values, pa.string()),
            "probability_real": pa.array(real, pa.float64(), from_pandas=True),
            "n_labels": pa.array((ratings.labels >= 0).sum(axis=1), pa.int64()),
            "source": pa.array(["Dawid-Skene consensus"] * len(ids), pa.string()),
        }
    )
    write_table(table, out)
    counts = {f"n_{value.value}": values.count(value.value) for value in LabelValue}
    document = {
        "out": str(out), **counts, "prevalence": consensus.prevalence,
        "is_converged": consensus.is_converged, "labellers": _labellers(consensus),
    }  # fmt: skip
    numbers = [(value.value, counts[f"n_{value.value}"]) for value in LabelValue]
    shown = make_table("Consensus", ["label", "candidates"], numbers)
    how = _table("Labellers", _labellers(consensus))
    show_result(document, shown, how, f"Labels: {out}", as_json=as_json)


def _ratings(labels: str, survey: str | None) -> Ratings:
    from skyvet.io.label_store.store import open_label_store
    from skyvet.strategies.consensus import ratings_of

    with open_label_store(labels, must_exist=True) as store:
        standing = [event for event in store.current() if survey in (None, event.survey)]
        label = store.label
    if not standing:
        of_survey = f" of survey {survey}" if survey else ""
        raise LabelError(f"label store {label} holds no label{of_survey} yet")
    return ratings_of(standing)


def _value(probability_real: float, min_probability: float) -> LabelValue:
    if not max(probability_real, 1.0 - probability_real) >= min_probability:
        return LabelValue.UNKNOWN
    if probability_real == 0.5:
        return LabelValue.UNKNOWN
    return LabelValue.REAL if probability_real > 0.5 else LabelValue.BOGUS


def _pairs(ratings: Ratings) -> list[dict[str, Any]]:
    from skyvet.scoring.agreement import pair_agreement

    rows = []
    for (i, first), (k, second) in itertools.combinations(enumerate(ratings.labellers), 2):
        found = pair_agreement(ratings.labels[:, i], ratings.labels[:, k])
        rows.append(
            {
                "one": first, "other": second, "both": found.n, "agree_[%]": 100 * found.fraction,
                "Cohen's_kappa": found.kappa,
            }
        )  # fmt: skip
    return rows


def _labellers(consensus: Consensus) -> list[dict[str, Any]]:
    """Return one row a labeller: counts against the consensus, and what the model makes of him."""
    from skyvet.scoring.agreement import confusion_with

    rows = []
    for i, name in enumerate(consensus.ratings.labellers):
        (bogus_bogus, bogus_real), (real_bogus, real_real) = confusion_with(
            consensus.labels, consensus.ratings.labels[:, i], n_classes=2
        ).tolist()
        rows.append(
            {
                "labeller": name, "real_as_real": real_real, "real_as_bogus": real_bogus,
                "bogus_as_bogus": bogus_bogus, "bogus_as_real": bogus_real,
                "model_right_of_real_[%]": 100 * float(consensus.confusions[i, 1, 1]),
                "model_right_of_bogus_[%]": 100 * float(consensus.confusions[i, 0, 0]),
            }
        )  # fmt: skip
    return rows


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    headings = [name.replace("_", " ") for name in rows[0]] if rows else ["nothing to compare"]
    return make_table(title, headings, [list(row.values()) for row in rows])
