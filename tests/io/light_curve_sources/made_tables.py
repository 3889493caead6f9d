"""Small light curves of known content, in any form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from skyvet.records.light_curve_batch import LightCurveBatch
from skyvet.records.rejections import Rejection

FIRST_ID = 250_101_100_000_000_000


def long_rows(n_sources: int = 20, *, seed: int = 0) -> dict[str, Any]:
    """Return rows of epochs, sorted by source: 0 to 12 epochs each in g and r."""
    rng = np.random.default_rng([5, seed])
    counts = rng.integers(1, 13, n_sources)
    n = int(counts.sum())
    return {
        "star_id": np.repeat(FIRST_ID + np.arange(n_sources), counts),
        "time": 58_000 + rng.uniform(0, 1000, n),
        "mag": rng.uniform(15, 20, n),
        "magerr": rng.uniform(0.01, 0.1, n),
        "band": rng.choice(["g", "r"], n),
    }


def nested_table(rows: dict[str, Any], *, inside: str = "") -> pa.Table:
    """Return the same epochs, one row a source; `inside` names a column that holds the lists."""
    ids, starts = np.unique(rows["star_id"], return_index=True)
    order = np.argsort(starts)
    offsets = pa.array(np.append(starts[order], len(rows["star_id"])), pa.int32())
    lists = {
        name: pa.ListArray.from_arrays(offsets, pa.array(values))
        for name, values in rows.items()
        if name != "star_id"
    }
    if inside:
        struct = pa.StructArray.from_arrays([*lists.values()], names=[*lists])
        lists = {inside: struct}
    return pa.table({"star_id": ids[order], **lists})


def read_all(source: Any) -> tuple[list[LightCurveBatch], list[Rejection]]:
    """Return all batches with sources and all rejections."""
    readings = [source.read(partition) for partition in source.partitions]
    batches = [batch for batch, _ in readings if len(batch)]
    return batches, [rejection for _, some in readings for rejection in some]


def epochs_by_source(batches: list[LightCurveBatch]) -> dict[Any, list[tuple[Any, ...]]]:
    """Return each source's epochs in order of time, as plain numbers; a source once only."""
    found: dict[Any, list[tuple[Any, ...]]] = {}
    for batch in batches:
        for i_source, source_id in enumerate(batch.source_ids.tolist()):
            assert source_id not in found, "a source was torn"
            curve = batch.light_curve(i_source)
            found[source_id] = list(
                zip(
                    curve.mjd_tai.round(9).tolist(),
                    curve.flux_njy.round(6).tolist(),
                    curve.flux_err_njy.round(6).tolist(),
                    curve.band.tolist(),
                    strict=True,
                )
            )
    return found
