"""Search for the settings of a training that validate best (Optuna)."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from skyvet.core.arrays import IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.optional import require
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.quiet_torch import quiet_torch
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.configs import Monitor, TrainConfig
from skyvet.training.fit import fit_network
from skyvet.training.splits import grouped_folds
from skyvet.training.tune_config import Choice, FloatRange, IntRange, Range, TuneConfig

if TYPE_CHECKING:
    import optuna

__all__ = ["TuneResult", "tune", "with_settings"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TuneResult:
    """What a search found.

    Parameters
    ----------
    config : TrainConfig
        The best settings.
    settings : dict of str to value
        Those of them that were searched.
    value : float
        Mean over the validation folds of the loss (lower is better) or the AUC (higher is better),
        as the training's monitor says. Optimistic, since it was chosen: judge on other rows.
    n_finished, n_pruned : int
        Trials that ended and that were given up early.
    """

    config: TrainConfig
    settings: dict[str, Any]
    value: float
    n_finished: int
    n_pruned: int


def with_settings(config: TrainConfig, settings: dict[str, Any]) -> TrainConfig:
    """Return a config with some settings replaced.

    Parameters
    ----------
    config : TrainConfig
        Left as it is.
    settings : dict of str to value
        By dotted name.

    Raises
    ------
    InvalidInputError
        If there is no such setting or the value is refused.

    Examples
    --------
    >>> with_settings(TrainConfig(), {"optimiser.learning_rate": 0.5}).optimiser.learning_rate
    0.5
    """
    document = config.model_dump(mode="json")
    for name, value in settings.items():
        *path, last = name.split(".")
        place = document
        for part in path:
            place = place.get(part, {}) if isinstance(place, dict) else {}
        if not isinstance(place, dict) or last not in place:
            raise InvalidInputError(f"there is no training setting {name!r} to search over")
        place[last] = value
    try:
        return TrainConfig.model_validate(document)
    except ValidationError as error:
        raise InvalidInputError(f"settings {settings} are refused: {error}") from error


def tune(
    arrays: TripletArrays,
    config: TuneConfig,
    *,
    storage: str | Path | None = None,
    progress: Progress | None = None,
) -> TuneResult:
    """Search for the training settings that validate best.

    Each trial trains once a fold and is given up when it falls behind the median of earlier ones.
    Rows that are kept for a final test must not be among `arrays`.

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
    TuneResult

    Raises
    ------
    InvalidInputError
        If a range names no setting, or `storage` holds another search.
    MissingDependencyError
        If Optuna is not installed.
    """
    library = require("optuna", extra="train")
    for name, choice in config.ranges.items():
        with_settings(config.train, {name: _first_value(choice)})
    folds = grouped_folds(
        arrays.object_ids, arrays.labels, n_folds=config.n_folds, seed=config.seed
    )
    progress = progress or SilentProgress()
    with quiet_torch("optuna", level=logging.WARNING):
        study = _open_study(library, arrays, config, storage)
        n_done = _count(study, library, "COMPLETE") + _count(study, library, "PRUNED")
        progress.start("Trials", config.n_trials)
        progress.advance(n_done)
        study.optimize(
            lambda trial: _run_trial(trial, arrays, folds, config),
            n_trials=max(config.n_trials - n_done, 0),
            callbacks=[lambda *_: progress.advance()],
        )
        progress.finish()
        return TuneResult(
            config=with_settings(config.train, study.best_params),
            settings=dict(study.best_params),
            value=float(study.best_value),
            n_finished=_count(study, library, "COMPLETE"),
            n_pruned=_count(study, library, "PRUNED"),
        )


def _first_value(choice: Range) -> str | bool | int | float:
    """Return one value of a range."""
    return choice.values[0] if isinstance(choice, Choice) else choice.low


def _count(study: optuna.Study, library: Any, state: str) -> int:  # noqa: ANN401
    """Return how many trials ended so."""
    return sum(trial.state is library.trial.TrialState[state] for trial in study.trials)


def _open_study(
    library: Any,  # noqa: ANN401
    arrays: TripletArrays,
    config: TuneConfig,
    storage: str | Path | None,
) -> optuna.Study:
    """Open or begin a search; refuse the storage of another one."""
    digest = hashlib.sha256(config.model_dump_json(exclude={"n_trials"}).encode())
    digest.update(np.ascontiguousarray(arrays.candidate_ids).tobytes())
    location = None if storage is None else f"sqlite:///{Path(storage).resolve()}"
    is_loss = config.train.monitor is Monitor.LOSS
    study = library.create_study(
        study_name="skyvet",
        storage=location,
        load_if_exists=True,
        direction="minimize" if is_loss else "maximize",
        pruner=library.pruners.MedianPruner(n_startup_trials=config.n_trials_before_pruning),
    )
    if study.user_attrs.setdefault("fingerprint", digest.hexdigest()) != digest.hexdigest():
        raise InvalidInputError(
            f"{storage} holds a search over other settings or rows; choose another storage file"
        )
    study.set_user_attr("fingerprint", digest.hexdigest())
    study.sampler = library.samplers.TPESampler(seed=config.seed + len(study.trials))
    return study  # type: ignore[no-any-return]


def _run_trial(
    trial: optuna.Trial, arrays: TripletArrays, folds: IntArray, config: TuneConfig
) -> float:
    """Train on each fold; return the mean of the monitored figure."""
    settings = {name: _suggest(trial, name, choice) for name, choice in config.ranges.items()}
    train_config = with_settings(config.train, settings)
    values: list[float] = []
    for i_fold in range(config.n_folds):
        values.append(_fold_value(arrays, folds == i_fold, train_config))
        trial.report(float(np.mean(values)), step=i_fold)
        if i_fold < config.n_folds - 1 and trial.should_prune():
            raise require("optuna", extra="train").TrialPruned
    return float(np.mean(values))


def _suggest(trial: optuna.Trial, name: str, choice: Range) -> Any:  # noqa: ANN401
    """Return the trial's value of one setting."""
    if isinstance(choice, FloatRange):
        return trial.suggest_float(name, choice.low, choice.high, log=choice.is_log)
    if isinstance(choice, IntRange):
        return trial.suggest_int(name, choice.low, choice.high, log=choice.is_log)
    return trial.suggest_categorical(name, choice.values)


def _fold_value(arrays: TripletArrays, is_validation: Any, config: TrainConfig) -> float:  # noqa: ANN401
    """Return the monitored figure of the best epoch of one fold."""
    fitted = fit_network(
        arrays.take(np.flatnonzero(~is_validation)),
        config,
        validation=arrays.take(np.flatnonzero(is_validation)),
    )
    best = fitted.history[fitted.best_epoch]
    return best.validation_loss if config.monitor is Monitor.LOSS else best.validation_auc
