"""A loaded bundle at work: stamps to calibrated scores, with NumPy and ONNX Runtime alone."""

from __future__ import annotations

import numpy as np

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.bundle import Bundle, reference_stamps
from skyvet.models.calibrated import CalibratedScorer
from skyvet.models.onnx_sessions import onnx_session
from skyvet.preprocessing.normalization import prepare_stamps

__all__ = ["Predictor"]

_MICRO_BATCH = 64  # larger batches leave the processor's cache and are slower
_REFERENCE_TOLERANCE = 1e-3  # other processors round differently, another model differs by far more


class Predictor(CalibratedScorer):
    """Scores stamps with a bundle.

    Parameters
    ----------
    bundle : Bundle
        From `skyvet.models.bundle.load_bundle`.
    n_threads : int, default 0
        Threads of ONNX Runtime; 0 = all cores.

    Raises
    ------
    BundleError
        If the graph cannot be opened, or does not repeat the logits stored with it.

    Examples
    --------
    >>> from skyvet.models.bundle import load_bundle
    >>> predictor = Predictor(load_bundle("default"))
    >>> stamps = np.random.default_rng(1).normal(size=(2, 3, 63, 63)).astype(np.float32)
    >>> predictor.logits(stamps).shape
    (2,)
    """

    def __init__(self, bundle: Bundle, *, n_threads: int = 0) -> None:
        self.bundle = bundle
        self._session = onnx_session(str(bundle.onnx_path), n_threads=n_threads)
        super().__init__(bundle.info)
        self._check_reference()

    def _check_reference(self) -> None:
        path, info = self.bundle.path, self.bundle.info
        expected = np.asarray(info.reference_logits, dtype=np.float64)
        if expected.size == 0:
            return
        n_metadata = len(info.metadata_names)
        metadata = np.zeros((len(expected), n_metadata), np.float32) if n_metadata else None
        try:
            found = self.run(reference_stamps(info.stamps), metadata)
        except Exception as error:  # whatever does not fit in the bundle shows here
            raise BundleError(f"{path} does not run: {error}") from error
        if expected.shape != found.shape:
            raise BundleError(f"{path} stores {expected.size} reference logits, not {found.size}")
        gap = float(np.abs(found - expected).max())
        if not gap <= _REFERENCE_TOLERANCE:
            raise BundleError(
                f"{path} does not repeat its stored reference logits "
                f"(largest difference {gap:.2g}); it does not run correctly on this machine"
            )

    def logits(self, pixels: FloatArray, metadata: FloatArray | None = None) -> FloatArray:
        """Return the network's logit of REAL, before calibration.

        Parameters
        ----------
        pixels : ndarray, shape (n, n_raw, size, size), float32
            Stamps in the survey's unit; NaN = missing. See `prepare_stamps`.
        metadata : ndarray, shape (n, k), float32, optional
            Columns ``bundle.info.metadata_names``; NaN = missing.

        Returns
        -------
        ndarray, shape (n,), float32

        Raises
        ------
        InvalidInputError
            If the bundle wants metadata and none is given.
        """
        names = self.bundle.info.metadata_names
        if names and (metadata is None or metadata.shape != (len(pixels), len(names))):
            raise InvalidInputError(f"this bundle needs the metadata columns {', '.join(names)}")
        logits = np.empty(len(pixels), dtype=np.float32)
        for start in range(0, len(pixels), _MICRO_BATCH):
            rows = slice(start, start + _MICRO_BATCH)
            stamps = prepare_stamps(pixels[rows], self.bundle.info.stamps)
            logits[rows] = self.run(stamps, metadata[rows] if metadata is not None else None)
        return logits

    def run(self, stamps: FloatArray, metadata: FloatArray | None = None) -> FloatArray:
        """Return the logits of stamps that are already prepared (`prepare_stamps`)."""
        feed = {"stamps": stamps}
        if metadata is not None and self.bundle.info.metadata_names:
            feed["metadata"] = metadata.astype(np.float32)
        result: FloatArray = self._session.run(["logit"], feed)[0]
        return result
