"""All encoders of frames behind one config union."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skyvet.models.encoders.compact_vae import CompactVaeConfig
from skyvet.models.encoders.masked_autoencoder import MaskedAutoencoderConfig
from skyvet.models.encoders.published_vae import PublishedVaeConfig

__all__ = ["EncoderConfig"]

EncoderConfig = Annotated[
    CompactVaeConfig | PublishedVaeConfig | MaskedAutoencoderConfig,
    Field(discriminator="kind"),
]
"""Any encoder's config; ``kind`` says which."""
