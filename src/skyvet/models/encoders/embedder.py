"""A loaded encoder at work: frames to rows of numbers, with NumPy and ONNX Runtime alone."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from skyvet.core.arrays import BoolArray, FloatArray
from skyvet.core.errors import BundleError
from skyvet.models.encoders.bundle import EncoderBundle, reference_frames
from skyvet.models.onnx_sessions import onnx_session
from skyvet.preprocessing.frame_scaling import (
    find_usable_frames,
    fit_frames,
    object_noise,
    scale_usable_frames,
)

__all__ = ["EmbeddedFrames", "FrameEmbedder"]

_MICRO_BATCH = 64  # larger batches leave the processor's cache and are slower
_REFERENCE_TOLERANCE = 1e-3  # other processors round differently, another model differs by far more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedFrames:
    """Embedding of one object's frames.

    Parameters
    ----------
    values : ndarray, shape (n_usable, n_columns), float32
        Finite. Latent means, then their log-variances where the encoder has any.
    is_usable : ndarray, shape (n,), bool
        True where the frame has a row; blank, constant and wholly missing frames have none.
    """

    values: FloatArray
    is_usable: BoolArray


class FrameEmbedder:
    """Embeds the frames of one object after another; several threads may call it at once.

    Parameters
    ----------
    encoder : EncoderBundle
        From `skyvet.models.encoders.bundle.load_encoder`.
    n_threads : int, default 0
        Threads among which the frames of one object are shared; 0 = all cores.

    Raises
    ------
    BundleError
        If the graph cannot be opened, or does not repeat the embedding stored with it.
    """

    def __init__(self, encoder: EncoderBundle, *, n_threads: int = 0) -> None:
        self.encoder = encoder
        self._scaling = encoder.info.scaling
        self._outputs = ["means", "log_variances"][: 1 + encoder.info.has_log_variances]
        # One thread a micro-batch and several micro-batches at once: layers as small as these
        # are slower when each is shared among threads.
        self._session = onnx_session(str(encoder.onnx_path), n_threads=1)
        n_threads = n_threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(n_threads) if n_threads > 1 else None
        self._check_reference()

    @property
    def n_latent(self) -> int:
        """Latent dimensions."""
        return self.encoder.info.n_latent

    @property
    def n_columns(self) -> int:
        """Numbers of an embedded frame."""
        return self.encoder.info.n_columns

    def embed(self, frames: FloatArray) -> EmbeddedFrames:
        """Embed all frames of one object.

        Parameters
        ----------
        frames : ndarray, shape (n, height, width)
            Pixel values [survey's unit], in time order; missing pixels are NaN. Another size than
            the encoder's is cut or padded. n may be 0.

        Returns
        -------
        EmbeddedFrames

        Raises
        ------
        InvalidInputError
            If the array has another number of axes.
        """
        fitted = fit_frames(frames, self._scaling)
        is_usable = find_usable_frames(fitted)
        usable = fitted if is_usable.all() else fitted[is_usable]
        sky_and_noise = object_noise(usable)
        values = np.empty((len(usable), self.n_columns), dtype=np.float32)

        def embed_rows(start: int) -> None:
            rows = slice(start, start + _MICRO_BATCH)
            planes = scale_usable_frames(usable[rows], self._scaling, sky_and_noise=sky_and_noise)
            values[rows] = self.run(planes)

        starts = range(0, len(usable), _MICRO_BATCH)
        if self._pool is None or len(starts) < 2:
            for start in starts:
                embed_rows(start)
        else:
            list(self._pool.map(embed_rows, starts))
        return EmbeddedFrames(values=values, is_usable=is_usable)

    def run(self, planes: FloatArray) -> FloatArray:
        """Return the rows of planes that are already scaled."""
        rows = np.concatenate(self._session.run(self._outputs, {"frames": planes}), axis=1)
        if rows.shape != (len(planes), self.n_columns):
            raise BundleError(
                f"its graph gives {rows.shape[1]} columns, encoder.json says {self.n_columns}"
            )
        return rows

    def _check_reference(self) -> None:
        path, info = self.encoder.path, self.encoder.info
        try:
            expected = np.asarray(info.reference_values, dtype=np.float32)
            found = self.embed(reference_frames(self._scaling.size_px)).values
        except Exception as error:  # whatever does not fit in the encoder shows here
            raise BundleError(f"{path} does not run: {error}") from error
        if expected.size == 0:
            return
        if expected.shape != found.shape:
            raise BundleError(
                f"{path} stores a reference embedding of shape {expected.shape}, not {found.shape}"
            )
        scale = max(1.0, float(np.abs(expected).max()))
        gap = float(np.abs(found - expected).max()) / scale
        if not gap <= _REFERENCE_TOLERANCE:
            raise BundleError(
                f"{path} does not repeat its stored reference embedding "
                f"(largest difference {gap:.2g}); it does not run correctly on this machine"
            )
