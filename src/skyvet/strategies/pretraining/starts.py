"""All ways to come by first weights, behind one function."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from skyvet.core.errors import BundleError
from skyvet.core.progress import Progress
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.pools import CandidatePool
from skyvet.strategies.pretraining.configs import (
    LabelFreeStart,
    RandomStart,
    SimulationStart,
    StartConfig,
    WeightsStart,
)
from skyvet.training.start import transferred_state

__all__ = ["start_state", "write_weights"]


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
        from skyvet.strategies.pretraining.simulation import simulation_state  # noqa: PLC0415 - loads lightning

        return simulation_state(
            pool, network, config, seed=seed, checkpoint_dir=checkpoint_dir, progress=progress
        )
    if isinstance(config, LabelFreeStart):
        from skyvet.strategies.pretraining.label_free import label_free_state  # noqa: PLC0415 - loads lightning

        return label_free_state(
            pool, network, config, seed=seed, checkpoint_dir=checkpoint_dir, progress=progress
        )
    from skyvet.strategies.pretraining.self_supervised import self_supervised_state  # noqa: PLC0415 - loads lightning

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
