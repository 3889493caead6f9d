"""The test fold chooses nothing, groups stay whole, and what is packed scores as trained."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.sequence_bundle import load_sequence_bundle
from skyvet.models.sequences.predictor import SequencePredictor
from skyvet.scoring.curves import roc_auc
from skyvet.training.sequences.configs import SequenceTrainConfig
from skyvet.training.sequences.folds import FoldConfig, FoldScheme, assign_folds, groups_of
from skyvet.training.sequences.packing import SequenceBundleText, pack_sequences
from skyvet.training.sequences.pooled_config import BoostingConfig, PooledConfig
from skyvet.training.sequences.train import (
    cross_validate_sequences,
    train_sequences,
)

SMALL = PooledConfig(
    boosting=BoostingConfig(n_bags=1, n_rounds=12, min_leaf=5), n_trees=15, subtypes=("ghost",)
)
CONFIG = SequenceTrainConfig(classifiers=(SMALL,), n_inner_folds=2)
TEXT = SequenceBundleText(
    name="small", summary="for tests", surveys=("ztf",), encoder="none",
    data_description="made up", data_licence="none",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(labelled_sequences):
    return train_sequences(labelled_sequences(), CONFIG)


def test_held_out_scores_rank_and_are_probabilities(labelled_sequences, trained) -> None:
    labels = labelled_sequences().labels
    assert roc_auc(trained.held_out_logits, labels) > 0.9
    scores = trained.calibration.calibrator.probability(trained.held_out_logits)
    assert abs(scores.mean() - labels.mean()) < 0.1


def test_a_test_fold_never_reaches_its_own_scores(labelled_sequences) -> None:
    labelled = labelled_sequences()
    folds = FoldConfig(scheme=FoldScheme.PUBLISHED, n_folds=3)  # does not look at labels
    first = cross_validate_sequences(labelled, CONFIG, folds=folds)
    is_tested = first.folds == 0
    wrong = np.where(is_tested, 1 - labelled.labels, labelled.labels)
    lying = dataclasses.replace(labelled, labels=wrong)
    again = cross_validate_sequences(lying, CONFIG, folds=folds)
    np.testing.assert_array_equal(again.scores[is_tested], first.scores[is_tested])
    assert not np.allclose(again.scores[~is_tested], first.scores[~is_tested], atol=0.01)


def test_every_object_is_tested_once_with_its_kind(labelled_sequences) -> None:
    found = cross_validate_sequences(labelled_sequences(), CONFIG, folds=FoldConfig(n_folds=3))
    assert np.isfinite(found.scores).all()
    assert found.subtype_names == ("ghost",)
    is_ghost = labelled_sequences().has_tag("ghost")
    assert roc_auc(found.subtype_probabilities[:, 0], is_ghost) > 0.9


@pytest.mark.parametrize("scheme", [FoldScheme.BY_FIELD, FoldScheme.BY_READOUT_CHANNEL])
def test_groups_are_never_parted(scheme) -> None:
    rng = np.random.default_rng(0)
    fields, channels = rng.integers(250, 290, 300), rng.integers(1, 5, 300)
    ids = fields * 10**12 + 2 * 10**11 + 10**9 + channels * 10**8 + np.arange(300)
    labels = rng.integers(0, 2, 300)
    folds = assign_folds(ids, labels, FoldConfig(scheme=scheme))
    groups = groups_of(ids, scheme)
    parts = [fields] if scheme is FoldScheme.BY_FIELD else [fields, channels]
    n_groups = len({*zip(*(part.tolist() for part in parts), strict=True)})
    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1
    assert len(np.unique(groups)) == n_groups


def test_folds_by_field_need_oids(labelled_sequences) -> None:
    with pytest.raises(InvalidInputError, match="OID"):
        assign_folds(np.array(["a", "b"]), np.array([0, 1]), FoldConfig(scheme=FoldScheme.BY_FIELD))


def test_too_few_objects_of_a_class_are_refused(labelled_sequences) -> None:
    labelled = labelled_sequences()
    rows = np.flatnonzero(labelled.labels == 1)
    with pytest.raises(InvalidInputError, match="0 BOGUS"):
        train_sequences(labelled.take(rows), CONFIG)


def test_a_bundle_scores_as_what_was_trained(tmp_path, labelled_sequences, trained) -> None:
    labelled = labelled_sequences()
    bundle = pack_sequences(tmp_path / "b", trained, labelled, config=CONFIG, text=TEXT)
    predictor = SequencePredictor(load_sequence_bundle(tmp_path / "b"))
    np.testing.assert_allclose(
        predictor.logits(labelled.sequences),
        trained.logits(labelled.sequences),
        rtol=0,
        atol=1e-9,
    )
    assert bundle.info.data.n_real + bundle.info.data.n_bogus == len(labelled)
    assert "small 1" in bundle.card
    logits, found = predictor.assess_sequences(labelled.sequences, ["ztf"] * len(labelled))
    assert found.is_calibrated.all()
    assert np.corrcoef(logits, found.score)[0, 1] > 0.5
    names = {name for name, _ in predictor.subtypes(labelled.sequences).most_likely()}
    assert names == {"ghost"}


def test_the_planted_frame_is_the_first_evidence(tmp_path, labelled_sequences, trained) -> None:
    labelled = labelled_sequences()
    pack_sequences(tmp_path / "b", trained, labelled, config=CONFIG, text=TEXT)
    predictor = SequencePredictor(load_sequence_bundle(tmp_path / "b"))
    evidence = predictor.evidence(labelled.sequences, n_top=3)
    hits = []
    for i in np.flatnonzero((labelled.labels == 0) & (labelled.sequences.n_frames >= 8)):
        moved = labelled.sequences.frames_of(i)[:, :2].sum(axis=1).argmax()
        hits.append(moved in evidence[i].i_row)
        assert evidence[i].mjd_tai.tolist() == (58_000.0 + evidence[i].i_row).tolist()
    assert np.mean(hits) > 0.95


@pytest.mark.parametrize("name", ["bundle.json", "member-0.npz", "card.md"])
def test_an_altered_bundle_is_refused(tmp_path, labelled_sequences, trained, name) -> None:
    pack_sequences(tmp_path / "b", trained, labelled_sequences(), config=CONFIG, text=TEXT)
    path = tmp_path / "b" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(BundleError, match="was altered"):
        load_sequence_bundle(tmp_path / "b")


def test_other_embeddings_are_refused(tmp_path, labelled_sequences, trained) -> None:
    pack_sequences(tmp_path / "b", trained, labelled_sequences(), config=CONFIG, text=TEXT)
    predictor = SequencePredictor(load_sequence_bundle(tmp_path / "b"))
    sequences = labelled_sequences().sequences
    other = dataclasses.replace(sequences, values=sequences.values[:, :4], n_latent=2)
    with pytest.raises(InvalidInputError, match="3 latent dimensions"):
        predictor.logits(other)
