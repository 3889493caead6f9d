"""The report on classes of sources in a real browser: the whole table is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.evaluation.test_source_report import FAST, TREE, sample_of

from skyvet.evaluation.source_pages import write_source_report
from skyvet.evaluation.source_report import evaluate_sources

pytestmark = pytest.mark.integration

_LONG = "Long-period variable, semiregular"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report whose classes have long names."""
    tree = replace(TREE, nodes=tuple(replace(node, name=_LONG) for node in TREE.nodes))
    report = evaluate_sources(sample_of(), tree, FAST)
    return write_source_report(report, tmp_path_factory.mktemp("report")).html.as_uri()


@pytest.mark.parametrize("width", [1000, 1210, 1300])
def test_the_class_table_shows_its_last_column(chromium: Any, address: str, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    seen, wide = page.evaluate(
        "() => { const box = document.querySelector('.tree').parentElement;"
        " return [box.clientWidth, box.scrollWidth]; }"
    )
    page.close()
    assert wide <= seen
