"""Losses against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skyvet.training.losses import LossConfig, triplet_loss


def entropy(target: float, logit: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def loss(logits, targets, weights=None, teacher=None, **settings) -> float:
    config = LossConfig(**settings)
    weights = [1.0] * len(logits) if weights is None else weights
    tensors = (torch.tensor(part, dtype=torch.float32) for part in (logits, targets, weights))
    teacher = None if teacher is None else torch.tensor(teacher)
    return float(triplet_loss(*tensors, config=config, teacher_logits=teacher))


def test_soft_targets_and_weights():
    expected = (entropy(0.3, 1.2) + 3 * entropy(1.0, -0.4)) / 4
    assert loss([1.2, -0.4], [0.3, 1.0], [1.0, 3.0]) == pytest.approx(expected, rel=1e-6)


def test_label_smoothing_pulls_targets_to_one_half():
    expected = entropy(0.9 * 1.0 + 0.05, 2.0)
    assert loss([2.0], [1.0], label_smoothing=0.1) == pytest.approx(expected, rel=1e-6)


def test_focal_exponent_plays_down_easy_rows():
    p = 1 / (1 + math.exp(-2.0))
    expected = (1 - p) ** 2 * entropy(1.0, 2.0)
    assert loss([2.0], [1.0], focal_gamma=2.0) == pytest.approx(expected, rel=1e-5)


def test_teacher_counts_only_where_it_speaks():
    soft = 1 / (1 + math.exp(-1.5))
    taught = 0.25 * entropy(1.0, 0.5) + 0.75 * 4 * entropy(soft, 0.25)
    value = loss(
        [0.5, 0.5],
        [1.0, 1.0],
        teacher=[3.0, np.nan],
        teacher_share=0.75,
        teacher_temperature=2.0,
    )
    assert value == pytest.approx((taught + entropy(1.0, 0.5)) / 2, rel=1e-5)


def test_silent_teacher_gives_no_nan_gradient():
    logits = torch.zeros(2, requires_grad=True)
    teacher = torch.tensor([np.nan, 1.0])
    ones = torch.ones(2)
    triplet_loss(logits, ones, ones, config=LossConfig(), teacher_logits=teacher).backward()
    assert torch.isfinite(logits.grad).all()


def test_no_weight_at_all_is_no_loss():
    assert loss([1.0], [0.0], [0.0]) == 0.0


def test_extreme_logits_stay_finite():
    assert loss([1e4, -1e4], [0.0, 1.0]) == pytest.approx(1e4)
