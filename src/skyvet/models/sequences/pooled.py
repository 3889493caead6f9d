"""The default classifier: statistics over an object's frames, a kernel machine, boosted trees.

Objects of any length become one row of numbers (`skyvet.features.pooled_frames`), joined by
light-curve features where the classifier was trained with them. A kernel machine on ranks and
boosted trees each judge the row; the weighted sum is the logit. Randomised trees tell kinds of
artefacts apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.features.frame_distances import frame_distances
from skyvet.features.pooled_frames import pool_frames
from skyvet.features.pooled_space import PooledSpace
from skyvet.features.rank_scaling import RankScaling
from skyvet.models.kernels import KernelMachine
from skyvet.models.sequences.interface import MemberParts
from skyvet.models.trees import TreeScorer
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["PooledMember", "PooledSettings", "load_pooled", "pooled_rows"]


class PooledSettings(Config):
    """What a pooled member needs beside its graphs and arrays."""

    kind: str = "pooled"
    light_curve_names: tuple[str, ...] = ()
    subtype_names: tuple[str, ...] = ()
    kernel_weight: float
    boosting_weight: float


def pooled_rows(
    sequences: EmbeddedSequences, space: PooledSpace, light_curve_names: tuple[str, ...]
) -> FloatArray:
    """Return what the learners see: pooled frames, then light-curve features.

    Parameters
    ----------
    sequences : EmbeddedSequences
    space : PooledSpace
    light_curve_names : tuple of str
        Light-curve features to append, found by name; others are ignored.

    Returns
    -------
    ndarray, shape (n_objects, n_features), float32
        NaN = missing light-curve feature.

    Raises
    ------
    InvalidInputError
        If a light-curve feature is not there.
    """
    pooled = pool_frames(sequences, space)
    if not light_curve_names:
        return pooled
    known = {name: i for i, name in enumerate(sequences.light_curve_names)}
    missing = [name for name in light_curve_names if name not in known]
    if missing or sequences.light_curve is None:
        raise InvalidInputError(
            f"this classifier needs {len(light_curve_names)} light-curve features and "
            f"{', '.join(missing[:3]) or 'all'} are not there; add them or use one of frames alone"
        )
    columns = [known[name] for name in light_curve_names]
    curves = np.where(
        np.isfinite(sequences.light_curve[:, columns]), sequences.light_curve[:, columns], np.nan
    )
    return np.concatenate([pooled, curves.astype(np.float32)], axis=1)


class PooledMember:
    """A fitted classifier of pooled frames.

    Parameters
    ----------
    settings : PooledSettings
        Names and weights.
    graphs : mapping of str to bytes
        ``boosting.onnx`` and, where there are sub-types, ``subtypes.onnx``.
    arrays : mapping of str to ndarray
        Arrays of the `PooledSpace`; ``rank.knots``; ``kernel.scale``, by which each rank is
        multiplied before distances are taken; ``kernel.support``, ``kernel.weights``,
        ``kernel.bias`` and ``kernel.view_sizes`` of the `KernelMachine`.

    Raises
    ------
    BundleError
        If a part is missing or does not fit.
    """

    kind: Final = "pooled"

    def __init__(
        self,
        settings: PooledSettings,
        graphs: Mapping[str, bytes],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        self.settings = settings
        self._graphs, self._arrays = dict(graphs), dict(arrays)
        try:
            self.space = PooledSpace.from_arrays(arrays)
            self._ranks = RankScaling(knots=arrays["rank.knots"])
            self._scale = arrays["kernel.scale"].astype(np.float64)
            self._kernel = KernelMachine(
                support=arrays["kernel.support"],
                weights=arrays["kernel.weights"],
                bias=float(arrays["kernel.bias"][0]),
                view_sizes=tuple(arrays["kernel.view_sizes"].tolist()),
            )
            self._boosting = TreeScorer(graphs["boosting.onnx"])
            self._subtypes = TreeScorer(graphs["subtypes.onnx"]) if settings.subtype_names else None
        except (KeyError, ValueError) as error:
            raise BundleError(f"a pooled classifier is not whole: {error}") from error
        n_subtypes = 0 if self._subtypes is None else self._subtypes.n_targets
        if n_subtypes != len(settings.subtype_names):
            raise BundleError("the trees of a pooled classifier do not fit its sub-types")

    @property
    def subtype_names(self) -> tuple[str, ...]:
        """Kinds of artefacts known, in the order of `subtype_probabilities`."""
        return self.settings.subtype_names

    def logits(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the logit of REAL before calibration, shape (n_objects,).

        Raises
        ------
        InvalidInputError
            If latent dimensions or light-curve features are missing.
        """
        rows = self._rows(sequences)
        similar = self._kernel(self._ranks.scale(rows) * self._scale)
        boosted = self._boosting(rows)[:, 0].astype(np.float64)
        weights = self.settings
        return np.asarray(weights.kernel_weight * similar + weights.boosting_weight * boosted)

    def subtype_probabilities(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the probability of each kind of artefact, shape (n_objects, n_subtypes)."""
        if self._subtypes is None:
            return np.zeros((len(sequences), 0))
        votes = self._subtypes(self._rows(sequences)).astype(np.float64)
        return np.asarray(np.clip(votes, 0.0, 1.0))

    def frame_evidence(self, sequences: EmbeddedSequences) -> list[FloatArray]:
        """Return how far each frame lies from its object's usual look.

        Returns
        -------
        list of ndarray, shape (n_frames,), float32
            Mahalanobis distance of the frame to the median of its own object; larger = more
            suspicious.
        """
        space = self.space.frames
        space.check(sequences)
        return [
            frame_distances(sequences.frames_of(i)[:, space.active].T, space)
            for i in range(len(sequences))
        ]

    def parts(self) -> MemberParts:
        """Take the member apart for a bundle; `load_pooled` rebuilds it."""
        return MemberParts(
            settings=self.settings.model_dump(mode="json"),
            graphs=self._graphs,
            arrays=self._arrays,
        )

    def _rows(self, sequences: EmbeddedSequences) -> FloatArray:
        return pooled_rows(sequences, self.space, self.settings.light_curve_names)


def load_pooled(parts: MemberParts) -> PooledMember:
    """Rebuild a pooled member from its parts.

    Raises
    ------
    BundleError
        If a part is missing or does not fit.
    """
    try:
        settings = PooledSettings.model_validate(dict(parts.settings))
    except ValidationError as error:
        raise BundleError(
            f"settings of a pooled classifier cannot be understood: {error}"
        ) from error
    return PooledMember(settings, parts.graphs, parts.arrays)
