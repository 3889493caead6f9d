"""What simulated triplets teach about real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.recipe import FINE_TUNING, STAMPS, pre_train
from benchmarks.ztf_data import load_labelled
from skyvet.core.progress import Progress
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.intervals import bootstrap_interval
from skyvet.training.cross_validation import CrossValidationConfig, cross_validate
from skyvet.training.prediction import predict_logits

__all__ = ["measure_learning"]


def measure_learning(
    data: Path, *, n_simulated: int, progress: Progress
) -> tuple[dict[str, float], str]:
    """Train on simulation alone, then also on real labels, and test on real labels.

    Returns
    -------
    figures : dict
        ``sim_only_real_auc``: trained on no real stamp, tested on all labelled ones.
        ``sim_plus_real_auc``: fine-tuned from there on four fifths of the objects, tested on the
        rest, five times.
    table : str
        Both with 95 % bootstrap intervals by object, and simulation alone by kind.
    """
    triplets = load_labelled(data)
    labelled = triplets.arrays(STAMPS)
    pre_trained = pre_train(n_simulated, progress=progress)
    alone = predict_logits(pre_trained.build(), labelled.stamps)
    both = cross_validate(
        labelled,
        FINE_TUNING.member,
        folds=CrossValidationConfig(n_folds=5, with_dihedral_average=False),
        initial_states=(pre_trained.state_dict,),
        progress=progress,
    ).logits
    lines, figures = [], {}
    for name, logits in (("sim_only_real_auc", alone), ("sim_plus_real_auc", both)):
        interval = bootstrap_interval(
            roc_auc,
            logits,
            labelled.labels,
            groups=labelled.object_ids,
            n_resamples=1000,
            rng=np.random.default_rng(0),
        )
        figures[name] = round(roc_auc(logits, labelled.labels), 4)
        lines.append(f"{name} {figures[name]:.4f} [{interval.low:.4f}, {interval.high:.4f}]")
    labels, sources = labelled.labels, triplets.columns["label_source"].astype(str)
    for source in np.unique(sources[labels == 1]):
        rows = (labels == 0) | (sources == source)
        lines.append(f"  simulation alone, {source}: {roc_auc(alone[rows], labels[rows]):.3f}")
    return figures, "\n".join(lines)
