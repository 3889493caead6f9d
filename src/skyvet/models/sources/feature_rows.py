"""Features as the rows of numbers that trees look at: one function for training and scoring."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.records.feature_table import FeatureTable

__all__ = ["feature_rows"]

_LARGEST = float(np.finfo(np.float32).max)
_N_NAMED = 5


def feature_rows(table: FeatureTable, names: tuple[str, ...]) -> FloatArray:
    """Return features by name, single precision, missing where they are not finite.

    Nothing is imputed: a missing value stays missing, and no row depends on another.

    Parameters
    ----------
    table : FeatureTable
        Features; those not named are ignored.
    names : tuple of str
        Which, and their order.

    Returns
    -------
    ndarray, shape (n, len(names)), float32
        NaN = missing; never infinite.

    Raises
    ------
    InvalidInputError
        If the table lacks a feature.

    Examples
    --------
    >>> table = FeatureTable(
    ...     source_ids=np.array([7]), names=("a", "b"), values=np.array([[np.inf, 1e300]]))
    >>> feature_rows(table, ("a",)).tolist()
    [[nan]]
    """
    place = {name: i for i, name in enumerate(table.names)}
    missing = [name for name in names if name not in place]
    if missing:
        more = ", ..." if len(missing) > _N_NAMED else ""
        raise InvalidInputError(
            f"{len(missing)} of {len(names)} features that the classifier was trained on are not "
            f"in the table: {', '.join(missing[:_N_NAMED])}{more}; compute them with the settings "
            "of its training, or add them as columns without values where they cannot be had"
        )
    values = table.values[:, [place[name] for name in names]]
    kept = np.where(np.isfinite(values), np.clip(values, -_LARGEST, _LARGEST), np.nan)
    return kept.astype(np.float32)
