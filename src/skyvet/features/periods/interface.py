"""What every period finder has in common: its frequencies, its statistic, its peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.features.band_series import BandSeries

__all__ = ["FrequencyGrid", "PeriodFinder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyGrid:
    """Evenly spaced trial frequencies.

    Parameters
    ----------
    f_min : float
        First frequency [1/d], above 0.
    step : float
        Distance of two frequencies [1/d], above 0.
    n : int
        How many, at least 1.

    Examples
    --------
    >>> FrequencyGrid(f_min=0.5, step=0.25, n=3).frequencies.tolist()
    [0.5, 0.75, 1.0]
    """

    f_min: float
    step: float
    n: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.f_min > 0 and self.step > 0 and self.n >= 1):
            raise InvalidInputError(f"a grid needs f_min > 0, step > 0 and n >= 1, got {self}")

    @property
    def frequencies(self) -> FloatArray:
        """All frequencies [1/d], shape (n,), float64."""
        return self.f_min + self.step * np.arange(self.n)

    @property
    def f_max(self) -> float:
        """Last frequency [1/d]."""
        return self.f_min + self.step * (self.n - 1)


class PeriodFinder(Config):
    """Settings of one algorithm and, with them, the algorithm.

    A finder is one file with a subclass: its fields are what a user may choose, `kind` is its name
    in tables (``ls``, ``ce``, ``aov``, ...). Whatever the algorithm minimises or maximises, the
    statistic here is larger where the fold is better. Bands are combined by the finder, each with
    its own mean magnitude; they are never stacked.
    """

    kind: str

    def periodogram(self, series: Sequence[BandSeries], grid: FrequencyGrid) -> FloatArray:
        """Return the statistic at each frequency of an even grid.

        Parameters
        ----------
        series : sequence of BandSeries
            The source's bands; bands with too few points are passed over.
        grid : FrequencyGrid
            Trial frequencies.

        Returns
        -------
        ndarray, shape (grid.n,), float32 or float64
            Larger is better; all NaN where no band has enough points.
        """
        raise NotImplementedError

    def statistic(self, series: Sequence[BandSeries], frequencies: FloatArray) -> FloatArray:
        """Return the statistic at any frequencies, in float64 and without approximation.

        Parameters
        ----------
        series : sequence of BandSeries
            The source's bands.
        frequencies : ndarray, shape (k,), float64
            Frequencies [1/d], above 0.

        Returns
        -------
        ndarray, shape (k,), float64
            Larger is better; NaN where no band has enough points.
        """
        raise NotImplementedError
