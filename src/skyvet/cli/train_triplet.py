"""`skyvet train triplet`: labelled triplets to a bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.models.bundle import Bundle, load_bundle
from skyvet.preprocessing.normalization import StampConfig
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.training.configs import EnsembleConfig
from skyvet.training.datasets import LabelledRows, load_labelled_rows

__all__ = ["train_triplet_command"]


def train_triplet_command(
    *,
    data: Annotated[Path, typer.Option(help="Dataset folder (from skyvet ingest).")],
    labels: Annotated[str, typer.Option(help="Label file (CSV, Parquet) or label store.")],
    out: Annotated[Path, typer.Option(help="Bundle folder to write.")],
    weak_labels: Annotated[
        str | None,
        typer.Option(help="Labels for training alone, never for calibration or figures."),
    ] = None,
    start_from: Annotated[
        str | None, typer.Option(help="Bundle whose weights to start from (same network).")
    ] = None,
    metadata: Annotated[
        str, typer.Option(help="Features for the metadata branch, with commas; none by default.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "",
    data_licence: Annotated[str, typer.Option(help="Terms of the training data.")] = "not stated",
    stamps: StampConfig,
    config: EnsembleConfig,
    as_json: JsonOption = False,
) -> None:
    """Train a calibrated real/bogus classifier on labelled triplets.

    A training that was stopped goes on from its last whole epoch when the same command is given
    again; until it is done, checkpoints lie beside the bundle (OUT.checkpoints).
    """
    from skyvet.io.inputs import check_output_apart
    from skyvet.models.bundle import BundleInfo
    from skyvet.models.bundle_folder import check_replaceable
    from skyvet.training.members import train_ensemble
    from skyvet.training.packing import BundleText, pack_ensemble, start_weights

    check_output_apart([path for path in (data, labels, weak_labels) if path is not None], out)
    check_replaceable(out, info_file="bundle.json", kind=BundleInfo.model_fields["kind"].default)
    names = tuple(part.strip() for part in metadata.split(",") if part.strip())
    rows = load_labelled_rows(data, labels, stamps=stamps, metadata_names=names)
    weak = _weak_rows(data, weak_labels, rows, stamps=stamps, metadata_names=names)
    start = None if start_from is None else start_weights(load_bundle(start_from))
    checkpoints = out.with_name(out.name + ".checkpoints")
    with shown_progress(quiet=as_json) as progress:
        trained = train_ensemble(
            rows.arrays,
            config,
            weak=weak,
            initial_state=start,
            checkpoint_dir=checkpoints,
            progress=progress,
        )
    bundle = pack_ensemble(
        out,
        trained,
        rows.arrays,
        stamps=stamps,
        config=config,
        text=BundleText(
            name=name or out.name,
            summary=f"real/bogus for {', '.join(rows.surveys)}, {config.member.network.kind}",
            surveys=rows.surveys,
            data_description=f"{len(rows.arrays)} labelled candidates of {data.name}.",
            data_licence=data_licence,
        ),
        stored_px=rows.stored_px,
    )
    shutil.rmtree(checkpoints, ignore_errors=True)
    _show(bundle, out, rows, as_json=as_json)


def _weak_rows(
    data: Path,
    weak_labels: str | None,
    rows: LabelledRows,
    *,
    stamps: StampConfig,
    metadata_names: tuple[str, ...],
) -> TripletArrays | None:
    """Return the weakly labelled rows that have no trusted label."""
    if weak_labels is None:
        return None
    weak = load_labelled_rows(data, weak_labels, stamps=stamps, metadata_names=metadata_names)
    is_new = ~np.isin(weak.arrays.candidate_ids, rows.arrays.candidate_ids)
    return weak.arrays.take(np.flatnonzero(is_new))


def _show(bundle: Bundle, out: Path, rows: LabelledRows, *, as_json: bool) -> None:
    matched, metrics = rows.matched, bundle.info.metrics
    if matched.n_absent:
        note(f"note: {matched.n_absent} labels name candidates that are not in the dataset")
    counts = {
        "n_real": matched.n_real,
        "n_bogus": matched.n_bogus,
        "n_unknown": matched.n_unknown,
        "n_unlabelled": matched.n_unlabelled,
        "n_absent": matched.n_absent,
    }
    document = {"bundle": bundle.label, "out": str(out), **counts, "metrics": metrics}
    labels = make_table("Labels used", ["what", "n"], list(counts.items()))
    figures = make_table(
        "Figures on rows that no scoring member had seen", ["figure", "value"], [*metrics.items()]
    )
    show_result(document, labels, figures, f"Bundle: {out}  ({bundle.label})", as_json=as_json)
