"""The default classifier: statistics over an object's frames, boosted trees, a linear model.

Objects of any length become one row of numbers (`skyvet.features.pooled_frames`), joined by
light-curve features where the classifier was trained with them. Boosted trees, randomised trees
and a linear model of ranks each give a logit; their weighted mean is the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.special import logit

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.features.frame_distances import frame_distances
from skyvet.features.frame_space import FrameSpace
from skyvet.features.pooled_frames import pool_frames
from skyvet.features.rank_scaling import RankScaling
from skyvet.models.sequences.interface import MemberParts
from skyvet.models.trees import TreeScorer
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["PooledMember", "PooledSettings", "load_pooled", "pooled_rows"]

_CLOSEST_TO_CERTAIN = 1e-3  # probability of a vote of trees is kept this far from 0 and 1


class PooledSettings(Config):
    """What a pooled member needs beside its graphs and arrays."""

    kind: str = "pooled"
    light_curve_names: tuple[str, ...] = ()
    subtype_names: tuple[str, ...] = ()
    boosting_weight: float
    trees_weight: float
    linear_weight: float


def pooled_rows(
    sequences: EmbeddedSequences, space: FrameSpace, light_curve_names: tuple[str, ...]
) -> FloatArray:
    """Return what the learners see: pooled frames, then light-curve features.

    Parameters
    ----------
    sequences : EmbeddedSequences
    space : FrameSpace
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
        ``boosting.onnx`` and ``trees.onnx``; the latter gives the probability of REAL, then
        that of each sub-type.
    arrays : mapping of str to ndarray
        Arrays of the `FrameSpace`, ``rank.knots``, ``linear.weights`` and ``linear.bias``.

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
            self.space = FrameSpace.from_arrays(arrays)
            self._ranks = RankScaling(knots=arrays["rank.knots"])
            self._linear = arrays["linear.weights"].astype(np.float64)
            self._bias = float(arrays["linear.bias"][0])
            self._boosting = TreeScorer(graphs["boosting.onnx"])
            self._trees = TreeScorer(graphs["trees.onnx"])
        except (KeyError, ValueError) as error:
            raise BundleError(f"a pooled classifier is not whole: {error}") from error
        if self._trees.n_targets != 1 + len(settings.subtype_names):
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
        vote = np.clip(
            self._trees(rows)[:, 0].astype(np.float64), _CLOSEST_TO_CERTAIN, 1 - _CLOSEST_TO_CERTAIN
        )
        linear = self._ranks.scale(rows) @ self._linear + self._bias
        return np.asarray(
            self.settings.boosting_weight * self._boosting(rows)[:, 0].astype(np.float64)
            + self.settings.trees_weight * logit(vote)
            + self.settings.linear_weight * linear
        )

    def subtype_probabilities(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the probability of each kind of artefact, shape (n_objects, n_subtypes)."""
        votes = self._trees(self._rows(sequences))[:, 1:].astype(np.float64)
        return np.clip(votes, 0.0, 1.0)

    def frame_evidence(self, sequences: EmbeddedSequences) -> list[FloatArray]:
        """Return how far each frame lies from its object's usual look.

        Returns
        -------
        list of ndarray, shape (n_frames,), float32
            Mahalanobis distance of the frame to the median of its own object; larger = more
            suspicious.
        """
        self.space.check(sequences)
        return [
            frame_distances(sequences.frames_of(i)[:, self.space.active].T, self.space)
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
