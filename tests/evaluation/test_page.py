"""The page: well-formed, self-contained, escaped, legible."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skyvet.core.errors import DatasetError
from skyvet.evaluation import pages
from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.facts import (
    Estimate,
    EvaluationResult,
    InjectionBin,
    InjectionFacts,
)
from skyvet.evaluation.report import evaluate

VOID = {"meta", "img", "br", "col", "link", "input", "hr"}
TEXT_COLOURS = ("ink", "muted", "link", "model", "real", "bogus", "survey", "good", "bad", "warn")


class _Outline(HTMLParser):
    """Collects what the tests ask about and checks that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.headings: list[int] = []
        self.images_without_text = 0
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given and "svg" not in self.stack:
            self.ids.append(given["id"] or "")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if "src" in given:
            self.sources.append(given["src"] or "")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and not given.get("alt"):
            self.images_without_text += 1
        if tag == "svg" and not (given.get("aria-label") or given.get("aria-hidden")):
            self.images_without_text += 1
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] not in ("style", "script"):
            self.text.append(data)


def _outline(page: str) -> _Outline:
    outline = _Outline()
    outline.feed(page)
    outline.close()
    assert outline.stack == []
    return outline


@pytest.fixture(scope="module")
def result(table: pa.Table, quick_config: EvaluationConfig) -> EvaluationResult:
    return evaluate(table, quick_config)


@pytest.fixture(scope="module")
def page(result: EvaluationResult, stamps: Callable) -> str:
    return pages.render_page(result, stamps)


def test_every_tag_is_closed_and_every_anchor_has_a_target(page: str) -> None:
    outline = _outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)


def test_headings_never_skip_a_level(page: str) -> None:
    headings = _outline(page).headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


def test_page_asks_nothing_of_another_site(page: str) -> None:
    assert "http://" not in page
    assert "https://" not in page
    assert "url(http" not in page
    assert "@import" not in page
    sources = _outline(page).sources
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert all(link.startswith("#") for link in _outline(page).links)


def test_page_says_the_gate_in_words(page: str, result: EvaluationResult) -> None:
    text = " ".join("".join(_outline(page).text).split())
    assert result.gate.sentence in text
    assert result.gate.advice in text
    assert result.gate.outcome in text
    assert result.gate.n_more_real is not None


def test_every_image_has_words_for_those_who_cannot_see_it(page: str) -> None:
    assert _outline(page).images_without_text == 0


def test_every_table_names_its_columns_or_rows(page: str) -> None:
    tables = re.findall(r"<table.*?</table>", page, flags=re.DOTALL)
    assert tables
    assert all('scope="' in table for table in tables)


def test_figures_follow_the_theme(page: str) -> None:
    figures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(figures) > 20
    for figure in figures:
        assert not re.search(r"#[0-9a-f]{6}\b", figure), figure[:200]


def test_counted_and_prior_never_share_a_figure(page: str) -> None:
    labels = re.findall(r'<svg [^>]*aria-label="([^"]*)"', page)
    for name in ("Precision-recall", "Reliability", "Score histogram"):
        mine = [label for label in labels if label.startswith(name)]
        assert len(mine) == 6
        assert all(("as counted" in m) != ("at the prior" in m) for m in mine)


@pytest.mark.parametrize("selector", [":root", ':root[data-theme="dark"]'])
def test_text_colours_have_enough_contrast(selector: str) -> None:
    css = (Path(pages.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    block = css[css.index(f"\n{selector} {{" if selector != ":root" else ":root {") :]
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block[: block.index("}")]))
    for name in TEXT_COLOURS:
        for ground in ("paper", "panel", "shade"):
            # WCAG 2.1 AA for normal text.
            assert _contrast(colours[name], colours[ground]) >= 4.5, (name, ground)


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_dark_by_choice_and_dark_by_system_are_the_same_colours() -> None:
    css = (Path(pages.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
    chosen, system = (
        re.findall(r"--(\w+): (#[0-9a-f]{6})", css[css.index(start) :].split("}")[0])
        for start in ('\n:root[data-theme="dark"] {', '  :root:not([data-theme="light"])')
    )
    assert chosen == system


def test_text_from_the_data_is_escaped(quick_config: EvaluationConfig) -> None:
    nasty = "</pre><script>alert('x')</script>"
    n = 40
    table = pa.table(
        {
            "candidate_id": [f"{nasty}{i}" for i in range(n)],
            "score": np.linspace(0, 1, n),
            "snr": [9.0] * n,
            "band": [nasty] * n,
            "bundle": [nasty] * n,
            "survey_score": np.linspace(1, 0, n),
            "survey_score_version": [nasty] * n,
            "label_subclass": [nasty] * n,
            "label": ["bogus", "real"] * (n // 2),
        }
    )
    config = quick_config.model_copy(update={"title": nasty, "snr_cuts": (0.0,)})
    page = pages.render_page(evaluate(table, config))
    assert nasty not in page
    assert escape("<script>alert(", quote=True) in page
    assert page.count("<script>") == 1
    _outline(page)


def test_page_and_facts_are_written_and_agree(
    result: EvaluationResult, stamps: Callable, tmp_path: Path
) -> None:
    paths = pages.write_report(result, tmp_path / "new" / "report", stamps)
    assert sorted(p.name for p in paths.html.parent.iterdir()) == ["report.html", "report.json"]
    facts = json.loads(paths.json.read_text(encoding="utf-8"))
    assert EvaluationResult.model_validate(facts) == result
    assert paths.html.stat().st_size < 3_000_000


def test_page_is_the_same_twice(result: EvaluationResult, stamps: Callable, page: str) -> None:
    assert pages.render_page(result, stamps) == page


def test_an_output_folder_that_is_a_file_is_one_clear_error(
    result: EvaluationResult, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("mine", encoding="utf-8")
    with pytest.raises(DatasetError, match="cannot write"):
        pages.write_report(result, blocked)
    assert blocked.read_text(encoding="utf-8") == "mine"


def test_without_stamps_the_page_says_so_and_lists_identifiers(result: EvaluationResult) -> None:
    page = pages.render_page(result)
    assert "made without images" in page
    assert "<img" not in page
    assert str(result.examples[0].examples[0].candidate_id) in page


def test_a_candidate_without_stamps_is_shown_without_picture(page: str) -> None:
    assert page.count("no image") == 1


@pytest.mark.parametrize("label", ["real", "bogus"])
def test_one_class_is_said_in_place_of_curves(label: str, quick_config: EvaluationConfig) -> None:
    table = pa.table({"candidate_id": [1, 2, 3], "score": [0.1, 0.6, 0.9], "label": [label] * 3})
    page = pages.render_page(evaluate(table, quick_config))
    outline = _outline(page)
    assert f"All 3 labelled candidates here are {label}" in "".join(outline.text)
    assert "not measured" in unescape(page)


def test_injected_sources_are_drawn(table: pa.Table, quick_config: EvaluationConfig) -> None:
    bins = tuple(
        InjectionBin(
            snr_low=low,
            snr_high=low + 2,
            n=50,
            completeness=Estimate(value=min(low / 10, 1), low=low / 12, high=min(low / 8, 1)),
        )
        for low in (1.0, 3.0, 5.0, 7.0, 9.0)
    )
    injections = InjectionFacts(
        n=250,
        note="",
        bins=bins,
        snr_at_50=Estimate(value=5.1, low=4.8, high=5.4),
        snr_at_90=Estimate(),
    )
    config = quick_config.model_copy(update={"snr_cuts": (0.0,)})
    page = pages.render_page(evaluate(table, config, injections=injections))
    _outline(page)
    assert "Half are kept from S/N 5.1 (4.8 to 5.4)" in page


def test_measuring_needs_neither_matplotlib_nor_jinja2() -> None:
    code = (
        "import sys; import skyvet.evaluation.report, skyvet.evaluation.summary; "
        "print([m for m in ('matplotlib', 'jinja2', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
