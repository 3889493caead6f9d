"""The benchmark of features measures what it says, on light curves of the size it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import light_curve_features as benchmark
from skyvet.features.periods.conditional_entropy import ConditionalEntropy


def test_without_files_light_curves_are_made_and_said_to_be(tmp_path):
    curves, kind = benchmark.read_curves(tmp_path, 256, 3)
    assert kind == "made light curves"
    assert [len(column) for curve in curves for column in curve] == [256] * 9


def test_real_light_curves_are_brought_to_the_size_and_baseline(shared_data):
    curves, kind = benchmark.read_curves(shared_data, 300, 5)
    assert kind == "real light curves"
    for time_d, magnitude, error in curves:
        assert len(time_d) == len(magnitude) == 300
        assert time_d[0] == 0.0
        assert time_d[-1] == pytest.approx(benchmark.BASELINE_D)
        assert (np.diff(time_d) >= 0).all()
        assert (error > 0).all()


def test_a_batch_gives_back_the_magnitudes(tmp_path):
    curves, _ = benchmark.read_curves(tmp_path, 40, 2)
    batch = benchmark.batch_of(curves)
    magnitude = 31.4 - 2.5 * np.log10(batch.flux_njy[batch.rows_of(1)])
    np.testing.assert_allclose(magnitude, curves[1][1], rtol=1e-12)


def test_the_peer_of_conditional_entropy_computes_the_same(tmp_path):
    curve = benchmark.read_curves(tmp_path, 200, 1)[0][0]
    frequencies = np.linspace(0.1, 9.0, 20)
    ours = ConditionalEntropy(device="cpu").statistic([benchmark.series_of(curve)], frequencies)
    np.testing.assert_allclose(-ours, benchmark.entropy_of(curve, frequencies), rtol=1e-6)


def test_rates_are_of_the_best_round():
    calls = []
    found = benchmark.rates({"skyvet": lambda: calls.append(1)}, 10)
    assert len(calls) == 1 + benchmark.N_ROUNDS
    assert found["skyvet"] > 10
