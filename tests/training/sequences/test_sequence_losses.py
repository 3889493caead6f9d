"""Losses of sequence classifiers against sums written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from skyvet.models.sequences.network_interface import SequenceOutput
from skyvet.training.sequences.sequence_losses import (
    SequenceLossConfig,
    sequence_loss,
    tversky_loss,
)

NO_SUBTYPES = torch.zeros(6, 0)


@pytest.fixture
def output() -> SequenceOutput:
    return SequenceOutput.of(torch.randn(6, 4, generator=torch.Generator().manual_seed(1)))


@pytest.fixture
def targets() -> torch.Tensor:
    return torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0])


def test_tversky_is_the_published_formula(output, targets):
    """Semenikhin 2024: sigmoid of each logit, two-class one-hot, .3 on misses, .7 on alarms."""
    found = 1 / (1 + np.exp(-output.class_logits.double().numpy()))
    hits = misses = alarms = 0.0
    for row, target in zip(found, targets.int().tolist(), strict=True):
        for i_class in (0, 1):
            is_class = float(i_class == target)
            hits += row[i_class] * is_class
            misses += (1 - row[i_class]) * is_class
            alarms += row[i_class] * (1 - is_class)
    expected = 1 - (hits + 1) / (hits + 0.3 * misses + 0.7 * alarms + 1)
    loss = tversky_loss(output.class_logits, targets, torch.ones(6), config=SequenceLossConfig())
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_tversky_does_not_see_objects_without_weight(output, targets):
    weights = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    kept = weights > 0
    config = SequenceLossConfig()
    weighted = tversky_loss(output.class_logits, targets, weights, config=config)
    alone = tversky_loss(output.class_logits[kept], targets[kept], weights[kept], config=config)
    torch.testing.assert_close(weighted, alone)


def test_plain_loss_is_cross_entropy_of_two_classes(output, targets):
    loss = sequence_loss(
        output, targets, torch.ones(6), subtypes=NO_SUBTYPES, config=SequenceLossConfig()
    )
    expected = functional.cross_entropy(output.class_logits, targets.long())
    torch.testing.assert_close(loss, expected)


def test_parts_of_the_loss_add_up(output, targets):
    weights = torch.rand(6, generator=torch.Generator().manual_seed(2))
    subtypes = torch.tensor(
        [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    )
    config = SequenceLossConfig(tversky_weight=0.01, subtype_weight=0.2)
    entropy = functional.cross_entropy(output.class_logits, targets.long(), reduction="none")
    beside = functional.binary_cross_entropy_with_logits(
        output.subtype_logits, subtypes, reduction="none"
    ).mean(dim=1)
    expected = ((entropy + 0.2 * beside) * weights).sum() / weights.sum()
    expected = expected + 0.01 * tversky_loss(output.class_logits, targets, weights, config=config)
    loss = sequence_loss(output, targets, weights, subtypes=subtypes, config=config)
    torch.testing.assert_close(loss, expected)


def test_a_certain_right_answer_costs_nothing_and_smoothing_makes_it_cost(targets):
    logits = torch.where(targets[:, None] == torch.tensor([0.0, 1.0]), 30.0, -30.0)
    certain = SequenceOutput.of(logits)
    for config, low, high in (
        (SequenceLossConfig(), 0.0, 1e-6),
        (SequenceLossConfig(label_smoothing=0.1), 2.0, 4.0),
    ):
        loss = sequence_loss(certain, targets, torch.ones(6), subtypes=NO_SUBTYPES, config=config)
        assert low <= float(loss) <= high
