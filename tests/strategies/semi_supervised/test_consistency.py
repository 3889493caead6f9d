"""Losses between two views of one candidate."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import TypeAdapter

from skyvet.strategies.semi_supervised.consistency import (
    ConsistencyConfig,
    FixMatchConfig,
    MeanTeacherConfig,
    NoConsistencyConfig,
    align_logits,
    confident_rows,
    consistency_loss,
    ramp_up,
)


def test_fixmatch_is_cross_entropy_to_the_confident_verdicts():
    student = torch.tensor([0.3, -1.0, 2.0])
    teacher = torch.tensor([5.0, 0.2, -5.0])
    expected = [math.log1p(math.exp(-0.3)), 0.0, math.log1p(math.exp(2.0))]
    losses = consistency_loss(student, teacher, FixMatchConfig())
    torch.testing.assert_close(losses, torch.tensor(expected))


def test_soft_targets_are_the_teachers_probability():
    config = FixMatchConfig(with_soft_targets=True, threshold=0.5)
    student, teacher = torch.tensor([0.5]), torch.tensor([1.0])
    p = torch.sigmoid(teacher)
    expected = -(p * torch.sigmoid(student).log() + (1 - p) * torch.sigmoid(-student).log())
    torch.testing.assert_close(consistency_loss(student, teacher, config), expected)


def test_mean_teacher_is_the_squared_difference_of_probabilities():
    losses = consistency_loss(torch.zeros(1), torch.tensor([50.0]), MeanTeacherConfig())
    torch.testing.assert_close(losses, torch.tensor([0.25]))


def test_agreeing_views_cost_nothing_with_a_mean_teacher():
    logits = torch.randn(9)
    assert consistency_loss(logits, logits, MeanTeacherConfig()).abs().max() == 0


def test_no_gradient_reaches_the_teacher():
    student = torch.zeros(3, requires_grad=True)
    teacher = torch.full((3,), 9.0, requires_grad=True)
    consistency_loss(student, teacher, FixMatchConfig()).sum().backward()
    assert teacher.grad is None
    assert student.grad.abs().min() > 0


def test_the_loss_is_float32_whatever_comes_in():
    half = torch.zeros(2, dtype=torch.bfloat16)
    for config in (FixMatchConfig(), MeanTeacherConfig(), NoConsistencyConfig()):
        assert consistency_loss(half, half, config).dtype == torch.float32


def test_one_threshold_holds_for_both_classes():
    probability = torch.tensor([0.04, 0.06, 0.94, 0.96])
    rows = confident_rows(probability, FixMatchConfig(threshold=0.95))
    assert rows.tolist() == [True, False, False, True]


def test_the_class_that_lags_gets_the_lower_threshold():
    config = FixMatchConfig(threshold=0.95, with_class_thresholds=True)
    bogus, real = torch.full((8,), 0.01), torch.tensor([0.97, 0.8, 0.8, 0.8])
    rows = confident_rows(torch.cat([bogus, real]), config)
    assert rows[8:].all()
    fixed = confident_rows(torch.cat([bogus, real]), FixMatchConfig(threshold=0.95))
    assert fixed[8:].sum() == 1


def test_class_thresholds_never_refuse_a_row_that_the_fixed_one_takes():
    probability = torch.rand(500, generator=torch.Generator().manual_seed(1))
    fixed = confident_rows(probability, FixMatchConfig(threshold=0.9))
    mapped = confident_rows(probability, FixMatchConfig(threshold=0.9, with_class_thresholds=True))
    assert (mapped | ~fixed).all()


def test_aligned_logits_have_the_expected_mean_odds():
    now = torch.tensor([0.4, 0.8])
    for mean in now:
        logits = torch.logit(mean).repeat(4)
        aligned = align_logits(logits, mean_probability=mean, prior=0.2)
        torch.testing.assert_close(torch.sigmoid(aligned), torch.full((4,), 0.2))


def test_alignment_keeps_the_order():
    logits = torch.tensor([3.0, -1.0, 0.5])
    aligned = align_logits(logits, mean_probability=torch.tensor(0.9), prior=0.1)
    assert aligned.argsort().tolist() == logits.argsort().tolist()


def test_ramp_up_rises_to_one_and_stays():
    values = [ramp_up(done, 0.4) for done in (0.0, 0.1, 0.2, 0.4, 0.9)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(math.exp(-5))
    assert values[-2:] == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["none", "mean_teacher", "fixmatch"])
def test_kinds_are_read_by_name(kind):
    assert TypeAdapter(ConsistencyConfig).validate_python({"kind": kind}).kind == kind
