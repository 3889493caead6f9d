"""Search for the settings of a triplet training that validate best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skyvet.core.progress import Progress
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.configs import Monitor, TrainConfig
from skyvet.training.fit import fit_network
from skyvet.training.search import SearchResult, search_settings
from skyvet.training.splits import grouped_folds
from skyvet.training.tune_config import TuneConfig

__all__ = ["tune"]


def tune(
    arrays: TripletArrays,
    config: TuneConfig,
    *,
    storage: str | Path | None = None,
    progress: Progress | None = None,
) -> SearchResult[TrainConfig]:
    """Search for the training settings that validate best.

    Each trial trains once a fold; its figure is the loss (lower is better) or the AUC (higher is
    better), as the training's monitor says. Rows that are kept for a final test must not be among
    `arrays`.

    Parameters
    ----------
    arrays : TripletArrays
        Labelled rows, split into folds by object.
    config : TuneConfig
        Ranges, trials, folds, seed.
    storage : path, optional
        SQLite file of the trials; a search that was stopped goes on from there.
    progress : Progress, optional
        Told of each trial.

    Returns
    -------
    SearchResult

    Raises
    ------
    InvalidInputError, MissingDependencyError
        As `search_settings`.
    """
    folds = grouped_folds(
        arrays.object_ids, arrays.labels, n_folds=config.n_folds, seed=config.seed
    )
    return search_settings(
        config.train,
        config,
        lambda train, i_fold: _fold_value(arrays, folds == i_fold, train),
        direction="minimize" if config.train.monitor is Monitor.LOSS else "maximize",
        rows=[np.ascontiguousarray(arrays.candidate_ids).tobytes()],
        storage=storage,
        progress=progress,
    )


def _fold_value(arrays: TripletArrays, is_validation: Any, config: TrainConfig) -> float:  # noqa: ANN401
    """Return the monitored figure of the best epoch of one fold."""
    fitted = fit_network(
        arrays.take(np.flatnonzero(~is_validation)),
        config,
        validation=arrays.take(np.flatnonzero(is_validation)),
    )
    best = fitted.history[fitted.best_epoch]
    return best.validation_loss if config.monitor is Monitor.LOSS else best.validation_auc
