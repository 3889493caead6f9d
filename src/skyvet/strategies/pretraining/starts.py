"""All ways to come by first weights, behind one config union and one function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from skyvet.core.configs import Config
from skyvet.core.errors import BundleError
from skyvet.core.progress import Progress
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.pretraining.label_free import LabelFreeStart, label_free_state
from skyvet.strategies.pretraining.self_supervised import (
    RestoreConfig,
    VicRegConfig,
    self_supervised_state,
)
from skyvet.strategies.pretraining.simulation import SimulationStart, simulation_state
from skyvet.training.start import transferred_state

__all__ = ["RandomStart", "StartConfig", "WeightsStart", "start_state", "write_weights"]


class RandomStart(Config):
    """Random weights."""

    kind: Literal["random"] = "random"


class WeightsStart(Config):
    """Weights from a file."""

    kind: Literal["weights"] = "weights"
    path: Path = Field(description="safetensors file, from `write_weights`")


StartConfig = Annotated[
    RandomStart | WeightsStart | VicRegConfig | RestoreConfig | SimulationStart | LabelFreeStart,
    Field(discriminator="kind"),
]
"""Any start; ``kind`` says which."""


def start_state(
    config: StartConfig,
    pool: CandidatePool,
    network: NetworkConfig,
    *,
    seed: int,
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Tensor] | None:
    """Return first weights made without any bought label; None = random ones.

    Parameters
    ----------
    config : StartConfig
        Which way.
    pool : CandidatePool
        Its stamps may be learnt from.
    network : NetworkConfig
        Which network.
    seed : int
        Of all randomness.
    checkpoint_dir : Path, optional
        A stopped training goes on from the checkpoint there.
    progress : Progress, optional
        Told of the parts of a training.

    Raises
    ------
    InvalidInputError
        If weights do not fit the network, or the pool cannot be learnt from.
    BundleError
        If a file of weights cannot be read.
    """
    if isinstance(config, RandomStart):
        return None
    if isinstance(config, WeightsStart):
        return transferred_state(_read_weights(config.path), network, pool, seed=seed)
    if isinstance(config, SimulationStart):
        return simulation_state(
            pool, network, config, seed=seed, checkpoint_dir=checkpoint_dir, progress=progress
        )
    if isinstance(config, LabelFreeStart):
        return label_free_state(
            pool, network, config, seed=seed, checkpoint_dir=checkpoint_dir, progress=progress
        )
    return self_supervised_state(
        pool, network, config, seed=seed, checkpoint_dir=checkpoint_dir, progress=progress
    )


def write_weights(state: dict[str, Tensor], path: Path) -> WeightsStart:
    """Write weights for `WeightsStart`, so that many fits share one start.

    Parameters
    ----------
    state : dict of str to Tensor
        Weights of a whole network, or of its encoder alone.
    path : Path
        File to write; its folder must exist.
    """
    save_file({name: part.contiguous() for name, part in state.items()}, path)
    return WeightsStart(path=path)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise BundleError(f"weights cannot be read from {path}: {error}") from error
