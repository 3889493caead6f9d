"""`skyvet train encoder`: frames to an encoder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import MissingDependencyError
from skyvet.core.progress import Progress
from skyvet.simulation.frames import FrameConfig
from skyvet.training.encoders.configs import EncoderTrainConfig, Recipe, recipe_config

if TYPE_CHECKING:
    from skyvet.models.encoders.bundle import EncoderBundle
    from skyvet.training.encoders.fit import FittedEncoder
    from skyvet.training.encoders.open_sources import OpenedSource

__all__ = ["shown_metrics", "train_encoder_command"]


def train_encoder_command(
    frames: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Frame stores, alert datasets (their science cutouts), or folders of FITS files "
            "<object>/<time>.fits."
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Encoder folder to write.")],
    recipe: Annotated[
        Recipe, typer.Option(help="Network and training as a whole; other options change it.")
    ] = "default",
    simulated: Annotated[
        int, typer.Option(min=0, help="Objects to simulate in addition, 20 frames or so each.")
    ] = 0,
    name: Annotated[str, typer.Option(help="Name of the encoder.")] = "",
    data_licence: Annotated[str, typer.Option(help="Terms of the training data.")] = "not stated",
    page: Annotated[bool, typer.Option(help="Write OUT.html: what the encoder does.")] = True,
    config: EncoderTrainConfig,
    as_json: JsonOption = False,
) -> None:
    """Train an encoder that compresses survey frames.

    A training that was stopped goes on from its last whole epoch when the same command is given
    again; until it is done, checkpoints lie beside the encoder (OUT.checkpoints).
    """
    from skyvet.io.inputs import check_output_apart
    from skyvet.models.bundle_folder import check_replaceable
    from skyvet.training.encoders.fit import fit_encoder
    from skyvet.training.encoders.packing import EncoderText, pack_encoder

    check_output_apart(frames or [], out)
    check_replaceable(out, info_file="encoder.json")
    started = time.monotonic()
    config = _over_recipe(recipe, config)
    beside = {what: out.with_name(f"{out.name}.{what}") for what in ("checkpoints", "frames")}
    with shown_progress(quiet=as_json) as progress:
        opened = _open_all(frames or [], simulated, config, beside["frames"], progress)
        fitted = fit_encoder(
            [each.source for each in opened],
            config,
            checkpoint_dir=beside["checkpoints"],
            resume=True,
            progress=progress,
        )
    description = " ".join(each.description for each in opened)
    text = EncoderText(
        name=name or out.name, data_description=description, data_licence=data_licence
    )
    bundle = pack_encoder(out, fitted, text)
    path = _write_page(fitted, bundle) if page else None
    for folder in beside.values():
        shutil.rmtree(folder, ignore_errors=True)
    _show(bundle, path, time.monotonic() - started, as_json=as_json)


def _write_page(fitted: FittedEncoder, bundle: EncoderBundle) -> Path | None:
    """Write the page beside the encoder, where the packages for it are installed."""
    try:
        from skyvet.evaluation.encoder_page import write_encoder_page
        from skyvet.training.encoders.page_facts import encoder_facts
    except MissingDependencyError as error:
        note(f"note: the page was not written: {error}")
        return None
    path = bundle.path.with_name(f"{bundle.path.name}.html")
    write_encoder_page(encoder_facts(fitted, bundle), path)
    return path


def _over_recipe(recipe: Recipe, config: EncoderTrainConfig) -> EncoderTrainConfig:
    """Return the recipe with what the person set himself."""
    tree = _merged(recipe_config(recipe).model_dump(), config.model_dump(exclude_unset=True))
    return EncoderTrainConfig.model_validate(tree)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    if changes.get("kind", base.get("kind")) != base.get("kind"):
        return changes
    merged = dict(base)
    for key, value in changes.items():
        is_tree = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if is_tree else value
    return merged


def _open_all(
    paths: list[Path],
    n_simulated: int,
    config: EncoderTrainConfig,
    import_to: Path,
    progress: Progress,
) -> list[OpenedSource]:
    """Open every source of frames."""
    from skyvet.training.encoders.frame_sources import SimulatedSource
    from skyvet.training.encoders.open_sources import OpenedSource, open_frame_source

    scaling = config.encoder.scaling
    opened = [
        open_frame_source(
            path, scaling=scaling, import_to=import_to / f"{i_path:03d}", progress=progress
        )
        for i_path, path in enumerate(paths)
    ]
    if n_simulated:
        frames = FrameConfig(
            seed=config.seed + 1, size_px=scaling.size_px, median_epochs=20, max_epochs=60
        )
        source = SimulatedSource(frames, n_simulated, progress=progress)
        opened.append(
            OpenedSource(source=source, description=f"Simulated frames of {n_simulated} objects.")
        )
    for each in opened:
        if each.n_rejected:
            note(f"warning: {each.n_rejected} objects could not be read. {each.description}")
    return opened


def _show(bundle: EncoderBundle, page: Path | None, seconds: float, *, as_json: bool) -> None:
    info = bundle.info
    document = {
        "encoder": bundle.label, "out": str(bundle.path), "n_latent": info.n_latent,
        "metrics": info.metrics, "kl_per_dimension": info.kl_per_dimension, "page": page,
        "seconds": seconds,
    }  # fmt: skip
    rows = shown_metrics(info.metrics)
    figures = make_table("Figures on held-out objects", ["figure", "value"], rows)
    warning = _warning(info.metrics)
    if warning:
        note(f"warning: {warning}")
    closing = f"Encoder: {bundle.path}  ({bundle.label})"
    closing += f"\nPage: {page}" if page else ""
    show_result(document, figures, closing, as_json=as_json)


def shown_metrics(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the rows of the terminal's table; epochs count from 1, as on the page.

    Parameters
    ----------
    metrics : mapping
        Figures of an encoder's card; ``best_epoch`` counts from 0.
    """
    return [
        (name, value + 1 if name == "best_epoch" and value is not None else value)
        for name, value in metrics.items()
    ]


def _warning(metrics: Mapping[str, Any]) -> str:
    """Return the words of the page where restored frames are hardly better than the mean frame."""
    from skyvet.evaluation.words import restoration_warning

    own, blank = metrics.get("reconstruction"), metrics.get("blank_reconstruction")
    return "" if own is None or blank is None else restoration_warning(own, blank)
