"""`skyvet label`: a page in the browser where people label candidates."""

from __future__ import annotations

import functools
import getpass
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skyvet.cli.console import show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.core.errors import InvalidInputError
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.services.labelling.settings import DEFAULT_PORT, LabellingConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from skyvet.services.labelling.service import LabellingService

__all__ = ["label_command"]


def label_command(
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="Dataset folder (skyvet ingest) to label; with --taxonomy light curves: a file or "
            "folder of them."
        ),
    ],
    labels: Annotated[
        str, typer.Option(help="Label store: a file, or postgresql://user@host/database.")
    ],
    bundle: Annotated[
        str | None, typer.Option(help="Bundle whose scores are shown and begin the ranking.")
    ] = None,
    taxonomy: Annotated[
        str | None,
        typer.Option(
            help="Label light curves with the classes of this tree: phenomenological, ontological "
            "or a YAML file."
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="With --taxonomy: score table of these sources (skyvet score)."),
    ] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(
            help="Label only these, in this order: Parquet or CSV with candidate_id or source_id, "
            "such as the ask.parquet of skyvet rounds or the list of skyvet labels choose."
        ),
    ] = None,
    labeller: Annotated[
        str | None, typer.Option(help="Your name in the labels; default the system's user.")
    ] = None,
    subclasses: Annotated[
        Path | None, typer.Option(help="TOML file of finer classes with their keys.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need accounts.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")
    ] = DEFAULT_PORT,
    known_host: Annotated[
        list[str] | None,
        typer.Option(help="Name by which browsers call this server, as behind a proxy."),
    ] = None,
    need_token: Annotated[
        bool, typer.Option("--need-token", help="Ask for a token on this machine, too.")
    ] = False,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for scores; default beside the dataset.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    light_curves: LightCurveInputConfig,
    config: LabellingConfig,
    as_json: JsonOption = False,
) -> None:
    """Label candidates in the browser."""
    from skyvet.io.label_store.store import open_label_store
    from skyvet.services.labelling.access import Gate, is_loopback, refuse_open_door
    from skyvet.services.labelling.app import create_app
    from skyvet.services.labelling.serving import bind, page_address, serve

    _check_together(taxonomy, scores, bundle=bundle, subclasses=subclasses)
    _check_light_curves(taxonomy, light_curves)
    if taxonomy is None:
        open_session = _candidates_session(data, config, bundle, cache, subclasses, candidates)
    else:
        open_session = functools.partial(
            _sources_session(data, config, taxonomy, scores, candidates), inputs=light_curves
        )
    name = labeller or getpass.getuser()
    with open_label_store(labels) as store, bind(host, port) as door:
        refuse_open_door(store, host)
        with shown_progress(quiet=as_json) as progress:
            session = open_session(store, progress=progress)
        needs_token = need_token or not is_loopback(host)
        gate = Gate(store, labeller=name, needs_token=needs_token, known_hosts=known_host or ())
        address = page_address(host, door.getsockname()[1])

        def announce() -> None:
            _announce(address, store.label, name, as_json=as_json, needs_token=needs_token)
            if browser and not needs_token:
                webbrowser.open(address)

        serve(create_app(session, gate), door, on_ready=announce)
        session.close()


def _check_together(
    taxonomy: str | None, scores: Path | None, *, bundle: str | None, subclasses: Path | None
) -> None:
    """Refuse options of candidates where sources are labelled, and the other way round."""
    if taxonomy is None and scores is not None:
        raise InvalidInputError("--scores goes with --taxonomy; candidates are scored by --bundle")
    if taxonomy is not None and (bundle or subclasses):
        raise InvalidInputError(
            "--bundle and --subclasses go with alerts; light curves are shown with --scores and "
            "labelled with the classes of --taxonomy"
        )


def _check_light_curves(taxonomy: str | None, light_curves: LightCurveInputConfig) -> None:
    """Refuse options of light curves where none are read."""
    if taxonomy is None and light_curves != LightCurveInputConfig():
        raise InvalidInputError("--light-curves.* options go with --taxonomy; packets need none")


def _candidates_session(
    data: Path,
    config: LabellingConfig,
    bundle: str | None,
    cache: Path | None,
    subclasses: Path | None,
    only: Path | None,
) -> Callable[..., LabellingService]:
    """Return what opens a session over the candidates of a dataset; all it needs is read now."""
    from skyvet.models.bundle import load_bundle
    from skyvet.services.labelling.opening import open_dataset_to_label, open_session
    from skyvet.services.labelling.subclasses import read_subclasses

    return functools.partial(
        open_session,
        open_dataset_to_label(data),
        config=config,
        bundle=None if bundle is None else load_bundle(bundle),
        cache=cache,
        subclasses=None if subclasses is None else read_subclasses(subclasses),
        only=only,
    )


def _sources_session(
    data: Path, config: LabellingConfig, taxonomy: str, scores: Path | None, only: Path | None
) -> Callable[..., LabellingService]:
    """Return what opens a session over light curves."""
    from skyvet.io.taxonomy_files import read_taxonomy
    from skyvet.services.labelling.source_opening import open_source_session

    return functools.partial(
        open_source_session,
        [data],
        taxonomy=read_taxonomy(taxonomy),
        config=config,
        scores=scores,
        only=only,
    )


def _announce(address: str, place: str, labeller: str, *, as_json: bool, needs_token: bool) -> None:
    """Say where the page is; machines read it from one line of JSON."""
    document = {
        "address": address,
        "labels": place,
        "labeller": None if needs_token else labeller,
        "needs_token": needs_token,
    }
    who = (
        "Each labeller opens the link of skyvet labels add-labeller."
        if needs_token
        else f"You label as {labeller}."
    )
    show_result(
        document,
        f"Labelling page: {address}\nLabels go to {place}. {who}\nStop with Ctrl-C.",
        as_json=as_json,
    )
