"""Tables of the few-label benchmark: mean and standard deviation over seeds, paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.few_label_contest import BUDGETS, Size
from benchmarks.few_label_real import MEASURED

__all__ = ["mean_and_std", "show_contest", "show_embeddings", "show_real", "show_settings"]

_COLUMNS = {
    "precision": "P",
    "accuracy": "Acc",
    "recall": "R",
    "f1": "F1",
    "mcc": "MCC",
    "standard_ap": "std AP",
    "rb_c1000_ap": "RB AP",
    "auc": "AUC",
    "mdr_at_fpr_1": "MDR@1%",
}
Row = Mapping[str, Any]


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation between the values (n - 1), NaN for one."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else float("nan")


def show_settings(name: str, size: Size, pre_training: Mapping[str, int]) -> None:
    """Print what both contenders run with, and how that differs from what was published."""
    recipe = size.recipe
    print(
        f"Size {name!r}. Both contenders: {size.network.model_dump(exclude={'metadata'})}, central "
        f"{size.input_px} x {size.input_px} px.\n"
        "RB-C1000 (published: ResNet-18 of width 64 at 224 px, 100 epochs, rate 2e-4): raw "
        f"pixels, M={recipe.n_first}, K={recipe.n_queried}, R={recipe.n_rounds}, "
        f"{recipe.n_epochs} epochs, {recipe.n_pseudo_epochs or recipe.n_epochs} with "
        f"pseudo-labels, rate {recipe.learning_rate:g}, batch {recipe.batch_size}.\n"
        f"Pre-training for the real triplets alone: {dict(pre_training)}.",
        flush=True,
    )


def show_contest(recipe: Sequence[Sequence[Row]], ours: Sequence[Mapping[str, Row]]) -> None:
    """Print one line a stage or budget, then the differences seed by seed."""
    print(f"\nSimulated pool, test of 10 %, {len(recipe)} seeds (percent, Sum of at most 600):")
    titles = " ".join(f"{title:>11}" for title in _COLUMNS.values())
    print(f"{'':16}{'labels':>7}{'pseudo':>8} {titles} {'Sum':>13}")
    for i_stage, first in enumerate(recipe[0]):
        rows = [stages[i_stage] for stages in recipe]
        pseudo = f"{np.mean([row['n_pseudo'] for row in rows]):.0f}"
        _show_row(f"RB-C1000 {first['stage']}", f"{first['n_labels_paid']}", pseudo, rows)
    for budget in BUDGETS:
        _show_row("skyvet", f"{budget}", "", [budgets[str(budget)] for budgets in ours])
    last = [stages[-1] for stages in recipe]
    print("\nskyvet less RB-C1000 with all its labels, seed by seed:")
    for budget in BUDGETS:
        pairs = list(zip([budgets[str(budget)] for budgets in ours], last, strict=True))
        gaps = [one["sum"] - other["sum"] for one, other in pairs]
        ratios = [one["error"] / other["error"] for one, other in pairs]
        mean, std = mean_and_std(gaps)
        shown = ", ".join(f"{gap:+.2f}" for gap in gaps)
        print(
            f"  {budget:5d} labels: Sum {mean:+.2f} +- {std:.2f} ({shown}); "
            f"error times {np.mean(ratios):.3f}"
        )


def _show_row(name: str, n_labels: str, n_pseudo: str, rows: Sequence[Row]) -> None:
    cells = []
    for column in _COLUMNS:
        mean, std = mean_and_std([row[column] for row in rows])
        cells.append(f"{100 * mean:6.2f}+-{100 * std:3.1f}")
    mean, std = mean_and_std([row["sum"] for row in rows])
    print(f"{name:16}{n_labels:>7}{n_pseudo:>8} {' '.join(cells)} {mean:7.2f}+-{std:4.1f}")


def show_embeddings(
    folds: Sequence[Mapping[str, Mapping[str, float]]], budgets: Sequence[int]
) -> None:
    """Print the AUC of the pooled classifier against the measured curve."""
    print("\nFrame embeddings, AUC at random labels (mean +- std of test folds; measured before):")
    for name in folds[0]:
        for budget in budgets:
            mean, std = mean_and_std([fold[name][str(budget)] for fold in folds])
            before = MEASURED[name].get(budget)
            shown = "" if before is None else f"   measured {before:.4f}, {mean - before:+.4f}"
            print(f"  {name:24} {budget:5d}  {mean:.4f} +- {std:.4f}{shown}")


def show_real(curve: Mapping[int, Row], *, n_repeats: int) -> None:
    """Print the figures on real triplets."""
    print(
        f"\nReal ZTF triplets, pre-trained on simulation, held-out objects, {n_repeats} repeats\n"
        "(bogus labels: automated visual inspection). A large multimodal model is published at\n"
        "93 % average accuracy from 15 examples on three other surveys (arXiv:2510.06931)."
    )
    for budget, row in curve.items():
        print(
            f"  {budget:4d} labels: AUC {row['auc']:.4f} +- {row['auc_std']:.4f} "
            f"(worst {row['auc_worst']:.4f}), class-balanced accuracy {100 * row['accuracy']:.1f} "
            f"+- {100 * row['accuracy_std']:.1f} %"
        )
