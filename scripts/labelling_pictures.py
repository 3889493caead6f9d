"""Pictures of the labelling page for docs/labelling.md, from simulated data alone.

Simulates a night, and light curves with a classifier that learned from others; starts `skyvet
label` on each, drives the page in a headless Chromium and writes small WebP files. Takes about
three minutes; ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from skyvet.io.alerts import read_alerts
from skyvet.io.surveys.ztf_packets import encode_ztf_alert
from skyvet.records.candidate import Candidate
from skyvet.records.light_curve import LightCurve

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "_static" / "labelling"
N_CANDIDATES = 500
N_GIVEN = 200
N_WRONG = 8
N_TAUGHT = 300
N_CURVES = 120
KINDS = "rr_lyrae_ab,rr_lyrae_c,cepheid,delta_scuti,eclipsing_ea,eclipsing_eb,eclipsing_ew,lpv,agn"
DESK = {"width": 1366, "height": 720}
TABLET = {"width": 820, "height": 1180}
PHONE = {"width": 390, "height": 844}
QUALITY = 72


def skyvet(*words: str) -> list[str]:
    """Return the command line of a skyvet command."""
    return [sys.executable, "-m", "skyvet.cli.main", *words]


def with_past(candidate: Candidate, rng: np.random.Generator) -> Candidate:
    """Return a candidate whose object has risen for weeks; simulated packets have no past."""
    mjd_tai = candidate.mjd_tai - np.sort(rng.uniform(1, 55, rng.integers(8, 22)))[::-1]
    error = abs(candidate.flux_err_njy) * rng.uniform(0.7, 1.6, len(mjd_tai))
    rise = 1 / (1 + np.exp((candidate.mjd_tai - mjd_tai - 25) / 5))
    flux = candidate.flux_njy * rise * rng.uniform(0.85, 1.1, len(mjd_tai))
    flux += error * rng.normal(size=len(mjd_tai))
    is_limit = np.abs(flux) < 4 * error
    history = LightCurve(
        mjd_tai=mjd_tai,
        flux_njy=np.where(is_limit, 5 * error, flux),
        flux_err_njy=np.where(is_limit, np.nan, error),
        band=rng.choice(["g", "r", "i"], len(mjd_tai), p=[0.45, 0.45, 0.1]),
        is_upper_limit=is_limit,
        is_difference=True,
    )
    return dataclasses.replace(candidate, history=history)


def write_past(packets: Path, out: Path) -> None:
    """Write each packet of a night again, with a past."""
    rng = np.random.default_rng(3)
    out.mkdir()
    for i, reading in enumerate(read_alerts([str(packets)])):
        if isinstance(reading.item, Candidate):
            packet = encode_ztf_alert(with_past(reading.item, rng))
            (out / f"{i:05d}.avro").write_bytes(packet)


def make_dataset(folder: Path) -> tuple[Path, Path]:
    """Simulate a night; return its dataset and labels of a part of it, some of them wrong."""
    night, data = folder / "night", folder / "simulated night"
    words = ("--n", str(N_CANDIDATES), "--prior", "0.45", "--seed", "5")
    subprocess.run(skyvet("simulate", "night", "--out", str(night), *words), check=True)
    write_past(night / "packets", folder / "packets")
    subprocess.run(
        skyvet("ingest", str(folder / "packets"), "--out", str(data), "--with-light-curves"),
        check=True,
    )
    truth = pq.read_table(night / "truth.parquet", columns=["candidate_id", "label"])
    rows = truth.slice(0, N_GIVEN).to_pylist()
    other = {"real": "bogus", "bogus": "real"}
    lines = [
        f"ztf,{row['candidate_id']},{other[row['label']] if i < N_WRONG else row['label']},bo"
        for i, row in enumerate(rows)
    ]
    labels = folder / "labels.csv"
    labels.write_text("survey,candidate_id,label,labeller\n" + "\n".join(lines) + "\n", "utf-8")
    return data, labels


def make_light_curves(folder: Path) -> tuple[Path, Path, Path]:
    """Simulate light curves and score them; return them, the scores and what to ask for."""

    def run(*words: str) -> None:
        subprocess.run(skyvet(*words), check=True)

    paths = [folder / f"{name}.parquet" for name in ("taught", "curves", "scores", "ask")]
    taught, curves, scores, ask = (str(path) for path in paths)
    features, bundle = str(folder / "features"), str(folder / "variables")
    how = ("--classes", KINDS, "--n-years", "1.5")
    run("simulate", "light-curves", "--out", taught, "--n", str(N_TAUGHT), "--seed", "5", *how)
    run("simulate", "light-curves", "--out", curves, "--n", str(N_CURVES), "--seed", "6", *how)
    run("features", taught, "--out", features)
    run("train", "sources", features, "--labels", taught, "--out", bundle)
    run("score", curves, "--kind", "light-curves", "--bundle", bundle, "--out", scores)
    run("labels", "choose", scores, "--out", ask, "--n-per-class", "5")
    return paths[1], paths[2], paths[3]


@contextmanager
def labelling_server(data: Path, labels: Path, *options: str) -> Iterator[str]:
    """Run `skyvet label` and give its address."""
    words = ("label", "--data", str(data), "--labels", str(labels), "--labeller", "ada")
    command = skyvet(*words, "--no-browser", "--port", "0", "--json")
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["address"]
    finally:
        process.terminate()
        process.wait(timeout=30)


class Walk:
    """A walk through the page that leaves pictures behind."""

    def __init__(
        self, browser: Browser, address: str, *, shown: str = "#triplet", **options: object
    ) -> None:
        context = browser.new_context(**{"viewport": DESK, "color_scheme": "light", **options})
        self.page: Page = context.new_page()
        self.page.goto(address)
        self.page.wait_for_selector(shown, timeout=120_000)  # the first search compiles

    def press(self, *keys: str) -> None:
        """Press keys with time to see each."""
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(250)

    def look_for(self, smallest_snr: float) -> None:
        """Skip to a candidate that is bright enough to show something."""
        snr = self.page.locator(".numbers div", has_text="S/N").locator("dd")
        while float(snr.inner_text().replace(",", "")) < smallest_snr:
            self.press("s")

    def shoot(self, name: str, *, selector: str | None = None) -> None:
        """Write what is seen, or one part of it, as a small WebP file."""
        self.page.wait_for_timeout(600)
        seen = self.page.locator(selector) if selector else self.page
        picture = Image.open(io.BytesIO(seen.screenshot()))
        picture.convert("RGB").save(OUT / f"{name}.webp", quality=QUALITY, method=6)

    def close(self) -> None:
        """Close the browser's window."""
        self.page.context.close()


def walk_one_at_a_time(browser: Browser, address: str) -> None:
    """Label some, stretch, open the help."""
    walk = Walk(browser, address)
    walk.press("r", "b", "4", "Shift+Digit2", "u", "b")
    walk.look_for(30.0)
    walk.page.locator(".frame").nth(2).hover(position={"x": 190, "y": 130})
    walk.shoot("one")
    walk.press("l", "l", "i", "m", "+")
    walk.shoot("stretch", selector=".look")
    walk.press("l", "i", "m", "m", "m", "0", "?")
    walk.shoot("keys")
    walk.close()


def walk_grid(browser: Browser, address: str) -> None:
    """Mark exceptions in the grid, in the dark theme."""
    walk = Walk(browser, address, color_scheme="dark")
    walk.press("g")
    walk.page.wait_for_selector(".cell")
    right = ("ArrowRight",)
    walk.press(" ", *right * 3, " ", *right * 2, "u", "ArrowDown", " ", *right * 4, "s", *right)
    walk.shoot("grid")
    walk.close()


def walk_tablet(browser: Browser, address: str) -> None:
    """Label on a narrow and tall screen."""
    walk = Walk(browser, address, viewport=TABLET, has_touch=True, color_scheme="dark")
    walk.press("r", "b", "b")
    walk.shoot("tablet")
    walk.close()


def walk_trouble(browser: Browser, address: str) -> None:
    """Show what the page says while the database is away."""
    walk = Walk(browser, address)
    told = {"error": "the label store cannot be written: database is locked"}
    walk.page.route("**/api/labels", lambda route: route.fulfill(status=503, json=told))
    walk.press("r", "b", "b")
    walk.shoot("away")
    walk.page.unroute("**/api/labels")
    walk.page.get_by_text("All saved").wait_for()
    walk.close()


def walk_light_curves(browser: Browser, address: str) -> None:
    """Tick classes of sources on a desk by day and on a phone by night."""
    walk = Walk(browser, address, shown="#source")
    walk.press("1", "r", "1", "r", "1", "2", "r", "1", "r", "1", "]", "]")
    walk.shoot("sources")
    walk.close()
    walk = Walk(
        browser, address, shown="#source", viewport=PHONE, has_touch=True, color_scheme="dark"
    )
    walk.shoot("sources_phone")
    walk.close()


def walk_alone(browser: Browser, address: str, name: str, *keys: str) -> None:
    """Take one picture after some keys."""
    walk = Walk(browser, address)
    walk.press(*keys)
    walk.shoot(name)
    walk.close()


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        sys.exit("no Chromium or Chrome on this machine")
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        data, given = make_dataset(folder)
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        curves, scores, ask = make_light_curves(folder)
        tree = ("--taxonomy", "ontological", "--scores", str(scores), "--candidates", str(ask))
        with labelling_server(curves, folder / "sources.db", *tree) as address:
            walk_light_curves(browser, address)
        scored = ("--bundle", "default")
        with labelling_server(data, folder / "one.db", *scored) as address:
            walk_one_at_a_time(browser, address)
            walk_grid(browser, address)
            walk_tablet(browser, address)
            walk_trouble(browser, address)
        with labelling_server(data, folder / "blind.db", "--blind", *scored) as address:
            walk_alone(browser, address, "blind", "b", "r", "b")
        labels = folder / "audit.db"
        subprocess.run(skyvet("labels", "import", str(given), "--labels", str(labels)), check=True)
        with labelling_server(data, labels, "--audit", *scored) as address:
            walk_alone(browser, address, "audit", "f", "k")
        browser.close()
    sizes = {path.name: path.stat().st_size for path in sorted(OUT.glob("*.webp"))}
    print(json.dumps({"bytes": sum(sizes.values()), **sizes}))


if __name__ == "__main__":
    main()
