"""From a real field's light curves to class probabilities, with a bundle trained on simulation.

``python -m benchmarks.field_run --data DIR`` simulates labelled light curves with ZTF's cadence,
computes their features, trains a bundle, scores every light curve of the field in
``DIR/ztf_lightcurves_unlabelled`` with two worker processes, and prints time and memory of each
step. The field has no labels: what it shows is cost and plausibility, not quality.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.field_plots import draw_field

FIELD = "ztf_lightcurves_unlabelled/ztf_000250_zg_c01_q1_dr5.parquet"
_SEED = 11
_MIN_EPOCHS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """What one command cost.

    Parameters
    ----------
    words : str
        The command.
    seconds : float
        Wall time with start-up.
    answer : dict
        Its JSON.
    """

    words: str
    seconds: float
    answer: dict[str, Any]


def run(name: str, *words: str) -> Step:
    """Run a skyvet command, ``name`` and further words, and return its cost and answer."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "skyvet.cli.main", *name.split(), *words, "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    answer = json.loads(done.stdout.splitlines()[-1])
    return Step(name, time.monotonic() - started, answer)


def train_on_simulation(folder: Path, *, n: int) -> tuple[list[Step], Path]:
    """Simulate, compute features and train; return the steps and the bundle."""
    curves, features, bundle = folder / "sim.parquet", folder / "features", folder / "bundle"
    steps = [
        run(
            "simulate light-curves",
            *("--out", str(curves), "--n", str(n)),
            *("--seed", str(_SEED), "--min-epochs", str(_MIN_EPOCHS), "--workers", "2"),
        ),
        run(
            "features",
            *(str(curves), "--light-curves.bands", "g", "--out", str(features)),
            *("--cuts.min-epochs", str(_MIN_EPOCHS)),
            *("--cluster", "local", "--workers", "2"),
        ),
        run(
            "train sources",
            *(str(features), "--labels", str(curves)),
            *("--taxonomy", "phenomenological", "--out", str(bundle)),
            # Vouched for, so that classes are called: the card says that it learned simulation.
            *("--surveys", "ztf-simulated,ztf"),
        ),
    ]
    return steps, bundle


def score_field(field: Path, bundle: Path, folder: Path) -> Step:
    """Score every light curve of the field."""
    return run(
        "score",
        *(str(field), "--kind", "light-curves", "--bundle", str(bundle)),
        *("--out", str(folder / "scores"), "--cuts.min-epochs", str(_MIN_EPOCHS)),
        *("--cluster", "local", "--workers", "2"),
    )


def show(steps: list[Step]) -> None:
    """Print a table of the steps."""
    table = Table(title="From light curves to class probabilities")
    for name in ("command", "seconds", "largest process [MB]"):
        table.add_column(name, justify="left" if name == "command" else "right")
    for step in steps:
        memory = step.answer.get("peak_memory_mb")
        table.add_row(step.words, f"{step.seconds:.1f}", "" if memory is None else f"{memory:.0f}")
    Console().print(table)


def main() -> None:
    """Run all steps and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--n", type=int, default=4000, help="simulated light curves")
    parser.add_argument("--plots", type=Path, default=None, help="folder for pictures")
    words = parser.parse_args()
    field = words.data / FIELD
    if not field.exists():
        sys.exit(f"{field} is not there")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        steps, bundle = train_on_simulation(folder, n=words.n)
        steps.append(score_field(field, bundle, folder))
        show(steps)
        if words.plots is not None:
            draw_field(folder / "scores", words.plots)
    scored = steps[-1].answer
    print(json.dumps({"score": scored, "seconds": {s.words: round(s.seconds, 1) for s in steps}}))


if __name__ == "__main__":
    main()
