"""All members behind one table; adding one means one file and one row."""

from __future__ import annotations

import importlib
from types import MappingProxyType

from skyvet.core.errors import BundleError
from skyvet.models.sequences.interface import MemberParts, SequenceMember

__all__ = ["MEMBER_LOADERS", "load_member"]

MEMBER_LOADERS = MappingProxyType(
    {
        "pooled": "pooled:load_pooled",
        "network": "network_member:load_network_member",
    }
)
"""Kind of a member to the function that rebuilds it, below `skyvet.models.sequences`."""


def load_member(parts: MemberParts) -> SequenceMember:
    """Rebuild a member from its parts; no code comes from them.

    Raises
    ------
    BundleError
        If the kind is unknown or the parts do not fit.
    """
    kind = str(parts.settings.get("kind"))
    if kind not in MEMBER_LOADERS:
        raise BundleError(
            f"this skyvet knows no sequence classifier {kind!r} (it knows "
            f"{', '.join(MEMBER_LOADERS)}); a newer one may"
        )
    module, function = MEMBER_LOADERS[kind].split(":")
    loader = getattr(importlib.import_module(f"skyvet.models.sequences.{module}"), function)
    member: SequenceMember = loader(parts)
    return member
