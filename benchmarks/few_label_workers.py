"""Parts of the few-label benchmark: made side by side, kept on disk, told of as they end."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Part", "run_parts", "say", "start_clock"]

_N_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of work with a result that JSON can hold.

    Parameters
    ----------
    name : str
        Says what it is; unique.
    work : callable
        A module's function.
    arguments : mapping
        Its keyword arguments; with the name they decide whether a kept result still fits.
    hidden : mapping
        Further keyword arguments that do not change the result (folders).
    version : str
        Changes with whatever else changes the result.
    """

    name: str
    work: Callable[..., Any]
    arguments: Mapping[str, Any]
    hidden: Mapping[str, Any]
    version: str = ""

    def path(self, cache: Path) -> Path:
        """Return the file of the kept result."""
        text = json.dumps(
            [self.name, dict(self.arguments), self.version], sort_keys=True, default=str
        )
        return cache / "results" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def start_clock() -> float:
    """Return the present time, from which a run is timed."""
    return time.monotonic()


def run_parts(
    parts: list[Part], cache: Path, *, started: float, n_workers: int = _N_WORKERS
) -> dict[str, Any]:
    """Return the result of each part by name; those that the cache has are not made again.

    Each worker computes with one thread, so that none waits for another; the parts are begun in the
    given order, so the long ones should come first.
    """
    (cache / "results").mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    found: dict[str, Any] = {}
    waiting: dict[Future[Any], Part] = {}
    with ProcessPoolExecutor(n_workers, mp_context=context) as pool:
        for part in parts:
            path = part.path(cache)
            if path.is_file():
                found[part.name] = json.loads(path.read_text(encoding="utf-8"))
                say(f"{part.name}: from the cache", started)
            else:
                waiting[pool.submit(_timed, part)] = part
        for done in as_completed(waiting):
            part = waiting[done]
            result, seconds = done.result()
            _keep(part.path(cache), result)
            found[part.name] = result
            say(f"{part.name}: {seconds:.0f} s", started)
    return {part.name: found[part.name] for part in parts}


def _timed(part: Part) -> tuple[Any, float]:
    started = time.monotonic()
    return part.work(**part.arguments, **part.hidden), time.monotonic() - started


def _keep(path: Path, result: Any) -> None:  # noqa: ANN401 - whatever the part returns
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(result), encoding="utf-8")
    fresh.replace(path)


def say(text: str, started: float) -> None:
    """Print a line with the time since the start."""
    print(f"[{time.monotonic() - started:6.0f} s] {text}", flush=True)
