"""`skyvet consolidate` on scores and on light curves."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.io.light_curve_sources.made_tables import long_rows, nested_table

from skyvet.cli.main import main

SCORES = {"source_id": [1, 2, 3], "ra_deg": [359.9999, 0.0001, 40.0], "dec_deg": [0.0] * 3,
          "rrab": [0.2, 0.6, 0.9]}  # fmt: skip


def run(capsys, *args):
    with pytest.raises(SystemExit) as end:
        main([*map(str, args)])
    out = capsys.readouterr()
    return end.value.code or 0, out.out, out.err


def test_scores_of_light_curves_become_scores_of_sources(tmp_path, capsys):
    pq.write_table(pa.table(SCORES), tmp_path / "scores.parquet")
    out = tmp_path / "sources.parquet"
    code, text, _ = run(
        capsys, "consolidate", tmp_path / "scores.parquet", "--out", out, "--rules", "rrab=max",
        "--json",
    )  # fmt: skip
    assert code == 0
    facts = json.loads(text)
    assert (facts["n_light_curves"], facts["n_sources"], facts["n_without_id"]) == (3, 2, 3)
    assert pq.read_table(out)["rrab"].to_pylist() == [0.6, 0.9]


def test_light_curves_become_light_curves_of_sources(tmp_path, capsys):
    table = nested_table(long_rows(4)).append_column("ra", pa.array([10.0, 10.0, 20.0, 30.0]))
    table = table.append_column("dec", pa.array(np.zeros(4)))
    pq.write_table(table, tmp_path / "curves.parquet")
    out = tmp_path / "sources.parquet"
    code, text, _ = run(
        capsys, "consolidate", tmp_path / "curves.parquet", "--out", out,
        "--light-curves.bands", "g,r",
    )  # fmt: skip
    assert code == 0
    assert "Sources:" in text
    made = pq.read_table(out)
    assert made["n_light_curves"].to_pylist() == [2, 1, 1]
    assert sum(made["n_epochs"].to_pylist()) == len(long_rows(4)["time"])


def test_an_output_that_is_the_input_is_refused(tmp_path, capsys):
    pq.write_table(pa.table(SCORES), tmp_path / "scores.parquet")
    path = tmp_path / "scores.parquet"
    code, _, err = run(capsys, "consolidate", path, "--out", path)
    assert code == 3
    assert "give another name" in err
    code, _, err = run(capsys, "consolidate", path, "--out", tmp_path / "a.csv")
    assert code == 3
    assert "must end in .parquet" in err
