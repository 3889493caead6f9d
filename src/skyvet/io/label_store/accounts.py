"""Accounts of labellers: a name, a role, and the hash of a token."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from skyvet.core.errors import InvalidInputError
from skyvet.io.label_store.tables import accounts

__all__ = ["Labeller", "Role", "add", "query_in_force", "query_of_token", "revoke"]

Role = Literal["label", "read"]
"""What an account may do: label and look, or look alone."""

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Labeller:
    """A labeller with an account.

    Parameters
    ----------
    name : str
        Stands in the events.
    role : {"label", "read"}
        What the account may do.
    """

    name: str
    role: Role


def add(connection: sa.Connection, name: str, *, role: Role, now: dt.datetime) -> str:
    """Make an account, or renew a revoked one, and return its token.

    Raises
    ------
    InvalidInputError
        If the name is empty, or that of an account in force, or the role is unknown.
    """
    if not name.strip() or not name.isprintable():
        raise InvalidInputError(f"a labeller needs a printable name, got {name!r}")
    if role not in get_args(Role):
        raise InvalidInputError(f"role must be one of {', '.join(get_args(Role))}, got {role!r}")
    query = sa.select(accounts.c.revoked_at).where(accounts.c.name == name)
    stored = connection.execute(query).first()
    if stored is not None and stored.revoked_at is None:
        raise InvalidInputError(
            f"labeller {name!r} has a token already, which is stored nowhere; revoke it first to "
            "give a new one"
        )
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    connection.execute(sa.delete(accounts).where(accounts.c.name == name))
    connection.execute(
        sa.insert(accounts).values(name=name, role=role, token_hash=_hash(token), made_at=now)
    )
    return token


def revoke(connection: sa.Connection, name: str, *, now: dt.datetime) -> None:
    """End an account.

    Raises
    ------
    InvalidInputError
        If there is none of this name in force.
    """
    in_force = (accounts.c.name == name) & accounts.c.revoked_at.is_(None)
    done = connection.execute(sa.update(accounts).where(in_force).values(revoked_at=now))
    if done.rowcount == 0:
        names = connection.execute(query_in_force()).scalars().all()
        raise InvalidInputError(
            f"there is no labeller {name!r} with a token; there are: {', '.join(names) or 'none'}"
        )


def query_of_token(token: str) -> sa.Select[Any]:
    """Return the query for the account in force that a token opens."""
    return query_in_force().where(accounts.c.token_hash == _hash(token))


def query_in_force() -> sa.Select[Any]:
    """Return the query for the accounts in force, by name."""
    columns = (accounts.c.name, accounts.c.role)
    return sa.select(*columns).where(accounts.c.revoked_at.is_(None)).order_by(accounts.c.name)


def _hash(token: str) -> str:
    # A token is 256 random bits: a plain hash cannot be searched, a slow one would gain nothing.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
