"""What every classifier of frame sequences must do."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.models.sequences.attention_mil import AttentionMilSettings
from skyvet.models.sequences.frame_inputs import FrameInputConfig
from skyvet.models.sequences.interface import MemberParts
from skyvet.models.sequences.members import MEMBER_LOADERS, load_member
from skyvet.models.sequences.recurrent import RecurrentSettings
from skyvet.models.sequences.set_transformer import SetTransformerSettings
from skyvet.records.sequences import EmbeddedSequences
from skyvet.training.configs import HardwareConfig
from skyvet.training.sequences.network_configs import (
    AttentionMilConfig,
    BiGruConfig,
    GruConfig,
    GruTverskyConfig,
    LstmConfig,
    SequenceBatchConfig,
    SetTransformerConfig,
)
from skyvet.training.sequences.networks import fit_network_classifier
from skyvet.training.sequences.pooled import fit_pooled
from skyvet.training.sequences.pooled_config import BoostingConfig, PooledConfig

RECURRENT = {
    "n_epochs": 2,
    "batches": SequenceBatchConfig(size=16, max_frames=12),
    "n_views": 3,
}
SET = {
    "n_epochs": 2,
    "inputs": FrameInputConfig(log_variances=True, robust_z=True, distances=True, context=True),
    "batches": SequenceBatchConfig(size=16, max_frames=12, least_share=0.5),
    "subtypes": ("ghost", "track"),
}
CONFIGS = {
    "pooled": PooledConfig(boosting=BoostingConfig(n_bags=1, n_rounds=5, min_leaf=5), n_trees=5),
    "gru": GruConfig(network=RecurrentSettings(hidden=8), **RECURRENT),
    "bigru": BiGruConfig(
        network=RecurrentSettings(hidden=8, is_bidirectional=True), n_networks=2, **RECURRENT
    ),
    "lstm": LstmConfig(network=RecurrentSettings(cell="lstm", hidden=8), **RECURRENT),
    "gru_tversky": GruTverskyConfig(network=RecurrentSettings(hidden=8), **RECURRENT),
    "attention_mil": AttentionMilConfig(
        network=AttentionMilSettings(width=8, gate_width=4, n_heads=2), n_networks=2, **SET
    ),
    "set_transformer": SetTransformerConfig(
        network=SetTransformerSettings(width=8, n_heads=2, n_inducing=4, n_seeds=2), **SET
    ),
}


@pytest.fixture(scope="module", params=CONFIGS)
def member(request, planted_sequences):
    """Each classifier, hastily trained."""
    labelled = planted_sequences(48, seed=1).labelled
    config = CONFIGS[request.param]
    if request.param == "pooled":
        return fit_pooled(labelled, config, seed=1)
    quiet = config.model_copy(update={"hardware": HardwareConfig(accelerator="cpu", n_threads=1)})
    return fit_network_classifier(labelled, quiet, seed=1)


@pytest.fixture(scope="module")
def sequences(planted_sequences) -> EmbeddedSequences:
    """Objects that no classifier has seen."""
    return planted_sequences(12, seed=2).labelled.sequences


def one_object(frames) -> EmbeddedSequences:
    values = np.asarray(frames, dtype=np.float32)
    return EmbeddedSequences(
        values=values,
        offsets=np.array([0, len(values)]),
        object_ids=np.array([5]),
        mjd_tai=np.full(len(values), np.nan),
        n_latent=3,
    )


def noise(n_frames: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_frames, 6))


def answers(member, sequences) -> tuple:
    return (
        member.logits(sequences),
        member.subtype_probabilities(sequences),
        member.frame_evidence(sequences),
    )


def assert_same_answers(found, expected, *, tolerance=1e-14):
    """The last bit may differ: NumPy sums long arrays in another order than short ones."""
    exact = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(found[0], expected[0], **exact)
    np.testing.assert_allclose(found[1], expected[1], **exact)
    assert (found[2] is None) == (expected[2] is None)
    for own, other in zip(found[2] or (), expected[2] or (), strict=True):
        np.testing.assert_allclose(own, other, **exact)


def test_gives_one_finite_logit_an_object_in_float64(member, sequences):
    logits = member.logits(sequences)
    assert logits.shape == (len(sequences),)
    assert logits.dtype == np.float64
    assert np.isfinite(logits).all()
    assert len(np.unique(logits)) > len(sequences) // 2


def test_an_answer_does_not_depend_on_companions(member, sequences):
    """Neither on the number of objects in a call nor on how long the others are."""
    logits, subtypes, evidence = answers(member, sequences)
    for i in range(len(sequences)):
        own = evidence if evidence is None else [evidence[i]]
        alone = answers(member, sequences.take(np.array([i])))
        assert_same_answers(alone, (logits[[i]], subtypes[[i]], own))
    giant = one_object(noise(400))
    companions = EmbeddedSequences(
        values=np.concatenate([sequences.values, giant.values]),
        offsets=np.concatenate([sequences.offsets, [len(sequences.values) + 400]]),
        object_ids=np.arange(len(sequences) + 1),
        mjd_tai=np.full(len(sequences.values) + 400, np.nan),
        n_latent=3,
    )
    np.testing.assert_allclose(member.logits(companions)[:-1], logits, rtol=1e-14, atol=1e-14)


def test_an_answer_does_not_depend_on_the_order_of_objects(member, sequences):
    logits, subtypes, evidence = answers(member, sequences)
    order = np.random.default_rng(1).permutation(len(sequences))
    shuffled = None if evidence is None else [evidence[i] for i in order]
    found = answers(member, sequences.take(order))
    assert_same_answers(found, (logits[order], subtypes[order], shuffled))


def test_answers_repeat(member, sequences):
    assert_same_answers(answers(member, sequences), answers(member, sequences))


@pytest.mark.parametrize("n_frames", [1, 2, 3, 1000])
def test_any_number_of_frames_is_judged(member, n_frames):
    one = one_object(noise(n_frames))
    logits, subtypes, evidence = answers(member, one)
    assert np.isfinite(logits).all()
    assert np.isfinite(subtypes).all()
    if evidence is not None:
        assert evidence[0].shape == (n_frames,)
        assert np.isfinite(evidence[0]).all()


@pytest.mark.parametrize("value", [0.0, 1e6], ids=["zeros", "huge"])
def test_constant_frames_are_judged(member, value):
    logits, subtypes, evidence = answers(member, one_object(np.full((20, 6), value)))
    assert np.isfinite(logits).all()
    assert np.isfinite(subtypes).all()
    assert evidence is None or np.isfinite(evidence[0]).all()


def test_one_absurd_frame_leaves_the_answer_finite(member):
    frames = noise(30)
    frames[4] = 1e6
    assert np.isfinite(member.logits(one_object(frames))).all()


def test_no_objects_give_no_answers(member, sequences):
    logits, subtypes, evidence = answers(member, sequences.take(np.array([], dtype=np.int64)))
    assert logits.shape == (0,)
    assert subtypes.shape == (0, len(member.subtype_names))
    assert evidence in (None, [])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_values_never_reach_a_classifier(bad):
    frames = noise(4)
    frames[2, 1] = bad
    with pytest.raises(InvalidInputError, match="finite"):
        one_object(frames)


def test_embeddings_of_another_encoder_are_refused(member):
    other = EmbeddedSequences(
        values=np.zeros((4, 8), np.float32),
        offsets=np.array([0, 4]),
        object_ids=np.array([1]),
        mjd_tai=np.full(4, np.nan),
        n_latent=4,
    )
    for ask in (member.logits, member.frame_evidence, member.subtype_probabilities):
        if ask(one_object(noise(4))) is None or not np.size(ask(one_object(noise(4)))):
            continue
        with pytest.raises(InvalidInputError, match="embed the frames with the encoder"):
            ask(other)


def test_subtypes_have_names_and_probabilities(member, sequences):
    found = member.subtype_probabilities(sequences)
    assert found.shape == (len(sequences), len(member.subtype_names))
    assert ((found >= 0) & (found <= 1)).all()


def stored_and_loaded(parts: MemberParts) -> MemberParts:
    """The parts after a journey through files."""
    buffer = io.BytesIO()
    np.savez(buffer, **parts.arrays)
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    graphs = {name: bytes(bytearray(content)) for name, content in parts.graphs.items()}
    return MemberParts(
        settings=json.loads(json.dumps(dict(parts.settings))), graphs=graphs, arrays=arrays
    )


def test_parts_rebuild_the_same_member(member, sequences):
    parts = stored_and_loaded(member.parts())
    assert parts.settings["kind"] == member.kind
    assert member.kind in MEMBER_LOADERS
    again = load_member(parts)
    assert again.subtype_names == member.subtype_names
    assert_same_answers(answers(again, sequences), answers(member, sequences))


def test_parts_that_lack_something_are_refused(member):
    parts = member.parts()
    for changes in ({"graphs": {}}, {"arrays": {}}, {"settings": {"kind": member.kind}}):
        whole = {"settings": parts.settings, "graphs": parts.graphs, "arrays": parts.arrays}
        with pytest.raises(BundleError):
            load_member(MemberParts(**(whole | changes)))


def test_a_graph_tells_nothing_of_the_machine_it_was_made_on(member):
    for content in member.parts().graphs.values():
        assert b"site-packages" not in content
        assert b".py" not in content


def test_scoring_needs_neither_pytorch_nor_scikit_learn(member, sequences, tmp_path):
    parts = member.parts()
    (tmp_path / "parts.pickle").write_bytes(pickle.dumps(parts))
    np.savez(tmp_path / "rows.npz", values=sequences.values, offsets=sequences.offsets)
    code = (
        "import sys, pickle, pathlib, numpy as np\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'torch', 'sklearn', 'onnx', 'lightning', 'numba'}:\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from skyvet.models.sequences.members import load_member\n"
        "from skyvet.records.sequences import EmbeddedSequences\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "member = load_member(pickle.loads((folder / 'parts.pickle').read_bytes()))\n"
        "rows = np.load(folder / 'rows.npz')\n"
        "n = len(rows['offsets']) - 1\n"
        "sequences = EmbeddedSequences(values=rows['values'], offsets=rows['offsets'],\n"
        "    object_ids=np.arange(n), mjd_tai=np.full(len(rows['values']), np.nan), n_latent=3)\n"
        "np.save(folder / 'logits.npy', member.logits(sequences))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "logits.npy"), member.logits(sequences))
