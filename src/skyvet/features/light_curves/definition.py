"""What is said of each feature: definition, unit, range, missing values, source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FeatureDefinition", "Scope", "definitions"]


class Scope(StrEnum):
    """How the columns of a feature are named."""

    BAND = "band"
    """One column a band: ``<name>_<band>``."""
    PAIR = "pair"
    """One column for two neighbouring bands: ``<name>_<blue>_<red>``."""
    ALGORITHM = "algorithm"
    """One column a period finder: ``<name>_<kind>``."""
    ALGORITHM_BAND = "algorithm and band"
    """One column a period finder and band: ``<name>_<kind>_<band>``."""
    SOURCE = "source"
    """One column: ``<name>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDefinition:
    """One feature.

    Parameters
    ----------
    name : str
        Name without band.
    definition : str
        How it is computed: m, e, t are magnitude, error and time of N points, w = 1/e^2.
    unit : str
        Unit of its values; ``-`` where they have none.
    range : str
        Interval of possible values.
    missing : str
        When it is NaN.
    group : str
        What it belongs to, such as ``statistics``.
    scope : Scope
        Whether there is a column for each band, pair of bands, or source.
    reference : str
        Where it was published.
    """

    name: str
    definition: str
    unit: str
    range: str
    missing: str
    group: str
    scope: Scope
    reference: str


def definitions(
    rows: Sequence[tuple[str, str, str, str]],
    *,
    group: str,
    scope: Scope,
    missing: str,
    reference: str,
) -> tuple[FeatureDefinition, ...]:
    """Return definitions that share group, scope, meaning of missing and reference.

    Parameters
    ----------
    rows : sequence of tuple
        Name, definition, unit, range.

    Examples
    --------
    >>> (one,) = definitions([("n", "N", "-", "[0, inf)")], group="g", scope=Scope.BAND,
    ...                      missing="never", reference="")
    >>> one.name, one.unit
    ('n', '-')
    """
    return tuple(
        FeatureDefinition(
            name=name,
            definition=definition,
            unit=unit,
            range=range_of_values,
            missing=missing,
            group=group,
            scope=scope,
            reference=reference,
        )
        for name, definition, unit, range_of_values in rows
    )
