"""Kinds of frames found without labels, and how much of an object each makes up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.features.products import narrow_product
from skyvet.features.second_order import second_order_terms

__all__ = ["FrameMixture", "fit_frame_mixture", "log_shares"]

_ARRAYS = ("centre", "scale", "coefficients")
_FLOOR = 1e-3  # least variance of a kind, in units of the variance of all frames
_LEAST_SHARE = 1e-3  # a kind that no frame shows counts as this share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameMixture:
    """Mixture of normal distributions over the frames of all objects.

    Parameters
    ----------
    centre, scale : ndarray, shape (d,), float64
        Mean and standard deviation of each column over all frames.
    coefficients : ndarray, shape (k, 1 + d + d (d + 1) / 2), float64
        Logarithm of weight times density of each kind, as a polynomial of second order in the
        scaled columns: constant, linear, then products in the order of ``np.triu_indices(d)``.
    """

    centre: FloatArray
    scale: FloatArray
    coefficients: FloatArray

    def __post_init__(self) -> None:
        """Make arrays read-only."""
        for name in _ARRAYS:
            object.__setattr__(self, name, as_readonly(getattr(self, name), np.float64))

    @property
    def n_kinds(self) -> int:
        """Number of kinds."""
        return len(self.coefficients)

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the fitted arrays by name, for storage; `from_arrays` is the way back."""
        return {f"{prefix}.{name}": np.asarray(getattr(self, name)) for name in _ARRAYS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> FrameMixture:
        """Return the mixture that `arrays` described; `KeyError` if an array is missing."""
        return cls(**{name: arrays[f"{prefix}.{name}"] for name in _ARRAYS})

    def posterior(self, columns: FloatArray) -> FloatArray:
        """Return the probability of each kind for each frame.

        Parameters
        ----------
        columns : ndarray, shape (d, n_frames)

        Returns
        -------
        ndarray, shape (n_kinds, n_frames), float64
            Sums to 1 over the kinds.
        """
        scaled = (columns - self.centre[:, None]) / self.scale[:, None]
        return _posterior(narrow_product(self.coefficients, second_order_terms(scaled)))


def log_shares(posterior: FloatArray) -> FloatArray:
    """Return the logarithm of the share of each kind.

    Parameters
    ----------
    posterior : ndarray, shape (n_kinds, n_frames)
        From `FrameMixture.posterior`.

    Returns
    -------
    ndarray, shape (n_kinds,), float64
        A kind that no frame shows counts as a share of 0.001.
    """
    return np.asarray(np.log(posterior.mean(axis=1) + _LEAST_SHARE))


def fit_frame_mixture(
    frames: FloatArray, *, n_kinds: int = 32, n_steps: int = 40, seed: int = 0
) -> FrameMixture:
    """Fit the mixture by expectation-maximisation, each kind with its own full covariance.

    Parameters
    ----------
    frames : ndarray, shape (n, d)
        A sample of frames of many objects, n > 0.
    n_kinds : int, default 32
        Kinds looked for; fewer where there are less than 20 frames for each.
    n_steps : int, default 40
        Steps of expectation-maximisation.
    seed : int, default 0
        Of the frames that the kinds begin at.

    Returns
    -------
    FrameMixture

    Examples
    --------
    >>> frames = np.concatenate([np.full((50, 1), 0.0), np.full((50, 1), 9.0)])
    >>> mixture = fit_frame_mixture(frames, n_kinds=2)
    >>> bool(np.exp(log_shares(mixture.posterior(frames[:10].T))).max() > 0.99)
    True
    """
    frames = frames.astype(np.float64)
    centre, scatter = frames.mean(axis=0), frames.std(axis=0)
    scale = np.where(scatter > 1e-9, scatter, 1.0)
    scaled = ((frames - centre) / scale).T
    products = second_order_terms(scaled)
    n_kinds = max(1, min(n_kinds, len(frames) // 20))
    starts = _spread_starts(scaled, n_kinds, np.random.default_rng(seed))
    distance = ((scaled[:, :, None] - starts[:, None, :]) ** 2).sum(axis=0)
    shares = np.eye(n_kinds)[distance.argmin(axis=1)].T
    for _ in range(n_steps):
        coefficients = _log_density(shares @ products.T, len(scaled))
        shares = _posterior(coefficients @ products)
    return FrameMixture(centre=centre, scale=scale, coefficients=coefficients)


def _spread_starts(
    scaled: FloatArray, n_kinds: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Choose frames far from each other (k-means++), shape (d, n_kinds)."""
    chosen = [int(rng.integers(scaled.shape[1]))]
    nearest = np.full(scaled.shape[1], np.inf)
    for _ in range(n_kinds - 1):
        nearest = np.minimum(nearest, ((scaled - scaled[:, chosen[-1:]]) ** 2).sum(axis=0))
        total = nearest.sum()
        weights = nearest / total if total > 0 else None
        chosen.append(int(rng.choice(scaled.shape[1], p=weights)))
    return np.asarray(scaled[:, chosen])


def _log_density(moments: FloatArray, n_columns: int) -> NDArray[np.float64]:
    """Turn each kind's sums of products into the polynomial of its log density."""
    i, j = np.triu_indices(n_columns)
    counts = np.maximum(moments[:, 0], 1e-9)
    means = moments[:, 1 : 1 + n_columns] / counts[:, None]
    second = np.empty((len(moments), n_columns, n_columns))
    second[:, i, j] = second[:, j, i] = moments[:, 1 + n_columns :] / counts[:, None]
    covariance = second - means[:, :, None] * means[:, None, :] + _FLOOR * np.eye(n_columns)
    precision = np.linalg.inv(covariance)
    linear = np.einsum("kij,kj->ki", precision, means)
    constant = np.log(counts / counts.sum()) - 0.5 * (
        np.linalg.slogdet(covariance)[1] + np.einsum("ki,ki->k", linear, means)
    )
    quadratic = -0.5 * precision[:, i, j] * np.where(i == j, 1.0, 2.0)
    return np.concatenate([constant[:, None], linear, quadratic], axis=1)


def _posterior(log_density: FloatArray) -> NDArray[np.float64]:
    """Return the probability of each kind for each frame, shape (k, n)."""
    weight = np.exp(log_density - log_density.max(axis=0))
    return np.asarray(weight / weight.sum(axis=0))
