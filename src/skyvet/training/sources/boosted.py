"""Training of boosted trees, class by class, with XGBoost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.optional import require
from skyvet.core.progress import Progress, SilentProgress
from skyvet.models.sources.boosted import BoostedMember, BoostedSettings, class_graph_name
from skyvet.models.sources.feature_rows import feature_rows
from skyvet.models.trees import Forest, join_forests
from skyvet.preprocessing.sources import LabelledSources
from skyvet.training.sequences.forests import checked_graph
from skyvet.training.sources.configs import BoostedConfig
from skyvet.training.sources.xgboost_forests import (
    constant_forest,
    forest_of_xgboost,
    gain_of_features,
)

__all__ = ["fit_boosted"]

_MOST_CHECKED = 256
_SMALLEST_SHARE = 1e-6
_SEED_MASK = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """What one class learns from."""

    values: FloatArray
    targets: FloatArray
    weights: FloatArray

    @property
    def share(self) -> float:
        """Weighted fraction of positives; one half of nothing."""
        return float(np.average(self.targets, weights=self.weights)) if len(self.values) else 0.5

    def is_decided(self) -> bool:
        """Say whether all targets are one number: nothing can be learned."""
        return not len(self.targets) or bool(np.ptp(self.targets) == 0)


def fit_boosted(
    labelled: LabelledSources,
    config: BoostedConfig,
    *,
    validation: LabelledSources | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> BoostedMember:
    """Train one boosted model a class.

    Votes between 0 and 1 are soft targets: their uncertainty is kept. Missing features stay
    missing, and every split learns where they go.

    Parameters
    ----------
    labelled : LabelledSources
        Rows to learn from.
    config : BoostedConfig
        Settings.
    validation : LabelledSources, optional
        Rows of other sources: they choose the number of trees. Without them all rounds are run.
    seed : int, default 0
        Of all randomness; classes have streams of their own.
    progress : Progress, optional
        Told of every class.

    Returns
    -------
    BoostedMember

    Raises
    ------
    BundleError
        If exported trees do not score as the trained ones.
    MissingDependencyError
        If the package xgboost is not installed.

    References
    ----------
    Chen & Guestrin 2016, KDD, 785.
    """
    names = labelled.table.names
    is_nested = config.structure == "hierarchical"
    parents = labelled.taxonomy.parent_among(labelled.tags)
    if not is_nested:
        parents = np.full_like(parents, -1)
    values = feature_rows(labelled.table, names)
    held = None if validation is None else feature_rows(validation.table, names)
    progress = progress or SilentProgress()
    progress.start("classes", len(labelled.tags))

    def fit_class(i_class: int) -> tuple[bytes, NDArray[np.float64]]:
        parent = int(parents[i_class])
        train = _rows_of_class(labelled, values, i_class, parent)
        stop = None
        if validation is not None and held is not None:
            stop = _rows_of_class(validation, held, i_class, parent)
        found = _fit_class(train, stop, config, seed=[seed, i_class])
        progress.advance()
        return found

    n_workers = config.n_workers or os.cpu_count() or 1
    with ThreadPoolExecutor(max_workers=n_workers) as pool:
        fitted = list(pool.map(fit_class, range(len(labelled.tags))))
    progress.finish()
    settings = BoostedSettings(
        classes=labelled.tags, names=names, parents=tuple(int(parent) for parent in parents)
    )
    graphs = {class_graph_name(i): graph for i, (graph, _) in enumerate(fitted)}
    return BoostedMember(settings, graphs, {"gain": np.stack([gain for _, gain in fitted])})


def _rows_of_class(
    labelled: LabelledSources, values: FloatArray, i_class: int, parent: int
) -> _Rows:
    """Return the rows that take part; below a parent, those of it, by how sure that is."""
    targets = labelled.votes[:, i_class]
    weights = np.where(np.isnan(targets), 0.0, labelled.weights[:, i_class])
    if parent >= 0:
        weights = weights * np.nan_to_num(labelled.votes[:, parent])
    rows = np.flatnonzero(weights > 0)
    return _Rows(values=values[rows], targets=targets[rows], weights=weights[rows])


def _fit_class(
    train: _Rows, stop: _Rows | None, config: BoostedConfig, *, seed: list[int]
) -> tuple[bytes, NDArray[np.float64]]:
    """Return the graph of one class, and the gain of each feature."""
    n_features = train.values.shape[1]
    if train.is_decided():
        smoothed = (train.targets.sum() + 1.0) / (len(train.targets) + 2.0)
        forest = constant_forest(float(logit(smoothed)), n_features=n_features)
        few = np.zeros((1, n_features), dtype=np.float32)
        graph = checked_graph(forest, lambda rows: np.full(len(rows), forest.base[0]), few)
        return graph, np.zeros(n_features)
    boosters, forests = [], []
    for i_bag in range(config.n_bags):
        booster, forest = _fit_bag(train, stop, config, seed=[*seed, i_bag])
        boosters.append(booster)
        forests.append(forest.scaled(1.0 / config.n_bags))
    xgboost = require("xgboost", extra="light-curves")
    graph = checked_graph(
        join_forests(forests),
        lambda rows: np.mean(
            [b.predict(xgboost.DMatrix(rows), output_margin=True) for b in boosters], axis=0
        ),
        _rows_to_check(train.values),
    )
    gains = [gain_of_features(booster, n_features=n_features) for booster in boosters]
    return graph, np.mean(gains, axis=0)


def _fit_bag(
    train: _Rows, stop: _Rows | None, config: BoostedConfig, *, seed: list[int]
) -> tuple[Any, Forest]:
    """Train one model: first to find its number of trees, then with all rows."""
    rng = np.random.default_rng(seed)
    settings = _settings(config, seed=int(rng.integers(_SEED_MASK)))
    kept = _balanced(train, config, rng)
    share = float(np.clip(kept.share, _SMALLEST_SHARE, 1 - _SMALLEST_SHARE))
    settings["base_score"] = share
    n_rounds = config.max_rounds
    if stop is not None and not stop.is_decided():
        booster, n_rounds = _stopped(kept, stop, settings, config)
        if not config.refit:
            return booster, forest_of_xgboost(booster, base=float(logit(share)))
        kept = _balanced(_joined(train, stop), config, rng)
    booster = require("xgboost", extra="light-curves").train(
        settings, _matrix(kept, config), num_boost_round=n_rounds
    )
    return booster, forest_of_xgboost(booster, base=float(logit(share)))


def _stopped(
    train: _Rows, stop: _Rows, settings: Mapping[str, Any], config: BoostedConfig
) -> tuple[Any, int]:
    """Train until the log loss on other rows no longer falls; return model and number of trees."""
    xgboost = require("xgboost", extra="light-curves")
    matrix = _matrix(train, config)
    held = xgboost.QuantileDMatrix(
        stop.values,
        label=stop.targets,
        weight=stop.weights,
        max_bin=config.max_bins,
        ref=matrix,
        nthread=1,
    )
    booster = xgboost.train(
        settings,
        matrix,
        num_boost_round=config.max_rounds,
        evals=[(held, "validation")],
        early_stopping_rounds=config.patience,
        verbose_eval=False,
    )
    n_rounds = int(booster.best_iteration) + 1
    return booster[:n_rounds], n_rounds


def _settings(config: BoostedConfig, *, seed: int) -> dict[str, Any]:
    return {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "learning_rate": config.learning_rate,
        "max_depth": config.max_depth,
        "min_child_weight": config.min_child_weight,
        "reg_lambda": config.l2,
        "subsample": config.row_fraction,
        "colsample_bytree": config.column_fraction,
        "max_bin": config.max_bins,
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }


def _matrix(rows: _Rows, config: BoostedConfig) -> Any:  # noqa: ANN401 - not typed
    return require("xgboost", extra="light-curves").QuantileDMatrix(
        rows.values, label=rows.targets, weight=rows.weights, max_bin=config.max_bins, nthread=1
    )


def _balanced(rows: _Rows, config: BoostedConfig, rng: np.random.Generator) -> _Rows:
    """Drop negatives at random where they are far more, and weigh those kept up by as much."""
    is_negative = rows.targets < 0.5
    positive, negative = np.flatnonzero(~is_negative), np.flatnonzero(is_negative)
    weights = np.array(rows.weights, dtype=np.float64)
    most = len(negative)
    if config.balance is not None:
        most = max(int(config.balance * max(len(positive), 1)), 1)
    if len(negative) > most:
        total = weights[negative].sum()
        negative = np.sort(rng.choice(negative, most, replace=False))
        weights[negative] *= total / weights[negative].sum()
    if config.class_weight == "balanced" and len(positive) and len(negative):
        weights[positive] *= weights[negative].sum() / weights[positive].sum()
    kept: IntArray = np.sort(np.concatenate([positive, negative]))
    return _Rows(values=rows.values[kept], targets=rows.targets[kept], weights=weights[kept])


def _joined(first: _Rows, second: _Rows) -> _Rows:
    return _Rows(
        values=np.concatenate([first.values, second.values]),
        targets=np.concatenate([first.targets, second.targets]),
        weights=np.concatenate([first.weights, second.weights]),
    )


def _rows_to_check(values: FloatArray) -> FloatArray:
    """Return rows on which a graph is compared, one with nothing at all among them."""
    few = values[:: max(len(values) // _MOST_CHECKED, 1)][: _MOST_CHECKED - 1]
    bare = np.full((1, values.shape[1]), np.nan, dtype=np.float32)
    return np.ascontiguousarray(np.concatenate([few, bare]))
