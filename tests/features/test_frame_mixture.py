"""Kinds of frames: the mixture agrees with scikit-learn's and is safe for anything."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from skyvet.features.frame_mixture import fit_frame_mixture, log_shares


def _three_kinds(n=900, *, seed=0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    centres = np.array([[0, 0], [6, 0], [0, 6]])
    frames = centres[kind] + rng.normal(size=(n, 2)) @ np.array([[1.0, 0.5], [0.0, 0.7]])
    return frames, kind


def test_planted_kinds_are_found():
    frames, kind = _three_kinds()
    mixture = fit_frame_mixture(frames, n_kinds=3)
    shares = np.stack(
        [np.exp(log_shares(mixture.posterior(frames[kind == k].T))) for k in range(3)]
    )
    assert sorted(shares.argmax(axis=1).tolist()) == [0, 1, 2]
    assert shares.max(axis=1).min() > 0.97


def test_shares_agree_with_scikit_learn():
    frames, _ = _three_kinds()
    mixture = fit_frame_mixture(frames, n_kinds=3, n_steps=100)
    scaled = (frames - frames.mean(axis=0)) / frames.std(axis=0)
    other = GaussianMixture(3, reg_covar=1e-3, random_state=0, tol=1e-9, max_iter=500).fit(scaled)
    for start in range(0, 900, 60):
        expected = np.sort(other.predict_proba(scaled[start : start + 60]).mean(axis=0))
        found = np.sort(np.exp(log_shares(mixture.posterior(frames[start : start + 60].T))) - 1e-3)
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_shares_of_an_object_sum_to_one():
    frames, _ = _three_kinds()
    shares = np.exp(log_shares(fit_frame_mixture(frames, n_kinds=5).posterior(frames[:7].T))) - 1e-3
    assert shares.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("frames", [np.zeros((50, 3)), np.ones((1, 2)), np.eye(3)])
def test_frames_without_kinds_give_finite_shares(frames):
    mixture = fit_frame_mixture(frames, n_kinds=4)
    assert np.isfinite(mixture.posterior(frames.T)).all()
    assert np.isfinite(mixture.posterior(1e6 + frames[:1].T)).all()


def test_kinds_that_differ_in_correlation_alone_are_told_apart():
    rng = np.random.default_rng(5)
    kind = np.arange(2000) % 2
    first = rng.normal(size=2000)
    other = np.where(kind == 0, 0.95, -0.95) * first + 0.3 * rng.normal(size=2000)
    frames = np.stack([first, other], axis=1)
    mixture = fit_frame_mixture(frames, n_kinds=2, n_steps=200, seed=1)
    scaled = (frames - frames.mean(axis=0)) / frames.std(axis=0)
    model = GaussianMixture(2, reg_covar=1e-3, random_state=0, n_init=5, tol=1e-9, max_iter=500)
    expected = model.fit(scaled).predict_proba(scaled)
    found = mixture.posterior(frames.T).T
    if np.abs(found - expected).mean() > 0.5:
        found = found[:, ::-1]
    np.testing.assert_allclose(found, expected, atol=5e-3)
