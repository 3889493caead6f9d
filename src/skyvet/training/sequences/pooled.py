"""Training of the default classifier: pooled frames, a kernel machine, boosted trees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.svm import SVC

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.features.pooled_frames import pooled_feature_groups
from skyvet.features.pooled_space import fit_pooled_space
from skyvet.features.rank_scaling import fit_rank_scaling
from skyvet.models.kernels import view_similarity
from skyvet.models.sequences.pooled import PooledMember, PooledSettings, pooled_rows
from skyvet.models.trees import join_forests
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.training.sequences.binning import fit_column_bins
from skyvet.training.sequences.forests import checked_graph, forest_of_boosting, forest_of_trees
from skyvet.training.sequences.pooled_config import BoostingConfig, KernelConfig, PooledConfig

__all__ = ["fit_pooled"]


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
    space = fit_pooled_space(labelled.sequences, n_looks=config.n_looks, seed=seed)
    names = labelled.sequences.light_curve_names
    rows = pooled_rows(labelled.sequences, space, names)
    progress.advance()
    groups = (*pooled_feature_groups(space), *("light_curve" for _ in names))
    arrays = _fit_kernel(rows, groups, labelled, config=config.kernel)
    progress.advance()
    graphs = {"boosting.onnx": _fit_boosting(rows, labelled, config.boosting, seed=seed)}
    progress.advance()
    if config.subtypes:
        graphs["subtypes.onnx"] = _fit_subtypes(rows, labelled, config, seed=seed)
    progress.finish()
    settings = PooledSettings(
        light_curve_names=names,
        subtype_names=config.subtypes,
        kernel_weight=config.kernel_weight,
        boosting_weight=config.boosting_weight,
    )
    return PooledMember(settings, graphs, {**space.arrays(), **arrays})


def _fit_kernel(
    rows: FloatArray, groups: tuple[str, ...], labelled: LabelledSequences, *, config: KernelConfig
) -> dict[str, NDArray[Any]]:
    """Return the arrays of the kernel machine."""
    ranks = fit_rank_scaling(rows)
    scale = _column_scale(groups, config)
    support = (ranks.scale(rows) * scale).astype(np.float32)
    n_curve = groups.count("light_curve")
    view_sizes = [size for size in (len(groups) - n_curve, n_curve) if size]
    exact = support.astype(np.float64)
    machine = SVC(C=config.c, kernel="precomputed", cache_size=500).fit(
        view_similarity(exact, exact, view_sizes), labelled.labels, sample_weight=labelled.weights
    )
    return {
        "rank.knots": np.asarray(ranks.knots),
        "kernel.scale": scale,
        "kernel.support": support[machine.support_],
        "kernel.weights": np.asarray(machine.dual_coef_[0]),
        "kernel.bias": np.asarray(machine.intercept_),
        "kernel.view_sizes": np.array(view_sizes),
    }


def _column_scale(groups: tuple[str, ...], config: KernelConfig) -> FloatArray:
    """Return the factor of each column; a group of many columns counts as one of few."""
    scale = np.empty(len(groups))
    for group in dict.fromkeys(groups):
        is_here = np.array([one == group for one in groups])
        scale[is_here] = np.sqrt(float(getattr(config, group)) / is_here.sum())
    return scale


def _fit_boosting(
    rows: FloatArray, labelled: LabelledSequences, config: BoostingConfig, *, seed: int
) -> bytes:
    """Return the graph of the mean of boosted models."""
    bins = fit_column_bins(rows)
    codes = bins.codes(rows)
    codes[:, np.isnan(codes).all(axis=0)] = 0.0  # scikit-learn cannot bin it; nothing splits on it
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
            random_state=(seed * config.n_bags + i_bag) % 2**32,
        ).fit(codes, labelled.labels, sample_weight=labelled.weights)
        models.append(model)
        forest = bins.unbinned(forest_of_boosting(model, n_features=rows.shape[1]))
        forests.append(forest.scaled(1.0 / config.n_bags))
    return checked_graph(
        join_forests(forests),
        lambda few: np.mean([model.decision_function(bins.codes(few)) for model in models], axis=0),
        _rows_to_check(rows),
    )


def _fit_subtypes(
    rows: FloatArray, labelled: LabelledSequences, config: PooledConfig, *, seed: int
) -> bytes:
    """Return the graph of randomised trees that vote for each sub-type."""
    targets = np.stack([labelled.has_tag(tag) for tag in config.subtypes], axis=1)
    targets = np.concatenate([targets, labelled.labels[:, None]], axis=1)  # shapes the trees too
    model = ExtraTreesClassifier(
        n_estimators=config.n_trees, min_samples_leaf=config.min_leaf, random_state=seed
    ).fit(rows, targets, sample_weight=labelled.weights)
    n_subtypes = len(config.subtypes)
    forest = forest_of_trees(model)
    return checked_graph(
        replace(forest, value=forest.value[:, :n_subtypes], base=forest.base[:n_subtypes]),
        lambda few: _probabilities_of_one(model, few)[:, :n_subtypes],
        _rows_to_check(rows),
    )


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
