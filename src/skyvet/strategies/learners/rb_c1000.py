"""RB-C1000 as published: an initial, an active and a semi-supervised stage (A&A 693, A105).

1. ITS: train on the first M = 900 labels.
2. ALS: ask for the K rows of the pool of which that network is least sure, cut them to the class
   ratio of the first labels, train on both.
3. SSLS, R rounds: the last network labels the pool; what it is sure of trains the next network
   beside the bought labels.

Every stage starts from random weights, splits its labels 6:4 anew, and keeps the epoch of the best
"Sum" on the 40 %. The network is fed raw pixels. This is the baseline, with the weaknesses of the
published code; the house's own learners are its neighbours. Three things differ: one logit stands
for two softmax outputs (the same likelihood), a row whose object is on the other side of a 6:4
split changes sides, and NaN pixels were made 0 by whoever made the pool.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from skyvet.core.arrays import IntArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.interface import InputShape
from skyvet.models.networks import NetworkConfig
from skyvet.models.resnet import ResNetConfig
from skyvet.preprocessing.augmentation import AugmentationConfig
from skyvet.preprocessing.batches import BatchConfig, ClassBalance
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.preprocessing.triplets import TripletArrays, join_triplets
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.strategies.learners.rb_c1000_rules import (
    class_ratio_cut,
    confident_rows,
    least_confident,
    split_in_two,
)
from skyvet.training.configs import (
    HardwareConfig,
    Monitor,
    OptimiserConfig,
    Precision,
    RateDecay,
    TrainConfig,
)
from skyvet.training.fit import FittedNetwork, fit_network
from skyvet.training.prediction import predict_logits
from skyvet.training.start import start_network

__all__ = ["RbC1000Config", "RbC1000Learner", "RbC1000Stage", "run_rb_c1000"]

Ask = Callable[[IntArray], IntArray]
"""Buys the labels of rows of the pool: 1 = REAL, 0 = BOGUS."""

_N_TRUNCATED = int(1000 * (1 - 0.9))  # 99: the published code loses one of its 100 here
_HEAD_SIGMA = 1e-3


class RbC1000Config(Config):
    """All of RB-C1000's choices; the defaults are the published ones."""

    n_first: int = Field(default=900, ge=2, description="first labels (M), drawn at random")
    n_queried: int = Field(
        default=_N_TRUNCATED, ge=0, description="labels asked for after the first stage (K)"
    )
    query: Literal["least_confident", "random"] = Field(
        default="least_confident", description="which rows are asked for"
    )
    ratio_tolerance: float = Field(
        default=1e-3, ge=0, lt=0.5, description="leeway of the class-ratio cut"
    )
    train_share: float = Field(
        default=0.6, gt=0, lt=1, description="share of the labels that train; the rest validate"
    )
    n_rounds: int = Field(default=3, ge=0, description="semi-supervised rounds (R)")
    confidence: float = Field(
        default=0.95, ge=0.5, lt=1, description="smallest confidence of a pseudo-label"
    )
    n_epochs: int = Field(default=100, ge=1, description="epochs of a stage")
    n_pseudo_epochs: int | None = Field(
        default=None, ge=1, description="epochs of a semi-supervised stage; none = as the others"
    )
    learning_rate: float = Field(default=2e-4, gt=0, description="Adam's, at the start of a stage")
    step_fraction: float = Field(
        default=0.4, gt=0, le=1, description="the rate falls to a tenth after each such share"
    )
    batch_size: int = Field(default=256, ge=1, description="rows a step")
    network: NetworkConfig = Field(
        default=ResNetConfig(depth=18, stem="imagenet", dropout=0.0, resized_px=224),
        description="which network; ResNet-18 at 224 px as published",
    )
    hardware: HardwareConfig = HardwareConfig(precision=Precision.FLOAT32)  # raw counts need it

    def training(self, seed: int, *, with_pseudo_labels: bool) -> TrainConfig:
        """Return the training of one stage."""
        n_epochs = self.n_epochs
        if with_pseudo_labels and self.n_pseudo_epochs is not None:
            n_epochs = self.n_pseudo_epochs
        return TrainConfig(
            network=self.network,
            n_epochs=n_epochs,
            patience=0,
            monitor=Monitor.RB_C1000_SUM,
            validation_fraction=0.0,
            optimiser=OptimiserConfig(
                learning_rate=self.learning_rate,
                decay=RateDecay.STEPS,
                step_fraction=self.step_fraction,
                warm_up_fraction=0.0,
                weight_decay=0.0,
                max_gradient_norm=0.0,
            ),
            batches=BatchConfig(size=self.batch_size, balance=ClassBalance.NONE),
            augmentation=AugmentationConfig.off().model_copy(
                update={"flips_and_rotations": True, "with_rotations": False}
            ),
            hardware=self.hardware,
            seed=seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RbC1000Stage:
    """What came of one stage.

    Parameters
    ----------
    name : str
        ``ITS``, ``ALS``, ``R=1``, ...
    classifier : NetworkClassifier
        Its network; the labels of the 40 % have held-out logits.
    n_labels_paid, n_labels_kept : int
        Labels bought until then, and those that the class-ratio cut left.
    i_pseudo, pseudo_labels : ndarray, shape (k,)
        Rows of the pool that trained with the last network's label, and these labels.
    best_epoch : int
        From 0.
    best_validation_sum : float
        In percent, at most 600.
    seconds : float
        Duration of the stage.
    """

    name: str
    classifier: NetworkClassifier
    n_labels_paid: int
    n_labels_kept: int
    i_pseudo: IntArray
    pseudo_labels: IntArray
    best_epoch: int
    best_validation_sum: float
    seconds: float


class RbC1000Learner(Config):
    """RB-C1000's stages on labels that any strategy bought: one on these alone, then R rounds."""

    kind: Literal["rb_c1000"] = "rb_c1000"
    recipe: RbC1000Config = Field(
        default=RbC1000Config(), description="the recipe; its first labels and query are not used"
    )

    def fit(
        self,
        pool: CandidatePool,
        bought: BoughtLabels,
        *,
        seed: int,
        work_dir: Path | None = None,
        progress: Progress | None = None,
    ) -> NetworkClassifier:
        """Learn; see `skyvet.strategies.learners.interface.FewLabelLearner`."""
        if len(np.unique(bought.labels)) < 2:
            raise InvalidInputError(
                f"learner {self.kind!r} needs labels of both REAL and BOGUS, got {len(bought)} "
                "labels of at most one class; label more candidates"
            )
        run = _Run(pool, self.recipe, seed=seed, work_dir=work_dir, progress=progress)
        run.train("ALS", bought, n_paid=len(bought))
        run.self_train(bought, n_paid=len(bought))
        return run.stages[-1].classifier


def run_rb_c1000(
    pool: CandidatePool,
    ask: Ask,
    config: RbC1000Config,
    *,
    i_first: IntArray,
    seed: int,
    work_dir: Path | None = None,
    progress: Progress | None = None,
) -> tuple[RbC1000Stage, ...]:
    """Run all stages, buying labels on the way.

    Parameters
    ----------
    pool : CandidatePool
        The rows to be labelled first, and the unlabelled pool; raw pixels, missing ones 0.
    ask : callable
        Buys labels: takes rows of `pool`, returns 1 = REAL, 0 = BOGUS for each.
    config : RbC1000Config
        The recipe.
    i_first : ndarray, shape (M,)
        Rows that are labelled first.
    seed : int
        Of splits, weights and batches.
    work_dir : Path, optional
        Checkpoints are kept there; a stopped run goes on from them.
    progress : Progress, optional
        Told of each training.

    Returns
    -------
    tuple of RbC1000Stage
        ITS, ALS, R=1 to R.

    Raises
    ------
    InvalidInputError
        If a stage's labels are of one class.
    """
    run = _Run(pool, config, seed=seed, work_dir=work_dir, progress=progress)
    first = BoughtLabels(i_row=i_first, labels=ask(i_first).astype(np.int8))
    run.train("ITS", first, n_paid=len(first))
    i_queried = run.query(first)
    queried = ask(i_queried).astype(np.int8)
    kept = class_ratio_cut(queried, float(first.labels.mean()), tolerance=config.ratio_tolerance)
    bought = first.joined(BoughtLabels(i_row=i_queried[kept], labels=queried[kept]))
    n_paid = len(first) + len(queried)
    run.train("ALS", bought, n_paid=n_paid)
    run.self_train(bought, n_paid=n_paid, i_lost=np.delete(i_queried, kept))
    return tuple(run.stages)


class _Run:
    """The stages so far, and what all of them share."""

    def __init__(
        self,
        pool: CandidatePool,
        config: RbC1000Config,
        *,
        seed: int,
        work_dir: Path | None,
        progress: Progress | None,
    ) -> None:
        self.stages: list[RbC1000Stage] = []
        self._pool = pool
        self._config = config
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._work_dir = work_dir
        self._progress = progress

    def query(self, bought: BoughtLabels) -> IntArray:
        """Return the rows to ask for, by the last stage's network."""
        rest = np.setdiff1d(np.arange(len(self._pool)), bought.i_row)
        n = self._config.n_queried
        if self._config.query == "random":
            return self._rng.permutation(rest)[:n]
        return rest[least_confident(self._logits(rest), n)]

    def self_train(
        self, bought: BoughtLabels, *, n_paid: int, i_lost: IntArray | None = None
    ) -> None:
        """Run the semi-supervised rounds; lost labels take part in nothing."""
        taken = bought.i_row if i_lost is None else np.concatenate([bought.i_row, i_lost])
        rest = np.setdiff1d(np.arange(len(self._pool)), taken)
        for i_round in range(self._config.n_rounds):
            logits = self._logits(rest)
            sure = confident_rows(logits, confidence=self._config.confidence)
            pseudo = BoughtLabels(i_row=rest[sure], labels=(logits[sure] > 0).astype(np.int8))
            self.train(f"R={i_round + 1}", bought, n_paid=n_paid, pseudo=pseudo)

    def train(
        self,
        name: str,
        bought: BoughtLabels,
        *,
        n_paid: int,
        pseudo: BoughtLabels | None = None,
    ) -> None:
        """Train one stage on a new 6:4 split of the labels."""
        started = time.perf_counter()
        labelled = self._pool.labelled(bought)
        i_train, i_validation = self._split(labelled.object_ids)
        train, validation = labelled.take(i_train), labelled.take(i_validation)
        pseudo = self._fitting(pseudo or BoughtLabels.none(), train, validation)
        if len(pseudo):
            train = join_triplets(train, self._pool.labelled(pseudo))
        fitted = self._fit(train, validation, with_pseudo_labels=bool(len(pseudo)))
        self.stages.append(
            RbC1000Stage(
                name=name,
                classifier=self._classifier(fitted, validation, i_validation, len(bought)),
                n_labels_paid=n_paid,
                n_labels_kept=len(bought),
                i_pseudo=pseudo.i_row,
                pseudo_labels=pseudo.labels,
                best_epoch=fitted.best_epoch,
                best_validation_sum=fitted.history[fitted.best_epoch].validation_rb_c1000_sum,
                seconds=time.perf_counter() - started,
            )
        )

    def _classifier(
        self, fitted: FittedNetwork, validation: TripletArrays, i_validation: IntArray, n: int
    ) -> NetworkClassifier:
        """Return the stage's network with its logits of the rows that it did not learn from."""
        network = fitted.build()
        held_out = np.full(n, np.nan, dtype=np.float32)
        held_out[i_validation] = predict_logits(network, validation.stamps, validation.metadata)
        return NetworkClassifier(
            networks=(network,),
            network_config=fitted.network_config,
            held_out_logits=held_out,
        )

    def _split(self, object_ids: NDArray[Any]) -> tuple[IntArray, IntArray]:
        """Cut 6:4 by position; a validation row whose object trains goes to training."""
        train, validation = split_in_two(
            len(object_ids), train_share=self._config.train_share, rng=self._rng
        )
        leaks = np.isin(object_ids[validation], object_ids[train])
        return np.concatenate([train, validation[leaks]]), validation[~leaks]

    def _fitting(
        self, pseudo: BoughtLabels, train: TripletArrays, validation: TripletArrays
    ) -> BoughtLabels:
        """Cut pseudo-labels to the class ratio of the training part, the least sure first."""
        apart = ~np.isin(self._pool.object_ids[pseudo.i_row], validation.object_ids)
        i_row, labels = pseudo.i_row[apart], pseudo.labels[apart]
        kept = class_ratio_cut(
            labels, float(train.labels.mean()), tolerance=self._config.ratio_tolerance
        )
        return BoughtLabels(i_row=i_row[kept], labels=labels[kept])

    def _fit(
        self, train: TripletArrays, validation: TripletArrays, *, with_pseudo_labels: bool
    ) -> FittedNetwork:
        i_stage = len(self.stages)
        seed = int(np.random.default_rng([self._seed, i_stage]).integers(2**31))
        config = self._config.training(seed, with_pseudo_labels=with_pseudo_labels)
        shape = InputShape(stamp_px=train.stamp_px, n_planes=train.n_planes)
        return fit_network(
            train,
            config,
            validation=validation,
            initial_state=_first_weights(config.network, shape, seed),
            checkpoint_dir=None if self._work_dir is None else self._work_dir / f"stage_{i_stage}",
            resume=self._work_dir is not None,
            progress=self._progress,
        )

    def _logits(self, rows: IntArray) -> NDArray[np.float32]:
        """Return what the last stage's network thinks of rows of the pool."""
        return self.stages[-1].classifier.judge(self._pool.take(rows)).logits


def _first_weights(network: NetworkConfig, shape: InputShape, seed: int) -> Mapping[str, Tensor]:
    """Return random weights as torchvision draws them, with a head near 0.

    The house's residual blocks begin as the identity; torchvision's do not by default.
    """
    fresh = start_network(network, shape, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nn.init.normal_(fresh.head.weight, std=_HEAD_SIGMA)
    for part in fresh.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
    return fresh.state_dict()
