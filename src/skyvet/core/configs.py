"""Base of every config class: frozen, typed, unknown keys refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["MAX_SEED", "Config"]

MAX_SEED = 4_000_000_000
"""Largest seed for scikit-learn: it takes 32 bits, and seeds of folds and members are above it."""


class Config(BaseModel):
    """What a user chose for one component.

    Frozen, with real defaults; an unknown or wrongly typed key is refused. Configs travel in
    bundles as JSON (``model_dump(mode="json")``) and come back with ``model_validate``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
