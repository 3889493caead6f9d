"""Held-out probabilities for an audit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skyvet.models.compact_net import CompactConfig
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.audit import rank_suspects
from skyvet.strategies.audit_configs import AuditConfig, AuditStampConfig, AuditTrainConfig
from skyvet.strategies.audit_training import _distrusting, held_out_probabilities
from skyvet.strategies.experts import plant_wrong_labels
from skyvet.training.configs import HardwareConfig

TINY = AuditConfig(
    n_folds=2,
    with_dihedral_average=False,
    member=AuditTrainConfig(
        network=CompactConfig(widths=(4, 8)), n_epochs=2, hardware=HardwareConfig(n_threads=1)
    ),
)


def make_arrays(n=160):
    """Return noise with a source in the middle of every other row; two rows an object."""
    rng = np.random.default_rng(1)
    labels = (np.arange(n) // 2 % 2).astype(np.int8)
    stamps = rng.normal(size=(n, 3, 17, 17)).astype(np.float32)
    stamps[:, 2, 7:10, 7:10] += 4.0 * labels[:, None, None]
    return TripletArrays(
        stamps=stamps,
        labels=labels,
        candidate_ids=np.arange(n),
        object_ids=np.arange(n) // 2,
        weights=np.ones(n, np.float32),
        targets=labels.astype(np.float32),
    )


def test_doubted_labels_weigh_what_is_asked_and_all_others_stay():
    arrays = make_arrays(8)
    arrays = replace(arrays, weights=np.linspace(1, 2, 8, dtype=np.float32))
    believed = np.where(arrays.labels == 1, 0.9, 0.1)
    believed[3] = 0.02  # a REAL label that the first pass contradicts
    config = AuditConfig(distrusted_weight=0.25)
    weights = _distrusting(arrays, believed[None], config).weights
    expected = arrays.weights.copy()
    expected[3] *= 0.25
    np.testing.assert_allclose(weights, expected)


def test_changing_one_setting_of_the_member_keeps_the_audits_others():
    config = AuditConfig.model_validate(
        {"member": {"n_epochs": 3, "optimiser": {"weight_decay": 0.1}}, "stamps": {"size_px": 41}}
    )
    assert config.member.validation_fraction == 0
    assert config.member.optimiser.learning_rate == AuditTrainConfig().optimiser.learning_rate
    assert config.stamps.with_mask_planes is AuditStampConfig.model_validate({}).with_mask_planes


@pytest.mark.integration
def test_networks_that_had_not_seen_them_find_planted_errors():
    arrays = make_arrays()
    planted = plant_wrong_labels(arrays.labels, 0.05, np.random.default_rng(2))
    given = replace(arrays, labels=planted.labels, targets=planted.labels.astype(np.float32))
    repeats = held_out_probabilities(given, TINY)
    assert repeats.shape == (2, 160)
    suspects = rank_suspects(repeats, planted.labels)
    assert planted.is_wrong[suspects.i_row[:16]].sum() >= 7
    np.testing.assert_array_equal(held_out_probabilities(given, TINY), repeats)
