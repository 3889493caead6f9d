"""`skyvet embed`: frames to a store of embeddings."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import make_table, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.inference.configs import EmbedConfig

__all__ = ["embed_command"]


def embed_command(
    frames: Annotated[
        Path, typer.Argument(help="Frame store, or folder of FITS files <object>/<time>.fits.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder of embeddings; continues a stopped run.")],
    encoder: Annotated[
        str, typer.Option(help="Encoder folder, or the name of one that ships with skyvet.")
    ] = "default",
    config: EmbedConfig,
    as_json: JsonOption = False,
) -> None:
    """Turn frames into embeddings with an encoder."""
    from skyvet.inference.frame_embedding import embed_frames
    from skyvet.models.encoders.bundle import load_encoder

    started = time.monotonic()
    loaded = load_encoder(encoder)
    with shown_progress(quiet=as_json) as progress:
        summary = embed_frames(frames, out, encoder=loaded, config=config, progress=progress)
    seconds = time.monotonic() - started
    document = {
        "out": str(out), "encoder": loaded.label, **dataclasses.asdict(summary), "seconds": seconds
    }  # fmt: skip
    rows: list[tuple[str, object]] = [
        ("objects read", summary.n_read),
        ("embedded", summary.n_embedded),
        ("rejected", summary.n_rejected),
        *((f"  {reason}", count) for reason, count in summary.rejections.items()),
        ("frames embedded", summary.n_frames),
        ("frames left out (empty or unreadable)", summary.n_unusable_frames),
    ]
    table = make_table(f"Embedded by {loaded.label} in {seconds:.1f} s", ["what", "n"], rows)
    show_result(document, table, f"Embeddings: {out}", as_json=as_json)
