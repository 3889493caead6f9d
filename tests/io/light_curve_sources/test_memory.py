"""Reading a large table holds one partition in memory, not the table."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

N_EPOCHS = 80
FEW, MANY = 20_000, 120_000

PROGRAM = """
import json, sys
from pathlib import Path
import pyarrow as pa
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig

def peak():
    words = Path("/proc/self/status").read_text().split()
    return int(words[words.index("VmHWM:") + 1]) / 1024

before = peak()
config = LightCurveInputConfig(epochs_per_partition=100_000)
source = open_light_curves(sys.argv[1:], config)
n = 0
for partition in source.partitions[:4]:
    batch, _ = source.read(partition)
    n += len(batch)
print(json.dumps({"grown_mb": peak() - before, "n": n, "partitions": len(source.partitions)}))
"""


def table_of(form: str, n_sources: int) -> pa.Table:
    rng = np.random.default_rng(8)
    n = n_sources * N_EPOCHS
    ids = np.repeat(np.arange(n_sources), N_EPOCHS)
    if form == "shuffled":
        rng.shuffle(ids)
    epochs = {
        "time": 58_000 + rng.uniform(0, 1000, n), "mag": rng.uniform(15, 20, n),
        "magerr": rng.uniform(0.01, 0.1, n),
    }  # fmt: skip
    if form != "nested":
        return pa.table({"id": ids, **epochs})
    offsets = pa.array(np.arange(n_sources + 1, dtype=np.int32) * N_EPOCHS)
    lists = {name: pa.ListArray.from_arrays(offsets, pa.array(v)) for name, v in epochs.items()}
    return pa.table({"id": np.arange(n_sources), **lists})


def facts_of_reading(path, form: str, n_sources: int) -> dict[str, float]:
    table = table_of(form, n_sources)
    pq.write_table(table, path, row_group_size=10_000 if form == "nested" else 1_000_000)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    )
    return {**json.loads(done.stdout), "table_mb": table.nbytes / 2**20}


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("form", ["nested", "shuffled"])
def test_memory_is_that_of_a_partition(tmp_path, form):
    few = facts_of_reading(tmp_path / "few.parquet", form, FEW)
    many = facts_of_reading(tmp_path / "many.parquet", form, MANY)
    assert few["n"] > 0
    assert many["partitions"] > 5 * few["partitions"]
    grown_mb = many["grown_mb"] - few["grown_mb"]
    # Identifiers take 8 bytes a source, or 32 MB while it is not known that they repeat.
    assert grown_mb < 0.4 * (many["table_mb"] - few["table_mb"]), (few, many)
