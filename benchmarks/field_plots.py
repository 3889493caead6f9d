"""Pictures of a scored field: how many sources each class gets, and how sure the bundle is."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from skyvet.io.source_score_tables import read_source_scores
from skyvet.records.source_scores import SourceScores

mpl.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["draw_field"]

_N_BINS = 25
_SHOWN = ("vnv", "pnp", "i", "saw", "sin", "e")


def draw_field(scores: Path, folder: Path) -> tuple[Path, Path]:
    """Draw the probabilities of a field's sources.

    Parameters
    ----------
    scores : Path
        Score table of sources.
    folder : Path
        Where ``field_probabilities.png`` and ``field_counts.png`` go.

    Returns
    -------
    tuple of Path
        The two pictures.
    """
    table = read_source_scores(scores)
    folder.mkdir(parents=True, exist_ok=True)
    return _draw_probabilities(table, folder), _draw_counts(table, folder)


def _draw_probabilities(table: SourceScores, folder: Path) -> Path:
    """Draw histograms of the probability of some classes, counts on a logarithmic axis."""
    shown = [tag for tag in _SHOWN if tag in table.tags]
    figure, panels = plt.subplots(2, 3, figsize=(9, 5), sharex=True, layout="constrained")
    for axes, tag in zip(panels.flat, shown, strict=False):
        axes.hist(table.column(tag), bins=np.linspace(0, 1, _N_BINS + 1), color="#0069a8")
        axes.set_yscale("log")
        axes.set_title(tag, fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("probability of the class")
    for axes in panels[:, 0]:
        axes.set_ylabel("sources")
    path = folder / "field_probabilities.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _draw_counts(table: SourceScores, folder: Path) -> Path:
    """Draw the sources called each class beside the sum of their probabilities."""
    called, expected = table.is_positive.sum(axis=0), table.probabilities.sum(axis=0)
    order = np.argsort(expected)
    figure, axes = plt.subplots(figsize=(7, 0.32 * len(order) + 1.2), layout="constrained")
    places = np.arange(len(order))
    axes.barh(places + 0.2, expected[order], 0.4, color="#9cc3dd", label="sum of probabilities")
    axes.barh(places - 0.2, called[order], 0.4, color="#0069a8", label="above the threshold")
    axes.set_yticks(places, [table.tags[i] for i in order])
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlabel("sources of the field")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    path = folder / "field_counts.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
