"""First weights from unlabelled stamps alone.

Two ways, behind one config union: features that do not change under the survey's symmetries
(VICReg; Bardes, Ponce & LeCun 2022), or features from which a hidden difference image can be
restored (masked autoencoder; Pathak et al. 2016, He et al. 2022).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skyvet.core.progress import Progress
from skyvet.models.interface import InputShape, TripletNetwork
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.augmentation import augment
from skyvet.preprocessing.pools import CandidatePool
from skyvet.records.cutouts import N_CUTOUT_KINDS, CutoutKind
from skyvet.strategies.pretraining.configs import RestoreConfig, VicRegConfig
from skyvet.training.loop import train_epochs, training_fingerprint
from skyvet.training.module import EpochModule
from skyvet.training.row_batches import RowBatches
from skyvet.training.start import start_network, transferred_state

__all__ = [
    "restore_error",
    "self_supervised_state",
    "vicreg_loss",
]

_NETWORK_PREFIX = "network."


def vicreg_loss(first: Tensor, second: Tensor, config: VicRegConfig) -> Tensor:
    """Return variance, invariance and covariance terms of two views (Bardes et al. 2022, sec. 4).

    Parameters
    ----------
    first, second : Tensor, shape (n, d)
        Vectors of the same n >= 2 candidates.
    config : VicRegConfig
        Weights of the terms.

    Examples
    --------
    >>> same = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    >>> round(vicreg_loss(same, same, VicRegConfig()).item(), 3)
    0.0
    """
    first, second = first.float(), second.float()
    loss = config.invariance * functional.mse_loss(first, second)
    for view in (first, second):
        centred = view - view.mean(dim=0)
        n, d = centred.shape
        spread = (centred.square().sum(dim=0) / (n - 1) + 1e-4).sqrt()
        loss = loss + config.variance * functional.relu(1 - spread).mean() / 2
        covariance = centred.T @ centred / (n - 1)
        off = covariance.square().sum() - covariance.diagonal().square().sum()
        loss = loss + config.covariance * off / d
    return loss


def restore_error(images: Tensor, stamps: Tensor) -> Tensor:
    """Return the mean Huber error of restored differences over their valid pixels, shape ().

    Parameters
    ----------
    images : Tensor, shape (n, size, size)
        What the decoder gave.
    stamps : Tensor, shape (n, n_planes, size, size)
        Prepared stamps; missing pixels of the difference are 0.

    Examples
    --------
    >>> stamps = torch.ones(1, 3, 4, 4)
    >>> restore_error(torch.ones(1, 4, 4), stamps).item()
    0.0
    """
    truth = stamps[:, CutoutKind.DIFFERENCE].float()
    valid = (truth != 0).float()
    errors = functional.smooth_l1_loss(images.float(), truth, reduction="none") * valid
    return errors.sum() / valid.sum().clamp_min(1.0)


def self_supervised_state(
    pool: CandidatePool,
    network: NetworkConfig,
    config: VicRegConfig | RestoreConfig,
    *,
    seed: int,
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """Train an encoder on unlabelled stamps and return weights to start a network from.

    Parameters
    ----------
    pool : CandidatePool
        Its stamps are learnt from.
    network : NetworkConfig
        The network whose encoder is trained; its head, and a metadata branch, stay fresh.
    config : VicRegConfig or RestoreConfig
        Which task.
    seed : int
        Of weights, order and views.
    checkpoint_dir : Path, optional
        A stopped training goes on from the checkpoint there.
    progress : Progress, optional
        Told of the parts of the training.

    Returns
    -------
    dict of str to Tensor
        For ``initial_state`` of a training of the same network.

    Raises
    ------
    InvalidInputError
        If the pool is empty or the network does not take such stamps.
    """
    shape = InputShape(stamp_px=pool.stamp_px, n_planes=pool.n_planes)
    start = start_network(network, shape, seed=seed)
    n_features = start.head.in_features
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        module: EpochModule
        if isinstance(config, VicRegConfig):
            module = _VicRegModule(
                _Projected(start, _mlp(n_features, config)), pool, config, seed=seed
            )
        else:
            decoder = _Decoder(n_features, pool.stamp_px, config.width)
            module = _RestoreModule(_Projected(start, decoder), pool, config, seed=seed)
    loop = config.steps.loop(seed)
    settings = np.frombuffer(config.model_dump_json().encode(), dtype=np.uint8)
    best = train_epochs(
        module,
        loop,
        validate=None,
        fingerprint=training_fingerprint(loop, module.network, [settings, pool.candidate_ids]),
        checkpoint_dir=checkpoint_dir,
        resume=checkpoint_dir is not None,
        progress=progress,
    )
    encoder = {
        name.removeprefix(_NETWORK_PREFIX): weights
        for name, weights in best.best_state.items()
        if name.startswith(f"{_NETWORK_PREFIX}encoder.")
    }
    return transferred_state(encoder, network, pool, seed=seed)


class _Projected(nn.Module):
    """A network's features and what a task makes of them."""

    def __init__(self, network: TripletNetwork, task: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.task = task

    def forward(self, stamps: Tensor) -> Tensor:
        made: Tensor = self.task(self.network.encoder(stamps))
        return made


def _mlp(n_features: int, config: VicRegConfig) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_features, config.width),
        nn.BatchNorm1d(config.width),
        nn.ReLU(),
        nn.Linear(config.width, config.width),
    )


class _Decoder(nn.Module):
    """Features to one image: a coarse map, doubled until it is large enough."""

    def __init__(self, n_features: int, size_px: int, width: int) -> None:
        super().__init__()
        self._size_px = size_px
        self._n_doublings = max(0, (size_px - 1).bit_length() - 3)
        self._coarse_px = -(-size_px // 2**self._n_doublings)
        self._width = width
        self.coarse = nn.Linear(n_features, width * self._coarse_px**2)
        self.layers = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1) for _ in range(self._n_doublings)
        )
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        maps = self.coarse(features).reshape(-1, self._width, self._coarse_px, self._coarse_px)
        for layer in self.layers:
            maps = functional.silu(layer(functional.interpolate(maps, scale_factor=2.0)))
        image: Tensor = self.last(maps)[:, 0, : self._size_px, : self._size_px]
        return image


class _StampModule(EpochModule):
    """What both tasks share: unlabelled stamps in batches."""

    def __init__(
        self,
        network: _Projected,
        pool: CandidatePool,
        settings: VicRegConfig | RestoreConfig,
        *,
        seed: int,
    ) -> None:
        super().__init__(network, settings.steps.loop(seed))
        self._pool = pool
        self._settings = settings
        self._seed = seed

    def make_batches(self, *, rank: int, world_size: int) -> RowBatches:  # noqa: ARG002
        config = self._settings
        return RowBatches(
            self._pool.stamps,
            size=config.batch_size,
            n_steps=config.steps.steps_per_epoch,
            seed=self._seed,
            rank=rank,
        )

    def view(self, stamps: Tensor, generator: torch.Generator) -> Tensor:
        """Return a randomly changed view."""
        has_masks = stamps.shape[1] >= 2 * N_CUTOUT_KINDS
        return augment(stamps, self._settings.augmentation, generator, has_masks=has_masks)


class _VicRegModule(_StampModule):
    """Compares two views of each candidate."""

    def __init__(
        self, network: _Projected, pool: CandidatePool, config: VicRegConfig, *, seed: int
    ) -> None:
        super().__init__(network, pool, config, seed=seed)
        self._config = config

    def batch_loss(self, batch: Tensor, seed: int) -> Tensor:
        generator = torch.Generator(device=self.device).manual_seed(seed)
        views = torch.cat([self.view(batch, generator) for _ in range(2)])
        first, second = self.network(views).float().chunk(2)
        return vicreg_loss(first, second, self._config)


class _RestoreModule(_StampModule):
    """Restores what it hides."""

    def __init__(
        self, network: _Projected, pool: CandidatePool, config: RestoreConfig, *, seed: int
    ) -> None:
        super().__init__(network, pool, config, seed=seed)
        self._config = config

    def batch_loss(self, batch: Tensor, seed: int) -> Tensor:
        generator = torch.Generator(device=self.device).manual_seed(seed)
        stamps = self.view(batch, generator)
        return restore_error(self.network(_hidden(stamps, self._config, generator)), stamps)


def _hidden(stamps: Tensor, config: RestoreConfig, generator: torch.Generator) -> Tensor:
    """Return stamps without patches and, for a random share of them, without the difference."""
    size = stamps.shape[-1]
    n_patches = -(-size // config.patch_px)
    shape = (len(stamps), 1, n_patches, n_patches)
    draw = torch.rand(shape, generator=generator, device=stamps.device)
    is_shown = (draw >= config.hidden_fraction).to(stamps.dtype)
    shown = functional.interpolate(is_shown, scale_factor=float(config.patch_px))
    hidden = stamps * shown[..., :size, :size]
    draw = torch.rand((len(stamps), 1, 1), generator=generator, device=stamps.device)
    hidden[:, CutoutKind.DIFFERENCE] *= (draw >= config.hidden_difference).to(stamps.dtype)
    return hidden
