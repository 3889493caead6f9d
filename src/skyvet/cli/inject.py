"""`skyvet inject`: point sources of chosen significance in a user's own alerts."""

from __future__ import annotations

import dataclasses
import io
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import DatasetError, InvalidInputError
from skyvet.core.files import atomic_path
from skyvet.core.progress import Progress
from skyvet.io.alerts import read_alerts
from skyvet.io.injection_tables import write_injection_truth
from skyvet.io.surveys.lsst_packets import encode_lsst_alert
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.records.candidate import Candidate
from skyvet.simulation.injection_config import InjectionConfig

__all__ = ["inject"]

_ENCODERS: dict[str, Callable[[Candidate], bytes]] = {
    "ztf": encode_ztf_alert,
    "lsst": encode_lsst_alert,
}
_PACKETS = "packets.tar"
_TRUTH = "truth.parquet"


@dataclass(slots=True)
class _Outcome:
    """What was made and what was refused."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


def inject(
    inputs: Annotated[list[str], typer.Argument(help="Alerts: files, folders, patterns, tar.")],
    *,
    out: Annotated[Path, typer.Option(help="New folder for packets.tar and truth.parquet.")],
    n: Annotated[int, typer.Option(min=1, help="Number of sources.")] = 1000,
    only: Annotated[
        Path | None, typer.Option(help="File of candidate ids to use as hosts, one a line.")
    ] = None,
    survey: Annotated[str, typer.Option(help="Survey of the alerts; auto tells it.")] = "auto",
    config: InjectionConfig,
    as_json: JsonOption = False,
) -> None:
    """Put sources of chosen significance into real alerts."""
    _check_folder(out)
    started = time.monotonic()
    wanted = None if only is None else _read_ids(only)
    outcome = _Outcome()
    with shown_progress(quiet=as_json) as progress, atomic_path(out / _PACKETS) as draft:
        progress.start("injecting", total=n)
        with tarfile.open(draft, "w") as archive:
            for host, i_copy in _hosts(inputs, survey, wanted, outcome):
                _inject_one(config, (host, i_copy), archive, outcome, progress)
                if len(outcome.rows) >= n:
                    break
        progress.finish()
    write_injection_truth(out / _TRUTH, outcome.rows)
    _report(out, outcome, time.monotonic() - started, as_json=as_json)


def _check_folder(out: Path) -> None:
    """Refuse a folder that holds something; what a killed run left does not count."""
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{out} is a file; choose a folder")
    entries = [path for path in out.glob("*") if not path.name.startswith(".")]
    is_unfinished = [path.name for path in entries] == [_PACKETS]
    if entries and not is_unfinished:
        raise DatasetError(f"{out} is not empty; choose another folder")


def _hosts(
    inputs: list[str], survey: str, wanted: set[str] | None, outcome: _Outcome
) -> Iterator[tuple[Candidate, int]]:
    """Yield hosts over and over, with the number of the round, while a round yields something."""
    i_copy = 0
    while True:
        n_before = len(outcome.rows)
        for reading in read_alerts(inputs, survey=survey):
            if not isinstance(reading.item, Candidate):
                outcome.refused[reading.item.reason.value] += i_copy == 0
            elif wanted is None or str(reading.item.candidate_id) in wanted:
                yield reading.item, i_copy
        if len(outcome.rows) == n_before:
            reasons = "; ".join(f"{n} x {reason}" for reason, n in outcome.refused.most_common(3))
            raise InvalidInputError(f"no alert can take a source: {reasons or 'no alert chosen'}")
        i_copy += 1


def _inject_one(
    config: InjectionConfig,
    host: tuple[Candidate, int],
    archive: tarfile.TarFile,
    outcome: _Outcome,
    progress: Progress,
) -> None:
    from skyvet.simulation.injection_night import inject_candidate

    candidate, i_copy = host
    try:
        if candidate.survey not in _ENCODERS:
            raise InvalidInputError(f"no packets can be written for survey {candidate.survey}")
        made = inject_candidate(config, candidate, i_copy=i_copy)
        packet = _ENCODERS[candidate.survey](made.candidate)
    except InvalidInputError as error:
        outcome.refused[str(error)] += 1
        return
    member = tarfile.TarInfo(f"{made.candidate.candidate_id}.avro")
    member.size = len(packet)
    archive.addfile(member, io.BytesIO(packet))
    outcome.rows.append(dataclasses.asdict(made.truth))
    progress.advance()


def _read_ids(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"--only {path} cannot be read: {error}") from error
    ids = {line.strip() for line in lines if line.strip()}
    if not ids:
        raise InvalidInputError(f"--only {path} names no candidate")
    return ids


def _report(out: Path, outcome: _Outcome, seconds: float, *, as_json: bool) -> None:
    sources = Counter(str(row["psf_source"]) for row in outcome.rows)
    document = {
        "out": str(out),
        "packets": str(out / _PACKETS),
        "truth": str(out / _TRUTH),
        "n": len(outcome.rows),
        "n_hosts": len({row["host_candidate_id"] for row in outcome.rows}),
        "psf_sources": dict(sorted(sources.items())),
        "refused": dict(outcome.refused.most_common()),
        "seconds": seconds,
    }
    made = make_table("Sources", ["origin of the PSF", "n"], sorted(sources.items()))
    refused = make_table("Not used", ["reason", "n"], outcome.refused.most_common(8))
    text = f"{len(outcome.rows)} sources in {out / _PACKETS}, truth in {out / _TRUTH}"
    show_result(document, made, refused, text, as_json=as_json)
