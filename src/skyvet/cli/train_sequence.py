"""`skyvet train sequence`: embedded frame sequences and labels to a bundle."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skyvet.cli.console import make_table, note, show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.training.sequences.configs import SequenceTrainConfig

if TYPE_CHECKING:
    from skyvet.io.embedding_store import SequenceTable
    from skyvet.records.labels import LabelValue

__all__ = ["train_sequence_command"]


def train_sequence_command(
    *,
    data: Annotated[
        Path,
        typer.Option(help="Store of embeddings (skyvet embed), or folder with embeddings.parquet."),
    ],
    out: Annotated[Path, typer.Option(help="Bundle folder to write.")],
    labels: Annotated[
        str | None,
        typer.Option(help="Label file or store; default the labels that the data carry."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Their encoder, packed along so that the bundle scores frames."),
    ] = None,
    light_curve: Annotated[
        bool, typer.Option(help="Use light-curve features where the data have them.")
    ] = True,
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "",
    data_licence: Annotated[str, typer.Option(help="Terms of the training data.")] = "not stated",
    config: SequenceTrainConfig,
    as_json: JsonOption = False,
) -> None:
    """Train a calibrated classifier of frame sequences."""
    from skyvet.io.sequence_sources import read_sequences
    from skyvet.preprocessing.sequences import label_sequences
    from skyvet.training.sequences.packing import SequenceBundleText, pack_sequences
    from skyvet.training.sequences.train import train_sequences

    _check_out(out, data, labels, encoder)
    table = read_sequences(data)
    labelled, counts = label_sequences(table, _read_labels(labels))
    if not light_curve:
        labelled = labelled.without_light_curve()
    encoder_path = _check_encoder(encoder, table)
    with shown_progress(quiet=as_json) as progress:
        trained = train_sequences(labelled, config, progress=progress)
    surveys = tuple(sorted({survey for survey in table.surveys if survey}))
    text = SequenceBundleText(
        name=name or out.name,
        summary=f"artefact or not from frame sequences of {', '.join(surveys) or 'any survey'}",
        surveys=surveys,
        encoder=table.encoder or "not stated",
        data_description=f"{len(labelled)} labelled objects of {data.name}.",
        data_licence=data_licence,
    )
    bundle = pack_sequences(out, trained, labelled, config=config, text=text, encoder=encoder_path)
    if encoder_path is None:
        note("note: no --encoder was given; this bundle scores embeddings, not frames")
    metrics = bundle.info.metrics
    document = {
        "bundle": bundle.label, "out": str(out), **dataclasses.asdict(counts), "metrics": metrics
    }  # fmt: skip
    used = make_table("Labels used", ["what", "n"], [*dataclasses.asdict(counts).items()])
    title = "Figures on inner folds that the members had not seen"
    figures = make_table(title, ["figure", "value"], [*metrics.items()])
    show_result(document, used, figures, f"Bundle: {out}  ({bundle.label})", as_json=as_json)


def _check_out(out: Path, data: Path, labels: str | None, encoder: str | None) -> None:
    """Refuse an output that would destroy something, before the training."""
    from skyvet.io.inputs import check_output_apart
    from skyvet.models.bundle_folder import check_replaceable
    from skyvet.models.encoders.bundle import load_encoder
    from skyvet.models.sequence_bundle import SequenceBundleInfo

    models = [] if encoder is None else [load_encoder(encoder).path]
    check_output_apart([data, *([] if labels is None else [labels])], out, models=models)
    kind = SequenceBundleInfo.model_fields["kind"].default
    check_replaceable(out, info_file="bundle.json", kind=kind)


def _read_labels(source: str | None) -> dict[str, LabelValue] | None:
    from skyvet.io.label_sources import read_label_source
    from skyvet.records.labels import LabelValue

    if source is None:
        return None
    table = read_label_source(source)
    ids, values = table["candidate_id"].to_pylist(), table["label"].to_pylist()
    return {str(i): LabelValue(value) for i, value in zip(ids, values, strict=True)}


def _check_encoder(encoder: str | None, table: SequenceTable) -> Path | None:
    """Return the encoder's folder, if it is the one that made the embeddings."""
    from skyvet.core.errors import BundleError
    from skyvet.models.encoders.bundle import load_encoder

    if encoder is None:
        return None
    loaded = load_encoder(encoder)
    if table.encoder != loaded.label:
        raise BundleError(
            f"the embeddings were made by {table.encoder or 'an unknown encoder'}, not by "
            f"{loaded.label}; embed the frames with the encoder that is to be packed"
        )
    return loaded.path
