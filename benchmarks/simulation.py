"""Speed and realism of simulated nights; the last line is JSON.

``python -m benchmarks.simulation`` measures packets a second. With ``--data DIR`` it measures the
reality gap on the labelled ZTF triplets, too, and what simulation teaches about them;
``--sheet out.png`` draws real beside simulated stamps; ``--gallery docs/_static/simulation`` draws
the sheets of the documentation.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import simulation_realism, simulation_sheets
from benchmarks.simulation_learning import measure_learning
from skyvet.cli.progress import shown_progress
from skyvet.io.nights import write_night
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.simulation.night import NightConfig, simulate_chunk


def triplets_per_second(*, n: int, prior: float, n_workers: int) -> float:
    """Return ZTF packets a second from seed to disk, start of the workers left out.

    Parameters
    ----------
    n : int
        Packets in the timed night.
    prior : float
        Share of REAL; artefacts take longer, some are drawn until the pipeline detects them.
    n_workers : int
        Processes.
    """
    seconds = []
    with TemporaryDirectory() as folder:
        for name, n_packets in (("warm-up", 100 * n_workers), ("timed", 100 * n_workers + n)):
            config = NightConfig(n=n_packets, prior=prior)
            started = time.perf_counter()
            write_night(
                Path(folder) / name,
                n=n_packets,
                make_chunk=partial(simulate_chunk, config),
                encode=encode_ztf_alert,
                settings=config.model_dump(mode="json"),
                n_workers=n_workers,
            )
            seconds.append(time.perf_counter() - started)
    return n / (seconds[1] - seconds[0])


def main() -> None:
    """Run what was asked for and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--prior", type=float, default=0.1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--gallery", type=Path)
    parser.add_argument("--n-simulated", type=int, default=12_000, help="triplets to learn from")
    arguments = parser.parse_args()
    if arguments.gallery:
        for survey in ("ztf", "lsst"):
            simulation_sheets.draw_gallery(arguments.gallery, survey=survey)
        return
    if arguments.sheet:
        simulation_sheets.draw_beside_real(arguments.data, arguments.sheet)
        return
    rate = triplets_per_second(n=arguments.n, prior=arguments.prior, n_workers=arguments.workers)
    result: dict[str, float | None] = {
        "triplets_per_second": round(rate, 1),
        "reality_gap_auc": None,
        "sim_only_real_auc": None,
        "sim_plus_real_auc": None,
    }
    if arguments.data:
        gap, table = simulation_realism.measure(arguments.data, n=1000, n_workers=arguments.workers)
        print(table)
        result["reality_gap_auc"] = round(gap, 4)
        with shown_progress() as progress:
            learnt, table = measure_learning(
                arguments.data, n_simulated=arguments.n_simulated, progress=progress
            )
        print(table)
        result.update(learnt)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
