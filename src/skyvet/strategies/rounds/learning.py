"""One round: learn from the labels, score the pool, measure, choose what to ask."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skyvet.core.arrays import BoolArray, FloatArray, IntArray
from skyvet.core.progress import Progress, SilentProgress
from skyvet.evaluation.facts import Estimate
from skyvet.evaluation.label_curve import CurvePoint, measure_figures
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.records.labels import LabelValue
from skyvet.strategies.learners.interface import FewLabelClassifier
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.strategies.learners.registry import LEARNERS
from skyvet.strategies.learners.semi_supervised import SemiSupervisedClassifier
from skyvet.strategies.packing import (
    PoolCalibration,
    calibrate_for_pool,
    single_network_logits,
)
from skyvet.strategies.queries.interface import Opinion, QueryState
from skyvet.strategies.rounds.candidates import RoundsCandidates, TestSet
from skyvet.strategies.rounds.opinions import judge_rows
from skyvet.strategies.rounds.records import RoundRecord
from skyvet.strategies.rounds.settings import RoundsConfig

__all__ = ["LearntRound", "PoolLabels", "labels_of_pool", "learn_round"]

_RANDOM = "random"
_LEAST_OBJECTS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoolLabels:
    """Labels laid on a pool.

    Parameters
    ----------
    bought : BoughtLabels
        REAL and BOGUS, in order of arrival.
    is_spent : ndarray, shape (n,), bool
        Whether the candidate has a label, UNKNOWN among them.
    n_unknown : int
        Candidates of the pool that were called UNKNOWN.
    """

    bought: BoughtLabels
    is_spent: BoolArray
    n_unknown: int

    @property
    def n_spent(self) -> int:
        """Labels spent on the pool."""
        return len(self.bought) + self.n_unknown


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearntRound:
    """What one round found.

    Parameters
    ----------
    record : RoundRecord
        For the disk.
    labels : PoolLabels
        What it learnt from.
    classifier : FewLabelClassifier or None
        None where nothing could be learnt yet.
    calibration : PoolCalibration or None
        None where there were too few held-out labels.
    asked : ndarray, shape (k,), intp
        Rows of the pool to ask for, first one first.
    asked_scores : ndarray, shape (k,), float32
        Their probability of REAL; NaN = none.
    """

    record: RoundRecord
    labels: PoolLabels
    classifier: FewLabelClassifier | None
    calibration: PoolCalibration | None
    asked: IntArray
    asked_scores: FloatArray


def labels_of_pool(pool: CandidatePool, standing: Mapping[str, LabelValue]) -> PoolLabels:
    """Lay labels on a pool; those of other candidates are passed over.

    Parameters
    ----------
    pool : CandidatePool
        The pool.
    standing : mapping of str to LabelValue
        By the text of the candidate's identifier, in order of arrival.

    Examples
    --------
    >>> pool = CandidatePool(
    ...     stamps=np.zeros((2, 3, 9, 9)), candidate_ids=np.array([7, 8]), object_ids=np.arange(2)
    ... )
    >>> found = labels_of_pool(pool, {"8": LabelValue.REAL, "99": LabelValue.BOGUS})
    >>> found.bought.i_row, found.n_spent
    (array([1]), 1)
    """
    row_of = {str(identifier): i for i, identifier in enumerate(pool.candidate_ids.tolist())}
    named = [(row_of[key], value) for key, value in standing.items() if key in row_of]
    known = [(i, value) for i, value in named if value is not LabelValue.UNKNOWN]
    is_spent = np.zeros(len(pool), dtype=np.bool_)
    is_spent[[i for i, _ in named]] = True
    return PoolLabels(
        bought=BoughtLabels(
            i_row=np.array([i for i, _ in known], dtype=np.intp),
            labels=np.array([value is LabelValue.REAL for _, value in known], dtype=np.int8),
        ),
        is_spent=is_spent,
        n_unknown=len(named) - len(known),
    )


def learn_round(
    candidates: RoundsCandidates,
    labels: PoolLabels,
    config: RoundsConfig,
    *,
    i_round: int,
    work_dir: Path | None = None,
    progress: Progress | None = None,
) -> LearntRound:
    """Learn, score, measure and choose.

    Parameters
    ----------
    candidates : RoundsCandidates
        Pool and test set.
    labels : PoolLabels
        Labels of this round.
    config : RoundsConfig
        Settings.
    i_round : int
        Number of the round; seeds follow from it.
    work_dir : Path, optional
        Checkpoints of the learner.
    progress : Progress, optional
        Told of the stages.

    Returns
    -------
    LearntRound
    """
    started = time.perf_counter()
    told = progress or SilentProgress()
    pool, bought = candidates.pool, labels.bought
    n_wanted = _n_wanted(labels, config, i_round)
    if not _can_learn(pool, bought, config):
        asked = _random_rows(candidates, labels, n_wanted, seed=[config.seed, i_round])
        empty = np.full(len(asked), np.nan, dtype=np.float32)
        found = _Found(None, None, {}, "nothing")
        return _round(found, labels, asked, empty, i_round=i_round, by=_RANDOM, started=started)
    classifier = config.learner.fit(
        pool, bought, seed=config.seed + i_round, work_dir=work_dir, progress=told
    )
    rows = _scored_rows(labels, config, i_round)
    opinion = judge_rows(classifier, pool, rows, progress=told)
    calibration = _calibrate(classifier, pool, labels, config, opinion=opinion, rows=rows)
    figures, judged_on = _measure(
        classifier, calibration, pool.labelled(bought), candidates.test, seed=config.seed
    )
    found = _Found(classifier, calibration, figures, judged_on)
    rng = np.random.default_rng([config.seed, i_round, 2])
    state = _query_state(candidates, labels, opinion=opinion, rows=rows)
    chosen = config.strategy.rank(state, n_wanted, rng=rng)
    scores = _probability(opinion.logits[chosen], calibration)
    by = config.strategy.kind
    return _round(found, labels, rows[chosen], scores, i_round=i_round, by=by, started=started)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was learnt and measured."""

    classifier: FewLabelClassifier | None
    calibration: PoolCalibration | None
    figures: dict[str, Estimate]
    judged_on: Literal["test", "held-out", "nothing"]


def _round(
    found: _Found,
    labels: PoolLabels,
    asked: IntArray,
    scores: FloatArray,
    *,
    i_round: int,
    by: str,
    started: float,
) -> LearntRound:
    n_real = int(labels.bought.labels.sum())
    fit = found.calibration
    record = RoundRecord(
        i_round=i_round,
        point=CurvePoint(
            n_labels=labels.n_spent,
            n_real=n_real,
            n_bogus=len(labels.bought) - n_real,
            n_unknown=labels.n_unknown,
            figures=found.figures,
        ),
        judged_on=found.judged_on,
        calibration="" if fit is None else fit.fit.method.value,
        n_effective=None if fit is None else fit.n_effective,
        n_asked=len(asked),
        asked_by=by,
        seconds=time.perf_counter() - started,
        pseudo_labels=_pseudo_label_figures(found.classifier),
    )
    return LearntRound(
        record=record,
        labels=labels,
        classifier=found.classifier,
        calibration=fit,
        asked=asked,
        asked_scores=scores.astype(np.float32),
    )


def _pseudo_label_figures(
    classifier: FewLabelClassifier | None,
) -> tuple[dict[str, float | None], ...]:
    """Return what a semi-supervised learner says of its pseudo-labels."""
    if not isinstance(classifier, SemiSupervisedClassifier):
        return ()
    reports = [dataclasses.asdict(report) for report in classifier.reports]
    return tuple(
        {name: value if math.isfinite(value) else None for name, value in report.items()}
        for report in reports
    )


def _n_wanted(labels: PoolLabels, config: RoundsConfig, i_round: int) -> int:
    if i_round == 0 and labels.n_spent == 0 and config.n_first is not None:
        return config.n_first
    return config.n_per_round


def _can_learn(pool: CandidatePool, bought: BoughtLabels, config: RoundsConfig) -> bool:
    if LEARNERS[config.learner.kind].starts_without_labels:
        return True
    objects = pool.object_ids[bought.i_row]
    n_least = min(len(np.unique(objects[bought.labels == value])) for value in (0, 1))
    return n_least >= _LEAST_OBJECTS


def _random_rows(
    candidates: RoundsCandidates, labels: PoolLabels, n: int, *, seed: list[int]
) -> IntArray:
    """Return free rows in random order, no object again before each has had its turn."""
    is_free = candidates.is_askable & ~labels.is_spent
    free = np.random.default_rng(seed).permutation(np.flatnonzero(is_free))
    objects = candidates.pool.object_ids[free]
    order = np.argsort(objects, kind="stable")
    sorted_objects = objects[order]
    starts = np.flatnonzero(np.r_[True, sorted_objects[1:] != sorted_objects[:-1]][: len(free)])
    turn = np.empty(len(free), dtype=np.intp)
    lengths = np.diff(np.r_[starts, len(free)])
    turn[order] = np.arange(len(free)) - np.repeat(starts, lengths)
    chosen: IntArray = free[np.argsort(turn, kind="stable")][:n]
    return chosen


def _scored_rows(labels: PoolLabels, config: RoundsConfig, i_round: int) -> IntArray:
    """Return the labelled rows and the free ones that are scored this time, ascending."""
    free = np.flatnonzero(~labels.is_spent)
    if config.n_scored and len(free) > config.n_scored:
        rng = np.random.default_rng([config.seed, i_round, 1])
        free = rng.choice(free, config.n_scored, replace=False)
    return np.sort(np.concatenate([free, labels.bought.i_row])).astype(np.intp)


def _calibrate(
    classifier: FewLabelClassifier,
    pool: CandidatePool,
    labels: PoolLabels,
    config: RoundsConfig,
    *,
    opinion: Opinion,
    rows: IntArray,
) -> PoolCalibration | None:
    """Fit on held-out logits, for the mix of the whole pool."""
    if not isinstance(classifier, NetworkClassifier) or len(labels.bought) == 0:
        return None
    free = ~labels.is_spent[rows]
    logits = single_network_logits(opinion)[free]
    return calibrate_for_pool(
        classifier.held_out_logits,
        pool.labelled(labels.bought),
        logits,
        n_pool=int((~labels.is_spent).sum()),
        config=config,
        is_random=config.strategy.kind == _RANDOM,
        seed=config.seed,
    )


def _probability(logits: FloatArray, calibration: PoolCalibration | None) -> FloatArray:
    """Return calibrated probabilities, or the networks' own where there is no calibration."""
    if calibration is None:
        own: FloatArray = expit(logits.astype(np.float64))
        return own
    return calibration.fit.calibrator.probability(logits)


def _measure(
    classifier: FewLabelClassifier,
    calibration: PoolCalibration | None,
    labelled: TripletArrays,
    test: TestSet | None,
    *,
    seed: int,
) -> tuple[dict[str, Estimate], Literal["test", "held-out", "nothing"]]:
    """Return figures and what they were measured on."""
    if test is not None:
        opinion = judge_rows(classifier, test.rows, np.arange(len(test.rows)))
        probability = _probability(opinion.logits, calibration)
        groups: NDArray[Any] = test.rows.object_ids
        return measure_figures(probability, test.labels, groups=groups, seed=seed), "test"
    if calibration is None or not isinstance(classifier, NetworkClassifier):
        return {}, "nothing"
    rows = labelled.take(calibration.i_held_out)
    probability = _probability(classifier.held_out_logits[calibration.i_held_out], calibration)
    figures = measure_figures(probability, rows.labels, groups=rows.object_ids, seed=seed)
    return figures, "held-out"


def _query_state(
    candidates: RoundsCandidates, labels: PoolLabels, *, opinion: Opinion, rows: IntArray
) -> QueryState:
    """Return the scored rows as a strategy sees them."""
    of_row = np.full(len(candidates.pool), -1, dtype=np.int8)
    of_row[labels.bought.i_row] = labels.bought.labels
    return QueryState(
        opinion=opinion,
        labels=of_row[rows],
        is_available=(candidates.is_askable & ~labels.is_spent)[rows],
        object_ids=candidates.pool.object_ids[rows],
    )
