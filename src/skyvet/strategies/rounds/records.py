"""What a round leaves on disk: a folder that is there as a whole or not at all.

::

    round-002/
    ├── round.json       counts, figures, seconds
    ├── labels.parquet   labels that this round learnt from
    ├── ask.parquet      what it asks for, first one first
    ├── ask.csv          the same, for a person who labels in a file
    └── bundle/          where one was wanted
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import DatasetError
from skyvet.core.files import atomic_path, write_json_atomic
from skyvet.evaluation.label_curve import CurvePoint
from skyvet.io.tables import identifier_array
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue

__all__ = [
    "RoundRecord",
    "freeze_labels",
    "read_ask",
    "read_labels_of_round",
    "read_round",
    "round_folder",
    "work_folder",
    "write_round",
    "written_round",
]

_RECORD = "round.json"
_ANEW = (
    "remove this round and the later ones, the same command makes them again from the labels, "
    "which are kept"
)


class RoundRecord(Config):
    """What one round learnt and asks.

    Parameters
    ----------
    i_round : int
        From 0.
    point : CurvePoint
        Labels spent and figures.
    judged_on : {"test", "held-out", "nothing"}
        Rows of the figures: a test set, the bought labels by networks that had not seen them, or
        none because nothing could be learnt.
    calibration : str
        Method; empty where there were too few held-out labels.
    n_effective : float or None
        Effective number of labels of the calibration.
    n_asked : int
        Candidates asked for.
    asked_by : str
        Strategy that chose them.
    has_bundle : bool
        Whether the folder holds a bundle.
    seconds : float
        Time the round took, asking apart [s].
    pseudo_labels : tuple of dict
        One a round of pseudo-labels of a semi-supervised learner: the figures of
        `skyvet.strategies.semi_supervised.pseudo_labels.PseudoLabelReport`, None = not defined.
        Where none are wanted, those that would have been given.
    """

    i_round: int = Field(ge=0)
    point: CurvePoint
    judged_on: Literal["test", "held-out", "nothing"]
    calibration: str = ""
    n_effective: float | None = None
    n_asked: int = Field(ge=0)
    asked_by: str
    has_bundle: bool = False
    seconds: float = Field(ge=0)
    pseudo_labels: tuple[dict[str, float | None], ...] = ()


def round_folder(run: Path, i_round: int) -> Path:
    """Return where a finished round lies."""
    return run / f"round-{i_round:03d}"


def work_folder(run: Path, i_round: int) -> Path:
    """Return where an unfinished round keeps its labels and checkpoints."""
    return run / f".round-{i_round:03d}.work"


def read_round(run: Path, i_round: int) -> RoundRecord | None:
    """Return a finished round; None where it is not there yet.

    Raises
    ------
    DatasetError
        If it is damaged, or missing while a later one is there.
    """
    folder = round_folder(run, i_round)
    if not folder.is_dir():
        later = [path.name for path in sorted(run.glob("round-*")) if path.name > folder.name]
        if later:
            raise DatasetError(
                f"{folder} is missing, though {', '.join(later)} came of it; {_ANEW}"
            )
        return None
    try:
        return RoundRecord.model_validate_json((folder / _RECORD).read_bytes())
    except (OSError, ValidationError) as error:
        raise DatasetError(f"{folder} is damaged: {_reason(error)}; {_ANEW}") from error


def _reason(error: OSError | ValidationError) -> str:
    """Return what is wrong in one line."""
    if isinstance(error, OSError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{_RECORD}: {where + ': ' if where else ''}{first['msg']}"


def read_ask(run: Path, i_round: int) -> list[Identifier]:
    """Return the candidates that a finished round asks for, first one first."""
    table = _read_table(round_folder(run, i_round) / "ask.parquet")
    ids: list[Identifier] = table["candidate_id"].to_pylist()
    return ids


def read_labels_of_round(folder: Path) -> dict[str, LabelValue]:
    """Return the labels that a round learnt from, by the text of the identifier."""
    table = _read_table(folder / "labels.parquet")
    return dict(
        zip(
            table["candidate_id"].to_pylist(),
            map(LabelValue, table["label"].to_pylist()),
            strict=True,
        )
    )


def _read_table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read: {error}; remove its folder") from error


def freeze_labels(folder: Path, standing: dict[str, LabelValue]) -> dict[str, LabelValue]:
    """Return the labels of an unfinished round: those it began with, else these, written down.

    A round that is continued learns from the labels that it began with, whatever came in since.

    Parameters
    ----------
    folder : Path
        From `work_folder`.
    standing : dict
        Labels of today.
    """
    path = folder / "labels.parquet"
    if path.is_file():
        return read_labels_of_round(folder)
    values = [value.value for value in standing.values()]
    table = pa.table({"candidate_id": pa.array(list(standing), pa.string()), "label": values})
    with atomic_path(path) as draft:
        pq.write_table(table.cast(_LABELS), draft)
    return standing


@contextmanager
def written_round(run: Path, i_round: int) -> Iterator[Path]:
    """Yield a draft folder that becomes the round when the block ends well.

    The labels of the unfinished round are moved along; its checkpoints are removed.

    Raises
    ------
    DatasetError
        If it cannot be written.
    """
    folder, work = round_folder(run, i_round), work_folder(run, i_round)
    draft = run / f".{folder.name}.draft"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        yield draft
        shutil.copyfile(work / "labels.parquet", draft / "labels.parquet")
        draft.rename(folder)
    except OSError as error:
        raise DatasetError(
            f"cannot write {folder}: {error.strerror or error}; the rounds before and all labels "
            "are kept, run the same command to continue"
        ) from error
    shutil.rmtree(work, ignore_errors=True)


def write_round(
    draft: Path,
    record: RoundRecord,
    *,
    asked: NDArray[Any],
    scores: FloatArray,
) -> None:
    """Write record and ask list into a draft folder.

    Parameters
    ----------
    draft : Path
        From `written_round`.
    record : RoundRecord
        The record.
    asked : ndarray, shape (n,)
        Identifiers, first one first.
    scores : ndarray, shape (n,), float32
        Probability of REAL; NaN = none.
    """
    table = pa.table(
        {
            "candidate_id": identifier_array(asked.tolist()),
            "score": pa.array(scores, pa.float32(), from_pandas=True),
        }
    )
    pq.write_table(table, draft / "ask.parquet")
    pa_csv.write_csv(table, draft / "ask.csv")
    write_json_atomic(draft / _RECORD, record.model_dump(mode="json"))


_LABELS = pa.schema([("candidate_id", pa.string()), ("label", pa.string())])
