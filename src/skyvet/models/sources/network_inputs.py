"""Features as a network takes them: scaled by rank, with a mask for what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.errors import InvalidInputError
from skyvet.features.rank_scaling import RankScaling, fit_rank_scaling
from skyvet.models.sources.feature_rows import feature_rows
from skyvet.records.feature_table import FeatureTable

__all__ = ["SourceInputs", "fit_source_inputs"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceInputs:
    """What was fitted on the training sources to feed a network.

    Parameters
    ----------
    names : tuple of str
        Features, in the order of the columns.
    image_names : tuple of str
        dm-dt images; may be empty.
    scaling : RankScaling
        Ranks among the training sources: heavy tails do no harm, and nothing depends on the other
        sources of a call.
    """

    names: tuple[str, ...]
    image_names: tuple[str, ...]
    scaling: RankScaling

    @property
    def n_columns(self) -> int:
        """Columns of `features`: values, then masks."""
        return 2 * len(self.names)

    def features(self, table: FeatureTable) -> NDArray[np.float32]:
        """Return scaled values, then 1 where a value is missing; shape (n, n_columns).

        Raises
        ------
        InvalidInputError
            If the table lacks a feature.
        """
        values = feature_rows(table, self.names)
        scaled = self.scaling.scale(values)
        return np.concatenate([scaled, np.isnan(values)], axis=1).astype(np.float32)

    def images(self, table: FeatureTable) -> NDArray[np.float32] | None:
        """Return the dm-dt images, shape (n, n_images, n_dm, n_dt); None where none are used.

        Raises
        ------
        InvalidInputError
            If the table lacks an image.
        """
        if not self.image_names:
            return None
        missing = [name for name in self.image_names if name not in table.dmdt_names]
        if missing or table.dmdt is None:
            raise InvalidInputError(
                f"the table lacks dm-dt images ({', '.join(missing) or 'all'}) that the network "
                "was trained on; compute features with dm-dt images"
            )
        places = [table.dmdt_names.index(name) for name in self.image_names]
        return np.ascontiguousarray(table.dmdt[:, places], dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is saved; `from_arrays` reads it."""
        return {"knots": self.scaling.knots}

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        *,
        names: tuple[str, ...],
        image_names: tuple[str, ...],
    ) -> SourceInputs:
        """Return the inputs of a saved network."""
        return cls(names=names, image_names=image_names, scaling=RankScaling(knots=arrays["knots"]))


def fit_source_inputs(
    table: FeatureTable, names: tuple[str, ...], *, with_dmdt: bool
) -> SourceInputs:
    """Learn the scaling from the training sources.

    Parameters
    ----------
    table : FeatureTable
        Training sources alone.
    names : tuple of str
        Features to use.
    with_dmdt : bool
        Use all dm-dt images of the table.

    Examples
    --------
    >>> table = FeatureTable(
    ...     source_ids=np.arange(3), names=("a",), values=np.array([[1.0], [2.0], [np.nan]]))
    >>> fit_source_inputs(table, ("a",), with_dmdt=False).features(table)[:, 1]
    array([0., 0., 1.], dtype=float32)
    """
    values = feature_rows(table, names)
    images = table.dmdt_names if with_dmdt else ()
    return SourceInputs(names=names, image_names=images, scaling=fit_rank_scaling(values))
