"""What a few-label learner has learnt, calibrated for the pool and packed as a bundle.

Labels that a query chose are not a fair sample: a strategy that asks where the classifier is unsure
buys few of the easy candidates that a night is made of. Two things are put right by weights: of all
labelled candidates of one score, each stands for as many of the pool as have that score. Bins of
equal numbers of labels are laid over the held-out logits; a bin's weight is its share of the pool
over its share of the labels. This holds where the chance of REAL at a given score does not depend
on having been asked (the strategy looks at scores and stamps, not at labels); Platt-type fits, the
prior and the threshold are then those of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.models.bundle import Bundle
from skyvet.models.ensemble import EnsembleOfLogits
from skyvet.preprocessing.normalization import StampConfig
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.strategies.queries.interface import Opinion
from skyvet.training.calibrating import CalibrationConfig, CalibrationFit, fit_calibration
from skyvet.training.card import CardText
from skyvet.training.held_out import held_out_metrics
from skyvet.training.packing import BundleText, Procedure, pack_networks

__all__ = [
    "FewLabelStory",
    "PoolCalibration",
    "calibrate_for_pool",
    "pack_few_label",
    "selection_weights",
    "single_network_logits",
]

_MAX_BINS = 10
_LABELS_A_BIN = 10
_LEAST_OBJECTS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoolCalibration:
    """Calibration on held-out logits of bought labels, meant for the pool.

    Parameters
    ----------
    fit : CalibrationFit
        Calibrator, prior, conformal classifier, threshold.
    i_held_out : ndarray, shape (k,), intp
        Labels, among those bought, that have a held-out logit.
    weights : ndarray, shape (k,), float64
        What each of them stands for; mean 1.
    n_effective : float
        Number of equally weighted labels that would say as much.
    """

    fit: CalibrationFit
    i_held_out: NDArray[np.intp]
    weights: NDArray[np.float64]
    n_effective: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FewLabelStory:
    """How labels were chosen and given, for the card.

    Parameters
    ----------
    n_labels, n_unknown : int
        Labels spent, and those of them that were UNKNOWN.
    n_pool : int
        Candidates of the pool.
    strategy, expert : str
        Who chose, and who labelled, in words.
    learner : Config
        The learner with its settings.
    """

    n_labels: int
    n_unknown: int
    n_pool: int
    strategy: str
    expert: str
    learner: Config


def selection_weights(
    held_out_logits: FloatArray, pool_logits: FloatArray, *, n_pool: int | None = None
) -> FloatArray:
    """Return what each labelled row stands for in the pool, by its score.

    Parameters
    ----------
    held_out_logits : ndarray, shape (k,)
        Of the labelled rows, by networks that had not learnt from them; finite.
    pool_logits : ndarray, shape (n,)
        Of the unlabelled pool or a fair sample of it, by single networks, too.
    n_pool : int, optional
        Unlabelled candidates that `pool_logits` stand for; default those.

    Returns
    -------
    ndarray, shape (k,), float64
        Mean 1; at most the number of bins, which is at most 10 and leaves at least 10 labels each.

    Raises
    ------
    InvalidInputError
        If either is empty.

    Examples
    --------
    Half of the labels were asked for above 0, where a tenth of the pool is:

    >>> labelled = np.linspace(-1, 1, 20)
    >>> weights = selection_weights(labelled, np.linspace(-1, 0.11, 10_000))
    >>> [round(float(weights[part].mean()), 1) for part in (labelled < 0, labelled > 0)]
    [1.8, 0.2]
    """
    if len(held_out_logits) == 0 or len(pool_logits) == 0:
        raise InvalidInputError("weights need labelled rows and a pool, got none of one of them")
    n_bins = int(np.clip(len(held_out_logits) // _LABELS_A_BIN, 1, _MAX_BINS))
    edges = np.unique(np.quantile(held_out_logits, np.linspace(0, 1, n_bins + 1)[1:-1]))
    i_bin = np.searchsorted(edges, held_out_logits, side="right")
    n_labelled = np.bincount(i_bin, minlength=len(edges) + 1)
    n_unlabelled = np.bincount(
        np.searchsorted(edges, pool_logits, side="right"), minlength=len(edges) + 1
    )
    stand_for = n_labelled + n_unlabelled * ((n_pool or len(pool_logits)) / len(pool_logits))
    weights = (stand_for / np.maximum(n_labelled, 1))[i_bin]
    scaled: FloatArray = weights / weights.mean()
    return scaled


def single_network_logits(opinion: Opinion) -> FloatArray:
    """Return one network's logit of each row, each network in turn.

    Held-out logits come from one network; the mean of several is more certain.

    Parameters
    ----------
    opinion : Opinion
        Of n rows.

    Returns
    -------
    ndarray, shape (n,), float32
    """
    members = opinion.member_logits
    if members is None:
        return opinion.logits
    rows = np.arange(len(opinion))
    chosen: FloatArray = members[rows % len(members), rows]
    return chosen


def calibrate_for_pool(
    held_out_logits: FloatArray,
    labelled: TripletArrays,
    pool_logits: FloatArray,
    *,
    n_pool: int,
    config: CalibrationConfig,
    is_random: bool,
    seed: int,
) -> PoolCalibration | None:
    """Fit calibrator, threshold and abstention on held-out logits, for the mix of the pool.

    Parameters
    ----------
    held_out_logits : ndarray, shape (k,)
        One a bought label; NaN = never held out.
    labelled : TripletArrays
        The bought labels, in the same order.
    pool_logits : ndarray, shape (n,)
        From `single_network_logits`, of the unlabelled pool or of a fair sample of it.
    n_pool : int
        Unlabelled candidates of the pool.
    config : CalibrationConfig
        Methods and target.
    is_random : bool
        Whether every label was drawn at random: no correction is needed then.
    seed : int
        Of the folds in which methods are compared.

    Returns
    -------
    PoolCalibration or None
        None where held-out labels of either class come from fewer than 2 objects.
    """
    i_held_out = np.flatnonzero(np.isfinite(held_out_logits))
    rows = labelled.take(i_held_out)
    n_objects = [len(np.unique(rows.object_ids[rows.labels == value])) for value in (0, 1)]
    if min(n_objects) < _LEAST_OBJECTS:
        return None
    logits = held_out_logits[i_held_out]
    selection: FloatArray = np.ones(len(rows))
    if not is_random and n_pool:
        selection = selection_weights(logits, pool_logits, n_pool=n_pool)
    weights = selection * rows.weights
    fit = fit_calibration(
        logits,
        rows.labels,
        config,
        weights=weights,
        groups=rows.object_ids,
        seed=seed,
        threshold_weights=weights,
    )
    return PoolCalibration(
        fit=fit,
        i_held_out=i_held_out,
        weights=weights,
        n_effective=float(weights.sum() ** 2 / (weights**2).sum()),
    )


def pack_few_label(
    path: Path,
    classifier: NetworkClassifier,
    labelled: TripletArrays,
    *,
    calibration: PoolCalibration,
    config: CalibrationConfig,
    story: FewLabelStory,
    stamps: StampConfig,
    text: BundleText,
    stored_px: int | None = None,
) -> Bundle:
    """Write a bundle that `skyvet score` uses.

    Parameters
    ----------
    path : Path
        Bundle folder.
    classifier : NetworkClassifier
        From a learner.
    labelled : TripletArrays
        The bought labels.
    calibration : PoolCalibration
        From `calibrate_for_pool`.
    config : CalibrationConfig
        As given to it.
    story : FewLabelStory
        How the labels came to be.
    stamps : StampConfig
        Preparation of the pool's stamps.
    text : BundleText
        Names and provenance; paragraphs of the card are added here.
    stored_px : int, optional
        Side of the dataset's stamps, where the network sees a smaller part of them.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If the exported graph differs from PyTorch, or `path` is something else.
    """
    held_out = labelled.take(calibration.i_held_out)
    probability = calibration.fit.calibrator.probability(
        classifier.held_out_logits[calibration.i_held_out]
    )
    metrics = held_out_metrics(probability, held_out.labels, groups=held_out.object_ids)
    metrics |= {
        "n_labels_spent": story.n_labels,
        "n_calibration_effective": calibration.n_effective,
    }
    network = EnsembleOfLogits(
        [part.cpu() for part in classifier.networks],
        with_dihedral_average=classifier.with_dihedral_average,
    ).eval()
    procedure = Procedure(
        network=classifier.network_config.model_dump(mode="json"),
        training=_training(story, config),
        thresholds=calibration.fit.thresholds(config),
    )
    return pack_networks(
        path,
        network,
        labelled,
        stamps=stamps,
        calibration=calibration.fit,
        metrics=metrics,
        procedure=procedure,
        text=_with_card(text, story, labelled, calibration),
        stored_px=stored_px,
    )


def _training(story: FewLabelStory, config: CalibrationConfig) -> dict[str, Any]:
    return {
        "learner": story.learner.model_dump(mode="json"),
        "strategy": story.strategy,
        "expert": story.expert,
        "calibration": config.model_dump(mode="json"),
    }


def _with_card(
    text: BundleText, story: FewLabelStory, labelled: TripletArrays, calibration: PoolCalibration
) -> BundleText:
    """Return the text with the card's paragraphs on labels, procedure and limits."""
    unknown = f", {story.n_unknown} of them UNKNOWN" if story.n_unknown else ""
    card = CardText(
        intended_use=text.card.intended_use,
        procedure=(
            f"Few-label learning (`skyvet rounds`): {story.n_labels} labels spent{unknown}, out of "
            f"a pool of {story.n_pool} candidates. Asked by: {story.strategy}. Every setting is in "
            "`bundle.json`."
        ),
        label_trust=f"Labelled by: {story.expert}.",
        prior_source=_prior_source(labelled, calibration),
        limits=(
            "The labels were chosen by a query, so they are not a fair sample. Calibration, prior "
            "and threshold weight each label by how many candidates of the pool have its score "
            f"({calibration.n_effective:.0f} effective labels of {len(calibration.weights)}); the "
            "figures above are those of the labels as they were bought, unweighted, and are biased "
            "by the choice. Judge by a test set drawn at random."
        ),
    )
    changes = {name: getattr(text, name) for name in text.__dataclass_fields__ if name != "card"}
    return BundleText(**changes, card=card)


def _prior_source(labelled: TripletArrays, calibration: PoolCalibration) -> str:
    """Say what the card's fraction of REAL is a fraction of."""
    if np.ptp(calibration.weights) == 0:
        return "the labelled sample"
    return (
        "an estimate for the pool, in which each label counts for the candidates it stands for; "
        f"of the labels as they were bought a fraction {labelled.labels.mean():.3f} is"
    )
