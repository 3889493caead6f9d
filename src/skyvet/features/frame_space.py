"""The space in which frames are compared: latent dimensions in use and their usual scatter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray, as_readonly
from skyvet.core.errors import InvalidInputError
from skyvet.records.sequences import EmbeddedSequences

__all__ = ["FrameSpace", "fit_frame_space", "latent_information"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameSpace:
    """What was learnt about frames in general, without labels.

    Parameters
    ----------
    n_latent : int
        Latent dimensions of the encoder, used or not.
    active : ndarray, shape (k,), int64
        Latent dimensions that carry information; the others are left out.
    whitening : ndarray, shape (k, k), float64
        Turns a difference of active means into one with unit scatter: the length of
        ``whitening @ difference`` is the Mahalanobis distance under the covariance of frames
        around the median of their own object.
    has_log_variances : bool
        Whether the log-variances of the active dimensions are used too.

    Raises
    ------
    InvalidInputError
        If shapes disagree or a dimension does not exist.
    """

    n_latent: int
    active: IntArray
    whitening: FloatArray
    has_log_variances: bool

    def __post_init__(self) -> None:
        """Check shapes and make arrays read-only."""
        object.__setattr__(self, "active", as_readonly(self.active, np.int64))
        object.__setattr__(self, "whitening", as_readonly(self.whitening, np.float64))
        n_active = len(self.active)
        if n_active == 0 or self.active.min() < 0 or self.active.max() >= self.n_latent:
            raise InvalidInputError(
                f"active must name dimensions of 0 to {self.n_latent - 1}, got {self.active}"
            )
        if self.whitening.shape != (n_active, n_active):
            raise InvalidInputError(
                f"whitening must have shape {(n_active, n_active)}, got {self.whitening.shape}"
            )

    @property
    def columns(self) -> IntArray:
        """Columns of the embedded values that are used: active means, then their log-variances."""
        if not self.has_log_variances:
            return self.active
        return np.concatenate([self.active, self.active + self.n_latent])

    def check(self, sequences: EmbeddedSequences) -> None:
        """Raise `InvalidInputError` unless the sequences hold the columns of this space."""
        n_columns = self.n_latent * (2 if self.has_log_variances else 1)
        if sequences.n_latent != self.n_latent or sequences.values.shape[1] < n_columns:
            raise InvalidInputError(
                f"these sequences have {sequences.n_latent} latent dimensions and "
                f"{sequences.values.shape[1]} columns, the classifier was trained on "
                f"{self.n_latent} and {n_columns}; embed the frames with the encoder of its bundle"
            )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fitted arrays, for storage; `from_arrays` is the way back."""
        return {
            "space.active": np.asarray(self.active),
            "space.whitening": np.asarray(self.whitening),
            "space.layout": np.array([self.n_latent, int(self.has_log_variances)], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> FrameSpace:
        """Return the space that `arrays` described."""
        n_latent, has_log_variances = (int(v) for v in arrays["space.layout"])
        return cls(
            n_latent=n_latent,
            active=arrays["space.active"],
            whitening=arrays["space.whitening"],
            has_log_variances=bool(has_log_variances),
        )


def latent_information(sequences: EmbeddedSequences) -> FloatArray:
    r"""Information in each latent dimension: mean divergence from the standard normal.

    .. math:: \mathrm{KL}_d = \tfrac12 \langle \mu_d^2 + \sigma_d^2 - \ln\sigma_d^2 - 1 \rangle

    Without log-variances it is the variance of the means instead: 0 where a dimension is dead.

    Parameters
    ----------
    sequences : EmbeddedSequences
        Many frames.

    Returns
    -------
    ndarray, shape (n_latent,), float64
        [nat], at least 0.
    """
    n_latent = sequences.n_latent
    means = sequences.values[:, :n_latent]
    if sequences.values.shape[1] < 2 * n_latent:
        return np.asarray(means.var(axis=0, dtype=np.float64))
    log_variances = sequences.values[:, n_latent : 2 * n_latent]
    per_frame = means**2 + np.exp(log_variances) - log_variances - 1.0
    return np.asarray(0.5 * per_frame.mean(axis=0, dtype=np.float64))


def fit_frame_space(
    sequences: EmbeddedSequences, *, min_information: float = 0.02, shrinkage: float = 1e-3
) -> FrameSpace:
    """Find the dimensions in use and how frames scatter around their own object.

    Labels are not used.

    Parameters
    ----------
    sequences : EmbeddedSequences
        Many objects.
    min_information : float, default 0.02
        Dimensions with less `latent_information` [nat] are left out, unless all have less.
    shrinkage : float, default 0.001
        Weight of the mean variance on the diagonal of the covariance, in (0, 1].

    Returns
    -------
    FrameSpace
    """
    information = latent_information(sequences)
    active = np.flatnonzero(information >= min_information)
    if len(active) == 0:
        active = np.arange(sequences.n_latent)
    scatter = np.zeros((len(active), len(active)))
    for i in range(len(sequences)):
        means = sequences.frames_of(i)[:, active].astype(np.float64)
        deviation = means - np.median(means, axis=0)
        scatter += deviation.T @ deviation
    covariance = scatter / len(sequences.values)
    typical = np.trace(covariance) / len(active) or 1.0
    covariance = (1.0 - shrinkage) * covariance + shrinkage * typical * np.eye(len(active))
    return FrameSpace(
        n_latent=sequences.n_latent,
        active=active,
        whitening=np.linalg.inv(np.linalg.cholesky(covariance)),
        has_log_variances=sequences.values.shape[1] >= 2 * sequences.n_latent,
    )
