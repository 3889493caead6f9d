"""`skyvet simulate frames`: sequences of science frames with the guilty ones known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.progress import Progress
from skyvet.io.frame_store import FrameStore, FrameStoreWriter, StoredSequence
from skyvet.simulation.frames import FrameConfig, SimulatedFrames, simulate_frame_sequences
from skyvet.simulation.workers import simulate_in_order

__all__ = ["simulate_frames", "simulate_store"]


def simulate_frames(
    *,
    out: Annotated[Path, typer.Option(help="Folder of the frame store; continues a stopped run.")],
    n: Annotated[int, typer.Option(min=1, help="Number of objects.")] = 100,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    dtype: Annotated[
        Literal["float16", "float32"], typer.Option(help="Type of the pixels on disk.")
    ] = "float16",
    config: FrameConfig,
    as_json: JsonOption = False,
) -> None:
    """Simulate sequences of science frames with known artefacts."""
    started = time.monotonic()
    with shown_progress(quiet=as_json) as progress:
        simulate_store(config, n, out, n_workers=workers, dtype=dtype, progress=progress)
    _report(out, time.monotonic() - started, as_json=as_json)


def simulate_store(
    config: FrameConfig,
    n: int,
    out: Path,
    *,
    n_workers: int,
    progress: Progress,
    dtype: Literal["float16", "float32"] = "float16",
) -> None:
    """Write a frame store of simulated objects; continues a stopped one.

    Parameters
    ----------
    config : FrameConfig
        What to simulate.
    n : int
        Number of objects.
    out : Path
        Folder of the store.
    n_workers : int
        Processes.
    progress : Progress
        Told of each object.
    dtype : {"float16", "float32"}
        Type of the pixels on disk.
    """
    settings = {"source": "simulation", **config.model_dump(mode="json")}
    writer = FrameStoreWriter(out, settings=settings, size_px=config.size_px, dtype=dtype)
    progress.start("frame sequences", total=n)
    progress.advance(min(writer.n_objects, n))
    for item in _simulate(config, (writer.n_objects, n), n_workers=n_workers):
        writer.append(_to_stored(item))
        progress.advance()
    progress.finish()
    writer.finish()


def _simulate(
    config: FrameConfig, bounds: tuple[int, int], *, n_workers: int
) -> Iterator[SimulatedFrames]:
    make = partial(simulate_frame_sequences, config)
    return simulate_in_order(make, bounds, n_workers=n_workers, block_size=4)


def _to_stored(item: SimulatedFrames) -> StoredSequence:
    return StoredSequence(
        sequence=item.sequence,
        survey="ztf",
        band="r",
        label=item.label,
        tags=item.tags,
        class_name=item.variability,
        guilty_mask=item.guilty_mask,
        seeing_arcsec=item.seeing_arcsec,
        zero_point_mag=item.zero_point_mag,
    )


def _report(out: Path, seconds: float, *, as_json: bool) -> None:
    store = FrameStore(out)
    objects = store.objects()
    tags = objects["tags"].combine_chunks().flatten().value_counts().to_pylist()
    counts = {"real": objects["label"].to_pylist().count("real")}
    counts |= {row["values"]: row["counts"] for row in sorted(tags, key=lambda t: t["values"])}
    document = {
        "out": str(out), "n": len(store), "n_frames": store.n_frames, "counts": counts,
        "seconds": seconds,
    }  # fmt: skip
    table = make_table("Frame sequences", ["label or artefact", "objects"], [*counts.items()])
    text = f"{len(store)} objects, {store.n_frames} frames in {out}"
    show_result(document, table, text, as_json=as_json)
