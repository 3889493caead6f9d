"""Evidence of a period against multivariate normal densities, and its laws."""

import numpy as np
import pytest

from skyvet.features.band_series import BandSeries
from skyvet.features.periods.evidence import (
    band_evidence,
    evidence_bands,
    log_evidence,
    prior_precisions,
)

RNG = np.random.default_rng(4)
TIME = np.sort(RNG.uniform(0, 30, 40))


def _series(magnitude, error=None, band="r"):
    error = RNG.uniform(0.01, 0.1, len(TIME)) if error is None else error
    return BandSeries(band=band, time_d=TIME, magnitude=magnitude, magnitude_err=error)


def _pulse(period, amplitude=0.4):
    return 15 + amplitude * np.sin(2 * np.pi * TIME / period) + RNG.normal(0, 0.03, len(TIME))


def test_evidence_is_that_of_the_marginal_covariance():
    """Brute force: covariance of the magnitudes = noise + columns with a prior, mean taken out."""
    (band,) = evidence_bands([_series(_pulse(0.7))], error_floor_mag=0.02)
    precisions = prior_precisions(3)
    found = band_evidence(band, np.array([1.3]), n_allowed=np.array([3]), precisions=precisions)[0]
    root = np.sqrt(band.weight)
    scaled = band.weighted_residual / root
    angle = 2 * np.pi * 1.3 * TIME[:, None] * np.arange(1, 4)
    columns = np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(len(TIME), 6) * root[:, None]
    mean = root / np.linalg.norm(root)
    free = np.linalg.svd(np.eye(len(TIME)) - np.outer(mean, mean))[0][:, :-1]
    for h in range(precisions.shape[1]):
        covariance = free.T @ (columns / precisions[:, h] @ columns.T) @ free + np.eye(
            free.shape[1]
        )
        y = free.T @ scaled
        misfit = y @ np.linalg.solve(covariance, y) / (scaled @ scaled)
        expected = -0.5 * 39 * np.log(misfit) - 0.5 * np.linalg.slogdet(covariance)[1]
        assert found[h] == pytest.approx(expected, abs=1e-8)


def test_scale_and_zero_point_of_magnitudes_change_nothing():
    magnitude, error = _pulse(0.7), np.full(40, 0.03)
    frequencies = np.linspace(0.5, 3, 50)
    one = evidence_bands([_series(magnitude, error)], error_floor_mag=0)
    other = evidence_bands([_series(20 + 3 * magnitude, 3 * error)], error_floor_mag=0)
    settings = {"max_harmonics": 4, "baseline_d": 30.0}
    np.testing.assert_allclose(
        log_evidence(one, frequencies, **settings),
        log_evidence(other, frequencies, **settings),
        atol=1e-7,
    )


def test_noise_speaks_against_a_period():
    bands = evidence_bands([_series(RNG.normal(15, 0.1, 40))], error_floor_mag=0.02)
    odds = log_evidence(bands, RNG.uniform(0.2, 5, 200), max_harmonics=6, baseline_d=30.0)
    assert np.median(odds) < -1
    assert odds.max() < 12


def test_a_smooth_fold_beats_its_multiples():
    bands = evidence_bands(
        [_series(_pulse(0.7)), _series(_pulse(0.7), band="g")], error_floor_mag=0
    )
    periods = np.array([0.7, 1.4, 2.1, 0.35])
    odds = log_evidence(bands, 1 / periods, max_harmonics=6, baseline_d=30.0)
    assert odds.argmax() == 0
    assert odds[0] > odds[1] > 20


def test_a_trial_of_few_cycles_gets_few_harmonics():
    bands = evidence_bands([_series(_pulse(4.0))], error_floor_mag=0)
    slow = np.array([1 / 12.0])  # 2.5 cycles: its third harmonic, the truth, is not allowed
    many = log_evidence(bands, slow, max_harmonics=6, baseline_d=1e6)
    assert many[0] > log_evidence(bands, slow, max_harmonics=6, baseline_d=30.0)[0] + 10


@pytest.mark.parametrize("n_times", [0, 1, 5])
def test_few_or_equal_times_and_constant_bands_are_left_out(n_times):
    time = np.repeat(np.arange(max(n_times, 1), dtype=float), 3)[: 3 * n_times]
    few = BandSeries(
        band="r", time_d=time, magnitude=np.arange(len(time)), magnitude_err=np.ones(len(time))
    )
    assert evidence_bands([few, _series(np.full(40, 15.1))], error_floor_mag=0.0) == ()
