"""A trained network of sources at work, without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from skyvet.core.configs import Config
from skyvet.core.errors import BundleError
from skyvet.models.onnx_sessions import onnx_session
from skyvet.models.sequences.interface import MemberParts
from skyvet.models.sources.network_inputs import SourceInputs
from skyvet.records.feature_table import FeatureTable

__all__ = ["NetworkSourceMember", "NetworkSourceSettings", "load_network_source_member"]

_GRAPH = "network.onnx"
_WEIGHTS = "weights."
_ROWS_AT_ONCE = 4096


class NetworkSourceSettings(Config):
    """What a network's graph does not say of itself."""

    kind: Literal["source_network"] = "source_network"
    name: str = Field(description="kind of the trainer, e.g. dense_dmdt")
    classes: tuple[str, ...] = Field(min_length=1)
    feature_names: tuple[str, ...] = Field(min_length=1)
    image_names: tuple[str, ...] = ()
    network: dict[str, Any] = Field(description="settings of the network")


class NetworkSourceMember:
    """A classifier of sources that is a network: see `SourceMember`.

    Parameters
    ----------
    graph : bytes
        ONNX file: inputs ``features`` (and ``images``), output ``logits``.
    inputs : SourceInputs
        How sources are prepared.
    settings : NetworkSourceSettings
        The rest.

    weights : mapping of str to ndarray
        The same weights as in the graph, by the names of `SourceNetwork`, so that a training can
        go on from them: ``<number of the network>.<name>``.

    Raises
    ------
    BundleError
        If the graph cannot be opened or has other inputs.
    """

    def __init__(
        self,
        graph: bytes,
        inputs: SourceInputs,
        settings: NetworkSourceSettings,
        *,
        weights: Mapping[str, NDArray[Any]],
    ) -> None:
        self.settings = settings
        self.weights = dict(weights)
        self.inputs = inputs
        self._graph = graph
        self._session = onnx_session(graph)
        found = {node.name for node in self._session.get_inputs()}
        wanted = {"features", "images"} if inputs.image_names else {"features"}
        if found != wanted:
            raise BundleError(
                f"the graph of {settings.name!r} takes {', '.join(sorted(found))}, its settings "
                f"announce {', '.join(sorted(wanted))}; these files do not belong together"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """Tags of the classes, in the order of the logits."""
        return self.settings.classes

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Features that it needs."""
        return self.settings.feature_names

    def logits(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return one logit a source and class, shape (n, n_classes).

        Raises
        ------
        InvalidInputError
            If the table lacks a feature or an image.
        """
        features, images = self.inputs.features(table), self.inputs.images(table)
        result = np.empty((len(table), len(self.classes)))
        for start in range(0, len(table), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            feed = {"features": features[rows]}
            if images is not None:
                feed["images"] = images[rows]
            (result[rows],) = self._session.run(["logits"], feed)
        return result

    def parts(self) -> MemberParts:
        """Take the member apart; `load_network_source_member` rebuilds it."""
        return MemberParts(
            settings=self.settings.model_dump(mode="json"),
            graphs={_GRAPH: self._graph},
            arrays={
                **self.inputs.arrays(),
                **{f"{_WEIGHTS}{name}": array for name, array in self.weights.items()},
            },
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as parts."""
        return load_network_source_member, (self.parts(),)


def load_network_source_member(parts: MemberParts) -> NetworkSourceMember:
    """Rebuild a member from its parts.

    Raises
    ------
    BundleError
        If settings, graph and arrays do not fit together.
    """
    try:
        settings = NetworkSourceSettings.model_validate(dict(parts.settings))
        inputs = SourceInputs.from_arrays(
            parts.arrays, names=settings.feature_names, image_names=settings.image_names
        )
        graph = parts.graphs[_GRAPH]
    except (ValidationError, KeyError) as error:
        raise BundleError(f"the parts of a network cannot be understood: {error}") from error
    if inputs.scaling.knots.shape[1:] != (len(settings.feature_names),):
        raise BundleError(
            f"the scaling of {settings.name!r} has shape {inputs.scaling.knots.shape}, but there "
            f"are {len(settings.feature_names)} features; these files do not belong together"
        )
    weights = {
        name.removeprefix(_WEIGHTS): array
        for name, array in parts.arrays.items()
        if name.startswith(_WEIGHTS)
    }
    return NetworkSourceMember(graph, inputs, settings, weights=weights)
