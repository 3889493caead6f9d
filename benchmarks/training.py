"""Time to train VGG6 on 10,000 simulated triplets: ``python -m benchmarks.training``."""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from skyvet.cli.progress import shown_progress
from skyvet.models.vgg6 import Vgg6Config
from skyvet.preprocessing.normalization import StampConfig
from skyvet.scoring.curves import roc_auc
from skyvet.simulation.night import NightConfig
from skyvet.training.configs import TrainConfig
from skyvet.training.fit import fit_network
from skyvet.training.prediction import predict_logits
from skyvet.training.simulated import simulated_triplets


def main() -> None:
    """Simulate (not timed), train with early stopping (timed), test on a fifth more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="triplets to train on")
    arguments = parser.parse_args()
    n_test = arguments.n // 5
    night = NightConfig(n=arguments.n + n_test, prior=0.5, seed=5)
    with shown_progress() as progress:
        arrays = simulated_triplets(night, StampConfig(), n_workers=2, progress=progress)
        train = arrays.take(np.arange(arguments.n))
        test = arrays.take(np.arange(arguments.n, night.n))
        started = time.perf_counter()
        config = TrainConfig(network=Vgg6Config(), n_epochs=20)
        fitted = fit_network(train, config, progress=progress)
        seconds = time.perf_counter() - started
    logits = predict_logits(fitted.build(), test.stamps)
    n_seen = len(fitted.history) * arguments.n
    print(
        json.dumps(
            {
                "seconds": round(seconds, 1),
                "n_epochs": len(fitted.history),
                "triplets_per_second": round(n_seen / seconds, 1),
                "test_auc": round(roc_auc(logits, test.labels), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
