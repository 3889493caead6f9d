"""Light curves of alerts: what the packets of an object tell together.

Each packet holds its own detection and a history (``prv_candidates``, forced photometry). An
object's packets repeat each other's epochs: they are joined, and an epoch that is there twice is
counted once. The flux is that of difference images, or, where it is asked for and the packet says
enough of the template, that of the source itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.errors import InvalidInputError
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
from skyvet.records.total_flux import NO_TOTAL, TotalFlux

__all__ = ["PacketSource", "open_packets"]

_N_WITHOUT = "n_epochs_without_template"


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
    max_reference_arcsec : float or None
        Farthest source of the template that is added to the difference; None = nothing is added.
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
    max_reference_arcsec: float | None = None
    time_step_d: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def is_difference(self) -> bool:
        """Whether fluxes are those of difference images."""
        return self.max_reference_arcsec is None

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
        columns: dict[str, NDArray[Any]] = {}
        if self.max_reference_arcsec is not None:
            curves, columns = _with_template(curves, self.max_reference_arcsec)
        raw = _raw(curves, has_integer_ids=self.has_integer_ids)
        raw = replace(raw, columns=columns, is_difference=np.full(len(curves), self.is_difference))
        batch, faults = batch_of(
            [raw], self.plan, where=partition.name, is_difference=self.is_difference
        )
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
        If a path does not exist, or total flux is asked of a dataset.
    DatasetError
        If a dataset is damaged.
    """
    is_total = config.packet_flux == "total"
    if is_total and is_dataset:
        raise InvalidInputError(
            "a dataset keeps the difference fluxes of its alerts alone; give the packets "
            "themselves for packet_flux=total"
        )
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
    return PacketSource(
        partitions=partitions,
        plan=_plan(config, survey=surveys.pop() if len(surveys) == 1 else ""),
        objects=objects,
        is_dataset=is_dataset,
        has_integer_ids=are_integers,
        max_reference_arcsec=config.max_reference_arcsec if is_total else None,
        notes=(_note(config.max_reference_arcsec) if is_total else _DIFFERENCE_NOTE,),
    )


_DIFFERENCE_NOTE = (
    "fluxes of alert packets are differences from a template: they have no magnitude, and "
    "features of magnitudes need the template's flux added (packet_flux=total)"
)


def _note(max_arcsec: float) -> str:
    return (
        f"total flux is the template's and the difference; epochs whose template has no source "
        f"within {max_arcsec:g} arcsec, and limits, are left out (column {_N_WITHOUT})"
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
            {name: getattr(item, name) for name in ("mjd_tai", "flux_njy", "flux_err_njy", "band")},
            total=item.total,
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


def _own_epoch(row: Mapping[str, Any], *, total: TotalFlux = NO_TOTAL) -> LightCurve:
    """Return a candidate's own detection as a light curve."""
    return LightCurve(
        mjd_tai=np.array([row["mjd_tai"]]),
        flux_njy=np.array([_number(row["flux_njy"])]),
        flux_err_njy=np.array([_number(row["flux_err_njy"])]),
        band=np.array([row["band"] or ""]),
        is_upper_limit=np.array([False]),
        is_difference=True,
        total_flux_njy=np.array([total.flux_njy]),
        total_flux_err_njy=np.array([total.flux_err_njy]),
        reference_arcsec=np.array([total.reference_arcsec]),
    )


def _with_template(
    curves: Sequence[_History], max_arcsec: float
) -> tuple[list[_History], dict[str, NDArray[Any]]]:
    """Return histories of total flux, NaN where it is not known, and how often each object's is."""
    found, n_without = [], Counter[Identifier]()
    for item in curves:
        total, n_missing = _total_curve(item.curve, max_arcsec)
        found.append(replace(item, curve=total))
        n_without[item.object_id] += n_missing
    counts = [n_without[item.object_id] for item in curves]
    return found, {_N_WITHOUT: np.array(counts, dtype=np.int64)}


def _total_curve(curve: LightCurve, max_arcsec: float) -> tuple[LightCurve, int]:
    """Return a difference light curve as total flux, and its epochs that have none."""
    nothing = np.full(len(curve), np.nan)
    distance, flux, error = (
        nothing if values is None else values
        for values in (curve.reference_arcsec, curve.total_flux_njy, curve.total_flux_err_njy)
    )
    is_known = (distance <= max_arcsec) & np.isfinite(flux)
    total = replace(
        curve,
        flux_njy=np.where(is_known, flux, np.nan),
        flux_err_njy=np.where(is_known, error, np.nan),
        is_upper_limit=np.zeros(len(curve), dtype=bool),
        is_difference=False,
    )
    return total, int((~is_known).sum())


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
