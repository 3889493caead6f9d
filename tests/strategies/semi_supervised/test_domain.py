"""From one domain to another without labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.strategies.dots import SIZE_PX, dot_pool
from torch import nn

from skyvet.core.errors import InvalidInputError
from skyvet.models.compact_net import CompactConfig
from skyvet.models.interface import InputShape
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.semi_supervised.domain import adapt_batch_norm, coral_loss


def normal(n, d, *, scale=1.0, shift=0.0, seed=0):
    return shift + scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_alike_sets_are_closer_than_shifted_or_stretched_ones():
    source = normal(400, 6)
    alike = coral_loss(source, normal(400, 6, seed=1))
    assert coral_loss(source, normal(400, 6, shift=1.0, seed=1)) > 3 * alike
    assert coral_loss(source, normal(400, 6, scale=2.0, seed=1)) > 3 * alike


def test_the_distance_is_that_of_moments_in_units_of_the_joint_scatter():
    source, target = normal(30, 3).numpy(), normal(20, 3, scale=2.0, seed=1).numpy()
    unit = np.concatenate([source, target]).std(axis=0, ddof=1)
    first, second = source / unit, target / unit
    means = ((first.mean(axis=0) - second.mean(axis=0)) ** 2).mean()
    covariances = (np.cov(first.T) - np.cov(second.T)) ** 2
    expected = means + covariances.sum() / (4 * 3**2)
    got = coral_loss(torch.from_numpy(source), torch.from_numpy(target)).item()
    assert got == pytest.approx(expected, rel=1e-4)


def test_the_distance_does_not_depend_on_the_size_of_features():
    source, target = normal(50, 4), normal(50, 4, shift=0.5, seed=1)
    torch.testing.assert_close(coral_loss(source, target), coral_loss(9 * source, 9 * target))


def test_dead_features_give_a_finite_gradient():
    source = torch.zeros(8, 3, requires_grad=True)
    coral_loss(source, torch.zeros(8, 3)).backward()
    assert torch.isfinite(source.grad).all()


def first_norm(network):
    return next(part for part in network.modules() if isinstance(part, nn.BatchNorm2d))


def adapted(pool, **options):
    torch.manual_seed(0)
    network = CompactConfig(widths=(4, 8)).build(InputShape(stamp_px=SIZE_PX)).eval()
    weights = [part.clone() for part in network.parameters()]
    adapt_batch_norm(network, pool, **options)
    assert all(map(torch.equal, weights, network.parameters()))
    return network


def test_the_first_norm_takes_the_pools_own_statistics():
    pool, _ = dot_pool(64)
    network = adapted(pool, batch_size=64)
    seen = network.encoder.stages[0].first(torch.from_numpy(pool.stamps.copy())).detach()
    norm = first_norm(network)
    torch.testing.assert_close(norm.running_mean, seen.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(norm.running_var, seen.var(dim=(0, 2, 3)), rtol=1e-3, atol=1e-5)


def test_a_change_of_gain_and_level_is_taken_back():
    pool, _ = dot_pool(64)
    changed = CandidatePool(
        stamps=5 * pool.stamps, candidate_ids=pool.candidate_ids, object_ids=pool.object_ids
    )
    plain = torch.from_numpy(pool.stamps.copy())
    first, second = adapted(pool, batch_size=64), adapted(changed, batch_size=64)
    with torch.no_grad():
        inner = first_norm(first)(first.encoder.stages[0].first(plain))
        outer = first_norm(second)(second.encoder.stages[0].first(5 * plain))
    torch.testing.assert_close(inner, outer, rtol=1e-3, atol=1e-3)


def test_the_mode_and_the_momentum_come_back():
    pool, _ = dot_pool(8)
    network = adapted(pool)
    assert not any(part.training for part in network.modules())
    assert first_norm(network).momentum == pytest.approx(0.1)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_are_refused(n):
    pool, _ = dot_pool(4)
    with pytest.raises(InvalidInputError, match="2 rows"):
        adapted(pool.take(np.arange(n)))
