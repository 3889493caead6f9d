"""Contact sheets of simulated classes, with real examples beside them where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from PIL import Image

from skyvet.records.labels import LabelValue
from skyvet.records.taxonomy import CandidateClass
from skyvet.simulation.night import NightConfig, simulate_candidate

mpl.use("Agg")

REAL_SUBCLASSES = {
    CandidateClass.DIPOLE: "dipole_or_residual",
    CandidateClass.TRAIL: "satellite_glint_or_trail",
    CandidateClass.BRIGHT_STAR_RESIDUAL: "bright_star_spike_or_mask",
    CandidateClass.SPIKE: "bright_star_spike_or_mask",
    CandidateClass.HOT_PIXEL: "negative_column_or_dark_spot",
    CandidateClass.BAD_COLUMN: "negative_column_or_dark_spot",
    CandidateClass.GHOST: "ghost",
}
REAL_SOURCES = {
    CandidateClass.ASTEROID: "ephemeris",
    CandidateClass.SUPERNOVA: "transient_catalogue",
    CandidateClass.HOSTLESS: "transient_catalogue",
    CandidateClass.VARIABLE_STAR: "variable_catalogue",
    CandidateClass.NEGATIVE_VARIABLE: "variable_catalogue",
}
"""Classes of the labelled ZTF triplets that come nearest to a simulated class."""


def z_scale(image: np.ndarray) -> np.ndarray:
    """Stretch an image from 3 robust sigmas below its median to 10 above, to [0, 1]."""
    image = np.where(np.abs(image) > 1e6, np.nan, image.astype(float))
    middle = np.nanmedian(image)
    spread = 1.4826 * np.nanmedian(np.abs(image - middle)) + 1e-9
    return np.clip((image - middle) / spread / 13.0 + 3.0 / 13.0, 0.0, 1.0)


def only(name: CandidateClass, *, n: int, survey: str = "ztf", seed: int = 11) -> NightConfig:
    """Return a night that holds one class alone."""
    rates = {other: 0.0 if other.label is name.label else 1.0 for other in CandidateClass}
    is_real = name.label is LabelValue.REAL
    return NightConfig(
        survey=survey, n=n * 200, seed=seed, prior=0.999 if is_real else 0.001,
        rates={**rates, name: 1.0},
    )  # fmt: skip


def simulated_stamps(
    name: CandidateClass, *, n: int, survey: str = "ztf", seed: int = 11
) -> list[list[np.ndarray]]:
    """Return n triplets of one class as lists of three images."""
    config = only(name, n=n, survey=survey, seed=seed)
    triplets: list[list[np.ndarray]] = []
    for i_candidate in range(config.n):
        made = simulate_candidate(config, i_candidate)
        if made.truth.candidate_class is name and made.candidate.cutouts is not None:
            triplets.append([c.pixels for _, c in made.candidate.cutouts.items() if c is not None])
        if len(triplets) == n:
            break
    return triplets


def real_stamps(name: CandidateClass, data: Path, *, n: int) -> list[list[np.ndarray]]:
    """Return up to n real triplets of the nearest labelled class; none where there is no such."""
    labels = pq.read_table(data / "ztf_triplets" / "labels.parquet").to_pydict()
    if name in REAL_SUBCLASSES:
        wanted = [value == REAL_SUBCLASSES[name] for value in labels["vet_subclass"]]
    elif name in REAL_SOURCES:
        wanted = [value == REAL_SOURCES[name] for value in labels["label_source"]]
        if name is CandidateClass.NEGATIVE_VARIABLE:
            signs = labels["isdiffpos"]
            wanted = [w and sign == "f" for w, sign in zip(wanted, signs, strict=True)]
    else:
        return []
    chosen = np.random.default_rng(3).permutation(np.flatnonzero(wanted))[:n]
    pixels = np.load(data / "ztf_triplets" / "triplets.npz")["triplets"]
    return [[pixels[i, ..., channel] for channel in range(3)] for i in sorted(chosen)]


def draw_sheet(
    rows: Sequence[tuple[str, Sequence[Sequence[np.ndarray]]]],
    out: Path,
    *,
    n_columns: int,
    stamp_inch: float = 0.5,
    dpi: int = 90,
) -> None:
    """Draw named rows of triplets; each triplet is science, template, difference from the left."""
    figure = Figure(figsize=(1.1 + 3.15 * stamp_inch * n_columns, stamp_inch * 1.06 * len(rows)))
    grid = figure.add_gridspec(
        len(rows), 3 * n_columns, left=1.1 / figure.get_figwidth(), right=1, top=1, bottom=0,
        wspace=0.04, hspace=0.04,
    )  # fmt: skip
    for i_row, (title, triplets) in enumerate(rows):
        for i_triplet, triplet in enumerate(triplets[:n_columns]):
            for channel, image in enumerate(triplet):
                axes = figure.add_subplot(grid[i_row, 3 * i_triplet + channel])
                axes.imshow(z_scale(image), cmap="gray", vmin=0, vmax=1, origin="lower")
                axes.set_axis_off()
        height = 1 - (i_row + 0.5) / len(rows)
        figure.text(0.005, height, title.replace("_", "\n"), fontsize=7, va="center", color="white")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=dpi, facecolor="black")


def draw_beside_real(data: Path, out: Path, *, n_columns: int = 7) -> None:
    """Draw every class, with a row of real examples under it where there are any."""
    rows: list[tuple[str, list[list[np.ndarray]]]] = []
    for name in CandidateClass:
        rows.append((name.value, simulated_stamps(name, n=n_columns)))
        found = real_stamps(name, data, n=n_columns)
        if found:
            rows.append((f"REAL_{name.value[:10]}", found))
    draw_sheet(rows, out, n_columns=n_columns)


def _shrink(path: Path) -> None:
    """Keep 16 shades of grey, so that the sheets stay small in the repository."""
    shades = Image.open(path).convert("L").point(lambda value: value // 16 * 17)
    shades.convert("P", palette=Image.Palette.ADAPTIVE, colors=16).save(path, optimize=True)


def draw_gallery(folder: Path, *, survey: str = "ztf", n_columns: int = 3) -> list[Path]:
    """Draw the committed sheets: simulated stamps alone, one for REAL and one for BOGUS."""
    paths = []
    for side in (LabelValue.REAL, LabelValue.BOGUS):
        names = [name for name in CandidateClass if name.label is side]
        rows = [(n.value, simulated_stamps(n, n=n_columns, survey=survey)) for n in names]
        paths.append(folder / f"{survey}_{side.value}.png")
        draw_sheet(rows, paths[-1], n_columns=n_columns, stamp_inch=0.42, dpi=80)
        _shrink(paths[-1])
    return paths
