"""Cells of label files (CSV, Parquet): columns found by name, values checked, all faults told.

What is wrong with a file is gathered row by row in `RowFaults` and reported in one error, so that
a person mends it once.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from skyvet.core.errors import LabelError
from skyvet.io.tables import identifier_array
from skyvet.records.identifiers import Identifier
from skyvet.records.labels import LabelValue

__all__ = [
    "RowFaults",
    "parse_column",
    "parse_identifiers",
    "parse_label",
    "parse_number",
    "read_columns",
]

_VALUES: Final[Mapping[str, LabelValue]] = {
    "real": LabelValue.REAL,
    "1": LabelValue.REAL,
    "true": LabelValue.REAL,
    "bogus": LabelValue.BOGUS,
    "0": LabelValue.BOGUS,
    "false": LabelValue.BOGUS,
    "unknown": LabelValue.UNKNOWN,
}
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d{0,18})")
# As programs write floats; 12e5 is none of these and may be a hexadecimal identifier.
_FLOAT_NUMBER = re.compile(
    r"[+-]?((\d+\.\d*|\.\d+)([eE][+-]?\d+)?|\d+[eE]\+\d+|\d[eE]-?\d{1,3}|inf(inity)?|0x[\da-f]+)",
    re.IGNORECASE,
)
_MISSING: Final = frozenset({"nan", "none", "null", "nil", "na", "n/a", "<na>", "nat"})
_INT64 = np.iinfo(np.int64)
_MOST_SHOWN = 20


class RowFaults:
    """What is wrong with the rows of a file.

    Parameters
    ----------
    path : Path
        The file, for the message.

    Examples
    --------
    >>> faults = RowFaults(Path("labels.csv"))
    >>> faults.add(1, "label 'x' is none of real, bogus, unknown")
    >>> faults.raise_if_any()
    Traceback (most recent call last):
    ...
    skyvet.core.errors.LabelError: labels.csv, data row 2: label 'x' is none of real, bogus, unknown
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reasons: dict[int, list[str]] = {}

    def add(self, i_row: int, reason: str) -> None:
        """Note what is wrong with a row, counted from 0 behind the header."""
        self._reasons.setdefault(i_row, []).append(reason)

    def __contains__(self, i_row: int) -> bool:
        """Say whether something is wrong with a row."""
        return i_row in self._reasons

    def raise_if_any(self) -> None:
        """Report all faults at once.

        Raises
        ------
        LabelError
            If there is one; its message has a line for each of the first 20 rows.
        """
        lines = [
            f"data row {i_row + 1}: {'; '.join(self._reasons[i_row])}"
            for i_row in sorted(self._reasons)[:_MOST_SHOWN]
        ]
        if len(self._reasons) == 1:
            raise LabelError(f"{self._path}, {lines[0]}")
        if lines:
            n_more = len(self._reasons) - len(lines)
            more = [f"... and {n_more} more"] if n_more else []
            head = f"{self._path}: {len(self._reasons)} rows are wrong"
            raise LabelError("\n  ".join([head, *lines, *more]))


def read_columns(
    path: Path, names: Mapping[str, Sequence[str]], *, needed: Sequence[str]
) -> dict[str, list[Any]]:
    """Read the columns of a label file as Python values; CSV cells are text.

    Parameters
    ----------
    path : Path
        A ``.csv`` file with a header (UTF-8, comma), or ``.parquet``.
    names : mapping of str to sequence of str
        Our name of each column and the names accepted in the file; the first found is taken.
    needed : sequence of str
        Those that must be there.

    Returns
    -------
    dict of str to list
        Columns under our names, those that the file has.

    Raises
    ------
    LabelError
        If the file cannot be read, a needed column is missing or there twice, or an identifier
        column holds floats.
    """
    readers: dict[str, Callable[..., dict[str, list[Any]]]] = {
        ".csv": _read_csv, ".parquet": _read_parquet
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise LabelError(f"a label file must end in .csv or .parquet, got {path}")
    try:
        return reader(path, names, needed)
    except FileNotFoundError as error:
        raise LabelError(f"label file {path} does not exist") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"label file {path} is not UTF-8 text; save it as UTF-8") from error
    except (OSError, pa.ArrowException, csv.Error) as error:
        raise LabelError(f"label file {path} cannot be read: {error}") from error


def _read_csv(
    path: Path, names: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> dict[str, list[Any]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        header = next(csv.reader(handle), [])
    found = _find_columns(header, path, names, needed)
    _check_quotes(path)
    torn: list[pyarrow.csv.InvalidRow] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        torn.append(row)
        return "skip"

    table = pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(use_threads=False),  # only so are torn rows numbered
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=list(found.values()),
            column_types=dict.fromkeys(found.values(), pa.string()),
        ),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
    )
    if torn:
        lines = [
            f"data row {row.number - 1} has {row.actual_columns} cells, expected "
            f"{row.expected_columns}: {row.text}"
            for row in torn
        ]
        raise LabelError("\n  ".join([f"label file {path} cannot be read:", *lines]))
    return {name: table[column].to_pylist() for name, column in found.items()}


def _check_quotes(path: Path) -> None:
    """Refuse a file in which a quote that is not closed would swallow the rows behind it."""
    n_rows = 0
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.reader(handle, strict=True)
        try:
            for row in reader:
                n_rows += bool(row)
        except csv.Error as error:
            where = f"data row {n_rows}" if n_rows else "header"
            raise LabelError(
                f"label file {path} cannot be read: {where} has a quote that is not closed, or not "
                f"doubled within a cell ({error}, line {reader.line_num})"
            ) from error


def _read_parquet(
    path: Path, names: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> dict[str, list[Any]]:
    file = pyarrow.parquet.ParquetFile(path)
    found = _find_columns(file.schema_arrow.names, path, names, needed)
    table = file.read(columns=list(found.values()))
    for name in ("candidate_id", "object_id"):
        column = found.get(name)
        if column is not None and pa.types.is_floating(table.schema.field(column).type):
            raise LabelError(
                f"column {column!r} of {path} holds floats, in which 64-bit identifiers have "
                "already lost digits; write it as int64 or text"
            )
    return {name: table[column].to_pylist() for name, column in found.items()}


def _find_columns(
    header: Sequence[str],
    path: Path,
    names: Mapping[str, Sequence[str]],
    needed: Sequence[str],
) -> dict[str, str]:
    """Our name -> the file's name; the needed ones must be there, once."""
    found = {}
    for name, accepted in names.items():
        present = [column for column in header if column in accepted]
        if len(present) > 1 and name in needed:
            raise LabelError(
                f"{path} has several columns for {name} ({', '.join(present)}); keep one"
            )
        if present:
            found[name] = min(present, key=accepted.index)
        elif name in needed:
            raise LabelError(
                f"{path} has no column for {name}: expected one of {', '.join(accepted)}, "
                f"got {', '.join(header) or 'an empty file'}"
            )
    return found


def parse_column(
    values: Sequence[Any], parse: Callable[[Any], Any], faults: RowFaults
) -> list[Any]:
    """Apply a parser to each cell; what it refuses is noted and None in the result.

    Parameters
    ----------
    values : sequence
        Cells.
    parse : callable
        Raises LabelError with the reason.
    faults : RowFaults
        Takes the reasons.

    Returns
    -------
    list
        As long as `values`.
    """
    parsed = []
    for i_row, value in enumerate(values):
        try:
            parsed.append(parse(value))
        except LabelError as error:
            faults.add(i_row, str(error))
            parsed.append(None)
    return parsed


def parse_identifiers(
    values: Sequence[Any], faults: RowFaults, *, name: str, is_needed: bool
) -> pa.Array:
    """Return a column of identifiers: int64 where all are whole numbers, else text.

    Parameters
    ----------
    values : sequence
        Cells.
    faults : RowFaults
        Takes what is wrong.
    name : str
        What is identified, for the message.
    is_needed : bool
        Whether an empty cell is a fault; else it is null.

    Returns
    -------
    Array
        Null where empty or wrong.
    """

    def parse(value: Any) -> Identifier | None:  # noqa: ANN401 - a cell
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            if is_needed:
                raise LabelError(f"the {name} identifier is empty")
            return None
        return _identifier(value)

    cleaned = parse_column(values, parse, faults)
    present = [value for value in cleaned if value is not None]
    if all(isinstance(v, int) or _is_int64(v) for v in present):
        numbers = [None if value is None else int(value) for value in cleaned]
        if all(v is None or _INT64.min <= v <= _INT64.max for v in numbers):
            return identifier_array(numbers)
    return identifier_array([None if value is None else str(value) for value in cleaned])


def _is_int64(text: str) -> bool:
    """Say whether a text is a whole number that int64 holds; longer ones stay text."""
    return bool(_WHOLE_NUMBER.fullmatch(text)) and -(2**63) <= int(text) < 2**63


def _identifier(value: Any) -> Identifier:  # noqa: ANN401 - a cell
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _MISSING:
        raise LabelError(
            f"identifier {value!r} stands for a missing one; leave the cell empty where none is "
            "needed"
        )
    if isinstance(value, str) and not _FLOAT_NUMBER.fullmatch(value):
        return value
    raise LabelError(
        f"identifier {value!r} is not a whole number or text; "
        "64-bit identifiers lose digits as floats, write them as int64 or text"
    )


def parse_label(value: Any) -> LabelValue:  # noqa: ANN401 - a cell
    """Return the label that a cell holds.

    Raises
    ------
    LabelError
        If it holds none.

    Examples
    --------
    >>> parse_label("True"), parse_label(0)
    (<LabelValue.REAL: 'real'>, <LabelValue.BOGUS: 'bogus'>)
    """
    label = None
    if isinstance(value, (bool, int, str)):
        label = _VALUES.get(str(value).strip().lower())
    if label is None:
        shown = value.strip() if isinstance(value, str) else value
        raise LabelError(
            f"label {shown!r} is none of real, bogus, unknown, 1, 0, true, false; "
            "leave unlabelled candidates out"
        )
    return label


def parse_number(
    value: Any,  # noqa: ANN401 - a cell
    *,
    name: str,
    high: float = math.inf,
    is_needed: bool = False,
) -> float:
    """Return a finite number from 0 to `high`; NaN for an empty cell that is not needed.

    Raises
    ------
    LabelError
        If the cell holds anything else.

    Examples
    --------
    >>> parse_number("0.5", name="confidence", high=1.0)
    0.5
    """
    if not is_needed and (value is None or value == ""):
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (0 <= number <= high and number < math.inf):
        raise LabelError(
            f"{name} {value!r} is not a finite number "
            + (">= 0" if high == math.inf else f"from 0 to {high:g}")
        )
    return number
