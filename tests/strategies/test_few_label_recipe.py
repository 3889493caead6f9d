"""skyvet's recipe for few labels: what it asks for and when."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.few_label_recipe import (
    FewLabelRecipe,
    label_totals,
    run_few_label_recipe,
)
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.training.configs import HardwareConfig
from skyvet.training.steps import StepsConfig

STEPS = StepsConfig(n_steps=6, hardware=HardwareConfig(accelerator="cpu", n_threads=1))
RECIPE = FewLabelRecipe(
    n_first=8,
    n_scored=30,
    quick=STEPS,
    n_quick_rows=8,
    final=SemiSupervisedLearner(
        member=MixedTraining(network=CompactConfig(widths=(4, 8)), steps=STEPS),
        quick=STEPS,
        pseudo_labels=None,
        n_folds=2,
    ),
)


class CountingExpert:
    """Knows the truth and remembers what it was asked."""

    def __init__(self, truth: np.ndarray) -> None:
        self.truth = truth
        self.batches: list[np.ndarray] = []

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.batches.append(rows)
        return self.truth[rows]


@pytest.fixture(scope="module")
def pool() -> CandidatePool:
    """Sixty stamps, every second one with a source in the middle."""
    rng = np.random.default_rng(3)
    stamps = rng.normal(size=(60, 3, 21, 21)).astype(np.float32)
    stamps[::2, :, 9:12, 9:12] += 6.0
    return CandidatePool(stamps=stamps, candidate_ids=np.arange(60), object_ids=np.arange(60))


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """The labels of these stamps."""
    return (np.arange(60) % 2 == 0).astype(np.int8)


def run(pool: CandidatePool, expert: CountingExpert, *, seed: int = 1) -> list:
    """Return the stages at 12 and 20 labels."""
    return list(run_few_label_recipe(pool, expert, RECIPE, budgets=(12, 20), seed=seed))


@pytest.fixture(scope="module")
def asked(pool: CandidatePool, truth: np.ndarray) -> tuple[list, CountingExpert]:
    """One run, with what it asked."""
    expert = CountingExpert(truth)
    return run(pool, expert), expert


def test_each_row_is_paid_for_once(asked: tuple[list, CountingExpert]) -> None:
    rows = np.concatenate(asked[1].batches)
    assert len(rows) == len(np.unique(rows)) == 20


def test_batches_follow_the_totals(asked: tuple[list, CountingExpert]) -> None:
    totals = np.cumsum([len(batch) for batch in asked[1].batches])
    np.testing.assert_array_equal(totals, label_totals(RECIPE, (12, 20)))


def test_every_paid_label_is_learnt_from_at_its_budget(
    asked: tuple[list, CountingExpert], truth: np.ndarray
) -> None:
    stages, expert = asked
    rows = np.concatenate(expert.batches)
    for stage, budget in zip(stages, (12, 20), strict=True):
        np.testing.assert_array_equal(stage.bought.i_row, rows[:budget])
        np.testing.assert_array_equal(stage.bought.labels, truth[rows[:budget]])
        assert len(stage.classifier.held_out_logits) == budget


def test_the_same_seed_asks_and_answers_the_same(
    pool: CandidatePool, truth: np.ndarray, asked: tuple[list, CountingExpert]
) -> None:
    again = run(pool, CountingExpert(truth))
    np.testing.assert_array_equal(again[-1].bought.i_row, asked[0][-1].bought.i_row)
    np.testing.assert_array_equal(
        again[-1].classifier.judge(pool).logits, asked[0][-1].classifier.judge(pool).logits
    )


def test_another_seed_asks_others(
    pool: CandidatePool, truth: np.ndarray, asked: tuple[list, CountingExpert]
) -> None:
    other = run(pool, CountingExpert(truth), seed=2)
    assert set(other[-1].bought.i_row) != set(asked[0][-1].bought.i_row)


@pytest.mark.parametrize(("per_label", "n_steps"), [(0.0, 6), (2.0, 24)])
def test_more_labels_take_more_steps(
    pool: CandidatePool, truth: np.ndarray, per_label: float, n_steps: int
) -> None:
    seen = []

    def fit(self: SemiSupervisedLearner, *_: object, **__: object) -> None:
        seen.append(self.member.steps.n_steps)

    recipe = RECIPE.model_copy(update={"steps_per_label": per_label})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SemiSupervisedLearner, "fit", fit)
        list(run_few_label_recipe(pool, CountingExpert(truth), recipe, budgets=(12,), seed=0))
    assert seen == [n_steps]


@pytest.mark.parametrize("budgets", [(), (20, 12), (12, 12), (4,)])
def test_budgets_that_do_not_rise_from_the_first_batch_are_refused(budgets: tuple) -> None:
    with pytest.raises(InvalidInputError, match="budgets must rise"):
        label_totals(RECIPE, budgets)


def test_more_labels_than_candidates_are_refused(pool: CandidatePool, truth: np.ndarray) -> None:
    stages = run_few_label_recipe(pool, CountingExpert(truth), RECIPE, budgets=(61,), seed=0)
    with pytest.raises(InvalidInputError, match="cannot give 61"):
        next(stages)
