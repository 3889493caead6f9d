"""All that pooling needs to know of frames in general; learnt without labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.features.expected_spread import ExpectedSpread, fit_expected_spread
from skyvet.features.frame_mixture import FrameMixture, fit_frame_mixture
from skyvet.features.frame_space import FrameSpace, fit_frame_space
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["PooledSpace", "fit_pooled_space"]

_N_SAMPLE = 30_000  # frames drawn for looks and log-variances


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PooledSpace:
    """Dimensions in use, usual scatter, usual log-variances and looks of frames.

    Parameters
    ----------
    frames : FrameSpace
        Dimensions in use and scatter of frames around their object.
    spread : ExpectedSpread, optional
        Log-variances expected of means; None where there are no log-variances.
    looks : FrameMixture
        Kinds of frames by their means.
    """

    frames: FrameSpace
    spread: ExpectedSpread | None
    looks: FrameMixture

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fitted arrays, for storage; `from_arrays` is the way back."""
        arrays = {
            **self.frames.arrays(),
            **self.looks.arrays("looks"),
        }
        if self.spread is not None:
            arrays["spread.coefficients"] = np.asarray(self.spread.coefficients)
            arrays["spread.scatter"] = np.asarray(self.spread.scatter)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> PooledSpace:
        """Return the space that `arrays` described; `KeyError` if an array is missing."""
        frames = FrameSpace.from_arrays(arrays)
        spread = None
        if frames.has_log_variances:
            spread = ExpectedSpread(
                coefficients=arrays["spread.coefficients"], scatter=arrays["spread.scatter"]
            )
        return cls(
            frames=frames,
            spread=spread,
            looks=FrameMixture.from_arrays(arrays, "looks"),
        )


def fit_pooled_space(
    sequences: EmbeddedSequences, *, n_looks: int = 24, seed: int = 0
) -> PooledSpace:
    """Learn what frames look like; labels are not used.

    Parameters
    ----------
    sequences : EmbeddedSequences
        Many objects.
    n_looks : int, default 24
        Kinds of frames to look for.
    seed : int, default 0
        Of the draw and of the looks.

    Returns
    -------
    PooledSpace
    """
    space = fit_frame_space(sequences)
    n_frames = len(sequences.values)
    rows = np.random.default_rng(seed).permutation(n_frames)[:_N_SAMPLE]
    sample: FloatArray = sequences.values[np.sort(rows)][:, space.columns].T
    n_active = len(space.active)
    spread = None
    if space.has_log_variances:
        spread = fit_expected_spread(sample[:n_active], sample[n_active:])
    return PooledSpace(
        frames=space,
        spread=spread,
        looks=fit_frame_mixture(sample[:n_active].T, n_kinds=n_looks, seed=seed),
    )
