"""Light curves of alerts: what the packets of an object tell together.

Each packet holds its own detection and a history (``prv_candidates``, forced photometry). An
object's packets repeat each other's epochs: they are joined, and an epoch that is there twice is
counted once. The flux is that of difference images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skyvet.io.alerts import read_alerts
from skyvet.io.dataset import Dataset
from skyvet.io.light_curve_sources.batches import batch_of
from skyvet.io.light_curve_sources.column_plan import ColumnPlan
from skyvet.io.light_curve_sources.configs import LightCurveInputConfig
from skyvet.io.light_curve_sources.partitions import LightCurvePartition
from skyvet.io.light_curve_sources.raw_epochs import RawEpochs
from skyvet.records.identifiers import Identifier
from skyvet.records.light_curve import LightCurve
from skyvet.records.light_curve_batch import LightCurveBatch
from skyvet.records.rejections import Rejection

__all__ = ["PacketSource", "open_packets"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _History:
    """Epochs that one packet tells of its object."""

    object_id: Identifier
    survey: str
    ra_deg: float
    dec_deg: float
    curve: LightCurve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PacketSource:
    """Light curves in alert packets or datasets; see `LightCurveSource`.

    Parameters
    ----------
    partitions : tuple of LightCurvePartition
        Groups of objects, with the files that hold their packets.
    plan : ColumnPlan
        Which filters are taken.
    n_buckets : int
        Number of groups.
    is_dataset : bool
        True where paths are dataset folders.
    objects : mapping of str to int
        Object, as text, to its group.
    has_integer_ids : bool
        Type of the identifiers.
    time_step_d : float
        0: packets hold float64.
    notes : tuple of str
        What a person should know.
    """

    partitions: tuple[LightCurvePartition, ...]
    plan: ColumnPlan
    objects: Mapping[str, int]
    is_dataset: bool
    has_integer_ids: bool
    time_step_d: float = 0.0
    notes: tuple[str, ...] = ()

    def read(self, partition: LightCurvePartition) -> tuple[LightCurveBatch, tuple[Rejection, ...]]:
        """Return the objects of a partition, and the packets that could not be read."""
        read = _of_dataset if self.is_dataset else _of_packets
        curves: list[_History] = []
        rejections: list[Rejection] = []
        for item in read(partition.paths, with_history=True):
            if isinstance(item, Rejection):
                rejections.append(item)
            elif self.objects.get(str(item.object_id)) == partition.bucket:
                curves.append(item)
        raw = _raw(curves, has_integer_ids=self.has_integer_ids)
        batch, faults = batch_of([raw], self.plan, where=partition.name, is_difference=True)
        return batch, (*(rejections if partition.bucket == 0 else ()), *faults)


def open_packets(
    paths: Sequence[str], config: LightCurveInputConfig, *, is_dataset: bool
) -> PacketSource:
    """Open alert packets, or datasets made of them with their histories kept.

    Parameters
    ----------
    paths : sequence of str
        As for `skyvet.io.alerts.read_alerts`, or dataset folders.
    config : LightCurveInputConfig
        Filters and size of partitions.
    is_dataset : bool
        True for dataset folders.

    Raises
    ------
    InvalidInputError
        If a path does not exist.
    DatasetError
        If a dataset is damaged.
    """
    read: Callable[..., Iterator[Any]] = _of_dataset if is_dataset else _of_packets
    objects: dict[str, int] = {}
    are_integers = True
    surveys: set[str] = set()
    for item in read(paths, with_history=False):
        if not isinstance(item, Rejection):
            group = len(objects) // config.sources_per_partition
            objects.setdefault(str(item.object_id), group)
            are_integers &= isinstance(item.object_id, int)
            surveys.add(item.survey)
    n_groups = max(objects.values(), default=0) + 1
    partitions = tuple(
        LightCurvePartition(
            name=f"objects-{i:05d}-of-{n_groups:05d}",
            n_sources=sum(group == i for group in objects.values()) if n_groups < 1000 else None,
            bucket=i,
            paths=tuple(paths),
        )
        for i in range(n_groups)
    )
    notes = (
        "fluxes of alert packets are differences from a template: they have no magnitude, and "
        "features of magnitudes need the template's flux added",
    )
    return PacketSource(
        partitions=partitions,
        plan=_plan(config, survey=surveys.pop() if len(surveys) == 1 else ""),
        objects=objects,
        is_dataset=is_dataset,
        has_integer_ids=are_integers,
        notes=notes,
    )


def _plan(config: LightCurveInputConfig, *, survey: str) -> ColumnPlan:
    return ColumnPlan(
        places={},
        is_nested=True,
        is_magnitude=False,
        zero_point_mag=31.4,
        time_scale="mjd_tai",
        exposure_s=0.0,
        band="",
        band_names=dict(name.split("=", 1) for name in config.band_names),
        bands=config.bands,
        bad_flags=0,
        survey=config.survey or survey,
        carried=(),
    )


def _of_packets(paths: Sequence[str], *, with_history: bool) -> Iterator[_History | Rejection]:
    """Yield each packet's object, position and epochs, its own detection among them."""
    for reading in read_alerts(list(paths), with_history=with_history):
        item = reading.item
        if isinstance(item, Rejection):
            yield item
            continue
        own = _own_epoch(
            {name: getattr(item, name) for name in ("mjd_tai", "flux_njy", "flux_err_njy", "band")}
        )
        for curve in (own, item.history):
            if curve is not None and curve.is_difference:
                yield _History(
                    object_id=item.object_id,
                    survey=item.survey,
                    ra_deg=item.ra_deg,
                    dec_deg=item.dec_deg,
                    curve=curve,
                )


def _of_dataset(paths: Sequence[str], *, with_history: bool) -> Iterator[_History | Rejection]:
    """Yield the same of a dataset's candidates; its rejections were counted when it was made."""
    for path in paths:
        dataset = Dataset.open(Path(path))
        table = dataset.table.select(_DATASET_COLUMNS)
        for i_row, row in enumerate(table.to_pylist()):
            history = dataset.light_curve(i_row) if with_history else None
            for curve in (_own_epoch(row), history):
                if curve is not None and curve.is_difference:
                    yield _History(
                        object_id=row["object_id"],
                        survey=row["survey"],
                        ra_deg=_number(row["ra_deg"]),
                        dec_deg=_number(row["dec_deg"]),
                        curve=curve,
                    )


_DATASET_COLUMNS = [
    "object_id", "survey", "ra_deg", "dec_deg", "mjd_tai", "flux_njy", "flux_err_njy", "band",
]  # fmt: skip


def _own_epoch(row: Mapping[str, Any]) -> LightCurve:
    """Return a candidate's own detection as a light curve."""
    return LightCurve(
        mjd_tai=np.array([row["mjd_tai"]]),
        flux_njy=np.array([_number(row["flux_njy"])]),
        flux_err_njy=np.array([_number(row["flux_err_njy"])]),
        band=np.array([row["band"] or ""]),
        is_upper_limit=np.array([False]),
        is_difference=True,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _raw(curves: Sequence[_History], *, has_integer_ids: bool) -> RawEpochs:
    """Return the epochs of light curves one after the other."""
    empty: tuple[Any, ...] = (np.empty(0),)

    def joined(name: str) -> Any:  # noqa: ANN401 - array
        return np.concatenate([*(getattr(item.curve, name) for item in curves), *empty])

    bands = [str(band) for item in curves for band in item.curve.band.tolist()]
    names = tuple(dict.fromkeys(bands))
    place = {name: i_name for i_name, name in enumerate(names)}
    ids = [item.object_id for item in curves]
    n_epochs = len(bands)
    return RawEpochs(
        source_ids=np.array(ids, dtype=np.int64)
        if has_integer_ids
        else np.array([str(id_) for id_ in ids], dtype=np.str_),
        counts=np.array([len(item.curve) for item in curves], dtype=np.int64),
        time=joined("mjd_tai"),
        brightness=joined("flux_njy"),
        error=joined("flux_err_njy"),
        exposure_s=np.full(n_epochs, np.nan),
        band=np.array([place[band] for band in bands], dtype=np.int32),
        band_names=names,
        is_flagged=np.zeros(n_epochs, dtype=bool),
        is_upper_limit=joined("is_upper_limit").astype(bool),
        ra_deg=np.array([item.ra_deg for item in curves], dtype=np.float64),
        dec_deg=np.array([item.dec_deg for item in curves], dtype=np.float64),
        is_difference=np.ones(len(curves), dtype=bool),
        columns={},
    )
