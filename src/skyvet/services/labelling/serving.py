"""Running the labelling server until it is stopped."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from skyvet.core.errors import InvalidInputError

__all__ = ["bind", "page_address", "serve"]

_BACKLOG = 256
_STOP_S = 5


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one.

    Raises
    ------
    InvalidInputError
        If the address is in use or not this machine's.

    Examples
    --------
    >>> with bind("127.0.0.1", 0) as door:
    ...     door.getsockname()[1] > 0
    True
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends small answers at once only where it reads TCP;
    # otherwise each waits 40 ms for the browser's acknowledgement.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host.strip("[]"), port))
        door.listen(_BACKLOG)
    except OSError as error:
        door.close()
        raise InvalidInputError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another "
            "--port (0 takes any free one) or --host"
        ) from error
    return door


def page_address(host: str, port: int) -> str:
    """Return the address to open in a browser, from another machine where that can be.

    Parameters
    ----------
    host : str
        What the server listens on. That it listens on all addresses is no address; this
        machine's own in its network stands for it.
    port : int
        The server's.

    Examples
    --------
    >>> page_address("127.0.0.1", 8765), page_address("::1", 80)
    ('http://127.0.0.1:8765/', 'http://[::1]:80/')
    >>> "0.0.0.0" in page_address("0.0.0.0", 8765)
    False
    """
    bare = host.strip("[]")
    name = bare
    with suppress(ValueError):  # a name is no address
        name = _own_address() if ipaddress.ip_address(bare).is_unspecified else bare
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def _own_address() -> str:
    """Return the address from which this machine would reach others; no packet is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address reserved for documentation
        return str(probe.getsockname()[0])
    return socket.gethostname()


def serve(app: FastAPI, door: socket.socket, *, on_ready: Callable[[], None] | None = None) -> None:
    """Answer requests until the process is interrupted or terminated.

    Parameters
    ----------
    app : FastAPI
        From `skyvet.services.labelling.app.create_app`.
    door : socket
        From `bind`; closed at the end.
    on_ready : callable, optional
        Called once before the first request is answered (requests wait in the socket).
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses hold tokens
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
        timeout_keep_alive=60,
    )
    if on_ready is not None:
        on_ready()
    try:
        with suppress(KeyboardInterrupt):  # Ctrl-C is how a person ends a server
            uvicorn.Server(config).run(sockets=[door])
    finally:
        door.close()
