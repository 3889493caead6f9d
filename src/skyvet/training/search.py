"""One search for the settings of any config that validate best (Optuna)."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np
from pydantic import ValidationError

from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.optional import require
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.quiet_torch import quiet_torch
from skyvet.training.search_config import FloatRange, IntRange, Range, SearchConfig, ends_of

if TYPE_CHECKING:
    import optuna

__all__ = ["SearchResult", "search_settings", "with_settings"]

_Settings = TypeVar("_Settings", bound=Config)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchResult(Generic[_Settings]):
    """What a search found.

    Parameters
    ----------
    config : Config
        The best settings.
    settings : dict of str to value
        Those of them that were searched.
    value : float
        Mean over the validation folds of the figure that was searched for. Optimistic, since it
        was chosen: judge on other rows.
    n_finished, n_pruned : int
        Trials that ended and that were given up early.
    """

    config: _Settings
    settings: dict[str, Any]
    value: float
    n_finished: int
    n_pruned: int


def with_settings(config: _Settings, settings: dict[str, Any]) -> _Settings:
    """Return a config with some settings replaced.

    Parameters
    ----------
    config : Config
        Left as it is.
    settings : dict of str to value
        By dotted name; the members of a tuple are counted from 0.

    Raises
    ------
    InvalidInputError
        If there is no such setting or the value is refused.

    Examples
    --------
    >>> from skyvet.training.configs import TrainConfig
    >>> with_settings(TrainConfig(), {"optimiser.learning_rate": 0.5}).optimiser.learning_rate
    0.5
    """
    document = config.model_dump(mode="json")
    for name, value in settings.items():
        *path, last = name.split(".")
        place: Any = document
        for part in path:
            place = _below(place, part)
        if not isinstance(place, dict) or last not in place:
            raise InvalidInputError(f"there is no training setting {name!r} to search over")
        place[last] = value
    try:
        return type(config).model_validate(document)
    except ValidationError as error:
        raise InvalidInputError(f"settings {settings} are refused: {error}") from error


def search_settings(
    base: _Settings,
    config: SearchConfig,
    fold_value: Callable[[_Settings, int], float],
    *,
    direction: Literal["minimize", "maximize"],
    rows: Iterable[bytes] = (),
    storage: str | Path | None = None,
    progress: Progress | None = None,
) -> SearchResult[_Settings]:
    """Search for the settings whose mean over validation folds is best.

    Trials are drawn by a tree-structured Parzen estimator; one is given up when it falls behind
    the median of earlier ones. The same seed and rows give the same search.

    Parameters
    ----------
    base : Config
        Settings that are not searched.
    config : SearchConfig
        Ranges (both bounds included), trials, folds, seed.
    fold_value : callable
        Takes settings and the number of a fold, trains on all other folds and returns the figure
        of this one.
    direction : {"minimize", "maximize"}
        Which figure is better.
    rows : iterable of bytes, optional
        What makes the rows known; a storage of other rows is refused.
    storage : path, optional
        SQLite file of the trials; a search that was stopped goes on from there.
    progress : Progress, optional
        Told of each trial.

    Returns
    -------
    SearchResult

    Raises
    ------
    InvalidInputError
        If there is no range, one names no setting or goes beyond what the setting allows, if
        `storage` holds another search, or if no trial gave a finite figure.
    MissingDependencyError
        If Optuna is not installed.

    References
    ----------
    Akiba et al. 2019, KDD, 2623.
    """
    library = require("optuna", extra="train")
    _check_ranges(base, config)
    progress = progress or SilentProgress()
    with quiet_torch("optuna", level=logging.WARNING):
        study = _open_study(
            library, config, fingerprint=_fingerprint(config, rows), storage=storage,
            direction=direction,
        )  # fmt: skip
        n_done = _count(study, library, "COMPLETE") + _count(study, library, "PRUNED")
        progress.start("Trials", config.n_trials)
        progress.advance(n_done)
        study.optimize(
            lambda trial: _run_trial(trial, base, config, fold_value),
            n_trials=max(config.n_trials - n_done, 0),
            callbacks=[lambda *_: progress.advance()],
        )
        progress.finish()
    if not _count(study, library, "COMPLETE"):
        raise InvalidInputError("no trial gave a finite figure; narrow the ranges")
    return SearchResult(
        config=with_settings(base, study.best_params),
        settings=dict(study.best_params),
        value=float(study.best_value),
        n_finished=_count(study, library, "COMPLETE"),
        n_pruned=_count(study, library, "PRUNED"),
    )


def _below(place: Any, part: str) -> Any:  # noqa: ANN401 - a JSON document
    """Return what stands under a name or a number; nothing where it does not."""
    if isinstance(place, dict):
        return place.get(part, {})
    is_member = isinstance(place, list) and part.isdecimal() and int(part) < len(place)
    return place[int(part)] if is_member else {}


def _check_ranges(base: Config, config: SearchConfig) -> None:
    """Refuse what would fail in the middle of a search: unknown names, bounds not allowed."""
    if not config.ranges:
        raise InvalidInputError("there is nothing to search; name ranges of settings")
    for name, choice in config.ranges.items():
        for value in ends_of(choice):
            with_settings(base, {name: value})


def _count(study: optuna.Study, library: Any, state: str) -> int:  # noqa: ANN401
    """Return how many trials ended so."""
    return sum(trial.state is library.trial.TrialState[state] for trial in study.trials)


def _fingerprint(config: SearchConfig, rows: Iterable[bytes]) -> str:
    """Return what tells this search from others; more trials continue the same one."""
    digest = hashlib.sha256(config.model_dump_json(exclude={"n_trials"}).encode())
    for part in rows:
        digest.update(part)
    return digest.hexdigest()


def _open_study(
    library: Any,  # noqa: ANN401
    config: SearchConfig,
    *,
    fingerprint: str,
    storage: str | Path | None,
    direction: str,
) -> optuna.Study:
    """Open or begin a search; refuse the storage of another one."""
    location = None if storage is None else f"sqlite:///{Path(storage).resolve()}"
    study = library.create_study(
        study_name="skyvet",
        storage=location,
        load_if_exists=True,
        direction=direction,
        pruner=library.pruners.MedianPruner(n_startup_trials=config.n_trials_before_pruning),
    )
    if study.user_attrs.get("fingerprint", fingerprint) != fingerprint:
        raise InvalidInputError(
            f"{storage} holds a search over other settings or rows; choose another storage file"
        )
    study.set_user_attr("fingerprint", fingerprint)
    study.sampler = library.samplers.TPESampler(seed=config.seed + len(study.trials))
    return study  # type: ignore[no-any-return]


def _run_trial(
    trial: optuna.Trial,
    base: _Settings,
    config: SearchConfig,
    fold_value: Callable[[_Settings, int], float],
) -> float:
    """Return the mean over folds of the figure for the trial's settings."""
    settings = {name: _suggest(trial, name, choice) for name, choice in config.ranges.items()}
    drawn = with_settings(base, settings)
    values: list[float] = []
    for i_fold in range(config.n_folds):
        values.append(fold_value(drawn, i_fold))
        if not math.isfinite(values[-1]):
            raise require("optuna", extra="train").TrialPruned
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
