"""`skyvet train encoder` and `skyvet embed`: what they write, say and refuse."""

from __future__ import annotations

import json

import pytest

from skyvet.cli.main import main
from skyvet.cli.train_encoder import _over_recipe, shown_metrics
from skyvet.evaluation.words import restoration_warning
from skyvet.io.embedding_store import EmbeddingStore
from skyvet.models.encoders.bundle import load_encoder
from skyvet.models.encoders.published_vae import PublishedVaeConfig
from skyvet.training.encoders.configs import EncoderTrainConfig, recipe_config

QUICK = ("--n-epochs", "1", "--hardware.n-threads", "1")


def run(capsys, *words):
    """Call the program; return its exit code and what it printed."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    captured = capsys.readouterr()
    return ended.value.code or 0, captured


def test_recipe_is_changed_by_what_is_given_alone():
    given = EncoderTrainConfig.model_validate({"n_epochs": 2, "optimiser": {"weight_decay": 0.5}})
    config = _over_recipe("published", given)
    assert config.encoder == PublishedVaeConfig()
    assert (config.n_epochs, config.optimiser.weight_decay) == (2, 0.5)
    assert config.optimiser.learning_rate == recipe_config("published").optimiser.learning_rate


def test_another_network_replaces_that_of_the_recipe():
    given = EncoderTrainConfig.model_validate({"encoder": {"kind": "masked_autoencoder"}})
    assert _over_recipe("default", given).encoder.kind == "masked_autoencoder"


def test_frames_become_an_encoder_and_embeddings(frame_store, tmp_path, capsys):
    out = tmp_path / "encoder"
    code, printed = run(capsys, "train", "encoder", frame_store, "--out", out, "--json", *QUICK)
    assert code == 0, printed.err
    document = json.loads(printed.out)
    assert document["n_latent"] == load_encoder(out).info.n_latent
    assert out.with_name("encoder.html").is_file()
    assert not out.with_name("encoder.checkpoints").exists()
    store = tmp_path / "embeddings"
    code, printed = run(capsys, "embed", frame_store, "--encoder", out, "--out", store, "--json")
    assert code == 0, printed.err
    document = json.loads(printed.out)
    assert document["n_embedded"] == document["n_read"] == 12
    assert len(EmbeddingStore(store).read()) == 12


def test_tables_are_printed_for_people(frame_store, encoder_path, tmp_path, capsys):
    code, printed = run(
        capsys, "embed", frame_store, "--encoder", encoder_path, "--out", tmp_path / "out"
    )
    assert code == 0
    assert "frames embedded" in printed.out


def test_the_terminal_counts_epochs_from_one_and_warns_as_the_page_does():
    metrics = {"best_epoch": 0, "n_epochs": 3, "reconstruction": 0.39, "blank_reconstruction": 0.4}
    assert dict(shown_metrics(metrics))["best_epoch"] == 1
    assert metrics["best_epoch"] == 0
    assert "only 2.5% less error than the mean frame" in restoration_warning(0.39, 0.4)
    assert restoration_warning(0.2, 0.4) == ""


def test_training_that_restores_nothing_says_so(frame_store, tmp_path, capsys):
    code, printed = run(
        capsys, "train", "encoder", frame_store, "--out", tmp_path / "encoder", "--no-page", *QUICK
    )
    assert code == 0, printed.err
    metrics = load_encoder(tmp_path / "encoder").info.metrics
    warning = restoration_warning(metrics["reconstruction"], metrics["blank_reconstruction"])
    assert warning
    assert " ".join(warning.split()) in " ".join(printed.err.split())


def test_simulated_frames_alone_are_enough(tmp_path, capsys):
    pytest.importorskip("numba")
    words = ("--simulated", "10", "--no-page", "--out", tmp_path / "encoder")
    code, printed = run(capsys, "train", "encoder", *words, *QUICK, "--json")
    assert code == 0, printed.err
    assert "Simulated" in load_encoder(tmp_path / "encoder").info.data.description
    assert json.loads(printed.out)["page"] is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("train", "encoder", "--out", "x"), "no frame to train on"),
        (("embed", "nowhere", "--out", "x", "--encoder", "nothing"), "no encoder 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed = run(capsys, *words)
    assert code != 0
    assert expected in printed.err
    assert "Traceback" not in printed.err
