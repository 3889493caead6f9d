"""Scalar features beside the image, as in BTSbot (Rehemtulla et al. 2024, arXiv:2401.15167)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from skyvet.core.configs import Config

__all__ = ["MetadataBranch", "MetadataBranchConfig"]


class MetadataBranchConfig(Config):
    """Layers for scalar features: batch norm, dense, dropout, dense."""

    width: int = Field(default=128, ge=1, description="width of both dense layers")
    dropout: float = Field(default=0.25, ge=0, lt=1, description="dropout between them")


class MetadataBranch(nn.Module):
    """Scalar features to a vector; a missing value is learned, and its absence is told.

    Features are standardised by the mean and scatter of the training set (`fit`), missing values
    take a learned value (the mean at first), and one indicator a feature says which were missing.

    Parameters
    ----------
    n_metadata : int
        Number of features.
    config : MetadataBranchConfig
        Widths and dropout.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_metadata: int, config: MetadataBranchConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_metadata))
        self.register_buffer("scale", torch.ones(n_metadata))
        self.missing_value = nn.Parameter(torch.zeros(n_metadata))
        self.layers = nn.Sequential(
            nn.BatchNorm1d(2 * n_metadata),
            nn.Linear(2 * n_metadata, config.width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
        )

    @torch.no_grad()
    def fit(self, metadata: Tensor) -> None:
        """Take mean and scatter from the training set; a feature that is never there stays 0, 1.

        Parameters
        ----------
        metadata : Tensor, shape (n, n_metadata)
            NaN = missing.
        """
        values = metadata.double()
        mean = torch.nanmean(values, dim=0)
        scale = torch.nanmean((values - mean) ** 2, dim=0).sqrt()
        self.mean.copy_(torch.nan_to_num(mean, nan=0.0))
        self.scale.copy_(torch.where(scale > 0, scale, 1.0))

    def forward(self, metadata: Tensor) -> Tensor:
        """Return features of shape (n, width) for metadata of shape (n, n_metadata)."""
        is_missing = torch.isnan(metadata)
        standard = (metadata - self.mean) / self.scale
        filled = torch.where(is_missing, self.missing_value, standard)
        features: Tensor = self.layers(torch.cat([filled, is_missing.to(filled.dtype)], dim=1))
        return features
