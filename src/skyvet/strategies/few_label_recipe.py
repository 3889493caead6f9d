"""skyvet's recipe for few labels: ask in small rounds, learn from the whole pool at each budget.

1. A first batch of labels is drawn at random.
2. A quick network, trained on the labels alone and averaged over flips and rotations, judges a
   random part of the pool; a query strategy chooses the next batch. Batches grow with the number
   of labels.
3. At each budget a semi-supervised learner is fitted to all labels and to the pool.

Every label that was paid for trains every network after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field

from skyvet.core.arrays import IntArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.strategies.learners.networks import opinion_of_networks
from skyvet.strategies.learners.semi_supervised import (
    SemiSupervisedClassifier,
    SemiSupervisedLearner,
)
from skyvet.strategies.queries.badge import BadgeQuery
from skyvet.strategies.queries.interface import Opinion, QueryState
from skyvet.strategies.queries.registry import QueryConfig
from skyvet.strategies.semi_supervised.consistency import NoConsistencyConfig
from skyvet.strategies.semi_supervised.training import fit_mixed
from skyvet.training.steps import StepsConfig

__all__ = ["FewLabelRecipe", "RecipeStage", "label_totals", "run_few_label_recipe"]

_QUERY_STREAM = 0x717565
_SEED_STRIDE = 7919


class FewLabelRecipe(Config):
    """Rounds of asking, and what learns at each budget."""

    n_first: int = Field(default=40, ge=4, description="labels of the first, random batch")
    growth: float = Field(
        default=0.5, gt=0, description="size of a batch, as a fraction of the labels so far"
    )
    n_scored: int = Field(
        default=6000, ge=1, description="candidates judged before a batch is asked, at random"
    )
    strategy: QueryConfig = Field(default=BadgeQuery(), description="which of these are asked for")
    quick: StepsConfig = Field(
        default=StepsConfig(n_steps=150), description="training between the rounds"
    )
    n_quick_rows: int = Field(default=64, ge=2, description="labelled rows in each of its steps")
    final: SemiSupervisedLearner = Field(
        default=SemiSupervisedLearner(pseudo_labels=None, with_dihedral_average=True),
        description="learner at each budget",
    )
    steps_per_label: float = Field(
        default=2.0, ge=0, description="least steps of its networks, for each label so far"
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecipeStage:
    """The state at one budget.

    Parameters
    ----------
    bought : BoughtLabels
        All labels so far, in the order in which they were asked for.
    classifier : SemiSupervisedClassifier
        What was learnt from them and the pool.
    """

    bought: BoughtLabels
    classifier: SemiSupervisedClassifier


def label_totals(recipe: FewLabelRecipe, budgets: Sequence[int]) -> tuple[int, ...]:
    """Return the number of labels after each batch; every budget is among them.

    Parameters
    ----------
    recipe : FewLabelRecipe
        First batch and growth.
    budgets : sequence of int
        Ascending, the first one at least the first batch.

    Raises
    ------
    InvalidInputError
        If they are not.

    Examples
    --------
    >>> label_totals(FewLabelRecipe(n_first=40), [100, 200])
    (40, 60, 90, 100, 150, 200)
    """
    if not budgets or list(budgets) != sorted(set(budgets)) or budgets[0] < recipe.n_first:
        raise InvalidInputError(
            f"budgets must rise and begin at n_first={recipe.n_first} or later, got {list(budgets)}"
        )
    totals = [recipe.n_first]
    for budget in budgets:
        while totals[-1] < budget:
            grown = totals[-1] + max(round(recipe.growth * totals[-1]), 1)
            totals.append(min(grown, budget))
    return tuple(totals)


def run_few_label_recipe(
    pool: CandidatePool,
    ask: Callable[[IntArray], IntArray],
    recipe: FewLabelRecipe,
    *,
    budgets: Sequence[int],
    seed: int,
    work_dir: Path | None = None,
    progress: Progress | None = None,
) -> Iterator[RecipeStage]:
    """Buy labels in rounds and learn at each budget.

    Parameters
    ----------
    pool : CandidatePool
        Candidates that may be asked for and learnt from.
    ask : callable
        Maps rows of the pool, shape (k,), to labels, shape (k,): 1 = REAL, 0 = BOGUS. Each row is
        asked for once.
    recipe : FewLabelRecipe
        Settings.
    budgets : sequence of int
        Numbers of labels at which to learn, rising.
    seed : int
        Of all randomness.
    work_dir : Path, optional
        Checkpoints are kept there.
    progress : Progress, optional
        Told of the trainings.

    Yields
    ------
    RecipeStage
        One a budget.

    Raises
    ------
    InvalidInputError
        If budgets do not rise, exceed the pool, or the labels at one of them are of one class.
    """
    totals = label_totals(recipe, budgets)
    if totals[-1] > len(pool):
        raise InvalidInputError(f"a pool of {len(pool)} cannot give {totals[-1]} labels")
    rng = np.random.default_rng([seed, _QUERY_STREAM])
    first = rng.permutation(len(pool))[: totals[0]]
    bought = BoughtLabels(i_row=first, labels=ask(first))
    for i_round, total in enumerate(totals):
        if total > len(bought):
            rows = _choose(pool, bought, recipe, n=total - len(bought), seed=seed, rng=rng)
            bought = bought.joined(BoughtLabels(i_row=rows, labels=ask(rows)))
        if total in budgets:
            folder = None if work_dir is None else work_dir / f"round-{i_round}"
            classifier = _final_learner(recipe, total).fit(
                pool, bought, seed=seed, work_dir=folder, progress=progress
            )
            yield RecipeStage(bought=bought, classifier=classifier)


def _final_learner(recipe: FewLabelRecipe, n_labels: int) -> SemiSupervisedLearner:
    """Return the learner at a budget: more labels take more steps to learn."""
    member = recipe.final.member
    n_steps = max(member.steps.n_steps, round(recipe.steps_per_label * n_labels))
    steps = member.steps.model_copy(update={"n_steps": n_steps})
    return recipe.final.model_copy(update={"member": member.model_copy(update={"steps": steps})})


def _choose(
    pool: CandidatePool,
    bought: BoughtLabels,
    recipe: FewLabelRecipe,
    *,
    n: int,
    seed: int,
    rng: np.random.Generator,
) -> IntArray:
    """Return the rows to ask for next; random ones while a class is missing."""
    free = np.setdiff1d(np.arange(len(pool)), bought.i_row)
    if len(np.unique(bought.labels)) < 2:
        return rng.choice(free, n, replace=False)
    drawn = np.sort(rng.choice(free, min(max(recipe.n_scored, n), len(free)), replace=False))
    rows = np.concatenate([bought.i_row, drawn])
    state = QueryState(
        opinion=_quick_opinion(pool, bought, rows, recipe, seed=seed),
        labels=np.concatenate([bought.labels, np.full(len(drawn), -1)]).astype(np.int8),
        is_available=np.arange(len(rows)) >= len(bought),
        object_ids=pool.object_ids[rows],
    )
    return rows[recipe.strategy.rank(state, n, rng=rng)]


def _quick_opinion(
    pool: CandidatePool, bought: BoughtLabels, rows: IntArray, recipe: FewLabelRecipe, *, seed: int
) -> Opinion:
    """Return what a network trained on the labels alone thinks of some rows."""
    member = recipe.final.member
    batches = member.batches.model_copy(
        update={"n_labelled": recipe.n_quick_rows, "unlabelled_ratio": 0.0}
    )
    training = member.model_copy(
        update={"steps": recipe.quick, "batches": batches, "consistency": NoConsistencyConfig()}
    )
    network = fit_mixed(
        pool.labelled(bought), training, seed=seed + _SEED_STRIDE * len(bought)
    ).build()
    return opinion_of_networks([network], pool.take(rows), with_dihedral_average=True)
