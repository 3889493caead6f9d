"""The report in a real browser: theme, width, no request, no script error."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from skyvet.evaluation.configs import EvaluationConfig
from skyvet.evaluation.pages import write_report
from skyvet.evaluation.report import evaluate

pytestmark = pytest.mark.integration

BROWSER = next(
    (b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), ""
)
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 300 candidates with stamps."""
    rng = np.random.default_rng(4)
    n = 300
    is_real = rng.random(n) < 0.5
    score = 1 / (1 + np.exp(-np.where(is_real, 2.0, -2.0) - rng.normal(size=n)))
    table = pa.table(
        {
            "survey": ["ztf"] * n,
            "candidate_id": np.arange(n) + 10**18,
            "snr": (4 + 10 * rng.random(n)).astype(np.float32),
            "magnitude": rng.uniform(16, 20, n).astype(np.float32),
            "band": rng.choice(["g", "r"], n),
            "score": score,
            "survey_score": rng.random(n),
            "verdict": np.where(score > 0.5, "real", "bogus"),
            "label": np.where(is_real, "real", "bogus"),
        }
    )

    def fetch(ids: object) -> list[np.ndarray | None]:
        return [rng.normal(size=(3, 31, 31)) for _ in ids]  # type: ignore[attr-defined]

    folder = tmp_path_factory.mktemp("report")
    return write_report(evaluate(table, EvaluationConfig(n_resamples=20)), folder, fetch).html


def _browse(address: str, profile: Path, *options: str) -> subprocess.CompletedProcess[str]:
    if not BROWSER:
        pytest.skip("no Chromium or Chrome on this machine")
    command = (BROWSER, *QUIET, f"--user-data-dir={profile}", *options, address)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_address_chooses_the_theme(report: Path, tmp_path: Path, theme: str) -> None:
    done = _browse(f"{report.as_uri()}#theme={theme}", tmp_path, "--dump-dom")
    assert f'data-theme="{theme}"' in done.stdout
    other = "Light page" if theme == "dark" else "Dark page"
    assert f">{other}</button>" in done.stdout


def test_the_page_makes_no_request_and_no_script_error(report: Path, tmp_path: Path) -> None:
    done = _browse(
        report.as_uri(),
        tmp_path,
        "--dump-dom",
        "--enable-logging=stderr",
        "--v=0",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    )
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert console == []


@pytest.mark.parametrize("width", [390, 800, 1600])
def test_no_width_makes_the_page_scroll_sideways(report: Path, tmp_path: Path, width: int) -> None:
    page = report.read_text(encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe width="{width}" height="900" style="border:0" srcdoc="{escape(page)}"></iframe>'
        "<p id=seen></p><script>const f=document.querySelector('iframe');f.onload=()=>{"
        "seen.textContent=f.contentDocument.documentElement.scrollWidth+'/'"
        "+f.contentWindow.innerWidth}</script>",
        encoding="utf-8",
    )
    done = _browse(
        frame.as_uri(),
        tmp_path / "profile",
        "--dump-dom",
        "--window-size=1700,1000",
        "--virtual-time-budget=5000",
    )
    found = re.search(r'id="seen">(\d+)/(\d+)<', done.stdout)
    assert found, done.stdout[-300:]
    assert int(found.group(1)) <= int(found.group(2)) == width
