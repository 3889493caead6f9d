"""Figures of out-of-fold scores, fold by fold, and their tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.intervals import bootstrap_intervals
from skyvet.scoring.metrics import brier_score, completeness_at_purity
from skyvet.scoring.reliability import expected_calibration_error
from skyvet.training.sequences.folds import FoldScheme, groups_of
from skyvet.training.sequences.train import OutOfFold


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldFigures:
    """Mean over test folds (and standard deviation between them); ECE and Brier of all together.

    Parameters
    ----------
    name : str
        Of the model.
    auc, auc_std, accuracy, accuracy_std, f1 : float
        Artefacts are the positive class of F1, as in the paper; accuracy and F1 at 0.5.
    pooled_auc : float
        Of all out-of-fold scores together.
    ece, brier, completeness_at_purity_95 : float
        NaN for scores that are not calibrated.
    """

    name: str
    auc: float
    auc_std: float
    accuracy: float
    accuracy_std: float
    f1: float
    pooled_auc: float
    ece: float
    brier: float
    completeness_at_purity_95: float


def fold_figures(
    name: str,
    scores: np.ndarray,
    labelled: LabelledSequences,
    folds: np.ndarray,
    *,
    is_logit: bool = False,
) -> FoldFigures:
    """Measure out-of-fold scores; logits are cut at 0."""
    labels = labelled.labels
    cut = 0.0 if is_logit else 0.5
    parts = [np.flatnonzero(folds == i) for i in np.unique(folds)]
    aucs = [roc_auc(scores[part], labels[part]) for part in parts]
    hits = [float(((scores[part] >= cut) == labels[part]).mean()) for part in parts]
    return FoldFigures(
        name=name,
        auc=float(np.mean(aucs)),
        auc_std=float(np.std(aucs)),
        accuracy=float(np.mean(hits)),
        accuracy_std=float(np.std(hits)),
        f1=float(np.mean([_f1_of_artefacts(scores[part] < cut, labels[part]) for part in parts])),
        pooled_auc=roc_auc(scores, labels),
        ece=np.nan if is_logit else expected_calibration_error(scores, labels),
        brier=np.nan if is_logit else brier_score(scores, labels),
        completeness_at_purity_95=(
            np.nan if is_logit else completeness_at_purity(scores, labels, purity=0.95)
        ),
    )


def _f1_of_artefacts(is_called: np.ndarray, labels: np.ndarray) -> float:
    hits = (is_called & (labels == 0)).sum()
    return float(2 * hits / (is_called.sum() + (labels == 0).sum()))


def show_figures(rows: list[FoldFigures]) -> None:
    """Print one line a model."""
    print(
        f"\n{'model':36} {'AUC':>14} {'accuracy':>14} {'F1':>6} {'pooled':>7} {'ECE':>6} "
        f"{'Brier':>6} {'C@P95':>6}"
    )
    for row in rows:
        print(
            f"{row.name:36} {row.auc:.4f}+-{row.auc_std:.4f} {row.accuracy:.4f}"
            f"+-{row.accuracy_std:.4f} {row.f1:6.3f} {row.pooled_auc:7.4f} {row.ece:6.4f} "
            f"{row.brier:6.4f} {row.completeness_at_purity_95:6.3f}"
        )


def paired_difference(scores: np.ndarray, base: np.ndarray, labelled: LabelledSequences) -> str:
    """Return the difference of pooled AUC with a 95 % interval from resampled fields."""
    labels = labelled.labels

    def difference(rows: np.ndarray, drawn: np.ndarray) -> float:
        picked = rows.astype(np.intp)
        return roc_auc(scores[picked], drawn) - roc_auc(base[picked], drawn)

    rows = np.arange(len(labels), dtype=np.float64)  # both scores share each resample
    interval = bootstrap_intervals(
        {"difference": difference},
        rows,
        labels,
        groups=_fields(labelled),
        rng=np.random.default_rng(0),
    )["difference"]
    return f"{difference(rows, labels):+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _fields(labelled: LabelledSequences) -> np.ndarray:
    ids = labelled.sequences.object_ids
    try:
        return groups_of(ids, FoldScheme.BY_FIELD)
    except InvalidInputError:
        return ids


def show_subtypes(found: OutOfFold, labelled: LabelledSequences) -> None:
    """Print how well each kind of artefact is told from all other objects, and found at 0.5."""
    print(f"\n{'kind of artefact':16} {'n':>5} {'AUC':>7} {'called artefact':>16}")
    for name, column in zip(found.subtype_names, found.subtype_probabilities.T, strict=True):
        has_tag = labelled.has_tag(name)
        if 0 < has_tag.sum() < len(labelled):
            recall = float((found.scores[has_tag == 1] < 0.5).mean())
            auc = roc_auc(np.clip(column, 0, 1), has_tag)
            print(f"{name:16} {has_tag.sum():5d} {auc:7.3f} {recall:16.3f}")
