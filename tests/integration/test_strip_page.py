"""Evidence strips in a real browser: no width breaks them, lines meet their frames."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import numpy as np
import pytest
from tests.integration.test_report_page import _browse

from skyvet.evaluation.frame_strips import draw_frame_strip, strip_style

pytestmark = pytest.mark.integration

MEASURE = """
const d = frame.contentDocument, w = frame.contentWindow, root = d.documentElement;
const shown = e => e && w.getComputedStyle(e).display !== 'none';
const worst = [0];
for (const strip of d.querySelectorAll('.strip')) {
  const frames = [...strip.querySelectorAll('.strip-suspicious')];
  const links = [...strip.querySelectorAll('.strip-links')].filter(shown);
  const starts = links.flatMap(svg => {
    const box = svg.getBoundingClientRect();
    return [...svg.querySelector('path').getAttribute('d').matchAll(/M([\\d.]+) /g)]
      .map(m => box.left + box.width * m[1] / 1000);
  });
  if (starts.length !== frames.length) { worst.push(999); }
  for (const frame of frames) {
    const box = frame.getBoundingClientRect(), middle = box.left + box.width / 2;
    worst.push(Math.min(...starts.map(x => Math.abs(x - middle))));
  }
}
seen.textContent = [root.scrollWidth, w.innerWidth, Math.max(...worst).toFixed(2)].join('/');
"""


def make_page() -> str:
    rng = np.random.default_rng(5)
    strips = []
    for n in (1, 3, 9, 14, 200):
        frames = 100 + rng.normal(size=(n, 28, 28))
        evidence = rng.random(n)
        strips.append(draw_frame_strip(frames, 59000 + np.arange(n), evidence))
    return f"<style>{strip_style()}</style>{''.join(strips)}"


@pytest.mark.parametrize("width", [320, 390, 800, 1300])
def test_lines_start_at_their_frames_and_nothing_sticks_out(tmp_path: Path, width: int) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        f'<iframe id="frame" width="{width}" height="2000" style="border:0" '
        f'srcdoc="{escape(make_page())}"></iframe><p id="seen"></p>'
        f"<script>frame.onload = () => {{ {MEASURE} }}</script>",
        encoding="utf-8",
    )
    done = _browse(
        page.as_uri(),
        tmp_path / "profile",
        "--dump-dom",
        "--window-size=1500,2200",
        "--virtual-time-budget=5000",
    )
    found = re.search(r'id="seen">(\d+)/(\d+)/([\d.]+)<', done.stdout)
    assert found, done.stdout[-300:]
    assert int(found.group(1)) <= int(found.group(2)) == width
    assert float(found.group(3)) < 1.0  # pixels
