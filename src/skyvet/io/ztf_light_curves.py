"""Columns of ZTF's data-release light curves to records: IRSA's CSV, and bulk Parquet.

Two clocks are in use. IRSA's ``mjd`` is the start of the exposure (UTC); ``hjd``, and ``hmjd`` of
the bulk files, is its middle, reduced to the Sun (UTC). Both become the middle of the exposure on
Earth, MJD (TAI), which is also the time of a frame: so they can be laid on each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from skyvet.core.arrays import FloatArray
from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import magnitude_to_flux_njy
from skyvet.core.times import hmjd_utc_to_mjd_tai, mjd_utc_to_mjd_tai
from skyvet.io.light_curve_tables import LightCurveRow
from skyvet.records.light_curve import LightCurve

__all__ = ["EXPOSURE_S", "ZtfEpochs", "rows_from_irsa_csv", "ztf_light_curve"]

EXPOSURE_S = 30.0
"""Exposure time where a row does not say it [s]."""

_BANDS = {"zg": "g", "zr": "r", "zi": "i", "1": "g", "2": "r", "3": "i"}
_FLUX_PER_MAG = 0.4 * math.log(10.0)
_JD_OF_MJD_ZERO = 2_400_000.5
_SECONDS_PER_DAY = 86_400.0
_NEEDED = ("oid", "mjd", "mag", "magerr", "filtercode")
_TYPES = {
    "oid": pa.int64(), "hjd": pa.float64(), "mjd": pa.float64(), "mag": pa.float64(),
    "magerr": pa.float64(), "catflags": pa.int64(), "filtercode": pa.string(), "ra": pa.float64(),
    "dec": pa.float64(), "exptime": pa.float64(),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZtfEpochs:
    """Epochs of one object as the archive has them.

    Parameters
    ----------
    oid : int
        Identifier.
    ra_deg, dec_deg : float
        Position [deg]; NaN where unknown.
    band : str
        ``zg``, ``zr``, ``zi`` or 1, 2, 3.
    mjd_utc_start, hmjd_utc : ndarray, shape (n,), float64, optional
        Start of the exposure, and its middle reduced to the Sun [d, UTC]; NaN = unknown. One of
        them is needed; the first wins.
    magnitude, magnitude_err : ndarray, shape (n,)
        AB magnitude and error.
    catflags : ndarray, shape (n,), int, optional
        Quality bits.
    exposure_s : ndarray, shape (n,), optional
        Exposure times [s]; 30 where not known.
    """

    oid: int
    ra_deg: float
    dec_deg: float
    band: str
    magnitude: FloatArray
    magnitude_err: FloatArray
    mjd_utc_start: FloatArray | None = None
    hmjd_utc: FloatArray | None = None
    catflags: NDArray[np.integer[Any]] | None = None
    exposure_s: FloatArray | None = None


def ztf_light_curve(epochs: ZtfEpochs, *, bad_catflags: int = 32_768) -> LightCurveRow:
    """Return the record of an object, sorted by time.

    Parameters
    ----------
    epochs : ZtfEpochs
        As the archive has them.
    bad_catflags : int, default 32768
        Epochs with one of these bits are left out; 0 keeps all. 32768 is IRSA's "unusable".

    Returns
    -------
    LightCurveRow
        Total flux [nJy]. Epochs without time or magnitude are left out; it may be empty.

    Examples
    --------
    >>> row = ztf_light_curve(ZtfEpochs(
    ...     oid=675103300002930, ra_deg=209.99, dec_deg=30.0, band="zg",
    ...     mjd_utc_start=np.array([58202.3531597]), magnitude=np.array([18.675]),
    ...     magnitude_err=np.array([0.047])))
    >>> row.light_curve.band.tolist(), round(float(row.light_curve.flux_njy[0]))
    (['g'], 123027)
    """
    mjd_tai = _times(epochs)
    magnitude = np.asarray(epochs.magnitude, dtype=np.float64)
    keep = np.isfinite(mjd_tai) & np.isfinite(magnitude)
    if epochs.catflags is not None:
        keep &= (np.asarray(epochs.catflags, dtype=np.int64) & bad_catflags) == 0
    order = np.flatnonzero(keep)
    order = order[np.argsort(mjd_tai[order], kind="stable")]
    flux_njy = magnitude_to_flux_njy(magnitude[order])
    magnitude_err = np.asarray(epochs.magnitude_err, dtype=np.float64)[order]
    curve = LightCurve(
        mjd_tai=mjd_tai[order],
        flux_njy=flux_njy,
        flux_err_njy=_FLUX_PER_MAG * flux_njy * magnitude_err,
        band=np.full(len(order), _BANDS.get(epochs.band, epochs.band)),
        is_upper_limit=np.zeros(len(order), dtype=np.bool_),
        is_difference=False,
    )
    return LightCurveRow(
        object_id=str(epochs.oid), light_curve=curve, survey="ztf", ra_deg=epochs.ra_deg
    )


def _times(epochs: ZtfEpochs) -> FloatArray:
    """Return mid-exposures on Earth [MJD, TAI]; NaN where neither clock says one."""
    n = len(epochs.magnitude)
    starts = np.full(n, np.nan) if epochs.mjd_utc_start is None else epochs.mjd_utc_start
    middles = np.full(n, np.nan) if epochs.hmjd_utc is None else epochs.hmjd_utc
    exposures = np.full(n, EXPOSURE_S) if epochs.exposure_s is None else epochs.exposure_s
    has_place = math.isfinite(epochs.ra_deg + epochs.dec_deg)
    times = np.full(n, np.nan)
    for i, (start, middle, exposure_s) in enumerate(zip(starts, middles, exposures, strict=True)):
        if math.isfinite(start):
            length_s = exposure_s if 0 <= exposure_s < 100_000 else EXPOSURE_S
            times[i] = mjd_utc_to_mjd_tai(float(start) + 0.5 * length_s / _SECONDS_PER_DAY)
        elif math.isfinite(middle) and has_place:
            times[i] = hmjd_utc_to_mjd_tai(
                float(middle), ra_deg=epochs.ra_deg, dec_deg=epochs.dec_deg
            )
        elif math.isfinite(middle):
            times[i] = mjd_utc_to_mjd_tai(float(middle))
    return times


def rows_from_irsa_csv(data: bytes, *, bad_catflags: int = 32_768) -> list[LightCurveRow]:
    """Read an answer of IRSA's light-curve service.

    Parameters
    ----------
    data : bytes
        CSV with a heading; columns in any order, further ones are ignored. Every line ends with a
        line break, or the answer was cut off; a cut exactly at the end of a line cannot be seen
        here.
    bad_catflags : int, default 32768
        See `ztf_light_curve`.

    Returns
    -------
    list of LightCurveRow
        One an object that the service knows, in the order of its first epoch.

    Raises
    ------
    InvalidInputError
        If it is no such table: a page of HTML, an error document, a line cut off.
    """
    table = _read_csv(data)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    oids = columns["oid"]
    found, first = np.unique(oids, return_index=True)
    rows = []
    for oid in found[np.argsort(first)]:
        one = {name: values[oids == oid] for name, values in columns.items()}
        rows.append(ztf_light_curve(_epochs(int(oid), one), bad_catflags=bad_catflags))
    return rows


def _read_csv(data: bytes) -> pa.Table:
    heading = data.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    names = [name.strip().strip('"').lower() for name in heading.split(",")]
    if not set(_NEEDED) <= set(names):
        raise InvalidInputError(
            f"a table with the columns {', '.join(_NEEDED)} was expected, got {heading[:80]!r}"
        )
    if not data.endswith((b"\n", b"\r")):
        raise InvalidInputError("the table of light curves is cut off: its last line has no end")
    try:
        return pyarrow.csv.read_csv(
            BytesIO(data),
            read_options=pyarrow.csv.ReadOptions(column_names=names, skip_rows=1),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=[name for name in names if name in _TYPES],
                column_types=_TYPES,
                null_values=["", "null", "nan", "NaN", "NULL"],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        if len(data.strip().splitlines()) == 1:
            return pa.schema([(name, _TYPES[name]) for name in _NEEDED]).empty_table()
        raise InvalidInputError(f"the table of light curves is damaged: {error}") from error


def _epochs(oid: int, one: Mapping[str, NDArray[Any]]) -> ZtfEpochs:
    def numbers(name: str) -> FloatArray | None:
        return None if name not in one else np.asarray(one[name], dtype=np.float64)

    hjd, flags = numbers("hjd"), numbers("catflags")
    places = [numbers("ra"), numbers("dec")]
    ra_deg, dec_deg = (math.nan if p is None else _first_finite(p) for p in places)
    bands = [band for band in one["filtercode"] if band]
    return ZtfEpochs(
        oid=oid,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        band=str(bands[0]) if bands else "",
        mjd_utc_start=numbers("mjd"),
        hmjd_utc=None if hjd is None else hjd - _JD_OF_MJD_ZERO,
        magnitude=np.asarray(one["mag"], dtype=np.float64),
        magnitude_err=np.asarray(one["magerr"], dtype=np.float64),
        catflags=None if flags is None else np.nan_to_num(flags).astype(np.int64),
        exposure_s=numbers("exptime"),
    )


def _first_finite(values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite[0]) if len(finite) else math.nan
