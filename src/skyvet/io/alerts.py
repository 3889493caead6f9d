"""Alert packets to candidates, for any survey and any kind of input."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from skyvet.core.errors import PacketError
from skyvet.io.avro import (
    CONTAINER_MAGIC,
    MAX_BLOCK_BYTES,
    WIRE_MAGIC,
    decode_record,
    decode_records,
    read_blocks,
)
from skyvet.io.inputs import READ_ERRORS, Payload, iter_payloads
from skyvet.io.schemas import AvroSchema, SchemaSource, schema_without
from skyvet.io.surveys.base import SurveyAdapter
from skyvet.io.surveys.mapping_config import SurveyMapping
from skyvet.io.surveys.registry import adapter_for_schema, adapter_named, all_adapters
from skyvet.records.candidate import Candidate
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = ["AlertReading", "read_alerts"]

_MAX_SCHEMAS = 256
_BAD_VALUES = (ValueError, TypeError, LookupError, OverflowError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReading:
    """One alert of the input: a candidate, or why it became none.

    Parameters
    ----------
    source : str
        File or archive member; ``#3`` is appended for record 3 of a container with several.
    i_file : int
        Position of the file or member in input order.
    i_record : int
        Position of the reading within it.
    item : Candidate or Rejection
        The outcome.
    """

    source: str
    i_file: int
    i_record: int
    item: Candidate | Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    schema: AvroSchema
    adapter: SurveyAdapter | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """How records of one schema are read: by which adapter, and with which fields alone."""

    adapter: SurveyAdapter | None
    wanted: dict[str, Any] | None


_Outcome = _Decoded | PacketError


def read_alerts(
    inputs: Sequence[str | Path],
    *,
    survey: str = "auto",
    schemas: SchemaSource | None = None,
    mappings: Sequence[SurveyMapping] = (),
    start: tuple[int, int] = (0, 0),
    with_history: bool = True,
    stdin: BinaryIO | None = None,
) -> Iterator[AlertReading]:
    """Read alerts of any survey, one at a time, in a reproducible order.

    A bad packet never raises: it becomes a `Rejection` with its reason, and reading goes on. A
    candidate that occurs twice is returned twice.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders, glob patterns, tar archives, ``-`` for standard input; see
        `skyvet.io.inputs.iter_payloads`.
    survey : str, default "auto"
        Name of the survey; ``auto`` tells it from each packet's schema.
    schemas : SchemaSource, optional
        Where wire-format messages find their schema.
    mappings : sequence of SurveyMapping, optional
        Surveys of your own; they go before the built-in ones.
    start : tuple of int, default (0, 0)
        Where to resume: files before ``start[0]`` and the first ``start[1]`` readings of that
        one are passed over.
    with_history : bool, default True
        False leaves ``Candidate.history`` None, which is a third faster for ZTF.
    stdin : binary file, optional
        Read in place of standard input.

    Yields
    ------
    AlertReading

    Raises
    ------
    InvalidInputError
        At once, if there is no input, a path does not exist or the survey is not known.
    """
    adapters = all_adapters(mappings)
    only = None if survey == "auto" else adapter_named(survey, adapters)
    payloads = iter_payloads(inputs, start_file=start[0], stdin=stdin)
    reader = _AlertReader(adapters=adapters, only=only, schemas=schemas, with_history=with_history)
    return reader.read(payloads, start=start)


class _AlertReader:
    """Keeps what is the same for all packets of a run."""

    def __init__(
        self,
        *,
        adapters: tuple[SurveyAdapter, ...],
        only: SurveyAdapter | None,
        schemas: SchemaSource | None,
        with_history: bool,
    ) -> None:
        self._adapters = adapters
        self._only = only
        self._schemas = schemas
        self._with_history = with_history
        self._plans: dict[AvroSchema, _Plan] = {}

    def read(
        self, payloads: Iterator[Payload], *, start: tuple[int, int]
    ) -> Iterator[AlertReading]:
        for payload in payloads:
            n_skip = start[1] if payload.i_file == start[0] else 0
            for i_record, (suffix, outcome) in enumerate(self._outcomes(payload)):
                if i_record < n_skip:
                    continue
                source = payload.source + suffix
                item = self._item(outcome, source)
                yield AlertReading(
                    source=source, i_file=payload.i_file, i_record=i_record, item=item
                )

    def _outcomes(self, payload: Payload) -> Iterator[tuple[str, _Outcome]]:
        """Yield each record of a payload with its schema, or what stopped the reading."""
        if payload.stream is None:
            yield "", PacketError(RejectionReason.UNREADABLE_FILE, payload.error)
            return
        i_record = 0
        try:
            for suffix, decoded in self._decode(payload.stream):
                yield suffix, decoded
                i_record += 1
        except PacketError as error:
            yield f"#{i_record}" if i_record else "", error
        except READ_ERRORS as error:
            detail = f"{type(error).__name__}: {error}"
            yield "", PacketError(RejectionReason.UNREADABLE_FILE, detail)

    def _decode(self, stream: BinaryIO) -> Iterator[tuple[str, _Outcome]]:
        magic = stream.read(len(CONTAINER_MAGIC))
        if magic == CONTAINER_MAGIC:
            yield from self._decode_container(stream)
        elif magic[:1] == WIRE_MAGIC:
            yield "", self._decode_wire(magic + stream.read(MAX_BLOCK_BYTES))
        elif not magic:
            raise PacketError(RejectionReason.TRUNCATED_PACKET, "the file is empty")
        else:
            raise PacketError(
                RejectionReason.UNREADABLE_FILE,
                f"neither an Avro container nor a wire-format message; it begins with {magic!r}",
            )

    def _decode_container(self, stream: BinaryIO) -> Iterator[tuple[str, _Outcome]]:
        i_record = 0
        for block in read_blocks(stream):
            plan = self._plan(block.schema)
            try:
                for record in decode_records(block, wanted=plan.wanted):
                    suffix = f"#{i_record}" if i_record or block.n_records > 1 else ""
                    yield suffix, _Decoded(schema=block.schema, adapter=plan.adapter, record=record)
                    i_record += 1
            except PacketError as error:
                yield f"#{i_record}" if i_record else "", error
                i_record += 1

    def _decode_wire(self, message: bytes) -> _Decoded:
        if len(message) < 6:
            raise PacketError(
                RejectionReason.TRUNCATED_PACKET, f"a wire-format message of {len(message)} bytes"
            )
        schema_id = int.from_bytes(message[1:5], "big")
        if self._schemas is None:
            raise PacketError(
                RejectionReason.UNKNOWN_SCHEMA,
                f"a wire-format message needs the schema {schema_id}; give a folder of schemas "
                "or the address of a schema registry",
            )
        schema = self._schemas.schema(schema_id)
        body = io.BytesIO(message[5:])
        plan = self._plan(schema)
        record = decode_record(body, schema, wanted=plan.wanted)
        n_left = len(message) - 5 - body.tell()
        if n_left:
            raise PacketError(
                RejectionReason.TRUNCATED_PACKET, f"{n_left} bytes are left behind the record"
            )
        return _Decoded(schema=schema, adapter=plan.adapter, record=record)

    def _item(self, outcome: _Outcome, source: str) -> Candidate | Rejection:
        if isinstance(outcome, PacketError):
            return Rejection(
                source=source, reason=RejectionReason(outcome.reason), detail=outcome.detail
            )
        adapter = outcome.adapter
        if adapter is None:
            return self._unknown(outcome.schema, source)
        try:
            return adapter.to_candidate(outcome.record)
        except PacketError as error:
            reason, detail = RejectionReason(error.reason), error.detail
        except _BAD_VALUES as error:
            reason, detail = RejectionReason.BAD_VALUE, f"{type(error).__name__}: {error!s:.200}"
        return Rejection(
            source=source,
            reason=reason,
            detail=detail,
            survey=adapter.name,
            candidate_id=adapter.candidate_id(outcome.record),
        )

    def _plan(self, schema: AvroSchema) -> _Plan:
        if schema not in self._plans:
            if len(self._plans) >= _MAX_SCHEMAS:
                self._plans.clear()
            self._plans[schema] = self._new_plan(schema)
        return self._plans[schema]

    def _new_plan(self, schema: AvroSchema) -> _Plan:
        adapter = self._only or adapter_for_schema(
            schema.name, schema.field_names, adapters=self._adapters
        )
        if adapter is None or self._with_history:
            return _Plan(adapter=adapter, wanted=None)
        return _Plan(adapter=adapter, wanted=schema_without(schema, adapter.history_fields))

    def _unknown(self, schema: AvroSchema, source: str) -> Rejection:
        known = ", ".join(adapter.name for adapter in self._adapters)
        return Rejection(
            source=source,
            reason=RejectionReason.UNKNOWN_SCHEMA,
            detail=f"no survey has the schema {schema.name!r}; known surveys are {known}",
        )
