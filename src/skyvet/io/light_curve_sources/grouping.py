"""How rows are divided so that each source is whole in one partition.

One pass over the identifiers alone, block by block. Where the rows of each source stand together,
a partition is a stretch of rows. Where they do not (rows by time, several files of one source), a
partition is a group of sources by a hash of the identifier, and reading it goes through all blocks
and keeps its rows: memory stays that of one group, and each group costs one pass over the file.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skyvet.core.arrays import IntArray
from skyvet.io.light_curve_sources.blocks import BLOCK_ERRORS, Block, iter_block
from skyvet.io.light_curve_sources.column_plan import ColumnPlan
from skyvet.io.light_curve_sources.partitions import LightCurvePartition, Span

__all__ = ["Grouping", "bucket_of", "divide"]

_COMPACT_AT = 4_000_000
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Partitions of an input.

    Parameters
    ----------
    partitions : tuple of LightCurvePartition
        Each source is in one of them.
    n_buckets : int
        Number of groups of sources; 0 = partitions are stretches of rows.
    n_sources : int
        Identifiers seen.
    are_integers : bool
        Whether all identifiers are whole numbers of 64 bits, written without leading zeros.
    """

    partitions: tuple[LightCurvePartition, ...]
    n_buckets: int
    n_sources: int
    are_integers: bool


def bucket_of(identifiers: pa.Array, n_buckets: int) -> IntArray:
    """Return the group of each identifier, shape (n,), in 0 to n_buckets - 1.

    Examples
    --------
    >>> groups = bucket_of(pa.array([7, 8, 7]), 4)
    >>> (groups == bucket_of(pa.array(["7", "8", "7"]), 4)).all()
    np.True_
    """
    with np.errstate(over="ignore"):
        mixed = _keys(identifiers) * _MIX
    return np.asarray((mixed >> np.uint64(33)) % np.uint64(n_buckets), dtype=np.int64)


def divide(
    blocks: Sequence[Block],
    plans: Mapping[str, ColumnPlan],
    *,
    sources_per_partition: int,
    epochs_per_partition: int,
    is_whole: bool = False,
) -> Grouping:
    """Divide blocks into partitions of whole sources.

    Parameters
    ----------
    blocks : sequence of Block
        In order, of any number of files.
    plans : mapping of str to ColumnPlan
        Path to where things stand in it.
    sources_per_partition, epochs_per_partition : int
        Sizes that a partition does not exceed by more than one source.
    is_whole : bool, default False
        True where each source is known to be one row; then nothing is read.
    """
    if is_whole and all(block.n_rows >= 0 and plans[block.path].is_nested for block in blocks):
        return _of_rows(blocks, plans, sources_per_partition)
    runs = _Runs()
    damaged = []
    for block in blocks:
        plan = plans[block.path]
        place = plan.places["source_id"]
        runs.begin(block, is_nested=plan.is_nested)
        try:
            for table in iter_block(block, [place]):
                runs.add(table[place].combine_chunks(), is_text=block.kind == "csv")
        except BLOCK_ERRORS as error:
            runs.drop_block()
            name = f"{_short(block.path)}:{block.place}:damaged"
            damaged.append(LightCurvePartition(name=name, fault=f"{type(error).__name__}: {error}"))
    n_sources = runs.n_sources
    if n_sources == runs.n_runs:
        cut = runs.cut(sources_per_partition, epochs_per_partition)
        return Grouping(
            partitions=(*cut, *damaged),
            n_buckets=0,
            n_sources=n_sources,
            are_integers=runs.are_integers,
        )
    n_buckets = max(
        -(-n_sources // sources_per_partition), -(-runs.n_epochs // epochs_per_partition), 1
    )
    groups = tuple(
        LightCurvePartition(
            name=f"group-{i:05d}-of-{n_buckets:05d}", n_sources=-(-n_sources // n_buckets), bucket=i
        )
        for i in range(n_buckets)
    )
    return Grouping(
        partitions=(*groups, *damaged),
        n_buckets=n_buckets,
        n_sources=n_sources,
        are_integers=runs.are_integers,
    )


def _of_rows(
    blocks: Sequence[Block], plans: Mapping[str, ColumnPlan], max_sources: int
) -> Grouping:
    """Cut each block into stretches of rows."""
    partitions = []
    for block in blocks:
        n_pieces = max(-(-block.n_rows // max_sources), 1)
        edges = [block.n_rows * i // n_pieces for i in range(n_pieces + 1)]
        for start, stop in itertools.pairwise(edges):
            partitions.append(
                LightCurvePartition(
                    name=f"{_short(block.path)}:{block.place}:{start}+{stop - start}",
                    n_sources=stop - start,
                    n_bytes=block.n_bytes * (stop - start) // max(block.n_rows, 1),
                    spans=(Span(block=block, start=start, stop=stop),),
                )
            )
    return Grouping(
        partitions=tuple(partitions),
        n_buckets=0,
        n_sources=sum(block.n_rows for block in blocks),
        are_integers=all(plan.has_integer_ids for plan in plans.values()),
    )


def _short(path: str) -> str:
    """Return the end of a path that tells files apart: pixels have the same names in all orders."""
    return "/".join(Path(path).parts[-3:])


class _Runs:
    """Rows of one source that stand together, over all blocks."""

    def __init__(self) -> None:
        self.n_runs = 0
        self.n_epochs = 0
        self.are_integers = True
        self._blocks: list[Block] = []
        self._n_rows: list[int] = []
        self._starts: list[IntArray] = []
        self._keys: list[NDArray[np.uint64]] = []
        self._last_key: np.uint64 | None = None
        self._is_nested = False
        self._is_in_order = True

    def begin(self, block: Block, *, is_nested: bool) -> None:
        """Take the next block."""
        if not self._blocks or self._blocks[-1].path != block.path:
            self._last_key = None
        self._is_nested = is_nested
        self._blocks.append(block)
        self._n_rows.append(0)

    def add(self, identifiers: pa.Array, *, is_text: bool) -> None:
        """Take the next rows of the block; text of a CSV may be numbers."""
        keys = _keys(identifiers)
        if self.are_integers:
            self.are_integers = _are_int64(identifiers, is_text=is_text)
        if not len(keys):
            return
        is_start = np.ones(len(keys), dtype=bool)
        if not self._is_nested:
            is_start[1:] = keys[1:] != keys[:-1]
            is_start[0] = self._last_key is None or bool(keys[0] != self._last_key)
            self.n_epochs += len(keys)
        starts = np.flatnonzero(is_start)
        if self._is_in_order:
            self._starts.append(starts + sum(self._n_rows))
        self._note(keys[starts])
        self._last_key = keys[-1]
        self._n_rows[-1] += len(keys)

    def drop_block(self) -> None:
        """Forget the block, which is damaged: its readable rows are not used either."""
        start = sum(self._n_rows[:-1])
        self._starts = [starts[starts < start] for starts in self._starts]
        del self._blocks[-1], self._n_rows[-1]
        self._last_key = None

    @property
    def n_sources(self) -> int:
        """Number of different identifiers."""
        self._compact()
        return len(self._keys[0]) if self._keys else 0

    def cut(self, max_sources: int, max_epochs: int) -> tuple[LightCurvePartition, ...]:
        """Return stretches of rows that end where a source ends."""
        ends = np.cumsum(self._n_rows)
        starts = np.concatenate([np.empty(0, np.int64), *self._starts])
        limit = max_epochs if self.n_epochs else int(1e18)
        partitions = []
        i_run = 0
        while i_run < len(starts):
            row = int(starts[i_run])
            by_epochs = int(np.searchsorted(starts, row + limit, side="right")) - 1
            i_next = max(min(i_run + max_sources, by_epochs), i_run + 1)
            if by_epochs == len(starts) - 1 and int(ends[-1]) - row <= limit:
                i_next = min(i_run + max_sources, len(starts))
            stop = int(starts[i_next]) if i_next < len(starts) else int(ends[-1])
            partitions.append(self._partition(row, stop, ends, i_next - i_run))
            i_run = i_next
        return tuple(partitions)

    def _partition(
        self, row: int, stop: int, ends: IntArray, n_sources: int
    ) -> LightCurvePartition:
        spans = []
        i_block = int(np.searchsorted(ends, row, side="right"))
        while i_block < len(self._blocks) and int(ends[i_block]) - self._n_rows[i_block] < stop:
            before = int(ends[i_block]) - self._n_rows[i_block]
            spans.append(
                Span(block=self._blocks[i_block], start=max(row - before, 0),
                     stop=min(stop - before, self._n_rows[i_block]))
            )  # fmt: skip
            i_block += 1
        first = spans[0]
        n_bytes = sum(
            span.block.n_bytes * (span.stop - span.start) // max(self._n_rows_of(span.block), 1)
            for span in spans
        )
        return LightCurvePartition(
            name=f"{_short(first.block.path)}:{first.block.place}:{first.start}+{stop - row}",
            n_sources=n_sources,
            n_epochs=stop - row if self.n_epochs else None,
            n_bytes=n_bytes,
            spans=tuple(spans),
        )

    def _n_rows_of(self, block: Block) -> int:
        return self._n_rows[self._blocks.index(block)] if block.n_rows < 0 else block.n_rows

    def _note(self, keys: NDArray[np.uint64]) -> None:
        """Remember sources; of an input without order, each one once."""
        self.n_runs += len(keys)
        self._keys.append(keys)
        if sum(map(len, self._keys[1:])) > _COMPACT_AT:
            self._compact()

    def _compact(self) -> None:
        if self._keys:
            self._keys = [np.unique(np.concatenate(self._keys))]
        if self._keys and len(self._keys[0]) < self.n_runs:
            self._is_in_order = False
            self._starts = []


def _are_int64(identifiers: pa.Array, *, is_text: bool) -> bool:
    """Return whether identifiers are whole numbers of 63 bits; text counts where it is a CSV's."""
    if pa.types.is_integer(identifiers.type):
        if identifiers.type != pa.uint64():
            return True
        largest = pc.max(identifiers).as_py()
        return largest is None or largest < 1 << 63
    return is_text and _are_digits(identifiers)


def _are_digits(identifiers: pa.Array) -> bool:
    if pa.types.is_null(identifiers.type):
        return True
    is_plain = pc.match_substring_regex(identifiers, r"^(0|-?[1-9][0-9]{0,18})$")
    if pc.all(is_plain).as_py() is False:
        return False
    try:
        identifiers.cast(pa.int64())
    except pa.ArrowInvalid:  # beyond 2**63
        return False
    return True


def _keys(identifiers: pa.Array) -> NDArray[np.uint64]:
    """Return 64 bits of each identifier; a whole number and its text have the same."""
    if isinstance(identifiers, pa.ChunkedArray):
        identifiers = pa.concat_arrays(identifiers.chunks)
    if not pa.types.is_dictionary(identifiers.type):
        if pa.types.is_integer(identifiers.type):
            values = pc.fill_null(identifiers, 0).to_numpy(zero_copy_only=False)
            return np.asarray(values.astype(np.int64, copy=False)).view(np.uint64)
        identifiers = identifiers.dictionary_encode()
    texts = identifiers.dictionary.to_pylist()
    hashes = np.array([*(_key_of(text) for text in texts), 0], dtype=np.uint64)
    codes = pc.fill_null(identifiers.indices, len(texts)).to_numpy(zero_copy_only=False)
    return np.asarray(hashes[codes], dtype=np.uint64)


def _key_of(identifier: Any) -> int:  # noqa: ANN401 - int, str or None
    text = str(identifier)
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 19:
        return int(text) % (1 << 64)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
