"""Who may ask what of the labelling server."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from skyvet.core.errors import InvalidInputError, RequestRefusedError
from skyvet.io.label_store.store import LabelStore

__all__ = ["Gate", "Viewer", "is_loopback", "refuse_open_door"]

_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain"})
_REMEMBERED_S = 10.0
_HOST = re.compile(
    r"(\[(?P<address>[0-9A-Fa-f:.]+(%[\w.-]+)?)\]|(?P<name>[A-Za-z0-9._-]+))(:(?P<port>[0-9]{0,5}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks.

    Parameters
    ----------
    name : str
        Labeller.
    can_label : bool
        False for a read-only account.
    csrf_token : str
        What a page of this viewer must send with everything that changes something; empty where
        the request proves itself (a bearer token, which no foreign page can send).
    """

    name: str
    can_label: bool
    csrf_token: str


def is_loopback(host: str) -> bool:
    """Say whether an address or name is this machine's own, unreachable from others.

    Examples
    --------
    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.7")]
    [True, True, True, False, False]
    """
    bare = host.strip("[]").lower()
    if bare in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def refuse_open_door(store: LabelStore, host: str) -> None:
    """Refuse to listen to other machines while nobody has an account.

    Raises
    ------
    InvalidInputError
        If `host` can be reached from others and the store has no labeller with a token.
    """
    if not is_loopback(host) and not store.labellers():
        raise InvalidInputError(
            f"--host {host} lets other machines in, and {store.label} has no account yet; make one "
            "with: skyvet labels add-labeller NAME, or leave --host out to label on this machine"
        )


class Gate:
    """Checks every request: host, token, origin and CSRF token.

    Parameters
    ----------
    store : LabelStore
        Holds the accounts.
    labeller : str
        Who labels on this machine without a token.
    needs_token : bool
        Whether every request must prove who asks; False only for a server on loopback.
    known_hosts : collection of str
        Names beside this machine's own by which the server may be called.
    """

    def __init__(
        self,
        store: LabelStore,
        *,
        labeller: str,
        needs_token: bool,
        known_hosts: Collection[str] = (),
    ) -> None:
        self._store = store
        self._needs_token = needs_token
        self._names = {name.lower() for name in known_hosts}
        if needs_token:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._local = Viewer(name=labeller, can_label=True, csrf_token=secrets.token_urlsafe(24))
        self._known: dict[str, tuple[float, Viewer]] = {}

    def check_host(self, host_header: str) -> None:
        """Refuse a request that was sent to a name that is not this server's.

        A foreign name that points at this machine is how a web page reaches servers on loopback
        (DNS rebinding). An address in digits cannot be rebound.

        Raises
        ------
        RequestRefusedError
            With code ``host``.
        """
        name = _host_name(host_header)
        if is_loopback(name) or name in self._names or (self._needs_token and _is_address(name)):
            return
        raise RequestRefusedError(
            f"this server is not known as {name or host_header!r}; call it by its address, "
            f"or start it with --known-host {name or 'NAME'}",
            code="host",
            status=403,
        )

    def identify(self, headers: Mapping[str, str], cookie: str | None) -> Viewer:
        """Return who asks.

        Raises
        ------
        RequestRefusedError
            With code ``no_token``, if a token is needed and none was sent, or ``token``, if the
            one that was sent is not valid.
        StoreUnavailableError
            If the accounts cannot be read.
        """
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and bearer.strip():
            found = self._viewer_of(bearer.strip())
            return Viewer(name=found.name, can_label=found.can_label, csrf_token="")
        if cookie:
            return self._viewer_of(cookie)
        if self._needs_token:
            raise RequestRefusedError(
                "this page needs an account; open the link that you were given",
                code="no_token",
                status=401,
            )
        return self._local

    def check_change(self, viewer: Viewer, headers: Mapping[str, str]) -> None:
        """Refuse a request that another site's page may have sent in the viewer's name.

        Raises
        ------
        RequestRefusedError
            With code ``origin`` or ``csrf``.
        """
        origin = headers.get("origin")
        if origin is not None and _authority(origin) != headers.get("host", "").lower():
            raise RequestRefusedError(
                f"a page of {origin} may not write here", code="origin", status=403
            )
        sent = headers.get("x-skyvet-csrf", "")
        if viewer.csrf_token and not hmac.compare_digest(sent.encode(), viewer.csrf_token.encode()):
            raise RequestRefusedError(
                "the header X-Skyvet-CSRF lacks or is old; ask /api/session for it",
                code="csrf",
                status=403,
            )

    def _viewer_of(self, token: str) -> Viewer:
        """Look a token up; what was found is remembered for some seconds."""
        key = hashlib.sha256(token.encode()).hexdigest()
        until, viewer = self._known.get(key, (0.0, self._local))
        if time.monotonic() < until:
            return viewer
        account = self._store.labeller_of(token)
        if account is None:
            self._known.pop(key, None)
            raise RequestRefusedError(
                "this link is not valid or was withdrawn; ask for a new one",
                code="token",
                status=401,
            )
        viewer = Viewer(
            name=account.name,
            can_label=account.role == "label",
            csrf_token=hashlib.sha256(f"skyvet csrf {token}".encode()).hexdigest(),
        )
        self._known[key] = (time.monotonic() + _REMEMBERED_S, viewer)
        return viewer


def _host_name(host_header: str) -> str:
    """Return the name in a Host header, in lower case; empty where it is none."""
    found = _HOST.fullmatch(host_header)
    if found is None or int(found["port"] or 0) > 65535:
        return ""
    return (found["address"] or found["name"]).lower()


def _authority(origin: str) -> str:
    """Return host and port of an Origin header, in lower case; empty where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # a bracket that is not closed
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
