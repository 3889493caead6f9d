"""Train one network on labelled and unlabelled rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress
from skyvet.models.interface import TripletNetwork
from skyvet.preprocessing.augmentation import AugmentationConfig, augment
from skyvet.preprocessing.triplets import TripletArrays
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.strategies.semi_supervised.consistency import (
    NoConsistencyConfig,
    align_logits,
    consistency_loss,
    ramp_up,
)
from skyvet.strategies.semi_supervised.domain import coral_loss
from skyvet.strategies.semi_supervised.mixed_batches import (
    MixedBatch,
    MixedBatches,
    UnlabelledBatch,
    UnlabelledRows,
)
from skyvet.training.fit import FittedNetwork
from skyvet.training.loop import train_epochs, training_fingerprint
from skyvet.training.losses import triplet_loss
from skyvet.training.module import EpochModule
from skyvet.training.start import input_shape, start_network

__all__ = ["MixedModule", "fit_mixed"]

_MEAN_DECAY = 0.95  # of the teacher's mean probability, a step


class MixedModule(EpochModule):
    """A network, its labelled and unlabelled rows, its teacher.

    Parameters
    ----------
    network : TripletNetwork
        Trained in place. The running mean of its weights is the teacher.
    labelled : TripletArrays
        Rows with a label.
    unlabelled : UnlabelledRows or None
        Rows without.
    config : MixedTraining
        Everything else.
    seed : int
        Of order, augmentation and dropout.
    prior : float, optional
        Expected fraction of REAL among the unlabelled rows; the teacher is aligned to it.
    """

    network: TripletNetwork
    mean_probability: Tensor

    def __init__(
        self,
        network: TripletNetwork,
        labelled: TripletArrays,
        config: MixedTraining,
        *,
        unlabelled: UnlabelledRows | None,
        seed: int,
        prior: float | None = None,
    ) -> None:
        super().__init__(network, config.steps.loop(seed))
        self.register_buffer("mean_probability", torch.tensor(0.5 if prior is None else prior))
        self._labelled = labelled
        self._unlabelled = unlabelled
        self._config = config
        self._seed = seed
        self._prior = prior
        self._has_masks = labelled.has_mask_planes

    def make_batches(self, *, rank: int, world_size: int) -> MixedBatches:
        """Return a process's steps."""
        return MixedBatches(
            self._labelled,
            self._unlabelled,
            self._config.batches,
            n_steps=self._config.steps.steps_per_epoch,
            seed=self._seed,
            rank=rank,
            world_size=world_size,
        )

    def batch_loss(self, batch: MixedBatch, seed: int) -> Tensor:
        """Return the loss of one step: labels, pseudo-labels, consistency."""
        generator = torch.Generator(device=self.device)
        generator.manual_seed(seed)
        config, labelled, unlabelled = self._config, batch.labelled, batch.unlabelled
        stamps = self._changed(labelled.stamps, config.labelled_augmentation, generator)
        metadata = labelled.metadata
        n_labelled = len(stamps)
        if unlabelled is not None:
            strong = self._changed(unlabelled.stamps, config.strong_augmentation, generator)
            stamps = torch.cat([stamps, strong])
            if metadata is not None and unlabelled.metadata is not None:
                metadata = torch.cat([metadata, unlabelled.metadata])
        features = self.network.features(stamps, metadata)
        logits = self.network.head(features).squeeze(1)
        loss = triplet_loss(
            logits[:n_labelled], labelled.targets, labelled.weights, config=config.loss
        )
        if unlabelled is None:
            return loss
        if config.coral_weight:
            gap = coral_loss(features[:n_labelled], features[n_labelled:])
            loss = loss + config.coral_weight * gap
        return loss + self._unlabelled_loss(logits[n_labelled:], unlabelled, generator)

    def _unlabelled_loss(
        self, logits: Tensor, batch: UnlabelledBatch, generator: torch.Generator
    ) -> Tensor:
        """Return what pseudo-labels and teacher say against the logits of the strong views."""
        config = self._config
        has_target = ~torch.isnan(batch.targets)
        loss = config.pseudo_label_weight * triplet_loss(
            logits,
            torch.nan_to_num(batch.targets),
            batch.weights * has_target,
            config=config.loss,
        )
        # A batch's share of pseudo-labels scales their loss, as it scales that of confident rows.
        loss = loss * has_target.float().mean()
        if isinstance(config.consistency, NoConsistencyConfig):
            return loss
        weak = self._changed(batch.stamps, config.weak_augmentation, generator)
        taught = consistency_loss(logits, self._teach(weak, batch.metadata), config.consistency)
        done = self.trainer.global_step / max(int(self.trainer.estimated_stepping_batches), 1)
        weight = config.consistency.weight * ramp_up(done, config.consistency.ramp_up_fraction)
        return loss + weight * (taught * ~has_target).mean()

    @torch.no_grad()
    def _teach(self, stamps: Tensor, metadata: Tensor | None) -> Tensor:
        """Return the teacher's logits, aligned to the expected fraction of REAL."""
        teacher = self.averaged_network.to(self.device)
        was_training = teacher.training
        teacher.eval()
        logits: Tensor = teacher(stamps, metadata).float()
        teacher.train(was_training)
        if self._prior is None or not self._config.with_alignment:
            return logits
        self.mean_probability.lerp_(torch.sigmoid(logits).mean(), 1 - _MEAN_DECAY)
        return align_logits(logits, mean_probability=self.mean_probability, prior=self._prior)

    def _changed(
        self, stamps: Tensor, config: AugmentationConfig, generator: torch.Generator
    ) -> Tensor:
        """Return a randomly changed view."""
        return augment(stamps, config, generator, has_masks=self._has_masks)


def fit_mixed(
    labelled: TripletArrays,
    config: MixedTraining,
    *,
    seed: int,
    unlabelled: UnlabelledRows | None = None,
    prior: float | None = None,
    initial_state: Mapping[str, Tensor] | None = None,
    checkpoint_dir: Path | None = None,
    progress: Progress | None = None,
) -> FittedNetwork:
    """Train a network for a number of steps and return the running mean of its weights.

    Parameters
    ----------
    labelled : TripletArrays
        Rows with a label, of both classes; none is set aside.
    config : MixedTraining
        Network, steps, losses, augmentation.
    seed : int
        Of weights, order, augmentation and dropout.
    unlabelled : UnlabelledRows, optional
        Rows without a label. None trains on labels alone.
    prior : float, optional
        Expected fraction of REAL among them, in (0, 1).
    initial_state : mapping of str to Tensor, optional
        Weights to start from.
    checkpoint_dir : Path, optional
        A stopped training goes on from the checkpoint there and ends with the same result.
    progress : Progress, optional
        Told of the parts of the training.

    Returns
    -------
    FittedNetwork

    Raises
    ------
    InvalidInputError
        If a class is missing, the rows differ in shape, or weights do not fit the network.
    """
    _check_rows(labelled, unlabelled)
    shape = input_shape(labelled)
    metadata = labelled.metadata if unlabelled is None else unlabelled.pool.metadata
    network = start_network(
        config.network, shape, seed=seed, metadata=metadata, initial_state=initial_state
    )
    module = MixedModule(network, labelled, config, unlabelled=unlabelled, seed=seed, prior=prior)
    loop = config.steps.loop(seed)
    settings = np.frombuffer(config.model_dump_json().encode(), dtype=np.uint8)
    rows = [labelled.candidate_ids, labelled.targets]
    if unlabelled is not None:
        rows.append(unlabelled.pool.candidate_ids)
        rows += [part for part in (unlabelled.targets, unlabelled.weights) if part is not None]
    best = train_epochs(
        module,
        loop,
        validate=None,
        fingerprint=training_fingerprint(loop, network, [settings, *rows]),
        checkpoint_dir=checkpoint_dir,
        resume=checkpoint_dir is not None,
        progress=progress,
    )
    return FittedNetwork(
        network_config=config.network,
        shape=shape,
        state_dict=best.best_state,
        history=tuple(best.history),
        best_epoch=best.best_epoch,
    )


def _check_rows(labelled: TripletArrays, unlabelled: UnlabelledRows | None) -> None:
    """Refuse rows that cannot be learnt from together."""
    if len(np.unique(labelled.labels)) < 2:
        raise InvalidInputError(
            f"training needs both REAL and BOGUS, got {len(labelled)} rows of one class; "
            "buy labels of the other one"
        )
    if unlabelled is None:
        return
    shapes = (labelled.stamps.shape[1:], unlabelled.pool.stamps.shape[1:])
    if shapes[0] != shapes[1]:
        raise InvalidInputError(
            f"labelled and unlabelled stamps must have one shape, got {shapes[0]} and {shapes[1]}"
        )
