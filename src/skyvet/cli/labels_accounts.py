"""`skyvet labels add-labeller` and `skyvet labels revoke`: who may label over the network."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated

import typer

from skyvet.cli.console import show_result
from skyvet.cli.options import JsonOption

__all__ = ["LabellerRole", "labels_add_labeller_command", "labels_revoke_command"]

StoreOption = Annotated[str, typer.Option(help="Label store: a path or postgresql://...")]


class LabellerRole(StrEnum):
    """What an account may do."""

    LABEL = "label"
    READ = "read"


def labels_add_labeller_command(
    name: Annotated[str, typer.Argument(help="Name that stands in the history.")],
    *,
    labels: StoreOption,
    role: Annotated[
        LabellerRole, typer.Option(help="label: may label; read: may look, and change nothing.")
    ] = LabellerRole.LABEL,
    address: Annotated[
        str | None,
        typer.Option(
            help="Address that skyvet label shows; default this machine's with the usual port."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a labeller a token, which is shown this once."""
    from skyvet.io.label_store.store import open_label_store
    from skyvet.services.labelling.serving import page_address
    from skyvet.services.labelling.settings import DEFAULT_PORT

    place = (address or page_address("::", DEFAULT_PORT)).rstrip("/")
    with open_label_store(labels) as store:
        token = store.add_labeller(name, role=role.value, now=dt.datetime.now(dt.UTC))
    link = f"{place}/?token={token}"
    document = {"labeller": name, "role": role.value, "token": token, "link": link}
    where = "" if address else " Where skyvet label shows another address, put that in front."
    lines = (
        f"Link of {name} (role {role.value}):",
        f"  {link}",
        f"Pass it on now: the store keeps only a hash of the token.{where}",
    )
    show_result(document, *lines, as_json=as_json)


def labels_revoke_command(
    name: Annotated[str, typer.Argument(help="Name of the labeller.")],
    *,
    labels: StoreOption,
    as_json: JsonOption = False,
) -> None:
    """End a labeller's token; the labels stay."""
    from skyvet.io.label_store.store import open_label_store

    with open_label_store(labels, must_exist=True) as store:
        store.revoke(name)
    show_result(
        {"revoked": name}, f"{name} has no token any more; the labels stay", as_json=as_json
    )
