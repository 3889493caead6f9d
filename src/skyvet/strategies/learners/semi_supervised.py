"""The learner that joins the pieces: a start, pseudo-labels, consistency, several networks.

1. A start made without labels (`skyvet.strategies.pretraining.starts`).
2. Quick networks, cross-fitted on the bought labels, give each label a held-out logit. These
   calibrate, estimate the pool's fraction of REAL and, where wanted, choose pseudo-labels.
3. Final networks learn from all bought labels, the pseudo-labels and the pool.

All of it takes a fixed number of steps; no paid label is kept for validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.strategies.pretraining.configs import RandomStart, StartConfig
from skyvet.strategies.pretraining.starts import start_state
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.strategies.semi_supervised.consistency import FixMatchConfig, NoConsistencyConfig
from skyvet.strategies.semi_supervised.cross_fit import CrossFit, cross_fit
from skyvet.strategies.semi_supervised.mixed_batches import UnlabelledRows
from skyvet.strategies.semi_supervised.pseudo_labels import (
    PseudoLabelConfig,
    PseudoLabelReport,
    PseudoLabels,
    make_pseudo_labels,
)
from skyvet.training.configs import OptimiserConfig
from skyvet.training.fit import FittedNetwork
from skyvet.training.splits import objects_of_scarcer_class
from skyvet.training.steps import StepsConfig

__all__ = ["SemiSupervisedClassifier", "SemiSupervisedLearner"]

_LEAST_OBJECTS = 2
_MEMBER_STRIDE = 100_003
_POOL_STREAM = 0x706F6F

FINAL_STEPS = StepsConfig(
    n_steps=800,
    optimiser=OptimiserConfig(learning_rate=2e-3, warm_up_fraction=0.1, ema_decay=0.99),
)
"""Consistency teaches little in the first few hundred steps: the teacher must be sure first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SemiSupervisedClassifier(NetworkClassifier):
    """Networks that judge together, and how their pseudo-labels did.

    Parameters
    ----------
    reports : tuple of PseudoLabelReport
        One a round of quick networks; each has the estimated fraction of REAL in the pool. Where
        no pseudo-labels were wanted they are those that would have been given.
    """

    reports: tuple[PseudoLabelReport, ...] = ()


class SemiSupervisedLearner(Config):
    """Networks that learn from the bought labels and from the whole pool."""

    kind: Literal["semi_supervised"] = "semi_supervised"
    start: StartConfig = Field(default=RandomStart(), description="first weights of all networks")
    member: MixedTraining = Field(
        default=MixedTraining(consistency=FixMatchConfig(), steps=FINAL_STEPS),
        description="training of each final network",
    )
    quick: StepsConfig = Field(
        default=StepsConfig(n_steps=100),
        description="steps of the quick networks that hold labels out",
    )
    pseudo_labels: PseudoLabelConfig | None = Field(
        default=PseudoLabelConfig(), description="pseudo-labels; null = none"
    )
    n_folds: int = Field(
        default=4, ge=2, description="parts of the labels, split by object; fewer where labels lack"
    )
    n_members: int = Field(default=1, ge=1, description="final networks")
    hold_out: Literal["quick", "members"] = Field(
        default="quick",
        description="whose held-out logits are handed on: quick = those of the quick networks, and "
        "every final network learns from every label; members = final network i leaves out fold i "
        "(n_members is not used)",
    )
    max_pool_rows: int = Field(
        default=20_000,
        ge=1,
        description="unlabelled rows that are learnt from, drawn at random; bounds the cost of "
        "pseudo-labels",
    )
    with_dihedral_average: bool = Field(
        default=False,
        description="average each network over the 8 flips and rotations, at 8 times the cost",
    )

    def fit(
        self,
        pool: CandidatePool,
        bought: BoughtLabels,
        *,
        seed: int,
        work_dir: Path | None = None,
        progress: Progress | None = None,
        initial_state: Mapping[str, Tensor] | None = None,
    ) -> SemiSupervisedClassifier:
        """Learn from the bought labels and the pool.

        Parameters
        ----------
        pool, bought, seed, work_dir, progress
            As `skyvet.strategies.learners.interface.FewLabelLearner.fit`.
        initial_state : mapping of str to Tensor, optional
            First weights, made without these labels; `start` is not used then.

        Returns
        -------
        SemiSupervisedClassifier
            Its ``held_out_logits`` are those of the bought labels, in their order.

        Raises
        ------
        InvalidInputError
            If a class has labels of fewer than 2 objects, or weights do not fit.
        """
        labelled = pool.labelled(bought)
        self._check_labels(labelled)
        if initial_state is None:
            initial_state = start_state(
                self.start,
                pool,
                self.member.network,
                seed=seed,
                checkpoint_dir=work_dir and work_dir / "start",
                progress=progress,
            )
        run = _Run(
            self,
            labelled,
            self._unlabelled(pool, bought, seed),
            seed=seed,
            initial_state=initial_state,
            work_dir=work_dir,
            progress=progress,
        )
        crossed, pseudo, reports = run.quick_rounds()
        return run.final(crossed, pseudo, reports)

    def _check_labels(self, labelled: TripletArrays) -> None:
        """Refuse labels that cannot be split."""
        n_least = objects_of_scarcer_class(labelled)
        if n_least < _LEAST_OBJECTS:
            n_real = int(labelled.labels.sum())
            raise InvalidInputError(
                f"learner {self.kind!r} needs REAL and BOGUS labels of at least {_LEAST_OBJECTS} "
                f"objects each, got {n_real} REAL and {len(labelled) - n_real} BOGUS labels, of "
                f"{n_least} objects in the scarcer class; label more candidates"
            )

    def _unlabelled(self, pool: CandidatePool, bought: BoughtLabels, seed: int) -> CandidatePool:
        """Return the unlabelled rows that take part; none of a labelled object, lest it leak."""
        is_known = np.isin(pool.object_ids, np.unique(pool.object_ids[bought.i_row]))
        rows = np.flatnonzero(~is_known)
        if len(rows) > self.max_pool_rows:
            rng = np.random.default_rng([seed, _POOL_STREAM])
            rows = np.sort(rng.choice(rows, self.max_pool_rows, replace=False))
        return pool.take(rows)


class _Run:
    """One fit: what all its networks share."""

    def __init__(
        self,
        learner: SemiSupervisedLearner,
        labelled: TripletArrays,
        unlabelled: CandidatePool,
        *,
        seed: int,
        initial_state: Mapping[str, Tensor] | None,
        work_dir: Path | None,
        progress: Progress | None,
    ) -> None:
        self.learner = learner
        self.labelled = labelled
        self.unlabelled = unlabelled
        self.seed = seed
        self.initial_state = initial_state
        self.work_dir = work_dir
        self.progress = progress
        self.n_folds = min(learner.n_folds, objects_of_scarcer_class(labelled))

    def quick_rounds(
        self,
    ) -> tuple[CrossFit, list[PseudoLabels], tuple[PseudoLabelReport, ...]]:
        """Return the last quick networks and, for each fold and for all, what they would teach.

        The pseudo-labels of a fold come from the network that had not seen it; the last entry is
        from the mean of all networks, for the final ones.
        """
        wanted = self.learner.pseudo_labels
        taught: list[UnlabelledRows | None] = [None]
        reports: list[PseudoLabelReport] = []
        for i_round in range(1 if wanted is None else wanted.n_rounds):
            crossed = self._quick_fits(taught, i_round)
            pseudo = self._pseudo_labels(crossed)
            reports.append(pseudo[-1].report)
            taught = [self._rows(part) for part in pseudo[:-1]]
        return crossed, pseudo, tuple(reports)

    def final(
        self,
        crossed: CrossFit,
        pseudo: list[PseudoLabels],
        reports: tuple[PseudoLabelReport, ...],
    ) -> SemiSupervisedClassifier:
        """Train the final networks."""
        learner = self.learner
        held_out = crossed.held_out_logits
        if learner.hold_out == "members":
            crossed = self._held_out_members(pseudo)
            held_out, fitted = crossed.held_out_logits, crossed.networks
        else:
            fitted = tuple(self._member(i, pseudo[-1]) for i in range(learner.n_members))
        return SemiSupervisedClassifier(
            networks=tuple(part.build() for part in fitted),
            network_config=learner.member.network,
            held_out_logits=held_out,
            with_dihedral_average=learner.with_dihedral_average,
            reports=reports,
        )

    def _quick_fits(self, taught: list[UnlabelledRows | None], i_round: int) -> CrossFit:
        """Return cross-fitted networks of labels and, after the first round, pseudo-labels."""
        quick = self.learner.member.model_copy(
            update={"steps": self.learner.quick, "consistency": NoConsistencyConfig()}
        )
        return cross_fit(
            self.labelled,
            quick,
            n_folds=self.n_folds,
            seed=self.seed,
            unlabelled=taught,
            initial_state=self.initial_state,
            work_dir=self._folder(f"quick-{i_round}"),
            progress=self.progress,
        )

    def _pseudo_labels(self, crossed: CrossFit) -> list[PseudoLabels]:
        """Return pseudo-labels from each quick network, and last from their mean."""
        logits = crossed.logits(self.unlabelled.stamps, self.unlabelled.metadata)
        sources: list[FloatArray] = [*logits, logits.mean(axis=0)]
        return [
            make_pseudo_labels(
                part,
                self.learner.pseudo_labels or PseudoLabelConfig(),
                held_out_logits=crossed.held_out_logits,
                labels=self.labelled.labels,
                weights=self.labelled.weights,
            )
            for part in sources
        ]

    def _rows(self, pseudo: PseudoLabels) -> UnlabelledRows:
        """Return the unlabelled rows with these pseudo-labels, if any are wanted."""
        if self.learner.pseudo_labels is None:
            return UnlabelledRows(pool=self.unlabelled)
        return UnlabelledRows(pool=self.unlabelled, targets=pseudo.targets, weights=pseudo.weights)

    def _member(self, i_member: int, pseudo: PseudoLabels) -> FittedNetwork:
        """Train one final network on all labels."""
        from skyvet.strategies.semi_supervised.training import fit_mixed  # noqa: PLC0415 - loads lightning

        return fit_mixed(
            self.labelled,
            self.learner.member,
            seed=self.seed + _MEMBER_STRIDE * (i_member + 1),
            unlabelled=self._rows(pseudo),
            prior=pseudo.report.prior,
            initial_state=self.initial_state,
            checkpoint_dir=self._folder(f"member-{i_member}"),
            progress=self.progress,
        )

    def _held_out_members(self, pseudo: list[PseudoLabels]) -> CrossFit:
        """Train final networks that each leave out one fold of the labels."""
        return cross_fit(
            self.labelled,
            self.learner.member,
            n_folds=self.n_folds,
            seed=self.seed,
            unlabelled=[self._rows(part) for part in pseudo[:-1]],
            prior=pseudo[-1].report.prior,
            initial_state=self.initial_state,
            work_dir=self._folder("members"),
            progress=self.progress,
        )

    def _folder(self, name: str) -> Path | None:
        """Return a folder for checkpoints."""
        return None if self.work_dir is None else self.work_dir / name
