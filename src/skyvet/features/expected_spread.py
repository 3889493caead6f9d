"""The log-variances that a frame's means let expect; what is left tells frames apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.features.products import narrow_product
from skyvet.features.second_order import second_order_terms

__all__ = ["ExpectedSpread", "fit_expected_spread"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedSpread:
    """Regression of each log-variance on the means and their products.

    Parameters
    ----------
    coefficients : ndarray, shape (k, 1 + k + k (k + 1) / 2), float32
        Of 1, the k means and their products in the order of ``np.triu_indices(k)``.
    scatter : ndarray, shape (k,), float32
        Standard deviation of what is left, > 0.
    """

    coefficients: FloatArray
    scatter: FloatArray

    def __post_init__(self) -> None:
        """Make arrays read-only."""
        object.__setattr__(self, "coefficients", as_readonly(self.coefficients, np.float32))
        object.__setattr__(self, "scatter", as_readonly(self.scatter, np.float32))

    def residuals(self, means: FloatArray, log_variances: FloatArray) -> FloatArray:
        """Return how far log-variances lie above what their frame's means let expect.

        Parameters
        ----------
        means, log_variances : ndarray, shape (k, n_frames), float32

        Returns
        -------
        ndarray, shape (k, n_frames), float32
            In units of `scatter`.
        """
        expected = narrow_product(self.coefficients, second_order_terms(means))
        return np.asarray((log_variances - expected) / self.scatter[:, None])


def fit_expected_spread(means: FloatArray, log_variances: FloatArray) -> ExpectedSpread:
    """Fit the regression by least squares.

    Parameters
    ----------
    means, log_variances : ndarray, shape (k, n_frames), float32
        A sample of frames of many objects.

    Returns
    -------
    ExpectedSpread

    Examples
    --------
    >>> means = np.linspace(-1, 1, 50, dtype=np.float32)[None]
    >>> model = fit_expected_spread(means, 1.0 + means**2)
    >>> bool(np.abs(model.coefficients - [[1, 0, 1]]).max() < 1e-5)
    True
    """
    products = second_order_terms(means.astype(np.float64))
    coefficients = np.linalg.lstsq(products.T, log_variances.T.astype(np.float64), rcond=None)[0].T
    left = (log_variances - coefficients @ products).std(axis=1)
    return ExpectedSpread(coefficients=coefficients, scatter=np.where(left > 1e-6, left, 1.0))
