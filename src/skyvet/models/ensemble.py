"""Several networks as one: the mean of their logits, over flips and rotations if wanted."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skyvet.core.errors import InvalidInputError
from skyvet.models.interface import TripletNetwork
from skyvet.preprocessing.augmentation import dihedral_views

__all__ = ["EnsembleOfLogits"]


class EnsembleOfLogits(nn.Module):
    """Weighted mean of the members' logits; itself a network of the same interface.

    Parameters
    ----------
    members : sequence of TripletNetwork
        At least one; all of one input shape.
    weights : sequence of float, optional
        Weights >= 0 of the members, scaled to sum to 1; all alike by default.
    with_dihedral_average : bool, default False
        Average each member over the 8 flips and right-angle rotations of the stamp, at 8 times the
        cost. The answer then does not depend on the stamp's orientation.

    Raises
    ------
    InvalidInputError
        If there are no members, they differ in input, or weights are unusable.

    Examples
    --------
    >>> from skyvet.models.interface import InputShape
    >>> from skyvet.models.vgg6 import Vgg6Config
    >>> members = [Vgg6Config().build(InputShape(stamp_px=63)) for _ in range(2)]
    >>> EnsembleOfLogits(members).eval()(torch.zeros(4, 3, 63, 63)).shape
    torch.Size([4])
    """

    weights: Tensor

    def __init__(
        self,
        members: Sequence[TripletNetwork],
        *,
        weights: Sequence[float] | None = None,
        with_dihedral_average: bool = False,
    ) -> None:
        super().__init__()
        if not members:
            raise InvalidInputError("an ensemble needs at least one member")
        shapes = {member.shape for member in members}
        if len(shapes) > 1:
            raise InvalidInputError(f"members must share one input shape, got {shapes}")
        shares = torch.tensor([1.0] * len(members) if weights is None else list(weights))
        if len(shares) != len(members) or not (shares >= 0).all() or shares.sum() <= 0:
            raise InvalidInputError(
                f"weights must be >= 0, not all 0, one for each of the {len(members)} members, "
                f"got {weights}"
            )
        self.shape = members[0].shape
        self.members = nn.ModuleList(members)
        self.with_dihedral_average = with_dihedral_average
        self.register_buffer("weights", shares / shares.sum())

    def forward(self, stamps: Tensor, metadata: Tensor | None = None) -> Tensor:
        """Return the mean logit of REAL, shape (n,), as `TripletNetwork.forward`."""
        n_views = 1
        if self.with_dihedral_average:
            views = dihedral_views(stamps)
            n_views = len(views)
            stamps = torch.cat(views)
            metadata = None if metadata is None else metadata.repeat(n_views, 1)
        logits = torch.stack([member(stamps, metadata) for member in self.members])
        return (self.weights @ logits).reshape(n_views, -1).mean(dim=0)
