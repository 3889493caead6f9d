"""What every few-label learner must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.batches import BatchConfig
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.strategies.learners.networks import NetworkClassifier
from skyvet.strategies.learners.rb_c1000 import RbC1000Config, RbC1000Learner
from skyvet.strategies.learners.registry import LEARNERS
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.learners.supervised import SupervisedLearner
from skyvet.training.configs import HardwareConfig, OptimiserConfig, TrainConfig

N_POOL, N_BOUGHT = 60, 24
NEED_RAW_STAMPS = {"label_free"}
"""Need a dataset beside the pool; tests of their own are in tests/strategies/learners."""

ROUNDING = 1e-4
"""Batches of other sizes add up in another order."""

TINY = CompactConfig(widths=(4, 8), dropout=0.0)
ONE_THREAD = HardwareConfig(accelerator="cpu", precision="32-true", n_threads=1)


def tiny_semi_supervised() -> SemiSupervisedLearner:
    """The semi-supervised learner, with a few steps of a tiny network."""
    steps = {"n_steps": 6}
    return SemiSupervisedLearner.model_validate(
        {
            "n_folds": 2,
            "quick": {**steps, "hardware": ONE_THREAD.model_dump()},
            "member": {
                "network": TINY.model_dump(),
                "steps": {**steps, "hardware": ONE_THREAD.model_dump()},
            },
        }
    )


LEARNER_MAKERS = {
    "supervised": lambda: SupervisedLearner(
        n_folds=2,
        member=TrainConfig(
            network=TINY,
            n_epochs=2,
            patience=0,
            validation_fraction=0.0,
            optimiser=OptimiserConfig(learning_rate=0.02),
            batches=BatchConfig(size=8),
            hardware=ONE_THREAD,
        ),
    ),
    "semi_supervised": tiny_semi_supervised,
    "rb_c1000": lambda: RbC1000Learner(
        recipe=RbC1000Config(
            network=TINY, n_epochs=2, n_rounds=1, batch_size=16, confidence=0.5, hardware=ONE_THREAD
        )
    ),
}


def make_pool() -> tuple[CandidatePool, np.ndarray]:
    """Noise with a star (REAL) or a hole (BOGUS); 60 candidates of 60 objects."""
    rng = np.random.default_rng(5)
    labels = (np.arange(N_POOL) % 3 == 0).astype(np.int8)
    stamps = rng.normal(size=(N_POOL, 3, 21, 21)).astype(np.float32)
    distance_squared = ((np.indices((21, 21)) - 10) ** 2).sum(axis=0)
    stamps[:, 2] += np.where(labels, 4.0, -4.0)[:, None, None] * np.exp(-distance_squared / 6)
    stamps.flags.writeable = False
    ids = 1000 + np.arange(N_POOL)
    ids.flags.writeable = False
    return CandidatePool(stamps=stamps, candidate_ids=ids, object_ids=ids), labels


def bought_of(labels: np.ndarray, n: int = N_BOUGHT) -> BoughtLabels:
    rows = np.random.default_rng(1).permutation(N_POOL)[:n]
    bought = BoughtLabels(i_row=rows, labels=labels[rows])
    bought.i_row.flags.writeable = bought.labels.flags.writeable = False
    return bought


@pytest.fixture(scope="module", params=sorted(set(LEARNERS) - NEED_RAW_STAMPS))
def kind(request):
    """Each learner of the table."""
    return request.param


@pytest.fixture(scope="module")
def fitted(kind):
    """The learner, the pool, its labels and what was learnt; all arrays are read-only."""
    pool, labels = make_pool()
    learner, bought = LEARNER_MAKERS[kind](), bought_of(labels)
    return learner, pool, bought, learner.fit(pool, bought, seed=3)


def test_table_names_the_learner_by_its_kind(kind):
    assert LEARNERS[kind].learner.model_fields["kind"].default == kind
    assert LEARNERS[kind].title


def test_settings_survive_json(kind):
    learner = LEARNER_MAKERS[kind]()
    assert type(learner).model_validate_json(learner.model_dump_json()) == learner


def test_same_labels_and_seed_give_the_same_classifier(fitted):
    learner, pool, bought, classifier = fitted
    again = learner.fit(pool, bought, seed=3)
    np.testing.assert_array_equal(again.judge(pool).logits, classifier.judge(pool).logits)


def test_another_seed_gives_another_classifier(fitted):
    learner, pool, bought, classifier = fitted
    other = learner.fit(pool, bought, seed=4)
    assert not np.array_equal(other.judge(pool).logits, classifier.judge(pool).logits)


def test_opinion_of_a_row_does_not_depend_on_the_others(fitted):
    _, pool, _, classifier = fitted
    rows = np.array([7, 0, 31])
    whole, part = classifier.judge(pool).take(rows), classifier.judge(pool.take(rows))
    np.testing.assert_allclose(part.logits, whole.logits, atol=ROUNDING)
    np.testing.assert_allclose(part.embeddings, whole.embeddings, atol=ROUNDING)
    if whole.member_logits is not None:
        np.testing.assert_allclose(part.member_logits, whole.member_logits, atol=ROUNDING)


def test_opinion_is_finite_and_of_every_row(fitted):
    _, pool, _, classifier = fitted
    opinion = classifier.judge(pool)
    assert opinion.logits.shape == (N_POOL,)
    assert opinion.embeddings.shape[0] == N_POOL
    assert np.isfinite(opinion.logits).all()
    assert np.isfinite(opinion.embeddings).all()


def test_members_average_to_the_logits(fitted):
    _, pool, _, classifier = fitted
    opinion = classifier.judge(pool)
    if opinion.member_logits is not None:
        np.testing.assert_allclose(
            opinion.member_logits.mean(axis=0), opinion.logits, atol=ROUNDING
        )


def test_held_out_logits_are_one_a_label_and_of_both_classes(fitted):
    _, _, bought, classifier = fitted
    assert isinstance(classifier, NetworkClassifier)
    assert classifier.held_out_logits.shape == (N_BOUGHT,)
    is_held_out = np.isfinite(classifier.held_out_logits)
    assert set(bought.labels[is_held_out].tolist()) == {0, 1}


def test_a_turned_label_changes_what_is_learnt(fitted):
    learner, pool, bought, classifier = fitted
    before = classifier.judge(pool).logits
    turned = bought.labels.copy()
    turned[: len(turned) // 3] = 1 - turned[: len(turned) // 3]
    changed = BoughtLabels(i_row=bought.i_row, labels=turned)
    assert not np.array_equal(learner.fit(pool, changed, seed=3).judge(pool).logits, before)


def test_labels_of_one_class_are_refused_in_words(kind):
    pool, labels = make_pool()
    rows = np.flatnonzero(labels == 0)[:12]
    bought = BoughtLabels(i_row=rows, labels=labels[rows])
    if LEARNERS[kind].starts_without_labels:
        pytest.skip("starts without labels")
    with pytest.raises(InvalidInputError, match=r"REAL|class"):
        LEARNER_MAKERS[kind]().fit(pool, bought, seed=0)


def test_no_labels_are_refused_unless_the_learner_starts_without(kind):
    pool, _ = make_pool()
    learner = LEARNER_MAKERS[kind]()
    if LEARNERS[kind].starts_without_labels:
        assert len(learner.fit(pool, BoughtLabels.none(), seed=0).judge(pool)) == N_POOL
        return
    with pytest.raises(InvalidInputError):
        learner.fit(pool, BoughtLabels.none(), seed=0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_stamps_that_are_no_numbers_are_refused_in_words(kind, value):
    pool, labels = make_pool()
    broken = replace(pool, stamps=np.full_like(pool.stamps, value))
    with pytest.raises(InvalidInputError, match="stamps must be finite"):
        LEARNER_MAKERS[kind]().fit(broken, bought_of(labels), seed=0)


@pytest.mark.parametrize("row", [N_POOL, -1])
def test_a_label_outside_the_pool_is_refused_in_words(kind, row):
    pool, _ = make_pool()
    bought = BoughtLabels(i_row=np.array([0, 1, 2, row]), labels=np.array([1, 0, 0, 1]))
    with pytest.raises(InvalidInputError, match=f"row {row} .* pool of {N_POOL}"):
        LEARNER_MAKERS[kind]().fit(pool, bought, seed=0)
