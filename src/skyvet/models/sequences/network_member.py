"""A trained network of frame sequences at work, one object at a time, without PyTorch."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator
from scipy.special import expit

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import BundleError
from skyvet.models.onnx_sessions import onnx_session
from skyvet.models.sequences.frame_inputs import (
    FrameInputConfig,
    FrameInputs,
    FrameInputStats,
    ObjectInputs,
    strided_views,
)
from skyvet.models.sequences.interface import MemberParts
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["NetworkMember", "NetworkMemberSettings", "graph_rows", "load_network_member"]

_GRAPH = "network.onnx"


class NetworkMemberSettings(Config):
    """What a network's graph does not say of itself."""

    kind: Literal["network"] = "network"
    name: str = Field(description="kind of the classifier, e.g. bigru or attention_mil")
    network: dict[str, Any] = Field(description="settings of the network")
    inputs: FrameInputConfig
    max_frames: int | None = Field(
        default=None, ge=1, description="longest subsequence that is scored at once; none = all"
    )
    n_views: int = Field(default=1, ge=1, description="subsequences averaged for a long sequence")
    has_evidence: bool = Field(default=False, description="whether the graph judges single frames")
    subtype_names: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_evidence(self) -> NetworkMemberSettings:
        if self.has_evidence and self.max_frames is not None:
            raise ValueError("a network that judges single frames must see all of them")
        return self

    @property
    def output_names(self) -> tuple[str, ...]:
        """Outputs of the graph, in order."""
        subtypes = ("subtype_logits",) if self.subtype_names else ()
        return ("logit", *subtypes, *(("evidence",) if self.has_evidence else ()))


def graph_rows(inputs: ObjectInputs) -> FloatArray:
    """Return one object as the graph takes it: each frame's columns, then those of the object.

    Parameters
    ----------
    inputs : ObjectInputs
        From `FrameInputs.of_object`.

    Returns
    -------
    ndarray, shape (n_frames, n_inputs + n_context), float32
    """
    n_frames = len(inputs.frames)
    context = np.broadcast_to(inputs.context, (n_frames, len(inputs.context)))
    return np.concatenate([inputs.frames, context], axis=1)


class NetworkMember:
    """A sequence classifier that is a network: see `SequenceMember`.

    Objects go through the graph one by one and without padding, so that no score depends on
    another object.

    Parameters
    ----------
    graph : bytes
        ONNX file: input ``rows`` as from `graph_rows`, outputs ``settings.output_names``.
    inputs : FrameInputs
        How frames are prepared.
    settings : NetworkMemberSettings
        The rest.

    Raises
    ------
    BundleError
        If the graph cannot be opened, or has other outputs.
    """

    kind = "network"

    def __init__(self, graph: bytes, inputs: FrameInputs, settings: NetworkMemberSettings) -> None:
        self.settings = settings
        self.inputs = inputs
        self._graph = graph
        self._session = onnx_session(graph, n_threads=1)  # graphs are small: one core is fastest
        found = tuple(node.name for node in self._session.get_outputs())
        if found != settings.output_names:
            raise BundleError(
                f"the graph of {settings.name!r} gives {', '.join(found)}, its settings announce "
                f"{', '.join(settings.output_names)}; these files do not belong together"
            )

    @property
    def subtype_names(self) -> tuple[str, ...]:
        """Kinds of artefacts that the network tells apart; may be empty."""
        return self.settings.subtype_names

    def logits(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the logit of REAL before calibration.

        Parameters
        ----------
        sequences : EmbeddedSequences
            Embedded by the encoder that the network was trained on.

        Returns
        -------
        ndarray, shape (n_objects,), float64

        Raises
        ------
        InvalidInputError
            If the sequences lack the columns that the network was trained on.
        """
        return self._mean_over_views(sequences, "logit", 1)[:, 0]

    def subtype_probabilities(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the probability of each kind of artefact, shape (n_objects, n_subtypes)."""
        if not self.subtype_names:
            return np.empty((len(sequences), 0))
        logits = self._mean_over_views(sequences, "subtype_logits", len(self.subtype_names))
        return np.asarray(expit(logits), dtype=np.float64)

    def frame_evidence(self, sequences: EmbeddedSequences) -> list[FloatArray] | None:
        """Return one number a frame, larger = more suspicious; None from a recurrent network."""
        if not self.settings.has_evidence:
            return None
        self.inputs.stats.space.check(sequences)
        return [
            self._run(self._rows(sequences, i), "evidence").astype(np.float32)
            for i in range(len(sequences))
        ]

    def parts(self) -> MemberParts:
        """Take the member apart; `load_network_member` rebuilds it."""
        return MemberParts(
            settings=self.settings.model_dump(mode="json"),
            graphs={_GRAPH: self._graph},
            arrays=self.inputs.stats.arrays(),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as parts."""
        return load_network_member, (self.parts(),)

    def _mean_over_views(
        self, sequences: EmbeddedSequences, output: str, width: int
    ) -> NDArray[np.float64]:
        """Return an output of each object, averaged over its views, shape (n_objects, width)."""
        self.inputs.stats.space.check(sequences)
        result = np.empty((len(sequences), width))
        max_frames, n_views = self.settings.max_frames, self.settings.n_views
        for i in range(len(sequences)):
            rows = self._rows(sequences, i)
            views = strided_views(len(rows), max_frames=max_frames, n_views=n_views)
            result[i] = np.mean([self._run(rows[view], output) for view in views], axis=0)
        return result

    def _rows(self, sequences: EmbeddedSequences, i_object: int) -> FloatArray:
        """Return one object as the graph takes it."""
        return graph_rows(self.inputs.of_object(sequences.frames_of(i_object)))

    def _run(self, rows: FloatArray, output: str) -> NDArray[np.float64]:
        """Return one output of the graph for one object."""
        (result,) = self._session.run([output], {"rows": rows})
        return np.asarray(result, dtype=np.float64)


def load_network_member(parts: MemberParts) -> NetworkMember:
    """Rebuild a member from its parts.

    Raises
    ------
    BundleError
        If settings, graph and arrays do not fit together.
    """
    try:
        settings = NetworkMemberSettings.model_validate(dict(parts.settings))
        stats = FrameInputStats.from_arrays(parts.arrays)
        graph = parts.graphs[_GRAPH]
    except (ValidationError, KeyError) as error:
        raise BundleError(f"the parts of a network cannot be understood: {error}") from error
    return NetworkMember(graph, FrameInputs(config=settings.inputs, stats=stats), settings)
