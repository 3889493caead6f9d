"""What every fitted classifier of frame sequences can do, with NumPy and ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["MemberParts", "SequenceMember"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberParts:
    """A member taken apart for a bundle: no code, only data.

    Parameters
    ----------
    settings : mapping
        JSON document; its entry ``kind`` says which file below `skyvet.models.sequences` reads it.
    graphs : mapping of str to bytes
        ONNX graphs by name.
    arrays : mapping of str to ndarray
        Fitted arrays by name.
    """

    settings: Mapping[str, Any]
    graphs: Mapping[str, bytes]
    arrays: Mapping[str, NDArray[Any]]


class SequenceMember(Protocol):
    """A fitted classifier.

    A score never depends on the other objects of a call. What a member needs (active dimensions,
    light-curve features by name) it picks from the sequences itself, and refuses sequences that
    lack it with `InvalidInputError`.
    """

    @property
    def kind(self) -> str:
        """Name of the member's file."""

    @property
    def subtype_names(self) -> tuple[str, ...]:
        """Kinds of artefacts that `subtype_probabilities` knows; empty where it knows none."""

    def logits(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the logit of REAL before calibration, shape (n_objects,)."""

    def frame_evidence(self, sequences: EmbeddedSequences) -> list[FloatArray] | None:
        """Return for each object one number a frame, larger = more suspicious.

        None where the member has nothing to say of single frames.
        """

    def subtype_probabilities(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the probability of each kind of artefact, shape (n_objects, n_subtypes)."""

    def parts(self) -> MemberParts:
        """Take the member apart; `skyvet.models.sequences.members.load_member` rebuilds it."""
