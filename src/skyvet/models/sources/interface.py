"""What every fitted classifier of sources can do, with NumPy and ONNX Runtime alone."""

from __future__ import annotations

from typing import Protocol

from skyvet.core.arrays import FloatArray
from skyvet.models.sequences.interface import MemberParts
from skyvet.records.feature_table import FeatureTable

__all__ = ["SourceMember"]


class SourceMember(Protocol):
    """One fitted classifier: settings, graphs and arrays, no code.

    `MemberParts` (settings, ONNX graphs, arrays) is what is saved and read back.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Tags of the classes it answers for, in the order of the logits."""

    def logits(self, table: FeatureTable) -> FloatArray:
        """Return one logit a source and class.

        Parameters
        ----------
        table : FeatureTable
            Must hold the features that it was trained on; NaN = missing.

        Returns
        -------
        ndarray, shape (n, len(classes)), float64
            Logit of "the source is of this class"; classes do not exclude each other.
        """

    def parts(self) -> MemberParts:
        """Return what is saved of it."""
