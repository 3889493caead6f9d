"""The scores and labels that `skyvet evaluate` judges, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skyvet.cli.console import note
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Judged", "read_judged", "scored_with_bundle"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Scores with labels.

    Parameters
    ----------
    table : Table
        A score table with the columns of `skyvet.evaluation.tables.join_labels`.
    threshold : float or None
        Score from which on the run called REAL.
    protocol : str
        Sentence on how it was made sure that no model was trained on what it scores; may be empty.
    fold_aucs : tuple of float
        ROC AUC of each fold of a cross-validation; empty otherwise.
    """

    table: pa.Table
    threshold: float | None
    protocol: str = ""
    fold_aucs: tuple[float, ...] = ()


def read_judged(scores: Path, labels: str | Path | None, data: Path | None) -> Judged:
    """Join a score table with a label file or store, or with the labels that the data carry.

    Raises
    ------
    InvalidInputError
        If there are no labels, or they do not fit the scores.
    """
    from skyvet.evaluation.tables import join_labels
    from skyvet.io.score_tables import read_scores

    table = read_scores(scores)
    joined = join_labels(table.rows, _labels(labels, data))
    protocol = str(table.settings.get("protocol", ""))
    if _is_training_data(joined, table.settings.get("trained_on_sha256")):
        protocol = (
            "The bundle was trained on these very labelled objects: no figure here says how it "
            "does on new ones. Its card has figures on rows that no scoring member had seen."
        )
        note(f"warning: {protocol}")
    return Judged(
        table=joined,
        threshold=table.threshold,
        protocol=protocol,
        fold_aucs=tuple(table.settings.get("fold_aucs", ())),
    )


def _is_training_data(joined: pa.Table, trained_on: str | None) -> bool:
    from skyvet.records.identifiers import hash_identifiers

    labelled = zip(joined["candidate_id"].to_pylist(), joined["label"].to_pylist(), strict=True)
    return hash_identifiers(i for i, label in labelled if label in {"real", "bogus"}) == trained_on


def _labels(labels: str | Path | None, data: Path | None) -> pa.Table:
    from skyvet.io.label_sources import read_label_source
    from skyvet.io.sequence_inputs import labels_of_sequences, sequence_form

    if labels is not None:
        return read_label_source(labels)
    if data is None or sequence_form(data) is None:
        raise InvalidInputError(
            "there are no labels: give a label file or store with --labels, or data that carry "
            "labels (frame sequences) with --data"
        )
    table = labels_of_sequences(data)
    if table.num_rows == 0:
        raise InvalidInputError(
            f"{data} carries no labels; give a label file or store with --labels"
        )
    return table


def scored_with_bundle(
    data: Path, bundle: str, labels: str | Path | None, *, out: Path, progress: Progress
) -> Judged:
    """Score frame sequences or a dataset with a bundle and join the scores with labels.

    Parameters
    ----------
    data : Path
        Frame sequences in any form, or a dataset folder.
    bundle : str
        Folder or name of a bundle of the same kind.
    labels : str, Path or None
        Label file or store; None takes the labels that the data carry.
    out : Path
        Score table to write.
    progress : Progress
        Told of every object.

    Raises
    ------
    BundleError
        If bundle and data are not of one kind.
    InvalidInputError
        If there are no labels.
    """
    from skyvet.cli.sequence_scoring import fitting_sequence_input
    from skyvet.inference.configs import ScoreConfig

    _labels(labels, data)
    out.parent.mkdir(parents=True, exist_ok=True)
    if fitting_sequence_input([str(data)], bundle) is not None:
        from skyvet.inference.sequences import score_sequences
        from skyvet.models.sequence_bundle import load_sequence_bundle

        loaded = load_sequence_bundle(Path(bundle))
        score_sequences(data, out, bundle=loaded, config=ScoreConfig(), progress=progress)
    else:
        from skyvet.inference.batch import score_alerts
        from skyvet.models.bundle import load_bundle

        score_alerts(
            [data], out, bundle=load_bundle(bundle), config=ScoreConfig(), progress=progress
        )
    return read_judged(out, labels, data)
