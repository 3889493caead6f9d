"""Losses on votes and on sources that nobody inspected."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from skyvet.training.sources.network_losses import non_negative_risk, vote_loss

NAN = float("nan")


def test_vote_loss_equals_weighted_cross_entropy_where_all_is_known():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(30, 4, generator=generator)
    votes, weights = torch.rand(30, 4, generator=generator), torch.rand(30, 4, generator=generator)
    expected = nn.functional.binary_cross_entropy_with_logits(logits, votes, weight=weights)
    expected = expected * weights.numel() / weights.sum()
    torch.testing.assert_close(vote_loss(logits, votes, weights), expected, rtol=1e-5, atol=1e-6)


def test_what_was_not_inspected_has_no_gradient():
    logits = torch.zeros(2, 2, requires_grad=True)
    votes = torch.tensor([[1.0, NAN], [NAN, 0.0]])
    vote_loss(logits, votes, torch.ones(2, 2)).backward()
    assert logits.grad[0, 1] == 0
    assert logits.grad[1, 0] == 0
    assert (logits.grad.abs().diagonal() > 0).all()


def test_a_batch_in_which_nothing_is_known_costs_nothing():
    loss = vote_loss(torch.zeros(3, 2), torch.full((3, 2), NAN), torch.ones(3, 2))
    assert float(loss) == 0.0


def test_the_non_negative_risk_is_that_of_labelled_data_in_the_mean():
    rng = np.random.default_rng(1)
    n, prior = 400_000, 0.3
    is_of = rng.random(n) < prior
    logits = torch.from_numpy(rng.normal(np.where(is_of, 1.0, -1.0)))[:, None]
    truth = torch.from_numpy(is_of.astype(float))[:, None]
    expected = nn.functional.binary_cross_entropy_with_logits(logits, truth)
    is_inspected = is_of & (rng.random(n) < 0.2)
    votes = torch.where(torch.from_numpy(is_inspected)[:, None], truth, torch.tensor(NAN))
    n_left = n - is_inspected.sum()
    prior_left = (is_of & ~is_inspected).sum() / n_left
    # What is not inspected has lost some positives: its own share is the prior to give.
    found = non_negative_risk(
        logits, votes, torch.ones(n, 1), priors=torch.tensor([prior_left], dtype=torch.float64)
    )
    left = torch.from_numpy(~is_inspected)
    expected = nn.functional.binary_cross_entropy_with_logits(logits[left], truth[left])
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0.0)


def test_the_risk_never_falls_below_that_of_the_positives():
    logits = torch.tensor([[-9.0], [9.0], [9.0]])
    votes = torch.tensor([[1.0], [NAN], [NAN]])
    risk = non_negative_risk(logits, votes, torch.ones(3, 1), priors=torch.tensor([0.9]))
    assert float(risk) >= 0.0


def test_sources_known_not_to_be_of_the_class_pull_the_logit_down():
    logits = torch.zeros(3, 1, requires_grad=True)
    votes = torch.tensor([[1.0], [0.0], [0.0]])
    non_negative_risk(logits, votes, torch.ones(3, 1), priors=torch.tensor([0.3])).backward()
    assert logits.grad[0] < 0
    assert (logits.grad[1:] > 0).all()
