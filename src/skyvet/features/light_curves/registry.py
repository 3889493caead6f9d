"""All features of light curves: what each is, and which a taxonomy's classifiers are given."""

from __future__ import annotations

from collections.abc import Sequence

from skyvet.core.errors import InvalidInputError
from skyvet.features.light_curves.band_pairs import ordered_pairs
from skyvet.features.light_curves.catalogues import ALERTS, CATALOGUE_COLUMNS
from skyvet.features.light_curves.definition import FeatureDefinition, Scope
from skyvet.features.light_curves.definitions_in_band import BAND_DEFINITIONS
from skyvet.features.light_curves.definitions_of_periods import PERIOD_DEFINITIONS
from skyvet.features.light_curves.definitions_of_source import SOURCE_DEFINITIONS
from skyvet.features.light_curves.fourier import FOURIER, N_OF_SCOPE
from skyvet.features.light_curves.statistics import STATISTICS
from skyvet.features.periods.registry import FINDERS

__all__ = [
    "FEATURES",
    "FEATURE_SETS",
    "columns_of",
    "definition_of",
    "feature_set",
]

FEATURES: tuple[FeatureDefinition, ...] = (
    *BAND_DEFINITIONS,
    *PERIOD_DEFINITIONS,
    *SOURCE_DEFINITIONS,
)
"""Every feature, in the order of the groups."""

_BY_NAME = {(feature.name, feature.scope): feature for feature in FEATURES}
_NAMED_PARTS = {
    Scope.SOURCE: 0,
    Scope.BAND: 1,
    Scope.ALGORITHM: 1,
    Scope.PAIR: 2,
    Scope.ALGORITHM_BAND: 2,
}

_PHENOMENOLOGICAL = (*STATISTICS[1:], *FOURIER[:N_OF_SCOPE])
_NOT_USED = ("AllWISE__w3sigmpro", "AllWISE__w4sigmpro", "Gaia_EDR3__pm", "Gaia_EDR3__astrometric")
FEATURE_SETS: dict[str, tuple[str, ...]] = {
    "phenomenological": _PHENOMENOLOGICAL,
    "ontological": (
        *_PHENOMENOLOGICAL,
        "period_d",
        "significance",
        *ALERTS,
        *(name for name in CATALOGUE_COLUMNS if not name.startswith(_NOT_USED)),
    ),
}
"""Features that SCoPe gives to the classifiers of its two taxonomies: 35 and 61."""


def definition_of(column: str) -> FeatureDefinition:
    """Return the definition of a column of a feature table.

    Parameters
    ----------
    column : str
        Name as in the table, with its band or bands.

    Raises
    ------
    InvalidInputError
        If no feature is called so.

    Examples
    --------
    >>> definition_of("iqr_g").definition
    '75 % - 25 % quantile, interpolated linearly'
    >>> definition_of("color_median_g_r").unit
    'mag'
    """
    for scope, n_parts in _NAMED_PARTS.items():
        name, *parts = column.rsplit("_", n_parts) if n_parts else [column]
        feature = _BY_NAME.get((name, scope))
        if feature is not None and _is_complete(scope, parts):
            return feature
    raise InvalidInputError(f"there is no feature called '{column}'")


def _is_complete(scope: Scope, parts: Sequence[str]) -> bool:
    """Whether what stands after a name is what the scope wants there."""
    if scope in {Scope.ALGORITHM, Scope.ALGORITHM_BAND}:
        return parts[0] in FINDERS
    return len(parts) == _NAMED_PARTS[scope]


def columns_of(names: Sequence[str], bands: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of features in some bands; features of algorithms are no part of it.

    Raises
    ------
    InvalidInputError
        If there is no such feature.

    Examples
    --------
    >>> columns_of(["iqr", "color_median", "fold_skew"], ["g", "r"])
    ('iqr_g', 'iqr_r', 'color_median_g_r', 'fold_skew')
    """
    columns: list[str] = []
    for name in names:
        if (name, Scope.SOURCE) in _BY_NAME:
            columns.append(name)
        elif (name, Scope.BAND) in _BY_NAME:
            columns += [f"{name}_{band}" for band in bands]
        elif (name, Scope.PAIR) in _BY_NAME:
            columns += [f"{name}_{blue}_{red}" for blue, red in ordered_pairs(bands)]
        else:
            raise InvalidInputError(f"there is no feature '{name}' among {len(FEATURES)}")
    return tuple(columns)


def feature_set(name: str, bands: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that SCoPe's classifiers of a taxonomy are given, in some bands.

    Parameters
    ----------
    name : str
        ``phenomenological`` or ``ontological``.
    bands : sequence of str
        Bands of the feature table.

    Raises
    ------
    InvalidInputError
        If there is no set of this name.

    Examples
    --------
    >>> len(feature_set("phenomenological", ["g"])), len(feature_set("ontological", ["g"]))
    (35, 61)
    """
    if name not in FEATURE_SETS:
        raise InvalidInputError(f"feature set must be one of {sorted(FEATURE_SETS)}, got '{name}'")
    return columns_of(FEATURE_SETS[name], bands)
