"""Where the labels of a run stand, and where an expert's answers are written as they come."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from skyvet.core.errors import DatasetError, LabelError
from skyvet.io.label_cells import RowFaults, parse_column, parse_identifiers, parse_label
from skyvet.io.label_files import read_labels
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import Label, LabelValue

__all__ = ["AnswerBook", "FileAnswers"]

_HEADER = ("candidate_id", "label", "source")


class AnswerBook(Protocol):
    """The labels that stand today; answers are added and never lost."""

    def standing(self) -> Mapping[str, LabelValue]:
        """Return the label of each labelled candidate, by the text of its identifier.

        In order of arrival; UNKNOWN is a label that was paid for.
        """

    def add(self, label: Label) -> None:
        """Write one answer; it is on disk when this returns."""


class FileAnswers:
    """Answers in a label file of the run, after those of an earlier label file.

    The file is one that every command takes as ``--labels``. A line that a killed process left
    half written is dropped; its candidate is asked again.

    Parameters
    ----------
    path : Path
        CSV file of the answers; it is made with the first one.
    first : Path, optional
        Label file with the labels to begin with; it is only read.

    Examples
    --------
    >>> import tempfile
    >>> answers = FileAnswers(Path(tempfile.mkdtemp()) / "answers.csv")
    >>> answers.add(Label(candidate_id=7, value=LabelValue.REAL, source="ada"))
    >>> dict(answers.standing())
    {'7': <LabelValue.REAL: 'real'>}
    """

    def __init__(self, path: Path, *, first: Path | None = None) -> None:
        self.path = path
        self.first = first
        self._is_whole = False

    def standing(self) -> Mapping[str, LabelValue]:
        """Return the labels of the first file, then the answers.

        Raises
        ------
        LabelError
            If a line is no answer; the message names them all.
        """
        found: dict[str, LabelValue] = {}
        if self.first is not None:
            table = read_labels(self.first)
            found = _by_text(table["candidate_id"].to_pylist(), table["label"].to_pylist())
        for key, value in _read_answers(self.path).items():
            found.setdefault(key, value)
        return found

    def add(self, label: Label) -> None:
        """Write one answer; it is on disk when this returns.

        Raises
        ------
        DatasetError
            If it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self._is_whole:
                _drop_torn_line(self.path)
                self._is_whole = True
            with self.path.open("ab") as file:
                if file.tell() == 0:
                    file.write(_line(_HEADER))
                file.write(_line((str(label.candidate_id), label.value.value, label.source)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DatasetError(
                f"cannot write {self.path}: {error.strerror or error}; the answers before are "
                "kept, run the same command to continue"
            ) from error


def _by_text(ids: Sequence[Identifier], labels: Sequence[str]) -> dict[str, LabelValue]:
    return {str(i): LabelValue(value) for i, value in zip(ids, labels, strict=True)}


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _read_answers(path: Path) -> dict[str, LabelValue]:
    """Return the labels of the whole lines; the first one of a candidate stands."""
    rows = _read_rows(path)
    faults = RowFaults(path)
    for i_row, row in enumerate(rows):
        if len(row) != len(_HEADER):
            faults.add(i_row, f"has {len(row)} cells, expected the 3 cells {', '.join(_HEADER)}")
    ids = parse_identifiers([row[0] for row in rows], faults, name="candidate", is_needed=True)
    labels = parse_column([row[1] if len(row) > 1 else None for row in rows], parse_label, faults)
    faults.raise_if_any()
    found: dict[str, LabelValue] = {}
    for key, value in zip(ids.to_pylist(), labels, strict=True):
        found.setdefault(str(key), value)
    return found


def _read_rows(path: Path) -> list[list[str]]:
    """Return the whole lines of the file below its header."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    try:
        whole = content[: content.rfind(b"\n") + 1].decode("utf-8-sig")
        return [row for row in csv.reader(io.StringIO(whole, newline=""), strict=True) if row][1:]
    except UnicodeDecodeError as error:
        raise LabelError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except csv.Error as error:
        raise LabelError(f"{path} cannot be read: {error}; mend its last line") from error


def _drop_torn_line(path: Path) -> None:
    """Cut what follows the last line end."""
    if not path.is_file():
        return
    content = path.read_bytes()
    with path.open("rb+") as file:
        file.truncate(content.rfind(b"\n") + 1)
