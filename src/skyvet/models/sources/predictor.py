"""A loaded bundle at work on features, with NumPy and ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import BundleError
from skyvet.models.source_bundle import SourceBundle, reference_features
from skyvet.models.sources.feature_rows import feature_rows
from skyvet.models.sources.interface import SourceMember
from skyvet.models.sources.tree_probabilities import called_classes, respect_tree
from skyvet.records.feature_table import FeatureTable
from skyvet.records.source_taxonomy import SourceTaxonomy
from skyvet.scoring.calibrators import Calibrator, calibrator_from_dict

__all__ = ["SourcePredictor", "calibrated_probabilities", "mean_class_logits"]

_REFERENCE_TOLERANCE = 1e-3  # other processors round differently, another model differs by far more


def mean_class_logits(
    members: Sequence[SourceMember],
    weights: Sequence[float],
    table: FeatureTable,
    *,
    tags: Sequence[str],
) -> NDArray[np.float64]:
    """Return the weighted mean of the members' logits of each class.

    Parameters
    ----------
    members : sequence of SourceMember
        Each class is known to one of them at least.
    weights : sequence of float
        One a member, >= 0; of the members that know a class not all are 0.
    table : FeatureTable
        Sources to score.
    tags : sequence of str
        Classes.

    Returns
    -------
    ndarray, shape (n, len(tags)), float64

    Raises
    ------
    BundleError
        If no member knows a class.
    """
    sums, total = np.zeros((len(table), len(tags))), np.zeros(len(tags))
    for member, weight in zip(members, weights, strict=True):
        place = {tag: i for i, tag in enumerate(member.classes)}
        known = [i for i, tag in enumerate(tags) if tag in place]
        logits = member.logits(table)
        sums[:, known] += weight * logits[:, [place[tags[i]] for i in known]]
        total[known] += weight
    if not (total > 0).all():
        unknown = [tag for tag, weight in zip(tags, total, strict=True) if not weight > 0]
        raise BundleError(f"no member answers for the classes {', '.join(unknown)}")
    return np.asarray(sums / total)


def calibrated_probabilities(
    logits: FloatArray,
    calibrators: Sequence[Calibrator | None],
    *,
    tags: Sequence[str],
    taxonomy: SourceTaxonomy,
) -> NDArray[np.float64]:
    """Return probabilities that respect the tree.

    Parameters
    ----------
    logits : ndarray, shape (n, number of calibrators that are not None)
        In the order of the classes.
    calibrators : sequence of Calibrator or None
        One a class; None = the opposite of another class.
    tags : sequence of str
        Classes.
    taxonomy : SourceTaxonomy
        The tree.

    Returns
    -------
    ndarray, shape (n, len(tags)), float64
    """
    found = np.zeros((len(logits), len(tags)))
    columns = iter(range(logits.shape[1]))
    for i_class, calibrator in enumerate(calibrators):
        if calibrator is not None:
            found[:, i_class] = calibrator.probability(logits[:, next(columns)])
    return respect_tree(found, tags, taxonomy)


class SourcePredictor:
    """Scores feature tables with a bundle.

    Parameters
    ----------
    bundle : SourceBundle
        From `skyvet.models.source_bundle.load_source_bundle`.

    Raises
    ------
    BundleError
        If the bundle does not run, or not repeat the logits stored with it.
    """

    def __init__(self, bundle: SourceBundle) -> None:
        self.bundle = bundle
        try:
            self._calibrators = [
                None if one.calibrator is None else calibrator_from_dict(one.calibrator)
                for one in bundle.info.classes
            ]
        except (TypeError, ValueError, OverflowError) as error:
            raise BundleError(f"the bundle's calibration cannot be used: {error}") from error
        self._learned = tuple(one.tag for one in bundle.info.classes if one.calibrator is not None)
        self._thresholds = np.array([one.threshold for one in bundle.info.classes])
        self._check_reference()

    @property
    def tags(self) -> tuple[str, ...]:
        """Classes, in the order of the columns."""
        return self.bundle.info.tags

    def logits(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the logit of each learned class before calibration, shape (n, n_learned).

        Raises
        ------
        InvalidInputError
            If the table lacks a feature.
        """
        info = self.bundle.info
        return mean_class_logits(
            self.bundle.members, info.member_weights, table, tags=self._learned
        )

    def probabilities(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the calibrated probability of each class, shape (n, len(tags)).

        No class is likelier than one above it. A row never depends on the others.

        Raises
        ------
        InvalidInputError
            If the table lacks a feature.
        """
        return calibrated_probabilities(
            self.logits(table), self._calibrators, tags=self.tags, taxonomy=self.bundle.taxonomy
        )

    def verdicts(self, probabilities: FloatArray) -> NDArray[np.bool_]:
        """Return whether each class is reached: its own threshold, and those of all above.

        Parameters
        ----------
        probabilities : ndarray, shape (n, len(tags))
            From `probabilities`.
        """
        return called_classes(
            probabilities, self._thresholds, tags=self.tags, taxonomy=self.bundle.taxonomy
        )

    def strangeness(self, table: FeatureTable) -> tuple[IntArray, IntArray]:
        """Return how many features each source lacks, and has outside the training's range.

        Returns
        -------
        n_missing, n_outside : ndarray, shape (n,), int32
        """
        info = self.bundle.info
        rows = feature_rows(table, info.names)
        low = np.array([-np.inf if v is None else v for v in info.low], dtype=np.float32)
        high = np.array([np.inf if v is None else v for v in info.high], dtype=np.float32)
        outside = (rows < low) | (rows > high)
        return (
            np.isnan(rows).sum(axis=1, dtype=np.int32),
            outside.sum(axis=1, dtype=np.int32),
        )

    def _check_reference(self) -> None:
        path, info = self.bundle.path, self.bundle.info
        expected = np.asarray(info.reference_logits, dtype=np.float64)
        try:
            found = self.logits(reference_features(info))
        except BundleError:
            raise
        except Exception as error:  # whatever does not fit in the bundle shows here
            raise BundleError(f"{path} does not run: {error}") from error
        if expected.size == 0:
            return
        if expected.shape != found.shape:
            raise BundleError(f"{path} stores reference logits of other sources or classes")
        gap = float(np.abs(found - expected).max())
        if not gap <= _REFERENCE_TOLERANCE:
            raise BundleError(
                f"{path} does not repeat its stored reference logits "
                f"(largest difference {gap:.2g}); it does not run correctly on this machine"
            )
