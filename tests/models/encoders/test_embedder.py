"""The saved encoder and the embedder: unaltered or refused, and the same rows in any company."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.io.frame_store import FrameStore
from skyvet.models.bundle_folder import write_bundle_folder
from skyvet.models.encoders.bundle import ENCODER_FILES, find_encoders, load_encoder
from skyvet.models.encoders.embedder import FrameEmbedder


@pytest.fixture(scope="module")
def embedder(encoder_path):
    return FrameEmbedder(load_encoder(encoder_path), n_threads=2)


@pytest.fixture(scope="module")
def frames(frame_store):
    return FrameStore(frame_store).sequence(11).sequence.frames


def rewrite(encoder_path, tmp_path, **changes):
    """Copy the encoder with other content of encoder.json and correct hashes."""
    contents = {name: (encoder_path / name).read_bytes() for name in ENCODER_FILES}
    info = json.loads(contents["encoder.json"]) | changes
    write_bundle_folder(tmp_path / "copy", contents | {"encoder.json": json.dumps(info).encode()})
    return tmp_path / "copy"


def test_folder_comes_back_with_its_description(encoder_path):
    bundle = load_encoder(encoder_path)
    assert bundle.info.n_latent == 4
    assert bundle.info.n_columns == 8
    assert bundle.label.startswith("tiny-1+")
    assert len(bundle.info.kl_per_dimension) == 4
    assert "Fake frames." in bundle.card


def test_altered_file_is_refused(encoder_path, tmp_path):
    shutil.copytree(encoder_path, tmp_path / "copy")
    path = tmp_path / "copy" / "encoder.json"
    path.write_text(path.read_text().replace('"size_px": 28', '"size_px": 29'))
    with pytest.raises(BundleError, match="altered"):
        load_encoder(tmp_path / "copy")


def test_newer_format_is_refused(encoder_path, tmp_path):
    path = rewrite(encoder_path, tmp_path, format_version=99)
    with pytest.raises(BundleError, match="format 99"):
        load_encoder(path)


def test_encoder_that_does_not_repeat_its_reference_is_refused(encoder_path, tmp_path):
    values = json.loads((encoder_path / "encoder.json").read_text())["reference_values"]
    values[0][0] += 0.1
    path = rewrite(encoder_path, tmp_path, reference_values=values)
    with pytest.raises(BundleError, match="reference"):
        FrameEmbedder(load_encoder(path))


def test_unknown_name_is_refused():
    with pytest.raises(BundleError, match="no-such-thing"):
        load_encoder("no-such-thing")


def test_every_shipped_encoder_loads_and_repeats_its_reference():
    for path in find_encoders().values():
        assert FrameEmbedder(load_encoder(path), n_threads=1).n_latent > 0


def test_usable_frames_have_rows_and_others_have_none(embedder, frames):
    spoilt = frames.copy()
    spoilt[1] = 7.0
    spoilt[3] = np.nan
    embedded = embedder.embed(spoilt)
    assert np.flatnonzero(~embedded.is_usable).tolist() == [1, 3]
    assert embedded.values.shape == (len(frames) - 2, 8)
    assert embedded.values.dtype == np.float32
    assert np.isfinite(embedded.values).all()


@pytest.mark.parametrize("n_frames", [0, 1, 2, 63, 64, 65, 200])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_rows_depend_neither_on_the_number_of_threads_nor_on_micro_batches(
    encoder_path, embedder, frames, n_frames, n_threads
):
    many = np.resize(frames, (n_frames, 28, 28))
    values = FrameEmbedder(load_encoder(encoder_path), n_threads=n_threads).embed(many).values
    assert values.shape == (n_frames, 8)
    np.testing.assert_allclose(values, embedder.embed(many).values, atol=1e-5)


def test_order_of_the_frames_is_the_order_of_the_rows(embedder, frames):
    forward = embedder.embed(frames).values
    backward = embedder.embed(frames[::-1]).values
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-4)


def test_one_bad_frame_leaves_the_rows_of_the_others(embedder, frames):
    spoilt = frames.copy()
    spoilt[2] += np.float32(5000.0) * np.eye(28, dtype=np.float32)
    clean, changed = embedder.embed(frames).values, embedder.embed(spoilt).values
    moved = np.abs(clean - changed).max(axis=1)
    others = np.delete(moved, 2)
    assert moved[2] > 20 * others.max()


def test_frames_of_another_size_are_cut_or_padded(embedder, frames):
    wide = np.pad(frames, ((0, 0), (3, 3), (3, 3)), constant_values=np.nan)
    np.testing.assert_allclose(
        embedder.embed(wide).values, embedder.embed(frames).values, atol=1e-5
    )
    assert embedder.embed(frames[:, 5:-5, 5:-5]).values.shape == (len(frames), 8)


def test_wrong_number_of_axes_is_refused(embedder):
    with pytest.raises(InvalidInputError, match="shape"):
        embedder.embed(np.zeros((28, 28)))


def test_embedding_needs_neither_torch_nor_safetensors(encoder_path):
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'torch', 'safetensors', 'lightning', 'numba', 'onnx'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import numpy as np\n"
        "from skyvet.models.encoders.bundle import load_encoder\n"
        "from skyvet.models.encoders.embedder import FrameEmbedder\n"
        "embedder = FrameEmbedder(load_encoder(sys.argv[1]))\n"
        "print(embedder.embed(np.random.default_rng(1).normal(size=(3, 28, 28))).values.shape)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(encoder_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "(3, 8)", done.stderr
