"""The risk of positives and unlabelled rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from skyvet.strategies.pretraining.label_free_loss import positive_unlabelled_risk


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("prior", [0.1, 0.3, 0.7])
def test_it_is_the_labelled_risk_where_unlabelled_rows_are_an_exact_mixture(prior):
    rng = np.random.default_rng(0)
    real, bogus = rng.normal(1, 1, 1000), rng.normal(-1, 1, 1000)
    n_real = round(1000 * prior)
    mixed = np.concatenate([np.tile(real, n_real), np.tile(bogus, 1000 - n_real)])
    found = positive_unlabelled_risk(torch.tensor(real), torch.tensor(mixed), prior=prior)
    labelled = prior * sigmoid(-real).mean() + (1 - prior) * sigmoid(bogus).mean()
    assert found.item() == pytest.approx(labelled, rel=1e-4)


def test_real_rows_among_the_unlabelled_cost_nothing_when_they_are_called_real():
    positive = torch.full((10,), 40.0)
    unlabelled = torch.tensor([40.0] * 3 + [-40.0] * 7)
    assert positive_unlabelled_risk(positive, unlabelled, prior=0.3).item() == pytest.approx(0)
    all_bogus = torch.full((10,), -40.0)
    assert positive_unlabelled_risk(positive, all_bogus, prior=0.3).item() > 0.2


def test_it_is_never_negative():
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        positive, unlabelled = 3 * torch.randn(2, 4, generator=generator)
        assert positive_unlabelled_risk(positive, unlabelled, prior=0.9).item() >= 0
