"""`skyvet label`: a page in the browser where people label candidates."""

from __future__ import annotations

import getpass
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from skyvet.cli.console import show_result
from skyvet.cli.options import JsonOption
from skyvet.cli.progress import shown_progress
from skyvet.services.labelling.settings import DEFAULT_PORT, LabellingConfig

__all__ = ["label_command"]


def label_command(
    *,
    data: Annotated[Path, typer.Option(help="Dataset folder (skyvet ingest) to label.")],
    labels: Annotated[
        str, typer.Option(help="Label store: a file, or postgresql://user@host/database.")
    ],
    bundle: Annotated[
        str | None, typer.Option(help="Bundle whose scores are shown and begin the ranking.")
    ] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(
            help="Label only these, in this order: Parquet or CSV with candidate_id, such as the "
            "ask.parquet of skyvet rounds."
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
    config: LabellingConfig,
    as_json: JsonOption = False,
) -> None:
    """Label candidates in the browser."""
    from skyvet.io.label_store.store import open_label_store
    from skyvet.models.bundle import load_bundle
    from skyvet.services.labelling.access import Gate, is_loopback, refuse_open_door
    from skyvet.services.labelling.app import create_app
    from skyvet.services.labelling.opening import open_dataset_to_label, open_session
    from skyvet.services.labelling.serving import bind, page_address, serve
    from skyvet.services.labelling.subclasses import read_subclasses

    dataset = open_dataset_to_label(data)
    loaded = None if bundle is None else load_bundle(bundle)
    classes = None if subclasses is None else read_subclasses(subclasses)
    name = labeller or getpass.getuser()
    with open_label_store(labels) as store, bind(host, port) as door:
        refuse_open_door(store, host)
        with shown_progress(quiet=as_json) as progress:
            session = open_session(
                dataset,
                store,
                config=config,
                bundle=loaded,
                cache=cache,
                subclasses=classes,
                only=candidates,
                progress=progress,
            )
        needs_token = need_token or not is_loopback(host)
        gate = Gate(store, labeller=name, needs_token=needs_token, known_hosts=known_host or ())
        address = page_address(host, door.getsockname()[1])

        def announce() -> None:
            _announce(address, store.label, name, as_json=as_json, needs_token=needs_token)
            if browser and not needs_token:
                webbrowser.open(address)

        serve(create_app(session, gate), door, on_ready=announce)
        session.close()


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
