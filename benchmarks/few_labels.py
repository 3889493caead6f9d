"""Classifiers from few labels: RB-C1000's recipe against skyvet's, real data, the label audit.

``python -m benchmarks.few_labels --data DIR --size small`` runs in under half an hour on two cores.

- Contest, on a simulated pool of 13,000 real and 30,000 bogus ZTF-like triplets (10 % test, three
  seeds: three splits and trainings). Beside the labels that they buy, both contenders use nothing
  but the pool's own unlabelled stamps, and both have the same network and input size.
- Real data: embedded frame sequences, and ZTF triplets after pre-training on simulation.
- Audit: wrong labels planted in 2,000.

Results are kept below ``--cache``; a run that was stopped goes on from them. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything loads OpenMP

from benchmarks.few_label_audit import run_audit_part
from benchmarks.few_label_contest import BUDGETS, SIZES, run_our_part, run_recipe_part
from benchmarks.few_label_pool import open_pool
from benchmarks.few_label_real import (
    EMBEDDING_BUDGETS,
    adapted_curve,
    run_embedding_fold,
    run_pre_trained,
)
from benchmarks.few_label_tables import (
    mean_and_std,
    show_contest,
    show_embeddings,
    show_real,
    show_settings,
)
from benchmarks.few_label_workers import Part, run_parts, say, start_clock

_SEEDS = (0, 1, 2)
_FOLDS = {"tiny": 1, "small": 5, "full": 5}
_EMBEDDING_BUDGETS = {"tiny": (50,), "small": EMBEDDING_BUDGETS, "full": EMBEDDING_BUDGETS}
_PRE_TRAINING = {
    "tiny": {"n_simulated": 150, "n_epochs": 1, "input_px": 31},
    "small": {"n_simulated": 8000, "n_epochs": 8, "input_px": 31},
    "full": {"n_simulated": 12_000, "n_epochs": 10, "input_px": 63},
}
_N_PRE_TRAINED = 2
_N_REPEATS = 20


def main() -> None:
    """Run the benchmark."""
    arguments = _arguments()
    started = start_clock()
    size = SIZES[arguments.size]
    show_settings(arguments.size, size, _PRE_TRAINING[arguments.size])
    cache: Path = arguments.cache
    cache.mkdir(parents=True, exist_ok=True)
    pool = open_pool(size.pool, cache, n_workers=arguments.workers)
    say(f"pool of {len(pool)} candidates in {cache}", started)
    parts = _parts(arguments.size, arguments.data, cache)
    found = run_parts(parts, cache, started=started, n_workers=arguments.workers)
    recipe = [found[f"RB-C1000, seed {seed}"] for seed in _SEEDS]
    ours = [found[f"skyvet, seed {seed}"] for seed in _SEEDS]
    show_contest(recipe, ours)
    document = _contest_figures(recipe, ours)
    document |= _real_figures(arguments.data, found, arguments.size)
    document["audit_recall_at_150"] = None
    if "audit" in found:
        document["audit_recall_at_150"] = round(found["audit"]["recall_at_150"], 4)
        print(f"\nAudit: {json.dumps(found['audit'])}")
    say("done", started)
    print(json.dumps(document))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--size", choices=tuple(SIZES), default="small", help="counts, settings")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "skyvet-few-labels",
        help="folder of the pool, checkpoints and results; delete it to start anew",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    return parser.parse_args()


def _parts(size: str, data: Path, cache: Path) -> list[Part]:
    """Return all pieces of work, the long ones first."""
    hidden = {"cache": cache}
    settings = SIZES[size].fingerprint
    parts = [
        Part(
            name=f"{who}, seed {seed}",
            work=work,
            arguments={"size": size, "seed": seed},
            hidden=hidden,
            version=settings,
        )
        for who, work in (("skyvet", run_our_part), ("RB-C1000", run_recipe_part))
        for seed in _SEEDS
    ]
    if size != "tiny":  # its pool is smaller than the audit's 2,000 labels
        parts.append(
            Part(
                name="audit",
                work=run_audit_part,
                arguments={"size": size},
                hidden=hidden,
                version=settings,
            )
        )
    return parts + _real_parts(size, data, hidden)


def _real_parts(size: str, data: Path, hidden: dict[str, Path]) -> list[Part]:
    """Return the pieces of work on those real data that are there."""
    parts = []
    if (data / "ztf_triplets").is_dir():
        parts += [
            Part(
                name=f"simulated pre-training {seed}",
                work=run_pre_trained,
                arguments={"data": str(data), **_PRE_TRAINING[size], "seed": seed},
                hidden=hidden,
            )
            for seed in range(_N_PRE_TRAINED)
        ]
    folder = data / "ztf_frame_embeddings"
    if folder.is_dir():
        parts += [
            Part(
                name=f"frame embeddings, fold {i_fold}",
                work=run_embedding_fold,
                arguments={
                    "data": str(folder),
                    "i_fold": i_fold,
                    "budgets": _EMBEDDING_BUDGETS[size],
                },
                hidden={},
            )
            for i_fold in range(_FOLDS[size])
        ]
    return parts


def _contest_figures(
    recipe: list[list[dict[str, Any]]], ours: list[dict[str, dict[str, float]]]
) -> dict[str, float | None]:
    """Return the figures of the contest; the recipe's row that counts is its last stage."""
    last = [rows[-1] for rows in recipe]
    document: dict[str, float | None] = {"rb_c1000_sum_1000": _mean(last, "sum")}
    for budget in BUDGETS:
        document[f"ours_sum_{budget}"] = _mean([rows[str(budget)] for rows in ours], "sum")
    document["rb_c1000_error_1000"] = _mean(last, "error")
    document["ours_error_1000"] = _mean([rows["1000"] for rows in ours], "error")
    return document


def _mean(rows: list[dict[str, Any]], name: str) -> float:
    return round(mean_and_std([row[name] for row in rows])[0], 5)


def _real_figures(data: Path, found: dict[str, Any], size: str) -> dict[str, float | None]:
    """Show what came of the real data and return its figures, None where it is not there."""
    folds = [found[name] for name in found if name.startswith("frame embeddings")]
    if folds:
        show_embeddings(folds, _EMBEDDING_BUDGETS[size])
    paths = [found[name] for name in found if name.startswith("simulated pre-training")]
    curve = adapted_curve(data, paths, n_repeats=_N_REPEATS) if paths else {}
    if curve:
        show_real(curve, n_repeats=_N_REPEATS)
    return {
        f"real_auc_{budget}": round(curve[budget]["auc"], 4) if curve else None
        for budget in (0, 15, 100)
    }


if __name__ == "__main__":
    main()
