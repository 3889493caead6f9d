"""Positives without a label: sources put into a survey's own stamps in place of its detections.

The stamp's detection is erased and a point source is put where it was, as significant as the
survey's detections are. Positives and detections then share hosts, sky, noise and edges; what
tells them apart is the shape of the source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from skyvet.core.arrays import FloatArray, IntArray
from skyvet.core.configs import Config
from skyvet.core.errors import InvalidInputError
from skyvet.core.progress import Progress, SilentProgress
from skyvet.preprocessing.stamps import robust_location_scale
from skyvet.records.cutouts import Cutout, CutoutKind, CutoutTriplet
from skyvet.simulation.injection import (
    SourceFlux,
    inject_source,
    point_source_flux,
    point_source_noise,
)
from skyvet.simulation.injection_psf import PsfSource, StampPsf, fwhm_of_stars
from skyvet.simulation.psf import Psf
from skyvet.strategies.pretraining.label_free_erasure import erase_detection, largest_radius
from skyvet.strategies.pretraining.label_free_stars import stars_of_stamp
from skyvet.training.row_batches import drawn_rows

__all__ = [
    "InjectedPositives",
    "PoolOfDetections",
    "PositivesConfig",
    "RawStamps",
    "inject_positives",
    "measure_detections",
]

RawStamps = Callable[[IntArray], FloatArray]
"""Stamps of rows: (n,) int -> (n, 3 or 6, size, size) float32, survey's unit, NaN = missing."""

_SEARCH_PX = 2
_LEAST_STARS = 10
_REACH_WIDTHS = 3.0
_LEAST_REACH_PX = 5
_ROWS_AT_A_TIME = 256
_LEAST_DRAWN = 8
_HOST_STREAM = 0x686F73
_MIN_SKY_SIGMA = -3.0


class PositivesConfig(Config):
    """What is put into the stamps."""

    n_positives: int = Field(default=6000, ge=2, description="stamps with a source put in")
    n_measured: int = Field(
        default=1500, ge=1, description="stamps whose stars and detections are measured"
    )
    max_tries: float = Field(
        default=8.0, ge=1, description="stamps tried for each one wanted, at most"
    )
    erased_widths: float = Field(
        default=3.5,
        gt=0,
        description="radius of what is erased [widths of a star], less where the stamps have no "
        "room for it",
    )
    min_radius_px: float = Field(default=6.0, gt=0, description="its smallest value [pixels]")
    min_significance: float = Field(
        default=5.0, ge=0, description="faintest source, flux over its error in the stamp"
    )
    negative_fraction: float = Field(
        default=0.18, ge=0, le=1, description="share of faded sources, negative in the difference"
    )
    gain: float | None = Field(
        default=6.2, gt=0, description="electrons a unit of the stamps (ZTF: 6.2); null = no noise"
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoolOfDetections:
    """What a survey's detections are like.

    Parameters
    ----------
    fwhm_px : float
        Median width of its stars [pixels].
    stars : tuple of StampPsf
        Shapes that sources may have.
    significance : ndarray, shape (m,)
        Flux over its error of a point source at the place of each detection, signed.
    """

    fwhm_px: float
    stars: tuple[StampPsf, ...]
    significance: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InjectedPositives:
    """Stamps with a source that was put in.

    Parameters
    ----------
    stamps : ndarray, shape (n, n_planes, size, size), float32
        As prepared.
    hosts : ndarray, shape (n,), intp
        Row whose stamps were used.
    n_tried : int
        Stamps tried.
    n_erased : int
        Those among them whose detection could be erased cleanly.
    """

    stamps: FloatArray
    hosts: IntArray
    n_tried: int
    n_erased: int


def measure_detections(stamps: FloatArray) -> PoolOfDetections:
    """Measure shapes of stars and significances of the central detections.

    Where fewer than 10 stars are isolated, round profiles of the measured widths stand in.

    Parameters
    ----------
    stamps : ndarray, shape (n, 3 or 6, size, size)
        In the survey's unit, NaN = missing.

    Returns
    -------
    PoolOfDetections

    Raises
    ------
    InvalidInputError
        If no stamp has a star, or no detection can be measured.
    """
    widths = np.array([fwhm_of_stars(Cutout(pixels=stamp[0])) for stamp in stamps])
    widths = widths[np.isfinite(widths)]
    if len(widths) == 0:
        raise InvalidInputError(
            f"no star in {len(stamps)} stamps to measure a width; give more or larger stamps"
        )
    width = float(np.median(widths))
    reach = max(_LEAST_REACH_PX, round(_REACH_WIDTHS * width))
    stars = [star for stamp in stamps for star in stars_of_stamp(stamp, reach_px=reach)]
    if len(stars) < _LEAST_STARS:
        stars = [_round_psf(float(width)) for width in widths]
    psf = _round_psf(width)
    found = np.array([_significance(stamp[CutoutKind.DIFFERENCE], psf) for stamp in stamps])
    found = found[np.isfinite(found)]
    if len(found) == 0:
        raise InvalidInputError(f"none of {len(stamps)} difference stamps has noise to measure")
    return PoolOfDetections(fwhm_px=width, stars=tuple(stars), significance=found)


def inject_positives(
    raw: RawStamps,
    rows: IntArray,
    config: PositivesConfig,
    *,
    prepare: Callable[[FloatArray], FloatArray],
    seed: int,
    n_wanted: int | None = None,
    measured_rows: IntArray | None = None,
    progress: Progress | None = None,
) -> InjectedPositives:
    """Make positives out of unlabelled detections.

    Parameters
    ----------
    raw : callable
        Gives stamps of rows.
    rows : ndarray, shape (n,), int
        Rows that may be hosts.
    config : PositivesConfig
        What is put in.
    prepare : callable
        Turns stamps with a source into network input.
    seed : int
        Of all that is drawn.
    n_wanted : int, optional
        Instead of the config's number.
    measured_rows : ndarray, shape (m,), int, optional
        Rows whose stars and detections are measured, by default `rows`; give more where these are
        few.
    progress : Progress, optional
        Told of the positives.

    Returns
    -------
    InjectedPositives
        So many as wanted; fewer where `config.max_tries` did not suffice.

    Raises
    ------
    InvalidInputError
        If there is no row, or not one detection could be erased cleanly.
    """
    if len(rows) == 0:
        raise InvalidInputError("positives need at least one stamp to be put into, got none")
    n = config.n_positives if n_wanted is None else n_wanted
    rng = np.random.default_rng(seed)
    measured = rows if measured_rows is None else measured_rows
    chosen = rng.permutation(measured)[: config.n_measured]
    stamps = raw(np.sort(chosen))
    maker = _Maker(measure_detections(stamps), config, size_px=stamps.shape[-1], rng=rng)
    told = progress or SilentProgress()
    told.start("Injecting sources", n)
    made: list[FloatArray] = []
    hosts: list[int] = []
    while len(hosts) < n and maker.n_tried < config.max_tries * n:
        n_drawn = min(_ROWS_AT_A_TIME, 2 * (n - len(hosts)) + _LEAST_DRAWN)
        drawn = drawn_rows(len(rows), n_drawn, first=maker.n_tried, stream=(seed, _HOST_STREAM))
        block = rows[np.sort(drawn)]
        pairs = [(host, maker.make(stamp)) for host, stamp in zip(block, raw(block), strict=True)]
        kept = [(host, stamp) for host, stamp in pairs if stamp is not None][: n - len(hosts)]
        if kept:
            made.append(prepare(np.stack([stamp for _, stamp in kept])))
            hosts += [int(host) for host, _ in kept]
            told.advance(len(kept))
    told.finish()
    if not made:
        raise InvalidInputError(
            f"none of {maker.n_tried} detections could be erased cleanly; the stamps may be too "
            "small for a radius of "
            f"{maker.radius_px:.1f} px: choose smaller `erased_widths` and `min_radius_px`"
        )
    return InjectedPositives(
        stamps=np.concatenate(made),
        hosts=np.array(hosts, dtype=np.intp),
        n_tried=maker.n_tried,
        n_erased=maker.n_erased,
    )


class _Maker:
    """Erases and injects, stamp by stamp."""

    def __init__(
        self,
        pool: PoolOfDetections,
        config: PositivesConfig,
        *,
        size_px: int,
        rng: np.random.Generator,
    ) -> None:
        strong = np.abs(pool.significance)
        self._significances = strong[strong >= config.min_significance]
        if len(self._significances) == 0:
            raise InvalidInputError(
                f"no detection is as significant as min_significance = {config.min_significance}; "
                "choose a smaller one"
            )
        self._stars = pool.stars
        wanted_px = min(config.erased_widths * pool.fwhm_px, largest_radius(size_px))
        self.radius_px = max(config.min_radius_px, wanted_px)
        self._config = config
        self._rng = rng
        self.n_tried = 0
        self.n_erased = 0

    def make(self, stamp: FloatArray) -> FloatArray | None:
        """Return the stamps with another source in place of their detection; None = refused."""
        self.n_tried += 1
        erased = erase_detection(stamp, radius_px=self.radius_px, rng=self._rng)
        if erased is None:
            return None
        self.n_erased += 1
        psf = self._stars[int(self._rng.integers(len(self._stars)))]
        try:
            noise = point_source_noise(Cutout(pixels=erased[CutoutKind.DIFFERENCE]), psf)
        except InvalidInputError:
            return None
        flux = float(self._rng.choice(self._significances)) * noise
        if self._rng.random() < self._config.negative_fraction:
            flux = -flux
        return self._put(erased, flux, psf)

    def _put(self, stamp: FloatArray, flux: float, psf: StampPsf) -> FloatArray | None:
        """Add the source; None where a faded one would leave a hole in the science image."""
        gain = np.inf if self._config.gain is None else self._config.gain
        found = inject_source(
            CutoutTriplet(
                science=Cutout(pixels=stamp[CutoutKind.SCIENCE]),
                template=None,
                difference=Cutout(pixels=stamp[CutoutKind.DIFFERENCE]),
                pixel_scale_arcsec=1.0,
            ),
            SourceFlux(flux=flux, gain=gain),
            psf=psf,
            position=tuple(self._rng.uniform(-0.5, 0.5, 2)),
            rng=self._rng,
        )
        if found.science is None or found.difference is None:
            return None
        science = found.science.pixels
        if flux < 0 and _is_hole(stamp[CutoutKind.SCIENCE], science):
            return None
        made = np.array(stamp, dtype=np.float32)
        made[CutoutKind.SCIENCE] = science
        made[CutoutKind.DIFFERENCE] = found.difference.pixels
        return made


def _is_hole(before: FloatArray, after: FloatArray) -> bool:
    """Whether the centre lies below the sky."""
    centre = (len(after) - 1) // 2
    sky, scatter = robust_location_scale(before)
    return bool(after[centre, centre] < sky + _MIN_SKY_SIGMA * scatter)


def _round_psf(fwhm_px: float) -> StampPsf:
    return StampPsf(profile=Psf(fwhm_px=fwhm_px), fwhm_px=fwhm_px, source=PsfSource.STAMP)


def _significance(difference: FloatArray, psf: StampPsf) -> float:
    """Return the largest point source significance around the centre, signed; NaN = none."""
    try:
        noise = point_source_noise(Cutout(pixels=difference), psf)
    except InvalidInputError:
        return float("nan")
    centre = (len(difference) - 1) // 2
    near = slice(centre - _SEARCH_PX, centre + _SEARCH_PX + 1)
    flux = point_source_flux(difference, psf)[near, near]
    if not np.isfinite(flux).any():
        return float("nan")
    return float(flux.flat[np.nanargmax(np.abs(flux))] / noise)
