"""What a user chooses for a period search (light: no compiled code is loaded)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skyvet.core.configs import FiniteConfig

__all__ = ["PeriodSearchConfig", "SearchAlgorithm"]

SearchAlgorithm = Literal["ls", "mhaov", "mhf", "ce", "aov", "fpw", "bls", "mf"]
"""Names of period finders; `registry.get_finder` makes them."""


class PeriodSearchConfig(FiniteConfig):
    """How periods are searched and judged.

    The grid is each source's own: from ``min_cycles / baseline`` to ``f_max_per_d`` in steps of
    ``1 / (samples_per_peak * baseline)``. No frequency is cut out.

    Examples
    --------
    >>> PeriodSearchConfig(n_peaks=3).f_max_per_d
    48.0
    """

    algorithms: Annotated[
        tuple[SearchAlgorithm, ...],
        Field(min_length=1, description="period finders, the first also proposes candidates"),
    ] = ("mhaov", "ls", "ce", "aov")
    n_peaks: Annotated[int, Field(ge=1, le=50, description="peaks kept of each algorithm")] = 10
    f_max_per_d: Annotated[float, Field(gt=0, description="largest frequency [1/d]")] = 48.0
    min_cycles: Annotated[
        float, Field(gt=0, description="cycles that the longest trial period makes in the baseline")
    ] = 2.0
    samples_per_peak: Annotated[
        float, Field(ge=2, description="grid points per width of a peak (1 / baseline)")
    ] = 10.0
    is_full_grid: Annotated[
        bool, Field(description="fold on the whole grid too, not only around the best peaks")
    ] = False
    n_terms: Annotated[
        int, Field(ge=1, le=5, description="harmonics of the periodogram of each band")
    ] = 2
    n_candidates: Annotated[
        int, Field(ge=1, le=500, description="peaks that are judged closely, with their aliases")
    ] = 60
    max_harmonics: Annotated[
        int, Field(ge=1, le=8, description="harmonics a light curve may have when it is judged")
    ] = 6
    error_floor_mag: Annotated[
        float, Field(ge=0, description="added in quadrature to every error [mag]")
    ] = 0.02
    alias_penalty: Annotated[
        float,
        Field(
            ge=0,
            description="log-odds taken from a frequency at the top of the window function; soft",
        ),
    ] = 3.0
    wiggle_penalty: Annotated[
        float,
        Field(ge=0, description="log-odds taken for each needless rise and fall within a cycle"),
    ] = 4.0
    min_points: Annotated[
        int, Field(ge=4, description="points, over all bands, below which no period is sought")
    ] = 10
