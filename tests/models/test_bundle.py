"""A bundle is whole and unaltered, or it is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skyvet.core.errors import BundleError, InvalidInputError
from skyvet.core.files import sha256_of_file
from skyvet.models.bundle import BUNDLE_FILES, find_bundles, load_bundle, reference_stamps
from skyvet.models.predictor import Predictor
from skyvet.records.scores import Verdict


@pytest.fixture
def copied(bundle_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_path, tmp_path / "copy"))


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_an_altered_file_is_refused(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=f"{name} was altered"):
        load_bundle(copied)


@pytest.mark.parametrize("name", [*BUNDLE_FILES, "SHA256SUMS"])
def test_a_missing_file_is_refused(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(BundleError, match=r"is missing|is not a bundle"):
        load_bundle(copied)


def test_another_network_under_right_hashes_is_refused(copied: Path) -> None:
    document = (copied / "bundle.json").read_text()
    first = document.index("reference_logits")
    (copied / "bundle.json").write_text(
        document[:first] + document[first:].replace("[", "[9.0,", 1).replace(",\n", ",\n", 1)
    )
    sums = "".join(f"{sha256_of_file(copied / n)}  {n}\n" for n in BUNDLE_FILES)
    (copied / "SHA256SUMS").write_text(sums)
    with pytest.raises((BundleError, ValueError)):
        Predictor(load_bundle(copied))


def test_a_graph_that_is_no_graph_is_refused(copied: Path) -> None:
    (copied / "model.onnx").write_bytes(b"not a graph")
    sums = "".join(f"{sha256_of_file(copied / n)}  {n}\n" for n in BUNDLE_FILES)
    (copied / "SHA256SUMS").write_text(sums)
    with pytest.raises(BundleError, match="cannot be opened"):
        Predictor(load_bundle(copied))


def test_a_label_names_the_exact_bundle(bundle_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    assert bundle.label.startswith("tiny-1+")
    assert bundle.sha256[:8] in bundle.label


def test_the_card_states_data_and_meaning(bundle_path: Path) -> None:
    card = load_bundle(bundle_path).card
    for heading in ("Intended use", "Training data", "What a score means", "Limits"):
        assert f"## {heading}" in card
    assert "none needed" in card


def test_bundles_of_a_folder_are_found(bundle_path: Path) -> None:
    assert find_bundles(bundle_path.parent)["bundle"] == bundle_path


def test_a_batch_scores_like_its_parts(bundle_path: Path) -> None:
    predictor = Predictor(load_bundle(bundle_path))
    pixels = np.random.default_rng(0).normal(100, 5, (70, 3, 63, 63)).astype(np.float32)
    whole = predictor.logits(pixels)
    parts = np.concatenate([predictor.logits(pixels[i : i + 1]) for i in range(70)])
    # sums of float32 in another order
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-4)


def test_scores_are_probabilities_that_keep_the_ranking(bundle_path: Path) -> None:
    predictor = Predictor(load_bundle(bundle_path))
    logits = np.linspace(-30, 30, 101).astype(np.float32)
    for prior in (None, 0.01, 0.5):
        score = predictor.probability(logits, prior=prior)
        assert score.min() >= 0
        assert score.max() <= 1
        assert (np.diff(score) >= 0).all()


def test_a_lower_prior_lowers_scores(bundle_path: Path) -> None:
    predictor = Predictor(load_bundle(bundle_path))
    logits = np.array([0.0, 1.0], dtype=np.float32)
    assert (predictor.probability(logits, prior=0.01) < predictor.probability(logits)).all()


def test_a_verdict_does_not_depend_on_the_prior_asked_for(bundle_path: Path) -> None:
    predictor = Predictor(load_bundle(bundle_path))
    logits = np.linspace(-8, 8, 41).astype(np.float32)
    surveys = ["ztf"] * 41
    native = predictor.assess(logits, surveys).verdict
    assert predictor.assess(logits, surveys, prior=0.05).verdict == native
    cut = predictor.threshold(prior=0.05)
    score = predictor.probability(logits, prior=0.05)
    decided = predictor.assess(logits, surveys, prior=0.05, alpha=0).verdict
    assert [v is Verdict.REAL for v in decided] == (score >= cut - 1e-12).tolist()


def test_a_foreign_survey_is_never_decided(bundle_path: Path) -> None:
    predictor = Predictor(load_bundle(bundle_path))
    result = predictor.assess(np.array([9.0, 9.0], np.float32), ["ztf", "lsst"], alpha=0)
    assert result.is_calibrated.tolist() == [True, False]
    assert result.verdict[1] is Verdict.REVIEW


def test_reference_stamps_are_the_same_everywhere(bundle_path: Path) -> None:
    config = load_bundle(bundle_path).info.stamps
    np.testing.assert_array_equal(reference_stamps(config), reference_stamps(config))
    assert reference_stamps(config).shape == (4, 6, 31, 31)


def test_missing_metadata_is_one_clear_error(bundle_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    info = bundle.info.model_copy(update={"metadata_names": ("fwhm",), "reference_logits": ()})
    predictor = Predictor(type(bundle)(path=bundle.path, info=info, sha256=bundle.sha256))
    with pytest.raises(InvalidInputError, match="fwhm"):
        predictor.logits(np.zeros((1, 3, 63, 63), np.float32))


@pytest.mark.integration
def test_scoring_loads_no_training_library(bundle_path: Path, night: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from skyvet.cli.main import main\n"
        "try:\n"
        f"    main(['score', {str(night)!r}, '--bundle', {str(bundle_path)!r},"
        f" '--out', {str(tmp_path / 's.parquet')!r}])\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'torch', 'lightning', 'sklearn', 'matplotlib', 'numba', 'astropy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("alpha", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("threshold", [None, 0.01, 0.5, 0.99])
def test_verdicts_never_fall_as_the_score_rises(
    bundle_path: Path, alpha: float, threshold: float | None
) -> None:
    predictor = Predictor(load_bundle(bundle_path))
    logits = np.linspace(-30, 30, 601).astype(np.float32)
    result = predictor.assess(logits, ["ztf"] * 601, alpha=alpha, threshold=threshold)
    rank = {Verdict.BOGUS: 0, Verdict.REVIEW: 1, Verdict.REAL: 2}
    assert (np.diff([rank[verdict] for verdict in result.verdict]) >= 0).all()
    if alpha == 0:
        assert Verdict.REVIEW not in result.verdict
