"""Work shared by processes comes back in order and unchanged."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from skyvet.simulation.light_curves import LightCurveConfig, simulate_light_curves
from skyvet.simulation.workers import simulate_in_order


def test_result_is_the_same_for_two_workers():
    make = partial(simulate_light_curves, LightCurveConfig(n_years=0.5))
    alone = list(simulate_in_order(make, (2, 9), n_workers=1, block_size=3))
    shared = list(simulate_in_order(make, (2, 9), n_workers=2, block_size=2))
    assert [s.object_id for s in alone] == [s.object_id for s in shared]
    for one, two in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one.light_curve.flux_njy, two.light_curve.flux_njy)


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 5), (3, 4)])
def test_bounds_are_kept(start, stop):
    items = simulate_in_order(lambda a, b: list(range(a, b)), (start, stop), block_size=2)
    assert list(items) == list(range(start, stop))
