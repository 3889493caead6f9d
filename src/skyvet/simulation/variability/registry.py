"""The kinds of variable objects by name."""

from __future__ import annotations

from skyvet.core.errors import InvalidInputError
from skyvet.simulation.variability.agn import ActiveNucleus
from skyvet.simulation.variability.base import Variability
from skyvet.simulation.variability.constant import Constant
from skyvet.simulation.variability.eclipsing import EclipsingEA, EclipsingEB, EclipsingEW
from skyvet.simulation.variability.long_period import LongPeriod
from skyvet.simulation.variability.outbursts import Cataclysmic, FlareStar
from skyvet.simulation.variability.pulsators import Cepheid, DeltaScuti, RRLyraeAB, RRLyraeC
from skyvet.simulation.variability.supernovae import SupernovaCC, SupernovaIa

__all__ = ["VARIABILITY_NAMES", "get_variability"]

_KINDS: tuple[Variability, ...] = (
    RRLyraeAB(),
    RRLyraeC(),
    Cepheid(),
    DeltaScuti(),
    EclipsingEA(),
    EclipsingEB(),
    EclipsingEW(),
    LongPeriod(),
    Cataclysmic(),
    FlareStar(),
    ActiveNucleus(),
    SupernovaIa(),
    SupernovaCC(),
    Constant(),
)
_BY_NAME = {kind.name: kind for kind in _KINDS}

VARIABILITY_NAMES: tuple[str, ...] = tuple(_BY_NAME)
"""Names in truth tables, in a fixed order."""


def get_variability(name: str) -> Variability:
    """Return the kind of that name.

    Raises
    ------
    InvalidInputError
        If there is no such kind; the message lists them.

    Examples
    --------
    >>> get_variability("agn").is_transient
    False
    """
    if name not in _BY_NAME:
        raise InvalidInputError(
            f"no kind of variable called '{name}'; choose from {', '.join(VARIABILITY_NAMES)}"
        )
    return _BY_NAME[name]
