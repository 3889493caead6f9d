"""Training of the default classifier: pooled statistics of frames and cheap learners."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.features.frame_space import fit_frame_space
from skyvet.features.rank_scaling import RankScaling, fit_rank_scaling
from skyvet.models.sequences.pooled import PooledMember, PooledSettings, pooled_rows
from skyvet.models.trees import join_forests
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.training.sequences.binning import fit_column_bins
from skyvet.training.sequences.forests import checked_graph, forest_of_boosting, forest_of_trees

__all__ = ["PooledConfig", "fit_pooled"]

_SUBTYPES = (
    "ghost", "track", "column", "bright_star", "spike", "defocusing", "frame_edge", "cosmic",
)  # fmt: skip


class BoostingConfig(Config):
    """Gradient-boosted trees, averaged over several that see other rows and columns."""

    n_bags: int = Field(default=2, ge=1, description="boosted models averaged")
    n_rounds: int = Field(default=250, ge=1, description="trees of each")
    learning_rate: float = Field(default=0.05, gt=0, le=1, description="weight of a tree")
    n_leaves: int = Field(default=15, ge=2, description="most leaves of a tree")
    min_leaf: int = Field(default=15, ge=1, description="fewest objects in a leaf")
    l2: float = Field(default=1.0, ge=0, description="penalty on leaf values")
    column_fraction: float = Field(default=0.2, gt=0, le=1, description="columns tried per split")


class PooledConfig(Config):
    """Default classifier: pooled statistics of frames and cheap learners."""

    kind: Literal["pooled"] = "pooled"
    boosting: BoostingConfig = BoostingConfig()
    n_trees: int = Field(default=200, ge=1, description="extremely randomised trees")
    min_leaf: int = Field(default=4, ge=1, description="fewest objects in their leaves")
    linear_c: float = Field(default=0.01, gt=0, description="inverse penalty of the linear model")
    boosting_weight: float = Field(default=0.5, ge=0, description="of its logit in the mean")
    trees_weight: float = Field(default=0.3, ge=0, description="of its logit in the mean")
    linear_weight: float = Field(default=0.2, ge=0, description="of its logit in the mean")
    subtypes: tuple[str, ...] = Field(default=_SUBTYPES, description="tags to tell apart")


def fit_pooled(
    labelled: LabelledSequences,
    config: PooledConfig,
    *,
    validation: LabelledSequences | None = None,  # noqa: ARG001 - nothing is stopped early
    seed: int = 0,
    progress: Progress | None = None,
) -> PooledMember:
    """Train the default classifier.

    Light-curve features are used if the sequences have any.

    Parameters
    ----------
    labelled : LabelledSequences
        Both classes; weights are respected.
    config : PooledConfig
        What to train.
    validation : LabelledSequences, optional
        Not used: no stage of the training is stopped by validation.
    seed : int, default 0
        Of all randomness.
    progress : Progress, optional
        Told of every learner.

    Returns
    -------
    PooledMember

    Raises
    ------
    InvalidInputError
        If one class is missing.
    BundleError
        If exported trees do not score as the trained ones.
    """
    if len(set(labelled.labels.tolist())) < 2:
        raise InvalidInputError("training needs objects of both classes, REAL and BOGUS")
    progress = progress or SilentProgress()
    progress.start("training on pooled frames", 4)
    space = fit_frame_space(labelled.sequences)
    names = labelled.sequences.light_curve_names
    rows = pooled_rows(labelled.sequences, space, names)
    progress.advance()
    boosting = _fit_boosting(rows, labelled, config.boosting, seed=seed)
    progress.advance()
    trees = _fit_trees(rows, labelled, config, seed=seed)
    progress.advance()
    ranks = fit_rank_scaling(rows)
    weights, bias = _fit_linear(ranks, rows, labelled, c=config.linear_c)
    progress.finish()
    return PooledMember(
        PooledSettings(
            light_curve_names=names,
            subtype_names=config.subtypes,
            boosting_weight=config.boosting_weight,
            trees_weight=config.trees_weight,
            linear_weight=config.linear_weight,
        ),
        {"boosting.onnx": boosting, "trees.onnx": trees},
        {
            **space.arrays(),
            "rank.knots": np.asarray(ranks.knots),
            "linear.weights": weights,
            "linear.bias": np.array([bias]),
        },
    )


def _fit_boosting(
    rows: FloatArray, labelled: LabelledSequences, config: BoostingConfig, *, seed: int
) -> bytes:
    """Return the graph of the mean of boosted models."""
    bins = fit_column_bins(rows)
    codes = bins.codes(rows)
    models, forests = [], []
    for i_bag in range(config.n_bags):
        model = HistGradientBoostingClassifier(
            max_iter=config.n_rounds,
            learning_rate=config.learning_rate,
            max_leaf_nodes=config.n_leaves,
            min_samples_leaf=config.min_leaf,
            l2_regularization=config.l2,
            max_features=config.column_fraction,
            early_stopping=False,
            random_state=seed * config.n_bags + i_bag,
        ).fit(codes, labelled.labels, sample_weight=labelled.weights)
        models.append(model)
        forest = bins.unbinned(forest_of_boosting(model, n_features=rows.shape[1]))
        forests.append(forest.scaled(1.0 / config.n_bags))
    return checked_graph(
        join_forests(forests),
        lambda few: np.mean([model.decision_function(bins.codes(few)) for model in models], axis=0),
        _rows_to_check(rows),
    )


def _fit_trees(
    rows: FloatArray, labelled: LabelledSequences, config: PooledConfig, *, seed: int
) -> bytes:
    """Return the graph of randomised trees that vote for REAL and for every sub-type."""
    targets = [labelled.labels, *(labelled.has_tag(tag) for tag in config.subtypes)]
    model = ExtraTreesClassifier(
        n_estimators=config.n_trees, min_samples_leaf=config.min_leaf, random_state=seed
    ).fit(rows, np.stack(targets, axis=1), sample_weight=labelled.weights)
    return checked_graph(
        forest_of_trees(model),
        lambda few: _probabilities_of_one(model, few),
        _rows_to_check(rows),
    )


def _fit_linear(
    ranks: RankScaling, rows: FloatArray, labelled: LabelledSequences, *, c: float
) -> tuple[FloatArray, float]:
    """Return weights and bias of a logistic regression on normal scores."""
    model = LogisticRegression(C=c, max_iter=1000)
    model.fit(ranks.scale(rows), labelled.labels, sample_weight=labelled.weights)
    return np.asarray(model.coef_[0]), float(model.intercept_[0])


def _probabilities_of_one(model: ExtraTreesClassifier, rows: FloatArray) -> FloatArray:
    """Return the probability of class 1 of every output, shape (n, n_outputs)."""
    outputs = model.predict_proba(rows)
    return np.stack(
        [
            probability[:, classes == 1].sum(axis=1)
            for probability, classes in zip(outputs, model.classes_, strict=True)
        ],
        axis=1,
    )


def _rows_to_check(rows: FloatArray, *, n_most: int = 256) -> FloatArray:
    """Return rows on which a graph is compared, one without light curve (NaN) among them."""
    few: FloatArray = rows[: n_most - 1]
    bare = np.where(np.isfinite(rows).all(axis=0), few[:1], np.nan)
    return np.concatenate([few, bare.astype(np.float32)])
