"""The default classifier on expert-labelled ZTF objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skyvet.io.sequence_sources import read_sequences
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.records.labels import LabelValue
from skyvet.scoring.curves import roc_auc
from skyvet.training.sequences.pooled import fit_pooled
from skyvet.training.sequences.pooled_config import PooledConfig

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def labelled(shared_data: Path) -> LabelledSequences:
    """A third of the objects, enough to learn from in seconds."""
    table = read_sequences(shared_data / "ztf_frame_embeddings")
    whole = LabelledSequences(
        sequences=table.sequences,
        labels=np.array([label is LabelValue.REAL for label in table.labels], dtype=np.int8),
        tags=table.tags,
        weights=np.ones(len(table.labels), dtype=np.float32),
    )
    return whole.take(np.arange(0, len(whole), 3))


@pytest.mark.parametrize(("with_light_curve", "bar"), [(False, 0.87), (True, 0.92)])
def test_held_out_objects_are_told_apart(labelled, with_light_curve, bar):
    chosen = labelled if with_light_curve else labelled.without_light_curve()
    is_held_out = np.random.default_rng(3).random(len(chosen)) < 0.4
    member = fit_pooled(chosen.take(np.flatnonzero(~is_held_out)), PooledConfig(), seed=0)
    held_out = chosen.take(np.flatnonzero(is_held_out))
    logits = member.logits(held_out.sequences)
    assert roc_auc(logits, held_out.labels) > bar
    alone = member.logits(held_out.sequences.take(np.array([7])))
    np.testing.assert_allclose(alone, logits[7:8], atol=1e-6)
    ghosts = member.subtype_probabilities(held_out.sequences)[:, 0]
    assert roc_auc(ghosts, held_out.has_tag("ghost")) > 0.85
