"""The whole job on a simulated survey: what `make demo` runs.

Simulates two nights of ZTF packets, trains on 1,000 labels of the first, scores the second at the
natural fraction of real candidates and judges the scores by the truth. Ends with one line of JSON.
Takes some minutes on two cores; stopped, it continues when it is run again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

N_LABELS = 1000
PRIOR = 0.1


def run(*words: str) -> None:
    """Show a skyvet command and run it; end the demo where it fails."""
    print(f"\n$ skyvet {shlex.join(words)}", flush=True)
    result = subprocess.run([sys.executable, "-m", "skyvet.cli.main", *words], check=False)
    if result.returncode:
        print("demo stopped; to begin it anew, delete its output folder first", file=sys.stderr)
        sys.exit(result.returncode)


def write_labels(night: Path, path: Path, *, n: int | None) -> None:
    """Write the truth of a night's first `n` candidates (None: all) as a label file."""
    truth = pq.read_table(night / "truth.parquet", columns=["candidate_id", "label", "subclass"])
    pq.write_table(truth if n is None else truth.slice(0, n), path)


def train_and_score(out: Path, *, n: int) -> None:
    """Make both nights, train on the first, score and judge the second."""
    first, second = out / "night-1", out / "night-2"
    size = ("--n", str(n))
    run("simulate", "night", *size, "--prior", "0.5", "--seed", "1", "--out", str(first))
    run("simulate", "night", *size, "--prior", str(PRIOR), "--seed", "2", "--out", str(second))
    write_labels(first, out / "labels-1.parquet", n=N_LABELS)
    write_labels(second, out / "labels-2.parquet", n=None)
    run("ingest", str(first / "packets"), "--out", str(out / "data-1"))
    run("ingest", str(second / "packets"), "--out", str(out / "data-2"))
    run(
        *("train", "triplet", "--data", str(out / "data-1")),
        *("--labels", str(out / "labels-1.parquet"), "--out", str(out / "bundle")),
        *("--n-members", "3", "--target-prior", str(PRIOR)),
        *("--member.network", "compact", "--member.n-epochs", "24", "--member.patience", "0"),
        *("--member.validation-fraction", "0", "--member.optimiser.ema-decay", "0.98"),
        *("--member.optimiser.learning-rate", "0.002"),
    )
    run(
        *("score", str(second / "packets"), "--bundle", str(out / "bundle")),
        *("--prior", str(PRIOR), "--out", str(out / "scores.parquet")),
    )
    run(
        *("evaluate", "--scores", str(out / "scores.parquet")),
        *("--labels", str(out / "labels-2.parquet"), "--data", str(out / "data-2")),
        *("--prior", str(PRIOR), "--out", str(out / "report")),
    )


def main() -> None:
    """Run the demo and print its last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo_output"), help="folder to write")
    parser.add_argument("--n", type=int, default=3000, help="packets a night")
    arguments = parser.parse_args()
    started = time.monotonic()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    train_and_score(out, n=arguments.n)
    headline = json.loads((out / "report" / "report.json").read_text(encoding="utf-8"))
    figures = {figure["key"]: figure["estimate"]["value"] for figure in headline["headline"]}
    print(f"\nReport: {(out / 'report' / 'report.html').resolve()}")
    print(f"Requirement at prior {PRIOR}: {headline['gate']['outcome']}")
    last = {
        "auc": figures["auc"],
        "ece": figures["ece"],
        "completeness": figures["completeness"],
        "purity": figures["purity"],
        "n_scored": pq.read_metadata(out / "scores.parquet").num_rows,
        "n_rejected": pq.read_metadata(out / "scores.rejections.parquet").num_rows,
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(last))


if __name__ == "__main__":
    main()
