"""Any number to a normal score by its rank among the training objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from skyvet.core.arrays import FloatArray, as_readonly
from skyvet.core.errors import InvalidInputError

__all__ = ["RankScaling", "fit_rank_scaling"]

_N_KNOTS = 256
_TAIL = 1e-3  # ranks are kept this far from 0 and 1, so that scores stay within +-3.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankScaling:
    """Quantiles of each column over the training objects.

    Parameters
    ----------
    knots : ndarray, shape (n_knots, n_columns), float32
        Ascending; row i is the quantile i / (n_knots - 1). NaN in a column of which no value was
        known: it always scales to 0.
    """

    knots: FloatArray

    def __post_init__(self) -> None:
        """Make arrays read-only."""
        object.__setattr__(self, "knots", as_readonly(self.knots, np.float32))

    def scale(self, features: FloatArray) -> FloatArray:
        """Return normal scores: 0 at the training median, about +-1 at its 16 % and 84 %.

        Parameters
        ----------
        features : ndarray, shape (n, n_columns)
            NaN = missing.

        Returns
        -------
        ndarray, shape (n, n_columns), float64
            In [-3.1, 3.1]; missing becomes 0, the middle.

        Raises
        ------
        InvalidInputError
            If the number of columns differs.
        """
        if features.ndim != 2 or features.shape[1] != self.knots.shape[1]:
            raise InvalidInputError(
                f"features must have {self.knots.shape[1]} columns, got shape {features.shape}"
            )
        levels = np.linspace(0.0, 1.0, len(self.knots))
        ranks = np.empty(features.shape)
        for j, column in enumerate(features.T):
            knots = self.knots[:, j]  # ties: mean of the ranks from below and from above
            above = np.interp(column, knots, levels)
            below = -np.interp(-column, -knots[::-1], -levels[::-1])
            ranks[:, j] = 0.5 * (above + below)
        scores = ndtri(np.clip(ranks, _TAIL, 1.0 - _TAIL))
        return np.where(np.isfinite(features) & np.isfinite(self.knots[0]), scores, 0.0)


def fit_rank_scaling(features: FloatArray) -> RankScaling:
    """Learn the quantiles of each column.

    Parameters
    ----------
    features : ndarray, shape (n, n_columns)
        n > 0; NaN = missing, left out.

    Returns
    -------
    RankScaling

    Examples
    --------
    >>> scaling = fit_rank_scaling(np.array([[1.0], [2.0], [3.0]]))
    >>> scaling.scale(np.array([[2.0], [np.nan]]))[:, 0]
    array([0., 0.])
    """
    if len(features) == 0:
        raise InvalidInputError("ranks need at least one object to compare with")
    is_known = np.isfinite(features).any(axis=0)
    known = np.where(is_known, features, 0.0)
    knots = np.nanquantile(known, np.linspace(0.0, 1.0, _N_KNOTS), axis=0)
    return RankScaling(knots=np.where(is_known, knots, np.nan))
