"""RB-C1000's recipe and skyvet's on one simulated pool: same network, input size, test rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from benchmarks.few_label_pool import PoolConfig, SimulatedPool, open_pool
from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.models.networks import NetworkConfig
from skyvet.models.resnet import ResNetConfig
from skyvet.preprocessing.normalization import StampConfig
from skyvet.preprocessing.pools import CandidatePool
from skyvet.scoring.curves import roc_auc
from skyvet.scoring.metrics import mdr_at_fpr
from skyvet.scoring.reproduction_metrics import rb_c1000_figures
from skyvet.strategies.few_label_recipe import FewLabelRecipe, run_few_label_recipe
from skyvet.strategies.learners.rb_c1000 import RbC1000Config, run_rb_c1000
from skyvet.strategies.learners.rb_c1000_rules import RbC1000Split, split_rb_c1000
from skyvet.strategies.learners.semi_supervised import SemiSupervisedLearner
from skyvet.strategies.queries.interface import Opinion
from skyvet.strategies.semi_supervised.configs import MixedTraining
from skyvet.strategies.semi_supervised.consistency import FixMatchConfig
from skyvet.strategies.semi_supervised.mixed_batches import MixedBatchConfig
from skyvet.training.configs import HardwareConfig, OptimiserConfig, Precision
from skyvet.training.steps import StepsConfig

__all__ = ["BUDGETS", "SIZES", "Size", "figures_of", "run_our_part", "run_ours", "run_recipe_part"]

SizeName = Literal["tiny", "small", "full"]
Row = dict[str, float]

BUDGETS = (100, 200, 1000)
_OPTIMISER = OptimiserConfig(learning_rate=2e-3, warm_up_fraction=0.1, ema_decay=0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Settings of a run.

    Parameters
    ----------
    pool : PoolConfig
        The simulated pool.
    input_px : int
        Side of the central part that both contenders' network sees [pixels].
    network : NetworkConfig
        Both contenders' network.
    recipe : RbC1000Config
        The recipe with that network.
    ours : FewLabelRecipe
        skyvet's recipe with that network.
    """

    pool: PoolConfig
    input_px: int
    network: NetworkConfig
    recipe: RbC1000Config
    ours: FewLabelRecipe

    @property
    def fingerprint(self) -> str:
        """All settings as text."""
        parts = (self.pool, self.network, self.recipe, self.ours)
        return f"{self.input_px} " + " ".join(part.model_dump_json() for part in parts)


def _small() -> Size:
    network = ResNetConfig(depth=18, width=16, stem="small", dropout=0.0)
    hardware = HardwareConfig(accelerator="cpu", precision=Precision.FLOAT32, n_threads=1)
    half_precision = hardware.model_copy(update={"precision": Precision.BFLOAT16})
    return Size(
        pool=PoolConfig(),
        input_px=31,
        network=network,
        recipe=RbC1000Config(
            network=network, hardware=hardware, learning_rate=1e-2, n_pseudo_epochs=20
        ),
        ours=_ours(network, half_precision, n_steps=1000),
    )


def _full() -> Size:
    recipe = RbC1000Config()
    return Size(
        pool=PoolConfig(),
        input_px=63,
        network=recipe.network,
        recipe=recipe,
        ours=_ours(recipe.network, HardwareConfig(), n_steps=3000),
    )


def _ours(network: NetworkConfig, hardware: HardwareConfig, *, n_steps: int) -> FewLabelRecipe:
    """Return skyvet's recipe; what is not named here is its default."""
    final = MixedTraining(
        network=network,
        steps=StepsConfig(n_steps=n_steps, optimiser=_OPTIMISER, hardware=hardware),
        batches=MixedBatchConfig(n_labelled=64, unlabelled_ratio=1.5),
        consistency=FixMatchConfig(threshold=0.95),
    )
    quick = StepsConfig(n_steps=150, hardware=hardware)
    return FewLabelRecipe(
        quick=quick,
        final=SemiSupervisedLearner(
            member=final,
            quick=quick,
            n_folds=2,
            pseudo_labels=None,
            with_dihedral_average=True,
        ),
    )


def _tiny() -> Size:
    small = _small()
    network = ResNetConfig(depth=18, width=2, stem="small", dropout=0.0)
    changes = {
        "network": network, "n_first": 90, "n_queried": 9, "n_rounds": 1, "n_epochs": 3,
        "n_pseudo_epochs": 2,
    }  # fmt: skip
    return dataclasses.replace(
        small,
        pool=PoolConfig(n_real=130, n_bogus=300),
        network=network,
        recipe=small.recipe.model_copy(update=changes),
    )


SIZES: dict[str, Size] = {"tiny": _tiny(), "small": _small(), "full": _full()}
"""Runs by name; ``tiny`` only shows that every part works, its figures mean nothing."""


def run_recipe_part(size: SizeName, seed: int, *, cache: Path) -> list[dict[str, Any]]:
    """Run the recipe with one split and training; return one row a stage."""
    settings = SIZES[size]
    pool = open_pool(settings.pool, cache)
    split = split_of(pool, settings, seed)
    rows = np.concatenate([split.first, split.pool])
    raw = pool.take(rows).raw(settings.input_px)
    tested = pool.take(split.test).raw(settings.input_px)
    truth = pool.labels[rows]
    stages = run_rb_c1000(
        raw,
        lambda asked: truth[asked],
        settings.recipe,
        i_first=np.arange(len(split.first)),
        seed=seed,
        work_dir=cache / f"rb_c1000-{size}-{seed}",
    )
    return [
        {
            "stage": stage.name,
            "n_labels_paid": stage.n_labels_paid,
            "n_labels_kept": stage.n_labels_kept,
            "n_pseudo": len(stage.i_pseudo),
            "pseudo_right": _share(truth[stage.i_pseudo] == stage.pseudo_labels),
            "seconds": stage.seconds,
            **figures_of(stage.classifier.judge(tested), pool.labels[split.test]),
        }
        for stage in stages
    ]


def run_our_part(size: SizeName, seed: int, *, cache: Path) -> dict[str, Row]:
    """Run skyvet's recipe on the same test rows; return the figures of each budget."""
    settings = SIZES[size]
    pool = open_pool(settings.pool, cache)
    split = split_of(pool, settings, seed)
    rest = np.setdiff1d(np.arange(len(pool)), split.test)
    prepared = pool.take(np.concatenate([rest, split.test])).prepared(
        StampConfig(with_mask_planes=False), settings.input_px
    )
    opinions = run_ours(
        prepared.take(np.arange(len(rest))),
        pool.labels[rest],
        tested=prepared.take(np.arange(len(rest), len(prepared))),
        budgets=BUDGETS,
        seed=seed,
        settings=settings,
    )
    truth = pool.labels[split.test]
    return {str(budget): figures_of(opinion, truth) for budget, opinion in opinions.items()}


def run_ours(
    pool: CandidatePool,
    truth: IntArray,
    *,
    tested: CandidatePool,
    budgets: Sequence[int],
    seed: int,
    settings: Size,
) -> dict[int, Opinion]:
    """Buy labels of the pool by skyvet's recipe and judge the test rows at each budget.

    Parameters
    ----------
    pool : CandidatePool
        Unlabelled rows, all of which may be used.
    truth : ndarray, shape (n,)
        Their labels, to be bought row by row.
    tested : CandidatePool
        Rows to judge; nothing may be learnt from them.
    budgets : sequence of int
        Numbers of labels, ascending.
    seed : int
        Of everything.
    settings : Size
        Network and hardware.
    """
    stages = run_few_label_recipe(
        pool, lambda rows: truth[rows], settings.ours, budgets=budgets, seed=seed
    )
    return {len(stage.bought): stage.classifier.judge(tested) for stage in stages}


def split_of(pool: SimulatedPool, settings: Size, seed: int) -> RbC1000Split:
    """Return the split of a seed, the same for both contenders."""
    recipe = settings.recipe
    if recipe.n_first >= len(pool):
        raise InvalidInputError(f"a pool of {len(pool)} is too small for {recipe.n_first} labels")
    return split_rb_c1000(
        len(pool),
        n_first=recipe.n_first,
        n_pool=10_000,
        test_fraction=0.1,
        rng=np.random.default_rng(seed),
    )


def figures_of(opinion: Opinion, labels: IntArray) -> Row:
    """Return RB-C1000's row and the standard figures of an opinion."""
    scores: FloatArray = expit(opinion.logits.astype(np.float64))
    row = rb_c1000_figures(scores, labels)
    return {
        **dataclasses.asdict(row),
        "sum": row.total,
        "error": 1 - row.accuracy,
        "auc": roc_auc(scores, labels),
        "mdr_at_fpr_1": mdr_at_fpr(scores, labels, fpr=0.01),
    }


def _share(is_right: np.ndarray) -> float | None:
    return float(is_right.mean()) if len(is_right) else None
