"""The report on objects with frame sequences: words, gate, slices, examples, strips."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from tests.evaluation.test_page import _outline

from skyvet.evaluation import pages
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import EvaluationResult
from skyvet.evaluation.report import evaluate
from skyvet.evaluation.summary import headline_numbers, summary_rows
from skyvet.evaluation.words import command_line, plain_summary
from skyvet.io.frame_lookup import ObjectFrames
from skyvet.io.frame_store import StoredSequence
from skyvet.records.frames import FrameSequence
from skyvet.records.light_curve import LightCurve

QUICK = EvaluationConfig(n_resamples=20, n_examples=2)
N = 240


def make_objects(n: int = N) -> pa.Table:
    """Scored and labelled objects of six fields, with tags and suspicious frames."""
    rng = np.random.default_rng(8)
    is_real = np.arange(n) % 3 == 0
    score = 1 / (1 + np.exp(-np.where(is_real, 2.0, -2.0) - rng.normal(size=n)))
    tags = np.where(is_real, "VAR", np.where(np.arange(n) % 2, "ghost, bright_star", "ghost"))
    ids = [(200 + i % 6) * 10**12 + 201_400_000_000 + i for i in range(n)]
    return pa.table(
        {
            "candidate_id": ids,
            "object_id": ids,
            "survey": ["ztf"] * n,
            "band": ["r"] * n,
            "score": score,
            "n_frames": rng.integers(5, 1000, n),
            "subtype": ["track"] * n,
            "top_frames": [[7, 0, 3]] * n,
            "top_mjd_tai": [[58007.25, 58000.25, None]] * n,
            "top_evidence": [[9.5, 3.0, float("nan")]] * n,
            "label": np.where(is_real, "real", "bogus"),
            "label_subclass": tags,
        }
    )


@pytest.fixture(scope="module")
def result() -> EvaluationResult:
    return evaluate(make_objects(), QUICK)


def frames_of(name: int | str, *, n: int = 12, curve: LightCurve | None = None) -> ObjectFrames:
    frames = np.random.default_rng(1).normal(size=(n, 9, 9)).astype(np.float32)
    sequence = FrameSequence(
        object_id=name,
        frames=frames,
        mjd_tai=58000.25 + np.arange(n),
        pixel_scale_arcsec=1.0,
    )
    return ObjectFrames(stored=StoredSequence(sequence=sequence, band="r"), light_curve=curve)


def test_the_page_speaks_of_objects(result: EvaluationResult) -> None:
    assert result.subject == "object"
    text = " ".join("".join(_outline(pages.render_page(result)).text).split())
    for word in ("candidate", "S/N", "image subtraction", "Science, template"):
        assert word not in text, word
    assert "An object is kept where its score" in text
    assert "Objects to look at" in text


def test_a_table_of_alerts_still_speaks_of_candidates(table: pa.Table) -> None:
    alerts = evaluate(table, QUICK)
    assert alerts.subject == "candidate"
    assert "A candidate is kept" in " ".join(plain_summary(alerts))
    assert alerts.gate.min_snr == 6.0


def test_the_requirement_judges_all_objects(result: EvaluationResult) -> None:
    gate = result.gate
    assert gate.min_snr is None
    assert (gate.n_real, gate.n_bogus, gate.n_left_out) == (80, 160, 0)
    assert "of all objects" in gate.sentence
    assert gate.completeness.value is not None


def test_accuracy_at_one_half_is_the_share_on_the_right_side(result: EvaluationResult) -> None:
    rows = make_objects().to_pylist()
    right = [(row["score"] >= 0.5) == (row["label"] == "real") for row in rows]
    assert headline_numbers(result)["accuracy_at_half"] == pytest.approx(np.mean(right))
    assert any(row.name.startswith("Accuracy") for row in summary_rows(result))


def test_objects_are_cut_by_tag_frames_and_field(result: EvaluationResult) -> None:
    groups = {group.key: group.slices for group in result.slices}
    assert set(groups) == {"tag", "n_frames", "field"}
    counts = {s.name: (s.n_real, s.n_bogus) for s in groups["tag"]}
    assert counts == {"ghost": (0, 160), "VAR": (80, 0), "bright_star": (0, 80)}
    assert sorted(s.name for s in groups["field"]) == [str(200 + i) for i in range(6)]
    for key in ("n_frames", "field"):
        assert sum(s.n for s in groups[key]) == N


def test_identifiers_that_are_no_oids_have_no_field() -> None:
    table = make_objects(30)
    table = table.set_column(1, "object_id", pa.array([f"sim-{i}" for i in range(30)]))
    assert "field" not in {group.key for group in evaluate(table, QUICK).slices}


def test_examples_name_their_suspicious_frames(result: EvaluationResult) -> None:
    example = result.examples[0].examples[0]
    assert [frame.i_frame for frame in example.frames] == [7, 0, 3]
    assert [frame.mjd_tai for frame in example.frames] == [58007.25, 58000.25, None]
    assert [frame.evidence for frame in example.frames] == [9.5, 3.0, None]
    assert example.subtype == "track"
    assert example.n_frames is not None


def judged_objects() -> EvaluationResult:
    """Objects of every verdict; the probability of the kind is high for every second object."""
    table = make_objects()
    score = table["score"].to_numpy()
    verdict = np.where(score < 0.1, "bogus", np.where(score > 0.9, "real", "review"))
    probability = np.where(np.arange(N) % 2, 0.62, 0.21)
    table = table.append_column("verdict", pa.array(verdict))
    table = table.append_column("subtype_probability", pa.array(probability))
    return evaluate(table, EvaluationConfig(n_resamples=20, n_examples=6))


def cards_of(page: str) -> list[str]:
    found = re.findall(r'<figure class="panel object">(.*?)</figcaption>', page, flags=re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", card).split()) for card in found]


def test_groups_go_by_the_threshold_and_each_card_names_the_verdict() -> None:
    result = judged_objects()
    page = pages.render_page(result)
    assert "taken for" not in page
    assert "Labelled real, score below the threshold 0.5" in page
    assert "Labelled bogus, score at or above the threshold 0.5" in page
    examples = [e for group in result.examples for e in group.examples]
    assert {e.verdict for e in examples} == {"real", "bogus", "review"}
    cards = cards_of(page)
    assert len(cards) == len(examples)
    for card, example in zip(cards, examples, strict=True):
        assert f"verdict {example.verdict}" in card


def test_a_card_names_a_kind_only_where_it_says_something() -> None:
    result = judged_objects()
    examples = [e for group in result.examples for e in group.examples]
    seen = set()
    for card, example in zip(cards_of(pages.render_page(result)), examples, strict=True):
        is_bogus, p = example.verdict == "bogus", example.subtype_probability
        seen.add((is_bogus, p))
        if is_bogus:
            assert f"like track ({p:.0%})" in card
            assert "if an artefact" not in card
        else:
            assert ("if an artefact, like track (62%)" in card) == (p == 0.62)
            assert ("like track" in card) == (p == 0.62)
    assert seen == {(True, 0.62), (True, 0.21), (False, 0.62), (False, 0.21)}


def test_a_slice_has_an_auc_only_with_five_of_each_class() -> None:
    table = make_objects()
    n_real = {200: 4, 201: 5}
    field = np.arange(N) % 6 + 200
    label = np.array(table["label"].to_pylist(), dtype=object)
    for name, n in n_real.items():
        rows = np.flatnonzero(field == name)
        label[rows] = "bogus"
        label[rows[:n]] = "real"
    column = table.column_names.index("label")
    table = table.set_column(column, "label", pa.array(label.tolist()))
    groups = {group.key: group.slices for group in evaluate(table, QUICK).slices}
    by_name = {s.name: s for s in groups["field"]}
    assert (by_name["200"].n_real, by_name["200"].auc.value) == (4, None)
    assert by_name["200"].note == "too few of a class for an AUC"
    assert by_name["201"].n_real == 5
    assert by_name["201"].auc.value is not None
    assert by_name["201"].note == ""


def test_a_table_without_evidence_has_examples_all_the_same() -> None:
    table = make_objects().drop(["top_frames", "top_mjd_tai", "top_evidence", "subtype"])
    examples = evaluate(table, QUICK).examples[0].examples
    assert examples[0].frames == ()
    assert examples[0].subtype == ""


def test_each_example_with_frames_gets_its_strip(result: EvaluationResult) -> None:
    asked: list[int | str] = []

    def fetch(ids):
        asked.extend(ids)
        return [None, *(frames_of(name) for name in ids[1:])]

    page = pages.render_page(result, fetch_frames=fetch)
    outline = _outline(page)
    n_examples = sum(len(group.examples) for group in result.examples)
    assert len(asked) == len(set(asked)) == n_examples
    assert page.count('<div class="strip">') == n_examples - 1
    assert outline.images_without_text == 0
    assert "no frames" in "".join(outline.text)
    marked = re.findall(r"<b>1</b></span>\s*<span[^>]*><i[^>]*></i></span><span[^>]*>([^<]*)", page)
    assert set(marked) == {"9.50"}
    assert "http://" not in page
    assert "https://" not in page


def test_frames_beyond_the_sequence_are_passed_over(result: EvaluationResult) -> None:
    page = pages.render_page(result, fetch_frames=lambda ids: [frames_of(i, n=5) for i in ids])
    assert page.count('<div class="strip">') > 0
    assert "9.50" not in page


def test_a_light_curve_takes_the_place_of_what_the_frames_give(result: EvaluationResult) -> None:
    curve = LightCurve(
        mjd_tai=58000.25 + np.arange(12.0),
        flux_njy=np.full(12, 1e5),
        flux_err_njy=np.full(12, 1e3),
        band=np.array(["r", "g"] * 6),
        is_upper_limit=np.zeros(12, dtype=bool),
        is_difference=False,
    )
    with_curve = pages.render_page(
        result, fetch_frames=lambda ids: [frames_of(i, curve=curve) for i in ids]
    )
    assert 'aria-label="r [mag] against time, 6 points' in with_curve
    without = pages.render_page(result, fetch_frames=lambda ids: [frames_of(i) for i in ids])
    assert "3 px aperture" in without


def test_the_protocol_replaces_the_warning(result: EvaluationResult) -> None:
    told = evaluate(make_objects(), QUICK, protocol="Every score is out of fold.")
    assert "Every score is out of fold." in told.notes
    assert not any("trained on none" in note for note in told.notes)
    assert any("trained on none" in note for note in result.notes)


def test_the_command_names_the_data_that_carry_labels() -> None:
    assert "--data DATA" in command_line(QUICK, is_for_objects=True)
    assert "--labels LABELS" in command_line(QUICK)


def test_tags_from_outside_are_escaped() -> None:
    table = make_objects(40)
    column = table.column_names.index("label_subclass")
    table = table.set_column(column, "label_subclass", pa.array(["<b>x</b>"] * 40))
    page = pages.render_page(evaluate(table, QUICK))
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x" in page
