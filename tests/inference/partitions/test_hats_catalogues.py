"""A joined result as a HATS catalogue: every source with a position, once."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("lsdb")
# LSDB warns of its own dependencies: it runs in a process of its own.
CODE = """
import json, sys
from pathlib import Path
import lsdb
from skyvet.inference.partitions.hats_catalogues import write_hats_catalogue

made = write_hats_catalogue(Path(sys.argv[1]), Path(sys.argv[2]))
rows = lsdb.open_catalog(sys.argv[2]).compute()
print(json.dumps([made, sorted(rows["source_id"].tolist()), float(rows["period_d"].sum())]))
"""


@pytest.mark.integration
def test_catalogue_holds_every_source_with_a_position(tmp_path):
    table = pa.table(
        {
            "source_id": [1, 2, 3, 4],
            "ra_deg": [10.0, -170.0, np.nan, 359.9],
            "dec_deg": [0.0, 45.0, 1.0, -89.0],
            "period_d": [0.5, 1.0, 2.0, 4.0],
        }
    )
    pq.write_table(table, tmp_path / "periods.parquet")
    words = [sys.executable, "-c", CODE, str(tmp_path / "periods.parquet"), str(tmp_path / "hats")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[3, 1], [1, 2, 4], 5.5]
