"""First weights, and a first ranking, without any label and without any simulation.

Positives are point sources put into the survey's own stamps in place of its detections, everything
else is those detections as they are: a mixture in which REAL ones are tolerated, because the loss
knows how many there are. The network that comes of it ranks candidates before the first label is
bought, and its weights start the trainings that follow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.io.dataset import Dataset
from skyvet.models.interface import TripletNetwork
from skyvet.models.networks import NetworkConfig
from skyvet.preprocessing.augmentation import augment
from skyvet.preprocessing.normalization import prepare_stamps
from skyvet.preprocessing.pools import CandidatePool
from skyvet.preprocessing.stamps import fit_stamps
from skyvet.records.cutouts import N_CUTOUT_KINDS
from skyvet.scoring.curves import roc_auc
from skyvet.strategies.pretraining.configs import LabelFreeStart
from skyvet.strategies.pretraining.label_free_loss import positive_unlabelled_risk
from skyvet.strategies.pretraining.label_free_positives import (
    InjectedPositives,
    RawStamps,
    inject_positives,
)
from skyvet.strategies.pretraining.label_free_prior import prior_by_best_bin
from skyvet.training.fit import FittedNetwork
from skyvet.training.loop import train_epochs, training_fingerprint
from skyvet.training.module import EpochModule
from skyvet.training.prediction import predict_logits
from skyvet.training.row_batches import RowBatches
from skyvet.training.start import input_shape, start_network, transferred_state

__all__ = [
    "LabelFreeFit",
    "fit_label_free",
    "label_free_state",
    "stamps_of_dataset",
]

_logger = logging.getLogger(__name__)

_HELD_OUT_STREAM = 0x6C6166
_N_HELD_OUT_POSITIVES = 500
_LEAST_ROWS = 10
_USUAL_LOGIT = 2.0
_LEAST_SHARE_LEARNT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelFreeFit:
    """A network that no label went into.

    Parameters
    ----------
    fitted : FittedNetwork
        Ranks candidates by its logits. It has no metadata branch.
    n_tried, n_erased, n_positives : int
        Stamps tried as hosts, those erased cleanly, and positives made of them.
    held_out_auc : float
        AUC of positives against the pool's detections, both held out: 0.5 = nothing learnt; the
        nearer to 1 the more the injected sources stand out from *all* detections, REAL ones too.
        A perfect classifier that sees no shortcut reaches ``1 - prior / 2``.
    prior_estimate : float
        Fraction of REAL in the pool that held-out scores leave room for, whatever was assumed
        (`prior_by_best_bin`).
    held_out_positive_logits, held_out_pool_logits : ndarray, shape (n,) and (m,), float32
        What that was measured on.
    """

    fitted: FittedNetwork
    n_tried: int
    n_erased: int
    n_positives: int
    held_out_auc: float
    prior_estimate: float
    held_out_positive_logits: FloatArray
    held_out_pool_logits: FloatArray


def stamps_of_dataset(data: Path, pool: CandidatePool) -> RawStamps:
    """Return what reads a pool's raw stamps from the dataset that it came from.

    Parameters
    ----------
    data : Path
        Dataset folder.
    pool : CandidatePool
        All its candidates must be in the dataset.

    Raises
    ------
    DatasetError
        If the dataset cannot be used.
    InvalidInputError
        If a candidate of the pool is not in it.
    """
    dataset = Dataset.open(data)
    known = pc.cast(dataset.table["candidate_id"], pa.string()).to_pylist()
    row_of = {identifier: row for row, identifier in reversed(list(enumerate(known)))}
    rows = [row_of.get(str(identifier)) for identifier in pool.candidate_ids.tolist()]
    missing = [i for i, row in enumerate(rows) if row is None]
    if missing:
        raise InvalidInputError(
            f"{len(missing)} of {len(pool)} candidates of the pool are not in {data}, the first "
            f"is {pool.candidate_ids[missing[0]]}; name the dataset that the pool came from"
        )
    row_in_dataset = np.array(rows, dtype=np.int64)
    return lambda indices: dataset.stamps(row_in_dataset[indices])


def fit_label_free(
    pool: CandidatePool,
    raw: RawStamps,
    network: NetworkConfig,
    *,
    config: LabelFreeStart,
    seed: int,
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> LabelFreeFit:
    """Train a network on injected positives against the pool's detections.

    Parameters
    ----------
    pool : CandidatePool
        Unlabelled detections; metadata are not used.
    raw : callable
        Gives raw stamps of rows of the pool, e.g. from `stamps_of_dataset`.
    network : NetworkConfig
        Which network.
    config : LabelFreeStart
        Injection, loss, training.
    seed : int
        Of all randomness.
    checkpoint_dir : Path, optional
        A stopped training goes on from the checkpoint there.
    progress : Progress, optional
        Told of injections and training.

    Returns
    -------
    LabelFreeFit
        Where the network hardly tells held-out positives from the pool, a warning is logged: its
        ranking is then little better than chance.

    Raises
    ------
    InvalidInputError
        If there are too few rows, the preparation is not that of the pool, no star's width can
        be measured, or no detection can be erased.
    """
    images = CandidatePool(
        stamps=pool.stamps, candidate_ids=pool.candidate_ids, object_ids=pool.object_ids
    )
    learnt_rows, held_rows = _split(images, config, seed)
    source = _Source(images, raw, config, progress)
    positives = source.positives(learnt_rows, seed=seed)
    held = source.positives(
        held_rows, seed=seed + 1, n_wanted=_N_HELD_OUT_POSITIVES, measured_rows=learnt_rows
    )
    fitted = _train(
        images.take(learnt_rows) if len(held_rows) else images,
        positives,
        network,
        config=config,
        seed=seed,
        checkpoint_dir=checkpoint_dir,
        progress=progress,
    )
    trained = fitted.build()
    of_pool = predict_logits(trained, images.stamps[held_rows])
    of_positives = predict_logits(trained, held.stamps)
    fitted, factor = _tempered(fitted, of_pool)
    of_pool, of_positives = factor * of_pool, factor * of_positives
    is_positive = np.repeat([1, 0], [len(of_positives), len(of_pool)])
    held_out_auc = roc_auc(np.concatenate([of_positives, of_pool]), is_positive)
    _warn_if_collapsed(held_out_auc, prior=config.prior)
    return LabelFreeFit(
        fitted=fitted,
        n_tried=positives.n_tried,
        n_erased=positives.n_erased,
        n_positives=len(positives.hosts),
        held_out_auc=held_out_auc,
        prior_estimate=prior_by_best_bin(of_positives, of_pool),
        held_out_positive_logits=of_positives,
        held_out_pool_logits=of_pool,
    )


def label_free_state(
    pool: CandidatePool,
    network: NetworkConfig,
    config: LabelFreeStart,
    *,
    seed: int,
    raw: RawStamps | None = None,
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """Return weights to start a network on the pool from.

    Parameters
    ----------
    pool, network, config, seed, checkpoint_dir, progress
        As `fit_label_free`.
    raw : callable, optional
        Raw stamps of rows of the pool; by default they are read from ``config.data``.

    Returns
    -------
    dict of str to Tensor
        All weights of the network; where the pool has metadata, the head and the metadata branch
        are fresh.

    Raises
    ------
    InvalidInputError
        As `fit_label_free`, and if there are no raw stamps.
    """
    if raw is None:
        if config.data is None:
            raise InvalidInputError(
                "a label-free start needs the raw stamps: set data, the dataset of the pool"
            )
        raw = stamps_of_dataset(config.data, pool)
    fit = fit_label_free(
        pool,
        raw,
        network,
        config=config,
        seed=seed,
        checkpoint_dir=checkpoint_dir,
        progress=progress,
    )
    state = fit.fitted.state_dict
    if pool.metadata is not None:
        state = {name: part for name, part in state.items() if name.startswith("encoder.")}
    return transferred_state(state, network, pool, seed=seed)


class _Source:
    """Makes positives for a pool."""

    def __init__(
        self,
        pool: CandidatePool,
        raw: RawStamps,
        config: LabelFreeStart,
        progress: Progress | None,
    ) -> None:
        self._pool = pool
        self._raw = raw
        self._config = config
        self._progress = progress
        if config.stamps.n_planes != pool.n_planes or config.stamps.size_px < pool.stamp_px:
            raise InvalidInputError(
                f"the start prepares {config.stamps.n_planes} planes of {config.stamps.size_px} "
                f"px, but the pool has {pool.n_planes} planes of {pool.stamp_px} px; set the "
                "start's stamps to what prepared the pool"
            )

    def positives(
        self,
        rows: IntArray,
        *,
        seed: int,
        n_wanted: int | None = None,
        measured_rows: IntArray | None = None,
    ) -> InjectedPositives:
        """Return positives whose hosts are these rows."""
        return inject_positives(
            self._raw,
            rows,
            self._config.positives,
            prepare=self._prepare,
            seed=seed,
            n_wanted=n_wanted,
            measured_rows=measured_rows,
            progress=self._progress,
        )

    def _prepare(self, stamps: FloatArray) -> FloatArray:
        prepared = prepare_stamps(stamps, self._config.stamps)
        cut = fit_stamps(prepared, self._pool.stamp_px)
        return np.ascontiguousarray(cut, dtype=self._pool.stamps.dtype)


class _PairedBatches:
    """Steps of as many positives as detections, the positives first."""

    def __init__(self, positives: RowBatches, detections: RowBatches) -> None:
        self._parts = (positives, detections)

    def __len__(self) -> int:
        return len(self._parts[0])

    def set_epoch(self, epoch: int) -> None:
        for part in self._parts:
            part.set_epoch(epoch)

    def __iter__(self) -> Iterator[Tensor]:
        for positives, detections in zip(*self._parts, strict=True):
            yield torch.cat([positives, detections])


class _PositiveUnlabelledModule(EpochModule):
    """A network, injected positives, the pool."""

    def __init__(
        self,
        network: TripletNetwork,
        positives: FloatArray,
        pool: CandidatePool,
        *,
        config: LabelFreeStart,
        seed: int,
    ) -> None:
        super().__init__(network, config.steps.loop(seed))
        self._rows = (positives, pool.stamps)
        self._config = config
        self._seed = seed

    def make_batches(self, *, rank: int, world_size: int) -> _PairedBatches:  # noqa: ARG002
        positives, detections = (
            RowBatches(
                stamps,
                size=self._config.batch_size,
                n_steps=self._config.steps.steps_per_epoch,
                seed=2 * self._seed + i_part,
                rank=rank,
            )
            for i_part, stamps in enumerate(self._rows)
        )
        return _PairedBatches(positives, detections)

    def batch_loss(self, batch: Tensor, seed: int) -> Tensor:
        generator = torch.Generator(device=self.device).manual_seed(seed)
        has_masks = batch.shape[1] >= 2 * N_CUTOUT_KINDS
        stamps = augment(batch, self._config.augmentation, generator, has_masks=has_masks)
        positive, unlabelled = self.network(stamps).chunk(2)
        return positive_unlabelled_risk(positive, unlabelled, prior=self._config.prior)


def _split(pool: CandidatePool, config: LabelFreeStart, seed: int) -> tuple[IntArray, IntArray]:
    """Return rows to learn from and rows held out, apart by object."""
    if len(pool) < _LEAST_ROWS:
        raise InvalidInputError(
            f"a label-free start needs at least {_LEAST_ROWS} candidates, got {len(pool)}"
        )
    objects, of_row = np.unique(pool.object_ids, return_inverse=True)
    if len(objects) < 2:
        raise InvalidInputError("a label-free start needs candidates of at least 2 objects")
    n_held = max(1, round(config.held_out_fraction * len(objects)))
    order = np.random.default_rng([seed, _HELD_OUT_STREAM]).permutation(len(objects))
    is_held = np.isin(of_row, order[:n_held])
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _tempered(fitted: FittedNetwork, logits: FloatArray) -> tuple[FittedNetwork, float]:
    """Return the network with its head scaled down to usual logits, and the factor.

    The loss is flat far from 0 and drives logits up to tens. Neither order nor sign changes.
    """
    usual = float(np.median(np.abs(logits)))
    factor = min(1.0, _USUAL_LOGIT / usual) if usual > 0 else 1.0
    state = {
        name: part * factor if name.startswith("head.") else part
        for name, part in fitted.state_dict.items()
    }
    return replace(fitted, state_dict=state), factor


def _warn_if_collapsed(held_out_auc: float, *, prior: float) -> None:
    """Warn where less is learnt than a quarter of what a perfect classifier would gain."""
    perfect_auc = 1.0 - prior / 2
    if held_out_auc - 0.5 < _LEAST_SHARE_LEARNT * (perfect_auc - 0.5):
        _logger.warning(
            "the label-free training learnt next to nothing: held-out AUC of positives against "
            "the pool %.2f, where 0.5 is chance and %.2f perfect; do not trust its ranking. Try "
            "another seed, more steps, a lower learning rate or another prior",
            held_out_auc,
            perfect_auc,
        )


def _train(
    pool: CandidatePool,
    positives: InjectedPositives,
    network: NetworkConfig,
    *,
    config: LabelFreeStart,
    seed: int,
    checkpoint_dir: Path | None,
    progress: Progress | None,
) -> FittedNetwork:
    shape = input_shape(pool)
    module = _PositiveUnlabelledModule(
        start_network(network, shape, seed=seed), positives.stamps, pool, config=config, seed=seed
    )
    loop = config.steps.loop(seed)
    settings = np.frombuffer(config.model_dump_json().encode(), dtype=np.uint8)
    best = train_epochs(
        module,
        loop,
        validate=None,
        fingerprint=training_fingerprint(
            loop, module.network, [settings, pool.candidate_ids, positives.hosts]
        ),
        checkpoint_dir=checkpoint_dir,
        resume=checkpoint_dir is not None,
        progress=progress,
    )
    return FittedNetwork(
        network_config=network,
        shape=shape,
        state_dict=best.best_state,
        history=tuple(best.history),
        best_epoch=best.best_epoch,
    )
