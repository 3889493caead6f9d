"""Periods found against the literature's; the last line is JSON.

``python -m benchmarks.period_recovery --data DIR`` searches the RR Lyrae of Stripe 82
(``s82_rrlyrae``: all bands) and the variables of EROS (``eros_variables``: two bands) with the
default settings of ``skyvet periods``. A period of Stripe 82 counts within 1 % of the literature's,
one of EROS within 1 % of the catalogue's period, its half or its double. The catalogue's period and
class are read after the search only.

Settings were chosen on a development part, the 40 % of stars for which ``is_development`` holds (a
hash of the identifier), and never on the rest; the table gives both parts.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from skyvet.core.arrays import FloatArray
from skyvet.features.band_series import BandSeries
from skyvet.features.periods.configs import PeriodSearchConfig
from skyvet.features.periods.found import FoundPeriods, PeriodFlag
from skyvet.features.periods.search import find_periods

TOLERANCE = 0.01
DEVELOPMENT_PERCENT = 40
EROS_LIMIT_MAG = 24.9
REJECTED_LOG_ODDS = -5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Star:
    """One star: what the search sees, and what it is compared with."""

    star_id: str
    series: tuple[BandSeries, ...]
    kind: str
    period_d: float


def is_development(star_id: str) -> bool:
    """Say whether settings may be chosen on this star."""
    return int(hashlib.sha256(star_id.encode()).hexdigest()[:8], 16) % 100 < DEVELOPMENT_PERCENT


def read_s82(folder: Path) -> list[Star]:
    """Read the RR Lyrae of Stripe 82."""
    table = pyarrow.csv.read_csv(folder / "periods.csv").to_pydict()
    curves = pq.read_table(folder / "lightcurves.parquet")
    curves = curves.filter((pc.field("magerr") < 1) & (pc.field("mag") < 90))
    series = _series_by_star(curves, ("time", "mag", "magerr"))
    rows = zip(table["Num"], table["Type"], table["Per"], strict=True)
    return [
        Star(star_id=str(name), series=series.get(str(name), ()), kind=str(kind), period_d=period)
        for name, kind, period in rows
    ]


def read_eros(folder: Path) -> list[Star]:
    """Read the variables of EROS; 25.0 mag stands for 'fainter than the limit'."""
    table = pq.read_table(folder / "stars.parquet").to_pydict()
    curves = pq.read_table(folder / "lightcurves.parquet")
    curves = curves.filter((pc.field("flux") < EROS_LIMIT_MAG) & (pc.field("fluxerr") > 0))
    series = _series_by_star(curves, ("time", "flux", "fluxerr"))
    rows = zip(table["star_id"], table["class"], table["period_days"], strict=True)
    return [
        Star(star_id=str(name), series=series.get(str(name), ()), kind=str(kind), period_d=period)
        for name, kind, period in rows
    ]


def _series_by_star(
    curves: pyarrow.Table, columns: tuple[str, str, str]
) -> dict[str, tuple[BandSeries, ...]]:
    """Group rows by star and band; times count from the star's first."""
    curves = curves.sort_by(
        [("star_id", "ascending"), ("band", "ascending"), (columns[0], "ascending")]
    )
    stars = np.array(curves["star_id"].cast("string").to_pylist())
    bands = np.array(curves["band"].to_pylist())
    values = [np.asarray(curves[name].to_numpy(), dtype=np.float64) for name in columns]
    edges = np.flatnonzero((stars[1:] != stars[:-1]) | (bands[1:] != bands[:-1])) + 1
    edges = np.concatenate([[0], edges, [len(stars)]])
    by_star: dict[str, list[tuple[str, slice]]] = {}
    for first, last in itertools.pairwise(edges):
        by_star.setdefault(str(stars[first]), []).append((str(bands[first]), slice(first, last)))
    return {star: tuple(_series(rows, values)) for star, rows in by_star.items()}


def _series(
    rows: Sequence[tuple[str, slice]], values: Sequence[FloatArray]
) -> Iterator[BandSeries]:
    epoch = min(float(values[0][where][0]) for _, where in rows)
    for band, where in rows:
        yield BandSeries(
            band=band,
            time_d=values[0][where] - epoch,
            magnitude=values[1][where],
            magnitude_err=values[2][where],
            epoch_mjd_tai=epoch,
        )


def is_recovered(period_d: float, truth_d: float, ratios: Sequence[float]) -> bool:
    """Say whether a period is within 1 % of the literature's, times any of the ratios."""
    return any(abs(period_d / (ratio * truth_d) - 1.0) < TOLERANCE for ratio in ratios)


def search(star: Star) -> FoundPeriods:
    """Search one star with the default settings; its period and class take no part."""
    return find_periods(star.series, PeriodSearchConfig())


def search_all(stars: Sequence[Star], n_workers: int) -> list[FoundPeriods]:
    """Search stars in processes; the result does not depend on their number."""
    if n_workers == 1:
        return [search(star) for star in stars]
    with multiprocessing.get_context("spawn").Pool(n_workers) as pool:
        return pool.map(search, stars, chunksize=8)


def report(name: str, stars: Sequence[Star], ratios: Sequence[float], n_workers: int) -> float:
    """Search a data set, print its rows, and return the recovered share of all stars."""
    started = time.perf_counter()
    found = search_all(stars, n_workers)
    seconds = time.perf_counter() - started
    pairs = list(zip(stars, found, strict=True))
    hits = np.array([is_recovered(one.period_d, star.period_d, ratios) for star, one in pairs])
    exact = np.array([is_recovered(one.period_d, star.period_d, (1.0,)) for star, one in pairs])
    is_dev = np.array([is_development(star.star_id) for star in stars])
    is_sure = np.array([not one.flags & PeriodFlag.AMBIGUOUS_ALIAS for one in found])
    kinds = np.array([star.kind for star in stars])
    parts = {"all": is_dev | ~is_dev, "development": is_dev, "held out": ~is_dev}
    parts |= {f"held out, {kind}": ~is_dev & (kinds == kind) for kind in np.unique(kinds)}
    parts["held out, not flagged ambiguous"] = ~is_dev & is_sure
    for label, part in parts.items():
        if n := int(part.sum()):
            share = float(hits[part].mean())
            error = math.sqrt(share * (1 - share) / n)
            row = f"{n:5d} {share:7.3f} +- {error:.3f} {exact[part].mean():7.3f}"
            print(f"{name:5s} {label:34s} {row}", flush=True)
    n_rejected = sum(
        rejects(one, star.period_d, ratios)
        for (star, one), hit in zip(pairs, hits, strict=True)
        if not hit
    )
    print(
        f"{name:5s} {n_rejected} of {(~hits).sum()} misses: the literature's period was judged, "
        f"and is {math.exp(REJECTED_LOG_ODDS):.0e} times as probable as ours or less"
    )
    print(f"{name:5s} {len(stars) / seconds:.1f} stars a second, {n_workers} processes")
    return float(hits.mean())


def rejects(found: FoundPeriods, truth_d: float, ratios: Sequence[float]) -> bool:
    """Say whether the literature's period was judged, and found far less probable."""
    odds = [
        value
        for period, value in zip(found.candidates_d, found.candidate_log_odds, strict=True)
        if is_recovered(float(period), truth_d, ratios)
    ]
    return bool(odds) and max(odds) < REJECTED_LOG_ODDS


def main() -> None:
    """Run both data sets and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only-development", action="store_true")
    chosen = parser.parse_args()
    sets = {
        "s82": (read_s82(chosen.data / "s82_rrlyrae"), (1.0,)),
        "eros": (read_eros(chosen.data / "eros_variables"), (1.0, 0.5, 2.0)),
    }
    print(f"{'set':5s} {'part':34s} {'n':>5s} {'within 1 %':>16s} {'exact':>7s}")
    result = {}
    for name, (stars, ratios) in sets.items():
        chosen_stars = [
            star for star in stars if not chosen.only_development or is_development(star.star_id)
        ]
        share = report(name, chosen_stars, ratios, chosen.workers)
        result[f"{name}_within_1pct"] = round(share, 4)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
