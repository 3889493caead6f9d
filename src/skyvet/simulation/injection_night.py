"""Candidates with injected sources: made from real ones, with their truth."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from skyvet.core.errors import InvalidInputError
from skyvet.core.photometry import magnitude_to_flux_njy
from skyvet.records.candidate import Candidate
from skyvet.records.cutouts import CutoutTriplet
from skyvet.records.flags import CandidateFlag
from skyvet.records.identifiers import Identifier
from skyvet.simulation.injection import (
    SourceFlux,
    draw_clean_position,
    inject_source,
    point_source_flux,
    point_source_noise,
    recentre_triplet,
)
from skyvet.simulation.injection_config import InjectionConfig
from skyvet.simulation.injection_psf import PsfSource, StampPsf, estimate_psf
from skyvet.simulation.psf import Psf

__all__ = ["InjectedCandidate", "InjectionTruth", "inject_candidate"]

_STREAM = 0x696E
_MIN_SCALE_SNR = 8.0
_FIRST_ID = 9_000_000_000_000_000_000  # above any identifier of ZTF or LSST, below 2**63
_N_IDS = 200_000_000_000_000_000
_GAIN = {"ztf": 6.2}  # electrons a DN
# Facts of the exposure; all others describe the host's own detection and its neighbours.
_EXPOSURE_FEATURES = frozenset({"diffmaglim", "magzpscirms", "sky"})
_NOT_INHERITED = (
    CandidateFlag.SOLAR_SYSTEM | CandidateFlag.NEGATIVE_DIFFERENCE | CandidateFlag.NEAR_BRIGHT_STAR
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionTruth:
    """What was injected where.

    Parameters
    ----------
    candidate_id, object_id : int or str
        Of the synthetic candidate.
    host_candidate_id, host_object_id : int or str
        Of the real one whose stamps were used; group by the host in any resampling.
    survey, band : str
        As the host's.
    snr : float
        Flux over `flux_err`.
    flux, flux_err : float
        Injected flux and the error of a PSF flux in the difference stamp [unit of the stamp].
    flux_njy : float
        The same flux [nJy] where the unit is known: stamps of LSST are in nJy; elsewhere the scale
        comes from the host's own flux where it stands out, else NaN.
    snr_survey : float
        `flux_njy` over the error of a faint source by the survey's own account: ZTF's limiting
        magnitude, LSST's ``psfFluxErr``. In ZTF it is near 0.57 `snr`, as the survey's limits are
        cautious. NaN where unknown.
    psf_source : PsfSource, or "given"
        Where the PSF came from.
    psf_fwhm_px : float
        Its width [pixels].
    shift_row_px, shift_col_px : int
        New centre relative to the host candidate [pixels]; 0 for ``where="centre"``.
    offset_row_px, offset_col_px : float
        Source relative to the central pixel, within +-0.5.
    template_excess : float
        Template at the position above its median, in units of its own scatter: large on a host
        galaxy or star; NaN without template.
    """

    candidate_id: Identifier
    object_id: Identifier
    host_candidate_id: Identifier
    host_object_id: Identifier
    survey: str
    band: str
    snr: float
    flux: float
    flux_err: float
    flux_njy: float
    snr_survey: float
    psf_source: str
    psf_fwhm_px: float
    shift_row_px: int
    shift_col_px: int
    offset_row_px: float
    offset_col_px: float
    template_excess: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InjectedCandidate:
    """A synthetic candidate and its truth.

    Parameters
    ----------
    candidate : Candidate
        With the flag INJECTED, no survey score and no history.
    truth : InjectionTruth
        What it is.
    """

    candidate: Candidate
    truth: InjectionTruth


def inject_candidate(
    config: InjectionConfig, host: Candidate, *, i_copy: int = 0
) -> InjectedCandidate:
    """Make one synthetic candidate from a real one.

    Parameters
    ----------
    config : InjectionConfig
        What to inject.
    host : Candidate
        Gives stamps, exposure and identity; for ZTF the difference of a negative candidate is
        turned so that brightening is positive.
    i_copy : int, default 0
        Number of the copy of this host; each gets another significance and position. The result
        depends on the seed, the host's identifier and this number alone.

    Returns
    -------
    InjectedCandidate

    Raises
    ------
    InvalidInputError
        If the host cannot take a source: no difference stamp, no PSF, no noise, no clean position.
    """
    triplet = _upright(host)
    rng = _generator(config.seed, host.candidate_id, i_copy)
    psf = _psf(config, host, triplet)
    if triplet.difference is None:
        raise InvalidInputError("the host has no difference cutout")
    noise = point_source_noise(triplet.difference, psf)
    shift = _shift(config, triplet, psf, rng)
    offset = rng.uniform(-0.5, 0.5, 2)
    snr = float(np.exp(rng.uniform(math.log(config.snr_min), math.log(config.snr_max))))
    source = SourceFlux(flux=snr * noise, gain=_GAIN.get(host.survey, math.inf))
    flux_njy = source.flux * _njy_per_unit(host, triplet, psf)
    triplet = recentre_triplet(triplet, shift) if shift != (0, 0) else triplet
    position = (float(offset[0]), float(offset[1]))
    injected = inject_source(triplet, source, psf=psf, position=position, rng=rng)
    truth = InjectionTruth(
        candidate_id=_new_id(host.candidate_id, config.seed, i_copy),
        object_id=_new_id(host.object_id, config.seed, i_copy),
        host_candidate_id=host.candidate_id,
        host_object_id=host.object_id,
        survey=host.survey,
        band=host.band,
        snr=snr,
        flux=source.flux,
        flux_err=noise,
        flux_njy=flux_njy,
        snr_survey=flux_njy / _survey_error_njy(host),
        psf_source="given" if config.fwhm_px is not None else psf.source.value,
        psf_fwhm_px=psf.fwhm_px,
        shift_row_px=shift[0],
        shift_col_px=shift[1],
        offset_row_px=position[0],
        offset_col_px=position[1],
        template_excess=_template_excess(triplet),
    )
    return InjectedCandidate(candidate=_candidate(host, injected, truth), truth=truth)


def _upright(host: Candidate) -> CutoutTriplet:
    """Return the stamps with brightening positive in the difference."""
    triplet = host.cutouts
    if triplet is None:
        raise InvalidInputError("the host has no cutouts")
    is_turned = host.survey == "ztf" and CandidateFlag.NEGATIVE_DIFFERENCE in host.flags
    if is_turned and triplet.difference is not None:
        difference = replace(triplet.difference, pixels=-triplet.difference.pixels)
        return replace(triplet, difference=difference)
    return triplet


def _generator(seed: int, host_id: Identifier, i_copy: int) -> np.random.Generator:
    digest = hashlib.sha256(str(host_id).encode()).digest()
    return np.random.default_rng([seed, _STREAM, int.from_bytes(digest[:8], "big"), i_copy])


def _new_id(identifier: Identifier, seed: int, i_copy: int) -> Identifier:
    """Keep the survey's type: integers above its own range, texts with a prefix."""
    if isinstance(identifier, str):
        return f"INJ{seed}.{i_copy}.{identifier}"
    digest = hashlib.sha256(f"{seed}.{i_copy}.{identifier}".encode()).digest()
    return _FIRST_ID + int.from_bytes(digest[:8], "big") % _N_IDS


def _psf(config: InjectionConfig, host: Candidate, triplet: CutoutTriplet) -> StampPsf:
    if config.fwhm_px is not None:
        profile = Psf(fwhm_px=config.fwhm_px)
        return StampPsf(profile=profile, fwhm_px=config.fwhm_px, source=PsfSource.HEADER)
    return estimate_psf(triplet, header_fwhm_px=host.features.get("fwhm", math.nan))


def _shift(
    config: InjectionConfig, triplet: CutoutTriplet, psf: StampPsf, rng: np.random.Generator
) -> tuple[int, int]:
    if config.where == "centre":
        return 0, 0
    shift = draw_clean_position(triplet, psf, max_shift_px=config.max_shift_px, rng=rng)
    if shift is None:
        raise InvalidInputError(
            f"no clean position within {config.max_shift_px} px; raise max_shift_px or inject at "
            "the centre"
        )
    return shift


def _njy_per_unit(host: Candidate, triplet: CutoutTriplet, psf: StampPsf) -> float:
    """Flux scale of the stamps: known for LSST, else from the host's own well-detected flux."""
    if host.survey == "lsst":
        return 1.0
    if triplet.difference is None:
        return math.nan
    flux = point_source_flux(triplet.difference.pixels, psf)
    row, column = triplet.difference.centre
    near = np.nan_to_num(flux[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3])
    peak = float(near.max(initial=0.0))
    if peak < _MIN_SCALE_SNR * point_source_noise(triplet.difference, psf):
        return math.nan
    return abs(host.flux_njy) / peak


def _survey_error_njy(host: Candidate) -> float:
    """Error of a faint source by the survey's own account [nJy]."""
    limit = host.features.get("diffmaglim", math.nan)
    if host.survey == "lsst":
        return host.flux_err_njy
    return float(magnitude_to_flux_njy(limit)) / 5.0 if math.isfinite(limit) else math.nan


def _template_excess(triplet: CutoutTriplet) -> float:
    if triplet.template is None:
        return math.nan
    pixels = np.asarray(triplet.template.pixels, dtype=float)
    row, column = triplet.template.centre
    valid = pixels[np.isfinite(pixels)]
    if len(valid) == 0:
        return math.nan
    median = float(np.median(valid))
    scatter = 1.4826 * float(np.median(np.abs(valid - median)))
    near = pixels[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    near = near[np.isfinite(near)]
    return float(near.mean() - median) / scatter if len(near) and scatter > 0 else math.nan


def _candidate(host: Candidate, triplet: CutoutTriplet, truth: InjectionTruth) -> Candidate:
    features: Mapping[str, float] = {
        name: value if name in _EXPOSURE_FEATURES else math.nan
        for name, value in host.features.items()
    }
    is_moved = truth.shift_row_px != 0 or truth.shift_col_px != 0
    return Candidate(
        survey=host.survey,
        candidate_id=truth.candidate_id,
        object_id=truth.object_id,
        mjd_tai=host.mjd_tai,
        ra_deg=host.ra_deg,
        dec_deg=host.dec_deg,
        band=host.band,
        flux_njy=truth.flux_njy,
        flux_err_njy=truth.flux_njy / truth.snr,
        snr=truth.snr,
        cutouts=triplet,
        edge_distance_px=math.nan if is_moved else host.edge_distance_px,
        flags=(host.flags & ~_NOT_INHERITED) | CandidateFlag.INJECTED,
        features=features,
    )
