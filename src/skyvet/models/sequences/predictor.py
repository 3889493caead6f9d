"""A loaded bundle at work on frame sequences, with NumPy and ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.calibrated import Assessment, CalibratedScorer
from skyvet.models.sequence_bundle import SequenceBundle, reference_sequences
from skyvet.models.sequences.interface import SequenceMember
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["FrameEvidence", "SequencePredictor", "Subtypes", "mean_logits"]

_REFERENCE_TOLERANCE = 1e-3  # other processors round differently, another model differs by far more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameEvidence:
    """The most suspicious frames of one object, most suspicious first.

    Parameters
    ----------
    i_row : ndarray, shape (k,), int64
        Which of the object's embedded frames.
    mjd_tai : ndarray, shape (k,), float64
        Their times [d, TAI]; NaN = unknown.
    weight : ndarray, shape (k,), float64
        Evidence, falling; its scale is the member's own.
    """

    i_row: IntArray
    mjd_tai: FloatArray
    weight: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subtypes:
    """Kinds of artefacts.

    Parameters
    ----------
    names : tuple of str
        Kinds that the bundle knows; may be empty.
    probability : ndarray, shape (n_objects, n_kinds), float64
        Of each kind, in [0, 1]; an object may show several.
    """

    names: tuple[str, ...]
    probability: NDArray[np.float64]

    def most_likely(self) -> tuple[tuple[str, float], ...]:
        """Return name and probability of each object's likeliest kind; empty and NaN if none."""
        if not self.names:
            return (("", float("nan")),) * len(self.probability)
        best = self.probability.argmax(axis=1)
        return tuple(
            (self.names[i_kind], float(row[i_kind]))
            for i_kind, row in zip(best.tolist(), self.probability, strict=True)
        )


def mean_logits(
    members: Sequence[SequenceMember], weights: Sequence[float], sequences: EmbeddedSequences
) -> NDArray[np.float64]:
    """Return the weighted mean of the members' logits: late fusion.

    Parameters
    ----------
    members : sequence of SequenceMember
        At least one.
    weights : sequence of float
        One a member, >= 0, not all 0.
    sequences : EmbeddedSequences
        Objects to score.

    Returns
    -------
    ndarray, shape (n_objects,), float64
    """
    logits = np.stack([member.logits(sequences) for member in members])
    return np.average(logits, axis=0, weights=weights)


class SequencePredictor(CalibratedScorer):
    """Scores embedded sequences with a bundle.

    Parameters
    ----------
    bundle : SequenceBundle
        From `skyvet.models.sequence_bundle.load_sequence_bundle`.

    Raises
    ------
    BundleError
        If the bundle does not run, or not repeat the logits stored with it.
    """

    def __init__(self, bundle: SequenceBundle) -> None:
        self.bundle = bundle
        super().__init__(bundle.info)
        self._check_reference()

    def _check_reference(self) -> None:
        path, info = self.bundle.path, self.bundle.info
        expected = np.asarray(info.reference_logits, dtype=np.float64)
        try:
            found = self.logits(reference_sequences(info))
        except Exception as error:  # whatever does not fit in the bundle shows here
            raise BundleError(f"{path} does not run: {error}") from error
        if expected.size == 0:
            return
        if expected.shape != found.shape:
            raise BundleError(f"{path} stores {expected.size} reference logits, not {found.size}")
        gap = float(np.abs(found - expected).max())
        if not gap <= _REFERENCE_TOLERANCE:
            raise BundleError(
                f"{path} does not repeat its stored reference logits "
                f"(largest difference {gap:.2g}); it does not run correctly on this machine"
            )

    def check_input(self, sequences: EmbeddedSequences) -> None:
        """Refuse embeddings that the bundle was not trained on.

        Raises
        ------
        InvalidInputError
            If latent dimensions, columns or light-curve features differ.
        """
        info = self.bundle.info
        found = (sequences.n_latent, sequences.values.shape[1])
        if found != (info.n_latent, info.n_columns):
            raise InvalidInputError(
                f"bundle {self.bundle.label} takes {info.n_latent} latent dimensions in "
                f"{info.n_columns} columns, got {found[0]} in {found[1]}; embed the frames with "
                f"the bundle's own encoder ({info.encoder})"
            )
        missing = [n for n in info.light_curve_names if n not in sequences.light_curve_names]
        if missing:
            raise InvalidInputError(
                f"bundle {self.bundle.label} needs {len(missing)} light-curve features that are "
                f"not given ({', '.join(missing[:3])}, ...); use a bundle of frames only"
            )

    def logits(self, sequences: EmbeddedSequences) -> NDArray[np.float64]:
        """Return the logit of REAL before calibration, shape (n_objects,).

        Raises
        ------
        InvalidInputError
            See `check_input`.
        """
        self.check_input(sequences)
        return mean_logits(self.bundle.members, self.bundle.info.member_weights, sequences)

    def assess_sequences(
        self,
        sequences: EmbeddedSequences,
        surveys: Sequence[str],
        *,
        prior: float | None = None,
        threshold: float | None = None,
        alpha: float = 0.05,
    ) -> tuple[NDArray[np.float64], Assessment]:
        """Return logits and what they mean; parameters as for `CalibratedScorer.assess`."""
        logits = self.logits(sequences)
        found = self.assess(logits, surveys, prior=prior, threshold=threshold, alpha=alpha)
        return logits, found

    def subtypes(self, sequences: EmbeddedSequences) -> Subtypes:
        """Return the probability of each kind of artefact, from the first member that knows any."""
        self.check_input(sequences)
        for member in self.bundle.members:
            if member.subtype_names:
                return Subtypes(
                    names=member.subtype_names, probability=member.subtype_probabilities(sequences)
                )
        return Subtypes(names=(), probability=np.zeros((len(sequences), 0)))

    def evidence(self, sequences: EmbeddedSequences, *, n_top: int = 10) -> list[FrameEvidence]:
        """Return the most suspicious frames of each object.

        Parameters
        ----------
        sequences : EmbeddedSequences
            Objects.
        n_top : int, default 10
            At most so many frames an object.

        Returns
        -------
        list of FrameEvidence
            From the first member that can tell; without any, no frames.
        """
        self.check_input(sequences)
        for member in self.bundle.members:
            weights = member.frame_evidence(sequences)
            if weights is not None:
                return [_top(sequences.times_of(i), w, n_top) for i, w in enumerate(weights)]
        return [_top(np.zeros(0), np.zeros(0), n_top) for _ in range(len(sequences))]


def _top(times: FloatArray, weights: FloatArray, n_top: int) -> FrameEvidence:
    order = np.argsort(-weights.astype(np.float64), kind="stable")[:n_top]
    return FrameEvidence(
        i_row=order, mjd_tai=times[order], weight=weights[order].astype(np.float64)
    )
