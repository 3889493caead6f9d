"""Boosted trees on features: one forest a class, scored by ONNX Runtime.

With independent classes each forest answers by itself, as SCoPe's do. With conditional ones each
answers for sources of the class above it, and the product down the tree is the answer, so that it
respects the tree by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from skyvet.core.configs import Config
from skyvet.core.errors import BundleError
from skyvet.models.sequences.interface import MemberParts
from skyvet.models.sources.feature_rows import feature_rows
from skyvet.models.sources.tree_probabilities import joint_logits
from skyvet.models.trees import TreeScorer
from skyvet.records.feature_table import FeatureTable

__all__ = ["BoostedMember", "BoostedSettings", "class_graph_name", "load_boosted"]


class BoostedSettings(Config):
    """What boosted trees need beside their graphs."""

    kind: Literal["boosted"] = "boosted"
    classes: tuple[str, ...] = Field(min_length=1)
    names: tuple[str, ...] = Field(min_length=1, description="features, in the order of columns")
    parents: tuple[int, ...] = Field(
        description="column of the class above that a forest is conditional on; -1 = none"
    )

    @model_validator(mode="after")
    def _check_parents(self) -> BoostedSettings:
        if len(self.parents) != len(self.classes):
            raise ValueError(f"{len(self.parents)} parents for {len(self.classes)} classes")
        if any(not -1 <= parent < i for i, parent in enumerate(self.parents)):
            raise ValueError("a class must stand behind the one above it")
        return self


def class_graph_name(i_class: int) -> str:
    """Return the name of a class's graph."""
    return f"class-{i_class}.onnx"


class BoostedMember:
    """Fitted boosted trees of several classes.

    Parameters
    ----------
    settings : BoostedSettings
        Classes, features and what each class is conditional on.
    graphs : mapping of str to bytes
        ``class-<i>.onnx``, one a class.
    arrays : mapping of str to ndarray
        ``gain``, shape (n_classes, n_features): share of each feature in the gain of a class's
        splits, for reports.

    Raises
    ------
    BundleError
        If a graph or array is missing or does not fit.
    """

    kind: Final = "boosted"

    def __init__(
        self,
        settings: BoostedSettings,
        graphs: Mapping[str, bytes],
        arrays: Mapping[str, NDArray[Any]],
    ) -> None:
        self.settings = settings
        self._graphs = dict(graphs)
        self.gain = np.asarray(arrays.get("gain", np.zeros(0)), dtype=np.float64)
        if self.gain.shape != (len(settings.classes), len(settings.names)):
            raise BundleError("the gains of boosted trees do not fit their features")
        expected = [class_graph_name(i) for i in range(len(settings.classes))]
        if sorted(self._graphs) != sorted(expected):
            raise BundleError("the graphs of boosted trees do not fit their classes")
        self._scorers = [TreeScorer(self._graphs[name]) for name in expected]
        if any(
            scorer.n_features != len(settings.names) or scorer.n_targets != 1
            for scorer in self._scorers
        ):
            raise BundleError("the graphs of boosted trees do not fit their features")

    @property
    def classes(self) -> tuple[str, ...]:
        """Tags of the classes, in the order of the logits."""
        return self.settings.classes

    def logits(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the logit of each class before calibration, shape (n, n_classes).

        Raises
        ------
        InvalidInputError
            If a feature is not in the table.
        """
        rows = feature_rows(table, self.settings.names)
        if not len(rows):
            return np.zeros((0, len(self.classes)))
        own = np.concatenate([scorer(rows) for scorer in self._scorers], axis=1)
        return joint_logits(own, np.array(self.settings.parents, dtype=np.int64))

    def parts(self) -> MemberParts:
        """Take the member apart for a bundle; `load_boosted` rebuilds it."""
        return MemberParts(
            settings=self.settings.model_dump(mode="json"),
            graphs=self._graphs,
            arrays={"gain": self.gain},
        )


def load_boosted(parts: MemberParts) -> BoostedMember:
    """Rebuild boosted trees from their parts.

    Raises
    ------
    BundleError
        If a part is missing or does not fit.
    """
    try:
        settings = BoostedSettings.model_validate(dict(parts.settings))
    except ValidationError as error:
        raise BundleError(f"settings of boosted trees cannot be understood: {error}") from error
    return BoostedMember(settings, parts.graphs, parts.arrays)
