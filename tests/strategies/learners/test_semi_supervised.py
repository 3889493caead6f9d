"""The learner that joins start, pseudo-labels and consistency."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.strategies.dots import TINY, bought, dot_pool, few_steps

from skyvet.core.errors import InvalidInputError
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.scoring.curves import roc_auc
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.pretraining.configs import VicRegConfig
from skyvet.strategies.semi_supervised.consistency import FixMatchConfig, MeanTeacherConfig
from skyvet.strategies.semi_supervised.pseudo_labels import PseudoLabelConfig

LEARNER = SemiSupervisedLearner(
    member=TINY.model_copy(update={"consistency": FixMatchConfig()}),
    quick=few_steps(15),
    n_folds=3,
)


@pytest.fixture(scope="module")
def fitted():
    pool, truth = dot_pool()
    return LEARNER.fit(pool, bought(truth), seed=3)


def test_it_learns_what_the_pool_shows(fitted):
    pool, truth = dot_pool(seed=9)
    assert roc_auc(fitted.judge(pool).logits, truth) > 0.95


def test_every_label_has_a_held_out_logit_in_its_own_order(fitted):
    _, truth = dot_pool()
    assert np.isfinite(fitted.held_out_logits).all()
    assert roc_auc(fitted.held_out_logits, bought(truth).labels) > 0.8


def test_the_fraction_of_real_is_estimated_and_pseudo_labels_are_judged(fitted):
    (report,) = fitted.reports
    assert 0.15 < report.prior < 0.55  # a third is REAL
    assert report.n_real + report.n_bogus <= 120 - 24


def test_same_seed_gives_the_same_classifier():
    pool, truth = dot_pool()
    learner = LEARNER.model_copy(update={"quick": few_steps(3), "member": TINY})
    first, second = (learner.fit(pool, bought(truth), seed=5).judge(pool) for _ in range(2))
    np.testing.assert_array_equal(first.logits, second.logits)


@pytest.mark.parametrize(
    "changes",
    [
        {"pseudo_labels": None},
        {"pseudo_labels": PseudoLabelConfig(n_rounds=2)},
        {"member": TINY.model_copy(update={"consistency": MeanTeacherConfig()})},
        {"start": VicRegConfig(steps=few_steps(2), batch_size=8, width=8)},
        {"n_members": 2},
        {"hold_out": "members"},
        {"max_pool_rows": 10},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_all_pieces_work_together(changes):
    pool, truth = dot_pool()
    quick = {"quick": few_steps(3), "member": TINY.model_copy(update={"steps": few_steps(4)})}
    fitted = LEARNER.model_copy(update={**quick, **changes}).fit(pool, bought(truth), seed=1)
    opinion = fitted.judge(pool)
    assert np.isfinite(opinion.logits).all()
    assert np.isfinite(fitted.held_out_logits).all()
    n_rounds = getattr(changes.get("pseudo_labels"), "n_rounds", 1)
    assert len(fitted.reports) == n_rounds


def test_held_out_members_give_their_own_held_out_logits():
    pool, truth = dot_pool()
    learner = LEARNER.model_copy(update={"hold_out": "members", "quick": few_steps(2)})
    fitted = learner.fit(pool, bought(truth), seed=1)
    assert len(fitted.networks) == 3
    members = fitted.judge(pool.take(bought(truth).i_row)).member_logits
    is_own = np.isclose(members, fitted.held_out_logits, atol=1e-4)  # batches differ: rounding
    assert is_own.any(axis=0).all()


def test_a_given_state_is_where_training_starts():
    pool, truth = dot_pool()
    state = LEARNER.fit(pool, bought(truth), seed=3).networks[0].state_dict()
    frozen = TINY.steps.optimiser.model_copy(update={"learning_rate": 1e-12})
    steps = few_steps(1).model_copy(update={"optimiser": frozen})
    learner = LEARNER.model_copy(
        update={"quick": steps, "member": TINY.model_copy(update={"steps": steps})}
    )
    again = learner.fit(pool, bought(truth), seed=4, initial_state=state)
    weights = again.networks[0].state_dict()["head.weight"]
    torch.testing.assert_close(weights, state["head.weight"])


def test_unlabelled_rows_of_a_labelled_object_are_left_out():
    pool, truth = dot_pool()
    odd = BoughtLabels(i_row=np.arange(0, 24, 2), labels=truth[np.arange(0, 24, 2)])
    rows = LEARNER._unlabelled(pool, odd, 0)
    assert not set(rows.object_ids) & set(pool.object_ids[odd.i_row])
    assert len(rows) == 120 - 24


def test_a_pool_that_is_all_labelled_still_trains():
    pool, truth = dot_pool(n=24)
    fitted = LEARNER.fit(pool, bought(truth), seed=1)
    assert np.isfinite(fitted.judge(pool).logits).all()


@pytest.mark.parametrize("labels", [np.ones(4, np.int8), np.array([1, 1, 1, 0], np.int8)])
def test_too_few_labels_of_a_class_are_refused(labels):
    pool, _ = dot_pool()
    with pytest.raises(InvalidInputError, match="label more candidates"):
        LEARNER.fit(pool, BoughtLabels(i_row=np.arange(4) * 2, labels=labels), seed=1)


def test_no_label_at_all_is_refused():
    pool, _ = dot_pool()
    with pytest.raises(InvalidInputError, match="label more candidates"):
        LEARNER.fit(pool, BoughtLabels.none(), seed=1)


def test_a_stopped_fit_goes_on_from_its_work_dir(tmp_path):
    pool, truth = dot_pool()
    whole = LEARNER.fit(pool, bought(truth), seed=3)
    first = LEARNER.fit(pool, bought(truth), seed=3, work_dir=tmp_path)
    again = LEARNER.fit(pool, bought(truth), seed=3, work_dir=tmp_path)
    for fitted in (first, again):
        np.testing.assert_array_equal(fitted.judge(pool).logits, whole.judge(pool).logits)


def test_the_settings_survive_json():
    assert SemiSupervisedLearner.model_validate_json(LEARNER.model_dump_json()) == LEARNER


def test_metadata_is_learnt_from_too():
    pool, truth = dot_pool()
    metadata = np.stack([truth, np.full(len(truth), np.nan)], axis=1).astype(np.float32)
    with_numbers = CandidatePool(
        stamps=pool.stamps,
        candidate_ids=pool.candidate_ids,
        object_ids=pool.object_ids,
        metadata=metadata,
        metadata_names=("truth", "missing"),
    )
    learner = LEARNER.model_copy(update={"start": VicRegConfig(steps=few_steps(2), batch_size=8)})
    fitted = learner.fit(with_numbers, bought(truth), seed=1)
    assert roc_auc(fitted.judge(with_numbers).logits, truth) > 0.9
