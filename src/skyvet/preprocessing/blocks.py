"""A stream of decoded alerts to blocks of stamps with flat memory; shared by ingest and scoring."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from skyvet.core.arrays import FloatArray
from skyvet.core.configs import Config
from skyvet.core.errors import PacketError
from skyvet.io.alerts import AlertReading
from skyvet.io.tables import candidates_table
from skyvet.preprocessing.stamps import (
    Centring,
    PlacedStamps,
    QuantisedStamps,
    place_triplet,
    quantise_stamps,
)
from skyvet.records.candidate import Candidate
from skyvet.records.identifiers import Identifier
from skyvet.records.rejections import Rejection, RejectionReason, rejection_of

__all__ = ["BlockConfig", "CandidateBlock", "SeenIdentifiers", "read_blocks", "remember"]


class BlockConfig(Config):
    """Geometry of the stamps that a stream of alerts is turned into."""

    size_px: int
    centring: Centring = Centring.CANDIDATE
    with_variance: bool = False
    n_per_block: int = 1024
    with_history: bool = False


class SeenIdentifiers:
    """Remembers which candidates came by, in 8 bytes each.

    Identifiers are kept as 64-bit hashes (BLAKE2b); among 10 million candidates the chance that
    any two are mistaken for one is 3e-6.
    """

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._sorted = np.empty(0, dtype=np.uint64)

    def add(self, survey: str, identifier: Identifier) -> bool:
        """Remember a candidate; return False where it was known."""
        digest = hashlib.blake2b(f"{survey}\0{identifier}".encode(), digest_size=8).digest()
        key = int.from_bytes(digest, "little")
        if key in self._recent or self._is_sorted_in(key):
            return False
        self._recent.add(key)
        if len(self._recent) >= 65_536:
            recent = np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent))
            self._sorted = np.sort(np.concatenate([self._sorted, recent]))
            self._recent.clear()
        return True

    def _is_sorted_in(self, key: int) -> bool:
        wanted = np.uint64(key)
        i_place = int(np.searchsorted(self._sorted, wanted))
        return i_place < len(self._sorted) and self._sorted[i_place] == wanted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CandidateBlock:
    """Candidates of one block with their stamps.

    Parameters
    ----------
    candidates : list of Candidate
        Without images, and without history unless the config asks for it; flags include what was
        found on the stamps.
    sources : list of str
        Where each came from.
    stamps : QuantisedStamps
        In the order of `candidates`.
    valid_fraction : ndarray, shape (n,), float32
        Share of valid image pixels.
    rejections : list of Rejection
        Inputs refused since the last block.
    position : tuple of int
        Input file and record that follow.
    """

    candidates: list[Candidate]
    sources: list[str]
    stamps: QuantisedStamps
    valid_fraction: FloatArray
    rejections: list[Rejection]
    position: tuple[int, int]

    def table(self) -> pa.Table:
        """Return one row a candidate (see `candidates_table`) with ``valid_fraction``."""
        table = candidates_table(self.candidates, self.sources)
        return table.append_column("valid_fraction", pa.array(self.valid_fraction, pa.float32()))


@dataclass(slots=True)
class _OpenBlock:
    candidates: list[Candidate] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    placed: list[PlacedStamps] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.candidates) + len(self.rejections)

    def close(self, config: BlockConfig, position: tuple[int, int]) -> CandidateBlock:
        """Stack the stamps and name where the input stands."""
        n_raw = 6 if config.with_variance else 3
        shape = (len(self.placed), n_raw, config.size_px, config.size_px)
        pixels = np.empty(shape, dtype=np.float32)
        for i, stamps in enumerate(self.placed):
            pixels[i] = stamps.pixels
        return CandidateBlock(
            candidates=self.candidates,
            sources=self.sources,
            stamps=quantise_stamps(pixels),
            valid_fraction=np.array([p.valid_fraction for p in self.placed], dtype=np.float32),
            rejections=self.rejections,
            position=position,
        )


def _place(
    reading: AlertReading, candidate: Candidate, config: BlockConfig, seen: SeenIdentifiers
) -> PlacedStamps | Rejection:
    try:
        placed = place_triplet(
            candidate,
            size_px=config.size_px,
            centring=config.centring,
            with_variance=config.with_variance,
        )
        if not seen.add(candidate.survey, candidate.candidate_id):
            raise PacketError(
                RejectionReason.DUPLICATE_CANDIDATE,
                f"candidate {candidate.candidate_id} came before; the first one counts",
            )
    except PacketError as error:
        return rejection_of(candidate, error, source=reading.source)
    return placed


def read_blocks(
    readings: Iterable[AlertReading], config: BlockConfig, *, seen: SeenIdentifiers
) -> Iterator[CandidateBlock]:
    """Turn decoded alerts into blocks of stamps; every input is in exactly one block.

    Parameters
    ----------
    readings : iterable of AlertReading
        From `skyvet.io.alerts.read_alerts`.
    config : BlockConfig
        Stamp geometry and block size.
    seen : SeenIdentifiers
        Candidates of earlier blocks; a second delivery of one is a rejection.

    Yields
    ------
    CandidateBlock
        Each with up to ``n_per_block`` inputs, candidates and rejections together.
    """
    block, position = _OpenBlock(), None
    for reading in readings:
        position = (reading.i_file, reading.i_record + 1)
        item = reading.item
        if isinstance(item, Rejection):
            block.rejections.append(item)
        else:
            placed = _place(reading, item, config, seen)
            if isinstance(placed, Rejection):
                block.rejections.append(placed)
            else:
                block.candidates.append(
                    dataclasses.replace(
                        item,
                        cutouts=None,
                        history=item.history if config.with_history else None,
                        flags=placed.flags,
                    )
                )
                block.sources.append(reading.source)
                block.placed.append(placed)
        if len(block) >= config.n_per_block:
            yield block.close(config, position)
            block = _OpenBlock()
    if len(block) and position is not None:
        yield block.close(config, position)


def remember(
    seen: SeenIdentifiers, surveys: Sequence[str], identifiers: Sequence[Identifier]
) -> None:
    """Note candidates of an earlier, interrupted run as seen."""
    for survey, identifier in zip(surveys, identifiers, strict=True):
        seen.add(survey, identifier)
