"""Tables in blocks that can be read alone: row groups of Parquet, stretches of lines of CSV."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal, cast

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from skyvet.core.errors import InvalidInputError
from skyvet.core.optional import require

__all__ = ["BLOCK_ERRORS", "Block", "blocks_of", "iter_block", "n_wrong_lines", "schema_of"]

BLOCK_ERRORS = (OSError, EOFError, pa.ArrowException)
"""What a damaged block raises."""

_BATCH_ROWS = 16_384
_BATCH_BYTES = 16 << 20
_CSV_BYTES = 16 << 20
_MAX_LINE_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_WRONG_LINES = b"skyvet.wrong_lines"
_NULLS = ["", "null", "NULL", "nan", "NaN", "NAN", "None", "--", "\\N"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of one file.

    Parameters
    ----------
    path : str
        File.
    kind : str
        ``parquet`` or ``csv``.
    place : int
        Number of the row group, or offset of the first byte (uncompressed).
    n_bytes : int
        Size in memory (Parquet) or in text (CSV), about.
    n_rows : int
        Rows; -1 = unknown (CSV).
    names : tuple of str
        Heading of CSV.
    delimiter : str
        Between columns of CSV.
    text : str
        Column of CSV that is text even where it looks like numbers: the identifiers.
    """

    path: str
    kind: Literal["parquet", "csv"]
    place: int
    n_bytes: int
    n_rows: int = -1
    names: tuple[str, ...] = ()
    delimiter: str = ","
    text: str = ""


def blocks_of(path: str) -> tuple[Block, ...]:
    """Return the blocks of a file; nothing but headings and footers is read.

    Raises
    ------
    InvalidInputError
        If a CSV has no heading.
    OSError, ArrowException
        If the file cannot be read.
    """
    if not _is_csv(path):
        with _parquet(path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            return tuple(
                Block(path=path, kind="parquet", place=i, n_rows=group.num_rows,
                      n_bytes=group.total_byte_size)
                for i, group in enumerate(groups)
            )  # fmt: skip
    return _csv_blocks(path)


def schema_of(block: Block) -> pa.Schema:
    """Return the types of a block's columns; those of a CSV as its first lines look."""
    if block.kind == "parquet":
        with _parquet(block.path) as file:
            return file.schema_arrow
    first = next(iter_block(block, None), None)
    if first is None:
        return pa.schema([(name, pa.string()) for name in block.names])
    return first.schema


def iter_block(
    block: Block, columns: Sequence[str] | None, *, rows: tuple[int, int] | None = None
) -> Iterator[pa.Table]:
    """Yield a block's rows in tables of at most 16384 rows and about 16 MB.

    Parameters
    ----------
    block : Block
        From `blocks_of`.
    columns : sequence of str or None
        Columns wanted; None = all.
    rows : tuple of int, optional
        First row and the one after the last; all by default.

    Raises
    ------
    OSError, ArrowException
        If the block is damaged.
    """
    start, stop = rows or (0, 1 << 62)
    n_before = 0
    for table in _tables(block, columns):
        first, last = max(start - n_before, 0), min(stop - n_before, table.num_rows)
        n_before += table.num_rows
        if first < last:
            yield table.slice(first, last - first)
        if n_before >= stop:
            return


def _tables(block: Block, columns: Sequence[str] | None) -> Iterator[pa.Table]:
    if block.kind == "csv":
        table = _read_lines(block, columns)
        for start in range(0, table.num_rows, _BATCH_ROWS):
            yield table.slice(start, _BATCH_ROWS)
        return
    with _parquet(block.path) as file:
        batches = file.iter_batches(
            _rows_at_once(block), row_groups=[block.place], columns=columns, use_threads=False
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])


def _rows_at_once(block: Block) -> int:
    """Return a number of rows that takes about 16 MB: rows with lists can be large."""
    bytes_of_row = max(block.n_bytes // max(block.n_rows, 1), 1)
    return min(max(_BATCH_BYTES // bytes_of_row, 1), _BATCH_ROWS)


def _parquet(path: str) -> pq.ParquetFile:
    """Open a Parquet file of this machine, or of an address."""
    if "://" not in path:
        return pq.ParquetFile(path)
    return pq.ParquetFile(require("fsspec", extra="cluster").open(path, "rb").open())


def _is_csv(path: str) -> bool:
    names = {suffix.lower() for suffix in Path(path).suffixes}
    return bool(names & {".csv", ".tsv", ".txt", ".dat"})


def _open(path: str) -> BinaryIO:
    if path.endswith(".gz"):
        return cast("BinaryIO", gzip.open(path, "rb"))
    return Path(path).open("rb")


def _csv_blocks(path: str) -> tuple[Block, ...]:
    """Return stretches of whole lines of about 16 MB."""
    with _open(path) as file:
        line = b"#"
        while line.removeprefix(_BOM).startswith(b"#") or line in {b"\n", b"\r\n"}:
            line = file.readline(_MAX_LINE_BYTES)
        heading = line.decode("utf-8-sig", "replace").strip()
        if not heading:
            raise InvalidInputError(f"{path} is empty: a heading with names of columns is needed")
        delimiter = max(",\t;|", key=heading.count)
        names = tuple(name.strip().strip('"') for name in heading.split(delimiter))
        blocks = []
        start = file.tell()
        while True:
            file.seek(start + _CSV_BYTES)
            file.readline()
            # Beyond its end, a plain file says where it was told to go, a packed one its end.
            end = min(file.tell(), _size(path, file)) if not file.peek(1) else file.tell()  # type: ignore[attr-defined]
            if end > start:
                blocks.append(
                    Block(path=path, kind="csv", place=start, n_bytes=end - start,
                          names=names, delimiter=delimiter)
                )  # fmt: skip
            if end < start + _CSV_BYTES or end == start:
                return tuple(blocks)
            start = end


def _size(path: str, file: BinaryIO) -> int:
    return file.tell() if path.endswith(".gz") else Path(path).stat().st_size


def _read_lines(block: Block, columns: Sequence[str] | None) -> pa.Table:
    """Return a stretch of lines; columns whose text is no number stay text."""
    with _open(block.path) as file:
        file.seek(block.place)
        data = file.read(block.n_bytes)
    n_wrong = 0

    def skip(_: object) -> str:
        nonlocal n_wrong
        n_wrong += 1
        return "skip"

    table = pyarrow.csv.read_csv(
        BytesIO(_as_utf8(data)),
        read_options=pyarrow.csv.ReadOptions(column_names=list(block.names), use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(delimiter=block.delimiter, invalid_row_handler=skip),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=list(columns or block.names),
            null_values=_NULLS,
            column_types={block.text: pa.string()} if block.text else {},
            strings_can_be_null=True,
        ),
    )
    return table.replace_schema_metadata({_WRONG_LINES: str(n_wrong)} if n_wrong else None)


def _as_utf8(data: bytes) -> bytes:
    """Return text that can be read, whatever its bytes: a strange letter spoils no line."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def n_wrong_lines(table: pa.Table) -> int:
    """Return how many lines of its block were left out for their number of cells."""
    return int((table.schema.metadata or {}).get(_WRONG_LINES, 0))
