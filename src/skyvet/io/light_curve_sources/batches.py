"""Raw epochs to a batch: one clock, one unit, one order, and a count of what was left out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import AB_ZERO_POINT_NJY, magnitude_to_flux_njy
from skyvet.core.times import hmjd_utc_to_mjd_tai, mjd_utc_to_mjd_tai
from skyvet.io.light_curve_sources.column_plan import ColumnPlan
from skyvet.io.light_curve_sources.raw_epochs import RawEpochs
from skyvet.records.light_curve_batch import LightCurveBatch
from skyvet.records.rejections import Rejection, RejectionReason

__all__ = ["EPOCH_COUNTS", "batch_of", "is_difference_of"]

EPOCH_COUNTS = (
    "n_epochs_read", "n_epochs_flagged", "n_epochs_unusable", "n_epochs_other_band",
    "n_epochs_repeated",
)  # fmt: skip
"""Columns of every batch: epochs read, and left out because of quality flags; no time or no
brightness; no or another filter; being the same as another one."""

_LOG = logging.getLogger(__name__)
_FLUX_ERR_PER_MAG = 0.4 * np.log(10.0)
_JD_OF_MJD_ZERO = 2_400_000.5
_SECONDS_PER_DAY = 86_400.0
_FILL_MAGNITUDE = 90.0  # 99, 99.99, -999: nothing was measured
_FILL_ERROR = 9.0
_FILL_TIME_D = 1e7  # beyond all Julian dates
_FIRST_DATE_D = 10_000.0  # where all other times of a source are dates, a time of 0 is a fill value
_BAND_ORDER = "ugrizy"
_MOST_BANDS = 127


def batch_of(
    pieces: Sequence[RawEpochs], plan: ColumnPlan, *, where: str, is_difference: bool = False
) -> tuple[LightCurveBatch, tuple[Rejection, ...]]:
    """Return whole sources, their epochs sorted by time.

    Parameters
    ----------
    pieces : sequence of RawEpochs
        At least one; rows of one source are joined wherever they stand. Epochs equal in time,
        filter, brightness and error are one epoch.
    plan : ColumnPlan
        What the numbers mean; its time scale is known.
    where : str
        Name of the partition, for rejections.
    is_difference : bool, default False
        Kind of flux of the whole input; a source of the other kind is rejected.

    Returns
    -------
    batch : LightCurveBatch
        Sources in the order of their first row; those without a usable epoch are left out. The
        columns include `EPOCH_COUNTS`.
    rejections : tuple of Rejection
        One a source left out, and one for all rows without identifier.
    """
    joined = _joined(pieces)
    ids, first, i_source = _sources(joined.source_ids)
    source_of_epoch = np.repeat(i_source, joined.counts)
    row_of_epoch = np.repeat(np.arange(len(joined.counts)), joined.counts)
    ra, dec = joined.ra_deg[first], joined.dec_deg[first]
    mjd = _times(joined, plan, ra_deg=joined.ra_deg[row_of_epoch],
                 dec_deg=joined.dec_deg[row_of_epoch])  # fmt: skip
    flux, error = _fluxes(joined, plan)
    codes, bands = _our_bands(joined, plan)
    is_used, counts = _usable(joined, mjd, flux, codes, source_of_epoch, len(ids))
    order, counts["n_epochs_repeated"] = _order(
        np.flatnonzero(is_used), source_of_epoch, (mjd, codes, flux, error), len(ids)
    )
    n_kept = np.bincount(source_of_epoch[order], minlength=len(ids))
    batch = LightCurveBatch(
        source_ids=ids,
        offsets=np.concatenate([[0], np.cumsum(n_kept)]),
        mjd_tai=mjd[order],
        flux_njy=flux[order],
        flux_err_njy=error[order],
        band=codes[order],
        bands=bands,
        is_upper_limit=joined.is_upper_limit[order],
        ra_deg=ra,
        dec_deg=dec,
        survey=plan.survey,
        is_difference=is_difference,
        columns={**{name: values[first] for name, values in joined.columns.items()}, **counts},
    )
    is_wrong_kind = joined.is_difference[first] != is_difference
    rejections = _rejections(batch, joined, is_wrong_kind, where=where)
    return batch.take(np.flatnonzero((n_kept > 0) & ~is_wrong_kind)), rejections


def is_difference_of(raw: RawEpochs) -> bool:
    """Return the kind of flux of the first row; False where there is none."""
    return bool(raw.is_difference[0]) if len(raw.is_difference) else False


def _joined(pieces: Sequence[RawEpochs]) -> RawEpochs:
    """Return pieces one after the other; filters become places in one list of names."""
    if len(pieces) == 1:
        return pieces[0]
    names = tuple(dict.fromkeys(name for piece in pieces for name in piece.band_names))
    place = {name: i_name for i_name, name in enumerate(names)}
    codes = []
    for piece in pieces:
        theirs = np.array([*(place[name] for name in piece.band_names), -1], dtype=np.int32)
        codes.append(theirs[piece.band])  # -1 is the last
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(piece, name) for piece in pieces])
        for name in (
            "source_ids", "counts", "time", "brightness", "error", "is_flagged", "is_upper_limit",
            "ra_deg", "dec_deg", "is_difference", "exposure_s",
        )
    }  # fmt: skip
    columns = {
        name: np.concatenate([piece.columns[name] for piece in pieces])
        for name in pieces[0].columns
    }
    return RawEpochs(
        band=np.concatenate(codes),
        band_names=names,
        columns=columns,
        n_ragged=sum(piece.n_ragged for piece in pieces),
        n_anonymous=sum(piece.n_anonymous for piece in pieces),
        **arrays,
    )


def _sources(ids: NDArray[Any]) -> tuple[NDArray[Any], IntArray, IntArray]:
    """Return sources in the order of their first row, that row, and the source of each row."""
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return ids[first[order]], first[order], place[inverse]


def _times(
    raw: RawEpochs, plan: ColumnPlan, *, ra_deg: FloatArray, dec_deg: FloatArray
) -> FloatArray:
    """Return times at mid-exposure [MJD, TAI]; a time by the Sun stays so without a position."""
    time = raw.time
    if plan.time_scale in {"days", "mjd_tai", None}:
        return time + _half_exposure_d(raw, plan)
    if plan.time_scale in {"jd_utc", "hjd_utc"}:
        time = time - _JD_OF_MJD_ZERO
    if plan.time_scale in {"hmjd_utc", "hjd_utc"}:
        on_earth = hmjd_utc_to_mjd_tai(time, ra_deg=ra_deg, dec_deg=dec_deg)
        plain = mjd_utc_to_mjd_tai(time)
        return np.where(np.isfinite(on_earth), on_earth, plain) + _half_exposure_d(raw, plan)
    return np.asarray(mjd_utc_to_mjd_tai(time + _half_exposure_d(raw, plan)))


def _half_exposure_d(raw: RawEpochs, plan: ColumnPlan) -> FloatArray | float:
    if "exposure" not in plan.places or not plan.exposure_s:
        return 0.5 * plan.exposure_s / _SECONDS_PER_DAY
    is_sound = (raw.exposure_s >= 0) & (raw.exposure_s < _SECONDS_PER_DAY)
    exposures_s = np.where(is_sound, raw.exposure_s, plan.exposure_s)
    return np.asarray(0.5 * exposures_s / _SECONDS_PER_DAY)


def _fluxes(raw: RawEpochs, plan: ColumnPlan) -> tuple[FloatArray, FloatArray]:
    """Return fluxes and errors [nJy]; NaN where there is no number or a fill value."""
    error = np.where(raw.error > 0, raw.error, np.nan)
    if not plan.is_magnitude:
        factor = 10 ** (0.4 * (AB_ZERO_POINT_NJY - plan.zero_point_mag))
        return raw.brightness * factor, error * factor
    is_measured = np.abs(raw.brightness) < _FILL_MAGNITUDE
    is_measured &= ~(raw.error >= _FILL_ERROR)
    flux = magnitude_to_flux_njy(np.where(is_measured, raw.brightness, np.nan))
    return flux, _FLUX_ERR_PER_MAG * flux * error


def _our_bands(raw: RawEpochs, plan: ColumnPlan) -> tuple[NDArray[np.int8], tuple[str, ...]]:
    """Return codes of our names, -1 for filters that are missing or not taken."""
    ours = [plan.band_names.get(name.strip(), name.strip()) for name in raw.band_names]
    is_present = np.bincount(raw.band[raw.band >= 0], minlength=len(ours)) > 0
    if plan.bands:
        bands = plan.bands
    else:
        found = {name for name, there in zip(ours, is_present, strict=True) if name and there}
        bands = tuple(sorted(found, key=_band_rank))
    if len(bands) > _MOST_BANDS:
        raise InvalidInputError(
            f"the column of filters has {len(bands)} different values, such as {bands[0]!r}; at "
            f"most {_MOST_BANDS} are possible: name another with columns.band, or some with bands"
        )
    place = {name: i_band for i_band, name in enumerate(bands)}
    codes = np.array([*(place.get(name, -1) for name in ours), -1], dtype=np.int8)
    return codes[raw.band], bands or ("",)


def _band_rank(name: str) -> tuple[int, str]:
    is_usual = len(name) == 1 and name in _BAND_ORDER
    return (_BAND_ORDER.index(name) if is_usual else len(_BAND_ORDER), name)


def _usable(
    raw: RawEpochs,
    mjd: FloatArray,
    flux: FloatArray,
    codes: NDArray[np.int8],
    source_of_epoch: IntArray,
    n_sources: int,
) -> tuple[NDArray[np.bool_], dict[str, IntArray]]:
    """Return which epochs are used, and each source's counts of the others, one reason each."""
    is_sound = (np.abs(mjd) < _FILL_TIME_D) & np.isfinite(flux)
    is_sound &= ~_is_zero_among_dates(raw.time, source_of_epoch, n_sources)
    is_other = is_sound & (codes < 0)
    is_flagged = is_sound & ~is_other & raw.is_flagged

    def per_source(is_counted: NDArray[np.bool_]) -> IntArray:
        return np.bincount(source_of_epoch[is_counted], minlength=n_sources)

    counts = {
        "n_epochs_read": np.bincount(source_of_epoch, minlength=n_sources),
        "n_epochs_flagged": per_source(is_flagged),
        "n_epochs_unusable": per_source(~is_sound),
        "n_epochs_other_band": per_source(is_other),
    }
    return is_sound & ~is_other & ~is_flagged, counts


def _is_zero_among_dates(
    time: FloatArray, source_of_epoch: IntArray, n_sources: int
) -> NDArray[np.bool_]:
    """Return times of exactly 0 where all other times of the source are dates."""
    is_zero: NDArray[np.bool_] = time == 0
    if not is_zero.any():
        return is_zero
    is_known = (np.abs(time) < _FILL_TIME_D) & ~is_zero
    earliest = np.full(n_sources, np.inf)
    np.minimum.at(earliest, source_of_epoch[is_known], time[is_known])
    has_dates = np.isfinite(earliest) & (earliest > _FIRST_DATE_D)
    return np.asarray(is_zero & has_dates[source_of_epoch])


def _order(
    used: IntArray,
    source_of_epoch: IntArray,
    keys: tuple[FloatArray, NDArray[np.int8], FloatArray, FloatArray],
    n_sources: int,
) -> tuple[IntArray, IntArray]:
    """Return used epochs by source and time, once each, and how often each source repeats one."""
    mjd, codes, flux, error = (key[used] for key in keys)
    source = source_of_epoch[used]
    order = np.lexsort((error, flux, codes, mjd, source))
    is_repeated = np.zeros(len(order), dtype=bool)
    if len(order):
        same = np.ones(len(order) - 1, dtype=bool)
        for values in (source, mjd, codes, flux, np.nan_to_num(error, nan=-1.0)):
            in_order = values[order]
            same &= in_order[1:] == in_order[:-1]
        is_repeated[1:] = same
    n_repeated = np.bincount(source[order][is_repeated], minlength=n_sources)
    return used[order[~is_repeated]], n_repeated


def _rejections(
    batch: LightCurveBatch,
    raw: RawEpochs,
    is_wrong_kind: NDArray[np.bool_],
    *,
    where: str,
) -> tuple[Rejection, ...]:
    found = []
    for n_rows, what, reason in (
        (raw.n_anonymous, "have no identifier", RejectionReason.MISSING_FIELD),
        (raw.n_ragged, "have lists of different lengths", RejectionReason.BAD_VALUE),
    ):
        if n_rows:
            found.append(Rejection(source=where, reason=reason, detail=f"{n_rows} rows {what}"))
    for i_source in np.flatnonzero((batch.n_epochs == 0) | is_wrong_kind):
        counts = {name: int(batch.columns[name][i_source]) for name in EPOCH_COUNTS}
        reason, detail = RejectionReason.NO_EPOCHS, _why_empty(counts)
        if is_wrong_kind[i_source]:
            reason, detail = _of_other_flux(is_input_difference=batch.is_difference)
        found.append(
            Rejection(
                source=where,
                reason=reason,
                detail=detail,
                survey=batch.survey,
                candidate_id=batch.source_ids[i_source].item(),
            )
        )
    return tuple(found)


def _of_other_flux(*, is_input_difference: bool) -> tuple[RejectionReason, str]:
    """Return why a source of another kind of flux than the input's is left out."""
    if is_input_difference:
        return RejectionReason.BAD_VALUE, "its flux is total, that of the input is difference flux"
    return (
        RejectionReason.DIFFERENCE_FLUX,
        "its flux is that of difference images, which has no magnitude; the input's is total",
    )


def _why_empty(counts: Mapping[str, int]) -> str:
    if not counts["n_epochs_read"]:
        return "it has no epochs"
    words = {
        "n_epochs_flagged": "flagged",
        "n_epochs_unusable": "without time or brightness",
        "n_epochs_other_band": "of no or another filter",
    }
    parts = [f"{counts[name]} {word}" for name, word in words.items() if counts[name]]
    return f"none of its {counts['n_epochs_read']} epochs can be used: {', '.join(parts)}"
