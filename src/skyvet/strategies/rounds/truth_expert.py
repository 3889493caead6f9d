"""An expert for rehearsals: a simulated person who looks at a label file of the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skyvet.io.label_files import read_labels
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue
from skyvet.strategies.experts import SimulatedExpert

__all__ = ["TruthExpert"]

_VALUES = {1: LabelValue.REAL, 0: LabelValue.BOGUS, -1: LabelValue.UNKNOWN}


class TruthExpert:
    r"""Answers from a label file, with the stated errors.

    Parameters
    ----------
    path : Path
        Label file of the truth; its UNKNOWN rows cannot be asked for.
    expert : SimulatedExpert
        Error rates.

    Raises
    ------
    LabelError
        If the file cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "truth.csv"
    >>> _ = path.write_text("candidate_id,label\n7,real\n")
    >>> TruthExpert(path, SimulatedExpert()).ask(7)
    <LabelValue.REAL: 'real'>
    """

    def __init__(self, path: Path, expert: SimulatedExpert) -> None:
        table = read_labels(path)
        rows = zip(table["candidate_id"].to_pylist(), table["label"].to_pylist(), strict=True)
        known = {LabelValue.REAL.value: 1, LabelValue.BOGUS.value: 0}
        self._truth = {str(key): known[label] for key, label in rows if label in known}
        self._expert = expert

    @property
    def known_ids(self) -> frozenset[str]:
        """Candidates that can be asked for, by the text of the identifier."""
        return frozenset(self._truth)

    @property
    def name(self) -> str:
        """The expert with its rates."""
        expert = self._expert
        rates = (
            f"{expert.real_error_rate:g} of REAL and {expert.bogus_error_rate:g} of BOGUS wrong, "
            f"{expert.unknown_rate:g} UNKNOWN"
        )
        return f"simulated expert ({rates})"

    def ask(self, candidate_id: Identifier) -> LabelValue:
        """Return the label; asked again, the same one."""
        truth = np.array([self._truth[str(candidate_id)]])
        answer = self._expert.answer(np.array([candidate_id]), truth)
        return _VALUES[int(answer[0])]
