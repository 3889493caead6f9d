"""All triplet networks behind one config union and one builder."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skyvet.models.compact_net import CompactConfig
from skyvet.models.dihedral_net import DihedralNetConfig
from skyvet.models.interface import InputShape, TripletNetwork
from skyvet.models.rbtn import RbtnConfig
from skyvet.models.resnet import ResNetConfig
from skyvet.models.tac_cnn import TacCnnConfig
from skyvet.models.vgg6 import Vgg6Config

__all__ = ["NetworkConfig", "build_network"]

NetworkConfig = Annotated[
    Vgg6Config | ResNetConfig | RbtnConfig | TacCnnConfig | DihedralNetConfig | CompactConfig,
    Field(discriminator="kind"),
]
"""Any network's config; ``kind`` says which."""


def build_network(
    config: NetworkConfig, *, stamp_px: int, n_planes: int = 3, n_metadata: int = 0
) -> TripletNetwork:
    """Return an untrained network.

    Parameters
    ----------
    config : NetworkConfig
        Which network, and its settings.
    stamp_px : int
        Side of the stamps [pixels].
    n_planes : int, default 3
        Input planes.
    n_metadata : int, default 0
        Scalar features; 0 = image only.

    Returns
    -------
    TripletNetwork
        ``forward(stamps, metadata=None) -> logits``; weights come from torch's global generator.

    Raises
    ------
    InvalidInputError
        If the network does not take stamps of this size.

    Examples
    --------
    >>> import torch
    >>> build_network(Vgg6Config(), stamp_px=63)(torch.zeros(2, 3, 63, 63)).shape
    torch.Size([2])
    """
    return config.build(InputShape(stamp_px=stamp_px, n_planes=n_planes, n_metadata=n_metadata))
