"""Light curves of one partition, read, matched with catalogues and cut: what tasks work on."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skyvet.core.errors import InvalidInputError
from skyvet.core.files import fingerprint_files
from skyvet.inference.partitions.task import Partition
from skyvet.io.catalogues.bright_stars import near_bright_stars
from skyvet.io.catalogues.configs import CrossMatchConfig
from skyvet.io.catalogues.cross_match import with_catalogue
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.opening import open_light_curves
from skyvet.io.light_curve_sources.packets import PacketSource
from skyvet.io.light_curve_sources.partitions import LightCurveSource
from skyvet.preprocessing.light_curve_cuts import CutConfig, CutCounts, apply_cuts
from skyvet.records.light_curve_batch import LightCurveBatch
from skyvet.records.rejections import Rejection

__all__ = ["LightCurveInput", "OpenedLightCurves", "ReadLightCurves", "open_light_curve_input"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadLightCurves:
    """Sources of a partition that are fit for work, and what became of the others.

    Parameters
    ----------
    batch : LightCurveBatch
        Sources that passed the cuts.
    rejections : tuple of Rejection
        What could not be read.
    counts : dict of str to int
        ``n_sources``, ``n_epochs`` read, and ``cut_<reason>`` sources that the cuts left out.
    seconds : float
        Time taken [s].
    """

    batch: LightCurveBatch
    rejections: tuple[Rejection, ...]
    counts: dict[str, int]
    seconds: float

    @property
    def kept_share(self) -> float:
        """Share of the sources read that passed the cuts."""
        n_cut = sum(n for name, n in self.counts.items() if name.startswith("cut_"))
        n_read = self.counts["n_sources"]
        return (n_read - n_cut) / n_read if n_read else 1.0

    @property
    def n_bytes(self) -> int:
        """Memory of the epochs [bytes]."""
        names = ("mjd_tai", "flux_njy", "flux_err_njy", "band")
        return sum(int(getattr(self.batch, name).nbytes) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LightCurveInput:
    """How the light curves of a partition are read; pickles.

    Parameters
    ----------
    source : LightCurveSource
        Reads partitions.
    cuts : CutConfig
        Which epochs and sources are kept.
    matches : tuple of CrossMatchConfig
        Catalogues whose columns are added.
    bright_stars : str, optional
        File of Gaia, or empty for VizieR, whose bright stars make sources useless; None keeps all.
    document : dict
        Input and settings, as JSON.
    """

    source: LightCurveSource
    cuts: CutConfig
    matches: tuple[CrossMatchConfig, ...] = ()
    bright_stars: str | None = None
    document: dict[str, Any]

    @property
    def light_curves(self) -> LightCurveInputConfig:
        """How the input is read."""
        return LightCurveInputConfig.model_validate(self.document["light_curves"])

    def read(self, partition: Partition, *, limit: int | None = None) -> ReadLightCurves:
        """Read a partition; `limit` sources at most."""
        started = time.perf_counter()
        batch, rejections = self.source.read(partition.content)
        is_near = None
        if self.bright_stars is not None and len(batch):
            assert batch.ra_deg is not None
            assert batch.dec_deg is not None
            is_near = near_bright_stars(batch.ra_deg, batch.dec_deg, path=self.bright_stars)
        batch, cut = apply_cuts(batch, self.cuts, is_near_bright_star=is_near)
        counts = _counts(cut)
        if limit is not None:
            batch = batch.take(np.arange(min(limit, len(batch))))
            rejections = rejections[:limit]
        for match in self.matches:
            batch = with_catalogue(batch, match)
        return ReadLightCurves(
            batch=batch,
            rejections=rejections,
            counts=counts,
            seconds=time.perf_counter() - started,
        )


def _counts(cut: CutCounts) -> dict[str, int]:
    reasons = {f"cut_{reason}": n for reason, n in cut.sources.items()}
    return {"n_sources": cut.n_sources, "n_epochs": cut.n_epochs, **reasons}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenedLightCurves:
    """Light curves cut into partitions.

    Parameters
    ----------
    reading : LightCurveInput
        Goes to workers.
    partitions : tuple of Partition
        Pieces of work, in the order of the input.
    notes : tuple of str
        What a person should know of the input.
    """

    reading: LightCurveInput
    partitions: tuple[Partition, ...]
    notes: tuple[str, ...]


def open_light_curve_input(
    inputs: Sequence[str | Path],
    *,
    config: LightCurveInputConfig,
    cuts: CutConfig,
    matches: Sequence[CrossMatchConfig] = (),
    bright_stars: str | None = None,
) -> OpenedLightCurves:
    """Open light curves for work by partitions.

    Parameters
    ----------
    inputs : sequence of str or Path
        As for `skyvet.io.light_curve_sources.opening.open_light_curves`.
    config : LightCurveInputConfig
        What they hold.
    cuts, matches, bright_stars
        See `LightCurveInput`.

    Returns
    -------
    OpenedLightCurves

    Raises
    ------
    InvalidInputError, DatasetError
        As `open_light_curves`; also for alert packets that are to be read as difference flux.
    """
    paths = [str(Path(path).absolute()) for path in inputs]
    source = open_light_curves(paths, config)
    if isinstance(source, PacketSource) and source.is_difference:
        raise InvalidInputError(
            "alert packets hold difference flux, which has no magnitude: read them with "
            "packet_flux=total (--light-curves.packet-flux total), which adds the template's"
        )
    document = {
        "inputs": paths,
        "inputs_sha256": fingerprint_files(_files(paths)),
        "light_curves": config.model_dump(mode="json"),
        "cuts": cuts.model_dump(mode="json"),
        "matches": [match.model_dump(mode="json") for match in matches],
        "bright_stars": bright_stars,
        "catalogues_sha256": fingerprint_files(
            [path for path in (*(m.path for m in matches), bright_stars or "") if path]
        ),
    }
    partitions = tuple(
        Partition(name=piece.name, content=piece, n_items=piece.n_sources)
        for piece in source.partitions
    )
    reading = LightCurveInput(
        source=_without_partitions(source),
        cuts=cuts,
        matches=tuple(matches),
        bright_stars=bright_stars,
        document=document,
    )
    return OpenedLightCurves(reading=reading, partitions=partitions, notes=source.notes)


def _files(paths: Sequence[str]) -> list[Path]:
    """Return all files of the input, whatever they hold."""
    found = []
    for path in map(Path, paths):
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found += inside
    return found


def _without_partitions(source: LightCurveSource) -> LightCurveSource:
    """Return what a worker needs: the list of all partitions need not travel with each of them."""
    whole: Any = source
    lean: LightCurveSource = dataclasses.replace(whole, partitions=())
    return lean
