"""Training of sequence networks: they learn, repeat themselves, resume exactly, refuse nonsense."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from skyvet.core.errors import InvalidInputError, LeakageError
from skyvet.core.progress import SilentProgress
from skyvet.io.sequence_sources import read_sequences
from skyvet.models.sequences.attention_mil import AttentionMilSettings
from skyvet.models.sequences.frame_inputs import FrameInputConfig, fit_frame_inputs
from skyvet.models.sequences.recurrent import RecurrentSettings
from skyvet.models.sequences.set_transformer import SetTransformerSettings
from skyvet.preprocessing.sequences import LabelledSequences
from skyvet.records.labels import LabelValue
from skyvet.scoring.curves import roc_auc
from skyvet.training.configs import HardwareConfig, Monitor, OptimiserConfig
from skyvet.training.sequences.network_configs import (
    AttentionMilConfig,
    BiGruConfig,
    GruConfig,
    GruTverskyConfig,
    LstmConfig,
    NetworkClassifierConfig,
    SequenceBatchConfig,
    SetTransformerConfig,
    published_recipe,
)
from skyvet.training.sequences.networks import (
    fit_network_classifier,
    fit_sequence_network,
    predict_sequence_logits,
)
from skyvet.training.sequences.sequence_batches import SequenceRows

QUIET = HardwareConfig(accelerator="cpu", n_threads=1)
SMALL = BiGruConfig(
    network=RecurrentSettings(hidden=8, is_bidirectional=True),
    batches=SequenceBatchConfig(size=16, max_frames=20),
    hardware=QUIET,
    n_epochs=4,
)
MIL = AttentionMilConfig(
    n_networks=1,
    network=AttentionMilSettings(width=16, gate_width=8, dropout=0.0),
    batches=SequenceBatchConfig(size=16, max_frames=40, least_share=0.8),
    optimiser=OptimiserConfig(learning_rate=1e-2),
    hardware=QUIET,
    subtypes=("ghost", "track"),
)


def rows_of(labelled, config: NetworkClassifierConfig) -> SequenceRows:
    inputs = fit_frame_inputs(labelled.sequences, config.inputs)
    return SequenceRows.of(labelled, inputs, config.subtypes)


class StopAfter(SilentProgress):
    """Progress that breaks off the training, as a user would."""

    def __init__(self, n_epochs: int) -> None:
        self.n_left = n_epochs

    def advance(self, n_steps: int = 1) -> None:
        self.n_left -= n_steps
        if self.n_left < 0:
            raise RuntimeError("broken off")


@pytest.fixture(scope="module")
def mil(planted_sequences):
    return fit_network_classifier(
        planted_sequences(240, seed=1, max_frames=25).labelled, MIL, seed=1
    )


def test_attention_finds_artefacts_in_unseen_objects(planted_sequences, mil):
    unseen = planted_sequences(200, seed=2).labelled
    assert roc_auc(mil.logits(unseen.sequences), unseen.labels) > 0.97


def test_attention_names_the_guilty_frame(planted_sequences, mil):
    unseen, i_guilty = planted_sequences(200, seed=2)
    evidence = mil.frame_evidence(unseen.sequences)
    detected = (unseen.labels == 0) & (mil.logits(unseen.sequences) < 0)
    among_top_three = [
        i_guilty[i] in np.argsort(-evidence[i])[:3] for i in np.flatnonzero(detected)
    ]
    assert np.mean(among_top_three) > 0.9


def test_attention_tells_kinds_of_artefacts_apart(planted_sequences, mil):
    unseen = planted_sequences(200, seed=2).labelled
    found = mil.subtype_probabilities(unseen.sequences)
    assert mil.subtype_names == ("ghost", "track")
    for column, tag in zip(found.T, mil.subtype_names, strict=True):
        assert roc_auc(column, unseen.has_tag(tag)) > 0.95


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        GruTverskyConfig(network=RecurrentSettings(hidden=16)),
        SetTransformerConfig(
            network=SetTransformerSettings(width=16, n_inducing=4, n_seeds=2, dropout=0.0)
        ),
    ],
    ids=["bigru", "gru_tversky", "set_transformer"],
)
def test_other_networks_find_artefacts_too(planted_sequences, config):
    """Without export, which has tests of its own."""
    config = config.model_copy(
        update={
            "inputs": FrameInputConfig(robust_z=True, distances=True),
            "batches": SequenceBatchConfig(size=32, max_frames=25),
            "optimiser": OptimiserConfig(learning_rate=2e-2),
            "hardware": QUIET,
            "n_epochs": 10,
        }
    )
    fitted = fit_sequence_network(
        rows_of(planted_sequences(240, seed=1, max_frames=25).labelled, config), config
    )
    unseen = planted_sequences(100, seed=2).labelled
    rows = rows_of(unseen, config)
    logits = predict_sequence_logits(fitted.network, rows.prepared, rows.chosen)
    assert roc_auc(logits, unseen.labels) > 0.9
    assert fitted.history[-1].train_loss < fitted.history[0].train_loss


def test_the_same_seed_gives_the_same_network_and_another_seed_another(planted_sequences):
    labelled = planted_sequences(40, seed=1).labelled
    first = fit_network_classifier(labelled, SMALL, seed=3)
    torch.manual_seed(99)  # the global generator has no say
    again = fit_network_classifier(labelled, SMALL, seed=3)
    other = fit_network_classifier(labelled, SMALL, seed=4)
    logits = [member.logits(labelled.sequences) for member in (first, again, other)]
    np.testing.assert_array_equal(logits[0], logits[1])
    assert np.abs(logits[0] - logits[2]).max() > 1e-3


def test_scores_in_training_are_those_of_the_member(planted_sequences):
    """Padded batches in PyTorch, single objects in ONNX Runtime."""
    labelled = planted_sequences(60, seed=1).labelled
    config = SMALL.model_copy(update={"validation_fraction": 0.0, "n_views": 1})
    member = fit_network_classifier(labelled, config, seed=3)
    own = config.model_copy(update={"seed": 3})
    rows = rows_of(labelled, own)
    fitted = fit_sequence_network(rows, own)
    expected = predict_sequence_logits(fitted.network, rows.prepared, rows.chosen, max_frames=20)
    # float32 sums in another order
    np.testing.assert_allclose(member.logits(labelled.sequences), expected, atol=1e-5)


def test_networks_of_one_member_are_averaged_and_hold_out_other_objects(planted_sequences):
    labelled = planted_sequences(60, seed=1).labelled
    both = fit_network_classifier(labelled, SMALL.model_copy(update={"n_networks": 2}), seed=3)
    first = fit_network_classifier(labelled, SMALL, seed=3)
    second = fit_network_classifier(labelled, SMALL, seed=3 + 7919)
    parts = [member.logits(labelled.sequences) for member in (first, second)]
    assert np.abs(parts[0] - parts[1]).max() > 1e-3
    np.testing.assert_allclose(both.logits(labelled.sequences), np.mean(parts, axis=0), atol=1e-6)


def test_a_resumed_training_equals_an_uninterrupted_one(planted_sequences, tmp_path):
    labelled = planted_sequences(60, seed=1).labelled
    whole = fit_network_classifier(labelled, SMALL, seed=1)
    with pytest.raises(RuntimeError, match="broken off"):
        fit_network_classifier(
            labelled, SMALL, seed=1, checkpoint_dir=tmp_path, progress=StopAfter(2)
        )
    assert (tmp_path / "network-0" / "last.ckpt").is_file()
    resumed = fit_network_classifier(labelled, SMALL, seed=1, checkpoint_dir=tmp_path, resume=True)
    np.testing.assert_array_equal(
        resumed.logits(labelled.sequences), whole.logits(labelled.sequences)
    )


def test_the_best_epoch_is_that_of_the_validation_objects(planted_sequences):
    labelled = planted_sequences(60, seed=1).labelled
    wrong = planted_sequences(40, seed=2).labelled
    wrong = dataclasses.replace(wrong, labels=1 - wrong.labels)
    config = MIL.model_copy(update={"n_epochs": 8, "patience": 2})
    held_out = rows_of(wrong, config)
    fitted = fit_sequence_network(rows_of(labelled, config), config, validation=held_out)
    losses = [record.validation_loss for record in fitted.history]
    assert fitted.best_epoch == int(np.argmin(losses))
    assert len(losses) == min(8, fitted.best_epoch + 3)
    logits = predict_sequence_logits(fitted.network, held_out.prepared, held_out.chosen)
    loss = np.mean(np.logaddexp(0, logits) - wrong.labels * logits)
    assert loss == pytest.approx(min(losses), rel=1e-5)  # the same figures in float32


def test_objects_on_both_sides_are_refused(planted_sequences):
    labelled = planted_sequences(40, seed=1).labelled
    with pytest.raises(LeakageError, match="both sides"):
        fit_network_classifier(labelled, SMALL, validation=labelled.take(np.arange(4)))


def test_one_class_is_refused(planted_sequences):
    labelled = planted_sequences(40, seed=1).labelled
    single = labelled.take(np.flatnonzero(labelled.labels))
    config = SMALL.model_copy(update={"validation_fraction": 0.0})
    with pytest.raises(InvalidInputError, match="both REAL and BOGUS"):
        fit_network_classifier(single, config)
    config = SMALL.model_copy(update={"monitor": Monitor.AUC})
    with pytest.raises(InvalidInputError, match="monitor='auc' needs both"):
        fit_network_classifier(
            labelled,
            config,
            validation=dataclasses.replace(
                planted_sequences(8, seed=3).labelled, labels=np.zeros(8)
            ),
        )


def test_weights_of_objects_count(planted_sequences):
    """Objects without weight teach nothing, whatever their labels say."""
    labelled = planted_sequences(200, seed=1).labelled
    is_wrong = np.arange(200) % 3 == 0
    spoilt = dataclasses.replace(
        labelled,
        labels=np.where(is_wrong, 1 - labelled.labels, labelled.labels),
        weights=np.where(is_wrong, 0.0, 1.0),
    )
    config = MIL.model_copy(update={"validation_fraction": 0.0, "subtypes": ()})
    fitted = fit_sequence_network(rows_of(spoilt, config), config)
    unseen = planted_sequences(100, seed=2).labelled
    rows = rows_of(unseen, config)
    logits = predict_sequence_logits(fitted.network, rows.prepared, rows.chosen)
    assert roc_auc(logits, unseen.labels) > 0.95


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (GruConfig(), {"cell": "gru", "is_bidirectional": False}),
        (BiGruConfig(), {"cell": "gru", "is_bidirectional": True}),
        (LstmConfig(), {"cell": "lstm", "is_bidirectional": False}),
        (GruTverskyConfig(), {"cell": "gru", "is_bidirectional": False}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_the_rows_of_the_published_table_have_configs(config, published):
    settings = config.network.model_dump()
    assert settings | published | {"hidden": 128} == settings
    assert (config.loss.tversky_weight == 0.01) == (config.kind == "gru_tversky")
    assert (config.optimiser.weight_decay > 0) == (config.kind == "bigru")
    assert (config.loss.tversky_alpha, config.loss.tversky_beta) == (0.3, 0.7)
    again = type(config).model_validate_json(config.model_dump_json())
    assert again == config


def test_the_published_recipe_can_be_repeated(planted_sequences):
    config = published_recipe(BiGruConfig())
    assert (config.kind, config.n_epochs, config.batches.max_frames) == ("bigru", 500, None)
    labelled = planted_sequences(40, seed=1).labelled
    short = config.model_copy(update={"n_epochs": 1, "hardware": QUIET})
    member = fit_network_classifier(labelled, short)
    assert member.inputs.n_inputs == 3  # the latent means
    assert member.settings.max_frames is None
    assert published_recipe(GruConfig()).optimiser.weight_decay == 0.0


@pytest.mark.integration
@pytest.mark.parametrize(
    ("config", "least_auc"),
    [(BiGruConfig(n_epochs=6), 0.75), (AttentionMilConfig(n_epochs=6, n_networks=1), 0.84)],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_networks_learn_from_a_third_of_the_real_embeddings(shared_data, config, least_auc):
    table = read_sequences(shared_data)
    labels = np.array([label is LabelValue.REAL for label in table.labels], dtype=np.int8)
    labelled = LabelledSequences(
        sequences=table.sequences, labels=labels, tags=table.tags, weights=np.ones(len(labels))
    )
    own = config.model_copy(update={"hardware": QUIET})
    member = fit_network_classifier(labelled.take(np.arange(0, len(labels), 3)), own, seed=1)
    unseen = labelled.take(np.arange(1, len(labels), 6))
    assert roc_auc(member.logits(unseen.sequences), unseen.labels) > least_auc
