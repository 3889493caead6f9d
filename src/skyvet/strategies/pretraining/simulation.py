"""First weights from a simulated survey, brought to the real one without its labels.

Labels come from the simulation alone. The real survey's unlabelled stamps take part in three ways,
each of them optional: features of both are drawn together (CORAL), the network agrees with itself
on changed real stamps (self-ensembling; French, Mackiewicz & Fisher 2018), and at the end the batch
norms take the real stamps' statistics (AdaBN). Only the last is on by default: on real ZTF triplets
it alone helped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.stamps import fit_stamps
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.pretraining.configs import SimulationStart
from skyvet.strategies.semi_supervised.domain import adapt_batch_norm
from skyvet.strategies.semi_supervised.mixed_batches import UnlabelledRows
from skyvet.strategies.semi_supervised.training import fit_mixed
from skyvet.training.simulated import simulated_triplets
from skyvet.training.start import transferred_state

__all__ = ["simulation_state"]


def simulation_state(
    pool: CandidatePool,
    network: NetworkConfig,
    config: SimulationStart,
    *,
    seed: int,
    simulated: TripletArrays | None = None,
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """Train on simulated labels and return weights to start a network on the pool from.

    Parameters
    ----------
    pool : CandidatePool
        Unlabelled stamps of the real survey.
    network : NetworkConfig
        Which network.
    config : SimulationStart
        Simulation, training, adaptation.
    seed : int
        Of weights, order and augmentation; the simulation has its own.
    simulated : TripletArrays, optional
        Labelled simulated triplets that are at hand; the night is simulated where not given.
    checkpoint_dir : Path, optional
        A stopped training goes on from the checkpoint there.
    progress : Progress, optional
        Told of the parts of the training.

    Returns
    -------
    dict of str to Tensor
        All weights of the network; where the pool has metadata, which a simulation lacks, the head
        and the metadata branch are fresh.

    Raises
    ------
    InvalidInputError
        If simulated stamps differ from the pool's in planes or are smaller.
    MissingDependencyError
        If numba (extra ``simulate``) is not installed.
    """
    if simulated is None:
        simulated = simulated_triplets(config.night, config.stamps, progress=progress)
    images = CandidatePool(
        stamps=pool.stamps, candidate_ids=pool.candidate_ids, object_ids=pool.object_ids
    )
    fitted = fit_mixed(
        _as_in_pool(simulated, pool),
        config.training.model_copy(update={"network": network}),
        seed=seed,
        unlabelled=UnlabelledRows(pool=images),
        initial_state=None,
        checkpoint_dir=checkpoint_dir,
        progress=progress,
    )
    trained = fitted.build()
    if config.with_adapted_batch_norm:
        adapt_batch_norm(trained, images, seed=seed)
    state = dict(trained.state_dict())
    if pool.metadata is not None:
        state = {name: part for name, part in state.items() if name.startswith("encoder.")}
    return transferred_state(state, network, pool, seed=seed)


def _as_in_pool(simulated: TripletArrays, pool: CandidatePool) -> TripletArrays:
    """Return simulated rows with the pool's stamp size, cut from the centre."""
    if simulated.n_planes != pool.n_planes or simulated.stamp_px < pool.stamp_px:
        raise InvalidInputError(
            f"simulated stamps must have the pool's {pool.n_planes} planes and at least its "
            f"{pool.stamp_px} px, got {simulated.n_planes} planes of {simulated.stamp_px} px; "
            "set the start's stamps to what prepared the pool"
        )
    return TripletArrays(
        stamps=np.ascontiguousarray(fit_stamps(simulated.stamps, pool.stamp_px)),
        labels=simulated.labels,
        candidate_ids=simulated.candidate_ids,
        object_ids=simulated.object_ids,
        weights=simulated.weights,
        targets=simulated.targets,
    )
