"""The plain learner: every label trains, every label is held out once."""

from __future__ import annotations

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.batches import BatchConfig
from skyvet.preprocessing.pools import BoughtLabels, CandidatePool
from skyvet.strategies.learners.supervised import SupervisedLearner
from skyvet.training.configs import HardwareConfig, OptimiserConfig, TrainConfig
from skyvet.training.splits import objects_of_scarcer_class


def learner(n_epochs: int = 1, **changes: int) -> SupervisedLearner:
    member = TrainConfig(
        network=CompactConfig(widths=(4, 8), dropout=0.0),
        n_epochs=n_epochs,
        patience=0,
        validation_fraction=0.0,
        optimiser=OptimiserConfig(learning_rate=0.02),
        batches=BatchConfig(size=8),
        hardware=HardwareConfig(accelerator="cpu", precision="32-true", n_threads=1),
    )
    return SupervisedLearner(member=member, **changes)


def pool_of(labels: np.ndarray, *, objects: np.ndarray | None = None) -> CandidatePool:
    """Brighter (REAL) or darker (BOGUS) noise."""
    n = len(labels)
    noise = np.random.default_rng(0).normal(size=(n, 3, 21, 21))
    stamps = noise + np.where(labels, 1.0, -1.0)[:, None, None, None]
    return CandidatePool(
        stamps=stamps.astype(np.float16),
        candidate_ids=np.arange(n),
        object_ids=np.arange(n) if objects is None else objects,
    )


def test_every_label_is_held_out_by_one_network_and_told_apart():
    labels = np.arange(40) % 2
    bought = BoughtLabels(i_row=np.arange(39, -1, -1), labels=labels[::-1])
    found = learner(6, n_folds=4).fit(pool_of(labels), bought, seed=0)
    assert len(found.networks) == 4
    assert np.isfinite(found.held_out_logits).all()
    assert np.mean((found.held_out_logits > 0) == bought.labels) > 0.9


@pytest.mark.parametrize(("n_real", "n_networks"), [(2, 2), (3, 3), (9, 5)])
def test_folds_are_no_more_than_the_objects_of_the_scarcer_class(n_real, n_networks):
    labels = (np.arange(30) < n_real).astype(int)
    bought = BoughtLabels(i_row=np.arange(30), labels=labels)
    assert len(learner().fit(pool_of(labels), bought, seed=0).networks) == n_networks


def test_labels_of_one_object_of_a_class_are_refused_with_the_counts():
    labels = (np.arange(12) < 4).astype(int)
    objects = np.where(labels == 1, 0, np.arange(12))
    bought = BoughtLabels(i_row=np.arange(12), labels=labels)
    with pytest.raises(InvalidInputError, match="got 4 REAL and 8 BOGUS labels, of 1 objects"):
        learner().fit(pool_of(labels, objects=objects), bought, seed=0)


def test_a_missing_class_has_no_objects():
    labels = np.zeros(3, dtype=int)
    pool = pool_of(labels)
    rows = pool.labelled(BoughtLabels(i_row=np.arange(3), labels=labels))
    assert objects_of_scarcer_class(rows) == 0
