"""How fast this machine decodes and scores, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skyvet.core.errors import InvalidInputError
from skyvet.core.memory import peak_memory_mb
from skyvet.io.alerts import AlertReading, read_alerts
from skyvet.models.bundle import Bundle
from skyvet.models.predictor import Predictor
from skyvet.preprocessing.blocks import BlockConfig, SeenIdentifiers, read_blocks
from skyvet.preprocessing.stamps import restore_stamps

__all__ = ["ScoringSpeed", "measure_scoring_speed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSpeed:
    """Rates of one run, measured side by side.

    Parameters
    ----------
    n_alerts : int
        Alerts read.
    decode_per_second : float
        Packets to records [1/s], on one core.
    prepare_per_second : float
        Records to stamps of one size [1/s], on one core.
    infer_per_second : float
        Stamps to logits [1/s], on all cores.
    total_per_second : float
        All stages one after another [1/s].
    peak_memory_mb : float
        Largest memory of the process so far [MB].
    """

    n_alerts: int
    decode_per_second: float
    prepare_per_second: float
    infer_per_second: float
    total_per_second: float
    peak_memory_mb: float


def measure_scoring_speed(
    inputs: Sequence[str | Path], bundle: Bundle, *, n_max: int = 2000
) -> ScoringSpeed:
    """Time decoding, preparation and inference on the first alerts of an input.

    Parameters
    ----------
    inputs : sequence of str or Path
        Packets; read once beforehand, so that the disk is not measured.
    bundle : Bundle
        Model to score with.
    n_max : int, default 2000
        Alerts to use at most.

    Raises
    ------
    InvalidInputError
        If no alert could be scored.
    """
    predictor = Predictor(bundle)
    stamps = bundle.info.stamps
    geometry = BlockConfig(size_px=bundle.placed_px, centring=stamps.centring)
    _first(inputs, n_max)
    started = time.perf_counter()
    readings = _first(inputs, n_max)
    decoded = time.perf_counter()
    blocks = list(read_blocks(readings, geometry, seen=SeenIdentifiers()))
    prepared = time.perf_counter()
    n_scored = sum(len(predictor.logits(restore_stamps(block.stamps))) for block in blocks)
    inferred = time.perf_counter()
    if not n_scored:
        raise InvalidInputError("no alert of the input could be scored; give ZTF or LSST packets")
    return ScoringSpeed(
        n_alerts=len(readings),
        decode_per_second=len(readings) / (decoded - started),
        prepare_per_second=len(readings) / (prepared - decoded),
        infer_per_second=n_scored / (inferred - prepared),
        total_per_second=len(readings) / (inferred - started),
        peak_memory_mb=peak_memory_mb(),
    )


def _first(inputs: Sequence[str | Path], n_max: int) -> list[AlertReading]:
    readings: list[AlertReading] = []
    for reading in read_alerts(inputs):
        readings.append(reading)
        if len(readings) >= n_max:
            break
    return readings
