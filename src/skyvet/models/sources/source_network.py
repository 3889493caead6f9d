"""A network from features and dm-dt images to the classes of a source.

- Dense and convolution branches as SCoPe's; the images of all bands are channels of one image.
- Images come L2-normalised and are scaled to a mean square of 1, so that they are learnt from as
  fast as features.
- Missing features are 0 after scaling, beside a mask that says so.
- With a tree the head gives the logit of each class given its parent; the logits that come out are
  those of the products down the tree, so that no class can be likelier than its parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skyvet.core.errors import InvalidInputError
from skyvet.models.sources.network_settings import SourceNetworkSettings

__all__ = ["SourceNetwork", "SourceShape", "logits_down_the_tree"]

_LARGEST_LOG_PROBABILITY = -1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceShape:
    """What a network is fed and what it answers.

    Parameters
    ----------
    n_features : int
        Columns, masks included.
    n_images : int
        dm-dt images of a source; 0 = none.
    parents : tuple of int
        For each class the place of its parent, -1 at the top; a parent stands before its children.

    Raises
    ------
    InvalidInputError
        If a parent does not stand before its child, or there is nothing to learn from.
    """

    n_features: int
    n_images: int
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the order of the classes."""
        if any(not -1 <= parent < place for place, parent in enumerate(self.parents)):
            raise InvalidInputError(f"parents must stand before their children, got {self.parents}")
        if self.n_features < 1 or self.n_images < 0 or not self.parents:
            raise InvalidInputError(f"a network needs features and classes, got {self}")


class SourceNetwork(nn.Module):
    """Features and images of a source in, one logit a class out.

    Parameters
    ----------
    settings : SourceNetworkSettings
        Widths and dropout.
    shape : SourceShape
        Inputs and classes.
    """

    def __init__(self, settings: SourceNetworkSettings, shape: SourceShape) -> None:
        super().__init__()
        self.shape = shape
        self.dense = nn.Sequential(
            nn.Linear(shape.n_features, settings.first_width),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.first_width, settings.second_width),
            nn.ReLU(),
        )
        self.images = _image_branch(settings, shape.n_images) if shape.n_images else None
        width = settings.second_width + (settings.second_filters if shape.n_images else 0)
        self.head = nn.Sequential(
            nn.Dropout(settings.head_dropout),
            nn.Linear(width, settings.head_width),
            nn.ReLU(),
            nn.Linear(settings.head_width, len(shape.parents)),
        )

    def forward(self, features: Tensor, images: Tensor | None = None) -> Tensor:
        """Return the logit of each class.

        Parameters
        ----------
        features : Tensor, shape (n, n_features)
            Scaled, masks beside.
        images : Tensor, shape (n, n_images, n_dm, n_dt), optional
            Needed exactly if the shape has images.

        Returns
        -------
        Tensor, shape (n, n_classes)
        """
        hidden = self.dense(features)
        if self.images is not None:
            hidden = torch.cat([hidden, self.images(_unit_mean_square(images))], dim=1)
        return logits_down_the_tree(self.head(hidden), self.shape.parents)


def logits_down_the_tree(conditional: Tensor, parents: Sequence[int]) -> Tensor:
    r"""Turn logits given the parent into logits of the class itself.

    .. math:: \ln p_c = \ln \sigma(z_c) + \ln p_{\mathrm{parent}(c)}, \quad
              l_c = \ln p_c - \ln (1 - p_c)

    Parameters
    ----------
    conditional : Tensor, shape (n, n_classes)
        Logits given the parent.
    parents : sequence of int
        As in `SourceShape`.

    Returns
    -------
    Tensor, shape (n, n_classes)
        Where no class has a parent, the input itself.

    Examples
    --------
    >>> logits = logits_down_the_tree(torch.tensor([[0.0, 0.0]]), (-1, 0))
    >>> torch.sigmoid(logits)
    tensor([[0.5000, 0.2500]])
    """
    if all(parent < 0 for parent in parents):
        return conditional
    log_given = nn.functional.logsigmoid(conditional)
    log_probability: list[Tensor] = []
    logits: list[Tensor] = []
    for i_class, parent in enumerate(parents):
        if parent < 0:
            log_probability.append(log_given[:, i_class])
            logits.append(conditional[:, i_class])
            continue
        below = log_probability[parent] + log_given[:, i_class]
        log_probability.append(below)
        safe = below.clamp(max=_LARGEST_LOG_PROBABILITY)
        logits.append(safe - torch.log(-torch.expm1(safe)))
    return torch.stack(logits, dim=1)


def _unit_mean_square(images: Tensor | None) -> Tensor:
    """Scale images whose squares sum to 1 so that these have a mean of 1."""
    if images is None:
        raise InvalidInputError("this network needs dm-dt images beside the features")
    scaled: Tensor = images * float(images.shape[-2] * images.shape[-1]) ** 0.5
    return scaled


def _image_branch(settings: SourceNetworkSettings, n_images: int) -> nn.Sequential:
    first, second = settings.first_filters, settings.second_filters
    return nn.Sequential(
        _separable(n_images, first),
        _separable(first, first),
        nn.Dropout(settings.dropout),
        nn.MaxPool2d(2),
        _separable(first, second),
        _separable(second, second),
        nn.Dropout(settings.dropout),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def _separable(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_in, 3, groups=n_in, bias=False), nn.Conv2d(n_in, n_out, 1), nn.ReLU()
    )
