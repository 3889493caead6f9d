"""The encoder page: says what the arrays say, alone and escaped."""

from __future__ import annotations

import re

import numpy as np
import pytest

from skyvet.core.errors import InvalidInputError
from skyvet.evaluation.encoder_page import EncoderFacts, render_encoder_page, write_encoder_page


def make_facts(n_latent=8, n_active=6, **changes):
    rng = np.random.default_rng(1)
    active = np.arange(n_latent) < n_active
    originals = rng.normal(size=(5, 12, 12))
    originals[0, :3] = np.nan
    values = {
        "title": "tiny, version 1", "summary": "compact_vae", "data": "Fake frames.",
        "mean_variance": np.where(active, 0.9, 1e-5), "kl_nats": np.where(active, 1.5, 1e-4),
        "active_mask": active, "reconstruction": 0.1, "blank_reconstruction": 0.4,
        "n_frames": 4096, "train_loss": np.array([0.5, 0.4, 0.3]),
        "validation_loss": np.array([0.6, 0.5, 0.55]), "best_epoch": 1, "originals": originals,
        "restored": rng.normal(size=(5, 12, 12)), "traversal": rng.normal(size=(2, 3, 12, 12)),
        "traversed": np.array([0, 4]), "steps": np.array([-2.0, 0.0, 2.0]),
        "settings_json": '{"seed": 1}', "skyvet_version": "0",
    }  # fmt: skip
    return EncoderFacts(**(values | changes))


def text_of(page):
    return re.sub(
        r"\s+",
        " ",
        re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL),
    )


def test_page_says_what_the_arrays_say():
    text = text_of(render_encoder_page(make_facts()))
    assert "6 of 8 dimensions are in use" in text
    assert "2 dimensions are the same for every frame and say nothing of it" in text
    assert "9.0 nats" in text
    assert "75% less error" in text
    assert "Epoch 2 of 3 was kept" in text


@pytest.mark.parametrize(("n_active", "tone"), [(6, "PASS"), (5, "FAIL"), (0, "FAIL"), (8, "PASS")])
def test_three_quarters_alive_is_good(n_active, tone):
    assert f'class="verdict {tone}"' in render_encoder_page(make_facts(n_active=n_active))


@pytest.mark.parametrize(
    ("reconstruction", "tone", "words"),
    [
        (0.1, "PASS", "75% less error"),
        (0.36, "PASS", "10% less error"),
        (0.37, "UNDECIDED", "only 7.5% less error than the mean frame"),
        (0.3999, "UNDECIDED", "only 0.0% less error than the mean frame"),
        (0.4, "UNDECIDED", "no less error than the mean frame"),
        (0.41, "UNDECIDED", "more error than the mean frame"),
    ],
)
def test_hardly_less_error_than_the_mean_frame_is_no_pass(reconstruction, tone, words):
    page = render_encoder_page(make_facts(reconstruction=reconstruction))
    assert f'class="verdict {tone}"' in page
    assert words in text_of(page)
    assert ("hardly tell" in text_of(page)) == (tone != "PASS")
    assert "-0%" not in page


def test_every_frame_and_step_has_its_picture():
    page = render_encoder_page(make_facts())
    assert page.count('src="data:image/png;base64,') == 5 * 3 + 2 * 3


def test_page_loads_nothing_from_elsewhere_and_escapes_text():
    page = render_encoder_page(make_facts(title='<img src="http://evil">', data="a < b"))
    assert '<img src="http' not in page
    assert "a &lt; b" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_deterministic_encoder_has_no_divergence():
    page = render_encoder_page(make_facts(kl_nats=np.full(8, np.nan)))
    assert "nats (" not in text_of(page)
    assert "variance of the mean" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"train_loss": np.array([0.5]), "validation_loss": np.array([np.nan]), "best_epoch": 0},
        {"blank_reconstruction": 0.0},
        {"originals": np.zeros((0, 12, 12)), "restored": np.zeros((0, 12, 12))},
        {"originals": np.zeros((2, 12, 12)), "restored": np.zeros((2, 12, 12))},
        {"traversal": np.zeros((0, 3, 12, 12)), "traversed": np.zeros(0, int)},
        {"traversal": np.zeros((2, 3, 12, 12))},
    ],
    ids=["one epoch", "no blank error", "no frames", "flat frames", "no walks", "flat walks"],
)
def test_edges_are_drawn(changes):
    assert "</html>" in render_encoder_page(make_facts(**changes))


def test_shapes_must_agree():
    with pytest.raises(InvalidInputError, match="one entry a dimension"):
        make_facts(kl_nats=np.zeros(3))
    with pytest.raises(InvalidInputError, match="share a shape"):
        make_facts(restored=np.zeros((4, 12, 12)))
    with pytest.raises(InvalidInputError, match="traversal"):
        make_facts(steps=np.zeros(2))


def test_file_is_written_whole(tmp_path):
    write_encoder_page(make_facts(), tmp_path / "new" / "encoder.html")
    assert (tmp_path / "new" / "encoder.html").read_text().rstrip().endswith("</html>")
