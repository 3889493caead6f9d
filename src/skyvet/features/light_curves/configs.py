"""What a user chooses for features of light curves (light: no compiled code is loaded)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from skyvet.core.configs import FiniteConfig, each_once
from skyvet.features.periods.configs import PeriodSearchConfig

__all__ = ["FeatureConfig"]


class FeatureConfig(FiniteConfig):
    """Which features are computed.

    Examples
    --------
    >>> FeatureConfig(has_dmdt=False).has_periods
    True
    """

    bands: Annotated[
        tuple[str, ...],
        AfterValidator(each_once),
        Field(description="bands with columns, in this order; empty = those of the input"),
    ] = ()
    has_periods: Annotated[
        bool, Field(description="search for periods, and add what is measured at the best one")
    ] = True
    periods: Annotated[PeriodSearchConfig, Field(description="how periods are searched")] = (
        PeriodSearchConfig()
    )
    has_fourier_of_algorithms: Annotated[
        bool, Field(description="Fourier features at the best period of every algorithm too")
    ] = False
    has_dmdt: Annotated[bool, Field(description="an image of pairs for each band")] = True
    has_snad: Annotated[bool, Field(description="features of SNAD's package light-curve")] = True
    has_catalogues: Annotated[
        bool, Field(description="magnitudes, colours and alerts of the input's own columns")
    ] = True
