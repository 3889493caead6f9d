"""Cross-validation of the classifier of frame sequences, for `skyvet evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from skyvet.cli.judged_scores import Judged, read_judged
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from skyvet.io.embedding_store import SequenceTable
    from skyvet.preprocessing.sequences import LabelledSequences
    from skyvet.training.sequences.train import OutOfFold

__all__ = ["FoldChoice", "Scheme", "cross_validate"]

Scheme = Literal["stratified", "by-field", "by-readout-channel", "published"]
"""Values of `skyvet.training.sequences.folds.FoldScheme`, which needs the extra ``train``."""

_CUTS: dict[Scheme, str] = {
    "stratified": "at random with even classes",
    "by-field": "by whole fields",
    "by-readout-channel": "by whole readout channels (field, CCD and quadrant)",
    "published": "at random with the published seed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldChoice:
    """How to cut the objects, and what to train.

    Parameters
    ----------
    scheme : str
        What a test fold is new in.
    n_folds, seed : int
        Number of folds; seed of the random order (the published folds have their own).
    classifiers : str
        Members, separated by commas.
    with_light_curve : bool
        Use light-curve features where the data have them.
    """

    scheme: Scheme
    n_folds: int
    seed: int
    classifiers: str
    with_light_curve: bool


def cross_validate(
    data: Path, labels: str | Path | None, choice: FoldChoice, *, out: Path, progress: Progress
) -> Judged:
    """Score every labelled object with members that were trained on the other folds.

    Parameters
    ----------
    data : Path
        Store of embeddings, or folder with ``embeddings.parquet``.
    labels : str, Path or None
        Label file or store; None takes the labels that the data carry.
    choice : FoldChoice
        Folds and members.
    out : Path
        Table of the out-of-fold scores to write.
    progress : Progress
        Told of every fit.

    Returns
    -------
    Judged
        With the median of the folds' thresholds.

    Raises
    ------
    InvalidInputError
        If the data are no embeddings, or too few objects are labelled for the folds.
    MissingDependencyError
        If the extra ``train`` is not installed.
    """
    from skyvet.cli.options import build_config
    from skyvet.training.sequences.configs import SequenceTrainConfig
    from skyvet.training.sequences.folds import FoldConfig
    from skyvet.training.sequences.train import cross_validate_sequences

    table, labelled = _labelled(data, labels)
    if not choice.with_light_curve:
        labelled = labelled.without_light_curve()
    config = build_config(SequenceTrainConfig, {}, {"classifiers": choice.classifiers})
    found = cross_validate_sequences(
        labelled,
        SequenceTrainConfig.model_validate(config),
        folds=FoldConfig.model_validate(
            {"scheme": choice.scheme, "n_folds": choice.n_folds, "seed": choice.seed}
        ),
        progress=progress,
    )
    _write(out, _score_table(table, labelled, found, choice), _facts(labelled, found, choice))
    return read_judged(out, labels, data)


def _labelled(data: Path, labels: str | Path | None) -> tuple[SequenceTable, LabelledSequences]:
    from skyvet.io.label_sources import read_label_source
    from skyvet.io.sequence_inputs import SequenceForm, sequence_form
    from skyvet.io.sequence_sources import read_sequences
    from skyvet.preprocessing.sequences import label_sequences
    from skyvet.records.labels import LabelValue

    if sequence_form(data) is not SequenceForm.EMBEDDINGS:
        raise InvalidInputError(
            f"{data} holds no embeddings to cross-validate on; score it with --bundle, give its "
            "scores with --scores, or embed its frames first (skyvet embed)"
        )
    table = read_sequences(data)
    if labels is None:
        return table, label_sequences(table)[0]
    rows = read_label_source(labels)
    pairs = zip(rows["candidate_id"].to_pylist(), rows["label"].to_pylist(), strict=True)
    given = {str(identifier): LabelValue(value) for identifier, value in pairs}
    return table, label_sequences(table, given)[0]


def _score_table(
    table: SequenceTable, labelled: LabelledSequences, found: OutOfFold, choice: FoldChoice
) -> pa.Table:
    """Return one row a labelled object, as `skyvet score` would write it, and its fold."""
    import pyarrow as pa

    from skyvet.io.tables import identifier_array

    row_of = {name: row for row, name in enumerate(table.sequences.object_ids.tolist())}
    ids = labelled.sequences.object_ids.tolist()
    rows = [row_of[name] for name in ids]
    identifiers = identifier_array(ids)
    n = len(ids)
    return pa.table(
        {
            "candidate_id": identifiers,
            "object_id": identifiers,
            "survey": pa.array([table.surveys[row] for row in rows], pa.string()),
            "band": pa.array([table.bands[row] for row in rows], pa.string()),
            "score": pa.array(found.scores, pa.float32()),
            "logit": pa.array(found.logits, pa.float32()),
            "is_calibrated": pa.array([True] * n),
            "bundle": pa.array([f"cross-validated {choice.classifiers}"] * n, pa.string()),
            "n_frames": pa.array(labelled.sequences.n_frames, pa.int32()),
            "n_unusable_frames": pa.array(table.n_unusable_frames[rows], pa.int32()),
            "subtype": pa.array(_likeliest(found), pa.string()),
            "fold": pa.array(found.folds, pa.int32()),
        }
    )


def _likeliest(found: OutOfFold) -> list[str]:
    if not found.subtype_names:
        return [""] * len(found.scores)
    known = np.nan_to_num(found.subtype_probabilities, nan=-1.0)
    return [found.subtype_names[i_kind] for i_kind in known.argmax(axis=1)]


def _facts(labelled: LabelledSequences, found: OutOfFold, choice: FoldChoice) -> dict[str, Any]:
    """Return what the table says of how it was made."""
    from skyvet.scoring.curves import roc_auc

    aucs = []
    for i_fold in range(choice.n_folds):
        tested = found.folds == i_fold
        if len(np.unique(labelled.labels[tested])) == 2:
            aucs.append(float(roc_auc(found.scores[tested], labelled.labels[tested])))
    features = labelled.sequences.light_curve is not None
    protocol = (
        f"Every score is out of fold: {choice.n_folds} folds, cut {_CUTS[choice.scheme]}; members, "
        "calibration and threshold come from the other folds alone. Trained on frames"
        f"{' and light-curve features' if features else ' only'}. ROC AUC of the folds: mean "
        f"{np.mean(aucs):.4f}, standard deviation {np.std(aucs):.4f}."
    )
    return {
        "bundle": f"cross-validated {choice.classifiers}",
        "threshold": float(np.median(found.thresholds)),
        "protocol": protocol,
        "fold_aucs": aucs,
    }


def _write(out: Path, table: pa.Table, facts: dict[str, Any]) -> None:
    import pyarrow.parquet as pq

    from skyvet.core.files import atomic_path
    from skyvet.io.score_tables import score_metadata

    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as draft:
        pq.write_table(table.replace_schema_metadata(score_metadata(facts)), draft)
